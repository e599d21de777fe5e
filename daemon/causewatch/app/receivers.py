"""Reads ``receivers`` of the configuration: who is told, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from causewatch.app.secret import UNREADABLE, read_secret
from causewatch.incidents.route import Route
from causewatch.notify.config import (
    SLACK_API_URL,
    HttpClient,
    Receiver,
    SlackApp,
    SlackConfig,
    WebhookConfig,
)
from causewatch.notify.fallback import fallback_cycle
from causewatch.notify.picture.raster import is_available
from causewatch.notify.problems import problems_of
from causewatch.rules.read import Section, did_you_mean
from causewatch.rules.yaml import Problems

_USER = re.compile(r"[UW][A-Z0-9]{5,}")


def read_receivers(section: Section, folder: Path, problems: Problems) -> tuple[Receiver, ...]:
    """Return the receivers of a configuration; two of one name are a problem at the second."""
    found: dict[str, Receiver] = {}
    for item in section.sections("receivers"):
        name = item.text("name")
        receiver = Receiver(
            name=name,
            slack=tuple(
                _slack(s, folder, problems, actions=section.has("slack"))
                for s in item.sections("slack_configs")
            ),
            webhooks=tuple(_webhook(s, folder, problems) for s in item.sections("webhook_configs")),
            limit=item.integer("limit", 0),
            fallback=item.text("fallback"),
        )
        if name in found:
            problems.add(item.place_of("name"), "duplicate", f"a second receiver {name!r}")
        found[name] = receiver
        if item.ok:
            _refuse_unusable(receiver, item, problems)
    for item in section.sections("receivers"):
        _refuse_fallback(item, found, problems)
    return tuple(found.values())


def _refuse_fallback(item: Section, found: Mapping[str, Receiver], problems: Problems) -> None:
    """Say where a fallback is nobody, or leads back to who needs it."""
    fallback = item.text("fallback")
    if fallback and fallback not in found:
        message = f"there is no receiver {fallback!r}{did_you_mean(fallback, tuple(found))}"
        problems.add(item.place_of("fallback"), "fallback", message)
    elif cycle := fallback_cycle(item.text("name"), found):
        message = f"the fallbacks lead back to it: {' -> '.join(cycle)}"
        problems.add(item.place_of("fallback"), "fallback", message)


def read_slack_app(section: Section, folder: Path, problems: Problems) -> SlackApp | None:
    """Return the app that hears of pressed buttons, ``None`` where there is none."""
    found = section.section("slack")
    if found is None:
        return None
    allow = frozenset(found.texts("allow"))
    for wrong in sorted(one for one in allow if not _USER.fullmatch(one)):
        message = f"{wrong!r} is not the id of a user, such as U012AB3CD"
        problems.add(found.place_of("allow"), "value", message)
    token = read_secret(found, "app_token", folder, problems)
    if not token:
        problems.add(found.place, "missing", "give `app_token` or `app_token_file`")
    elif not token.startswith(("xapp-", UNREADABLE)):
        # A bot token here would fail only when somebody presses a button at night.
        message = "Socket Mode takes an app-level token, which begins with `xapp-`"
        problems.add(found.place, "secret", message)
    return SlackApp(app_token=token, allow=allow, api_url=found.text("api_url", SLACK_API_URL))


def _slack(section: Section, folder: Path, problems: Problems, *, actions: bool) -> SlackConfig:
    mention = {
        severity: tuple(str(who) for who in people)
        for severity, people in section.mapping("mention").items()
        if isinstance(people, list)
    }
    return SlackConfig(
        channel=section.text("channel"),
        bot_token=read_secret(section, "bot_token", folder, problems),
        webhook_url=read_secret(section, "webhook_url", folder, problems),
        api_url=section.text("api_url", SLACK_API_URL),
        mention=mention,
        send_resolved=section.boolean("send_resolved", default=True),
        excerpts=section.boolean("excerpts"),
        picture=_picture(section, problems),
        actions=actions,
    )


def _picture(section: Section, problems: Problems) -> bool:
    """Return whether pictures are wanted, which takes the extra."""
    wanted = section.boolean("picture")
    if wanted and not is_available():
        message = "pictures need the extra `picture`: pip install 'causewatch[picture]'"
        problems.add(section.place_of("picture"), "receiver", message)
    return wanted


def _webhook(section: Section, folder: Path, problems: Problems) -> WebhookConfig:
    return WebhookConfig(
        url=read_secret(section, "url", folder, problems),
        secret=read_secret(section, "secret", folder, problems),
        send_resolved=section.boolean("send_resolved", default=True),
        excerpts=section.boolean("excerpts"),
        timeout_s=section.seconds("timeout", 20.0),
        client=_client(section.section("http_config"), folder, problems),
    )


def _client(section: Section | None, folder: Path, problems: Problems) -> HttpClient:
    """Return how a server is met; files are beside the configuration."""
    if section is None:
        return HttpClient()
    authorization, tls = section.section("authorization"), section.section("tls_config")
    token = read_secret(authorization, "credentials", folder, problems) if authorization else ""
    if tls is None:
        return HttpClient(bearer_token=token)
    if tls.ok and tls.has("cert_file") != tls.has("key_file"):
        problems.add(tls.place, "value", "give `cert_file` and `key_file`, or neither")
    names = {key: tls.text(key) for key in ("ca_file", "cert_file", "key_file")}
    files = {key: str(folder / name) if name else "" for key, name in names.items()}
    return HttpClient(bearer_token=token, **files)


def _refuse_unusable(receiver: Receiver, section: Section, problems: Problems) -> None:
    probe = Route(receiver=receiver.name)
    for message in problems_of(probe, {receiver.name: receiver}):
        problems.add(section.place, "receiver", message)
