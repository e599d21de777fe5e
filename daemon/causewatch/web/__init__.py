"""The web pages and the HTTP API for people and their tools."""

from causewatch.web.app import create_web_app

__all__ = ["create_web_app"]
