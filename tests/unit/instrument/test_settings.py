from __future__ import annotations

import logging
from pathlib import Path

import pytest

from causewatch.instrument.settings import Settings, from_environment


@pytest.mark.parametrize(
    ("env", "capture"),
    [
        ({}, "shape"),
        ({"CAUSEWATCH_CAPTURE": "content"}, "content"),
        ({"CAUSEWATCH_CAPTURE": " Digest "}, "digest"),
        ({"CAUSEWATCH_CAPTURE": "off"}, "off"),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}, "content"),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT"}, "content"),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "event_only"}, "shape"),
        (
            {
                "CAUSEWATCH_CAPTURE": "shape",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
            },
            "shape",
        ),
    ],
)
def test_content_is_recorded_only_when_asked_for(env: dict[str, str], capture: str) -> None:
    """By our own variable, else by OpenTelemetry's; nobody who asked for neither has content."""
    assert from_environment(env).capture == capture


def test_a_word_that_is_not_known_records_no_content(caplog: pytest.LogCaptureFixture) -> None:
    """A typing error is told, and falls to the safe side."""
    env = {
        "CAUSEWATCH_CAPTURE": "contents",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
    }
    with caplog.at_level(logging.WARNING):
        assert from_environment(env).capture == "shape"
    assert "CAUSEWATCH_CAPTURE is one of content, shape, digest, off" in caplog.text


def test_the_key_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    """A mounted secret ends with a line break, which is no part of it."""
    (tmp_path / "key").write_text("s3cret\n", encoding="utf-8")
    assert from_environment({"CAUSEWATCH_DIGEST_KEY": "k"}) == Settings(key=b"k")
    named = from_environment({"CAUSEWATCH_DIGEST_KEY_FILE": str(tmp_path / "key")})
    assert named == Settings(key=b"s3cret")
    assert from_environment({"CAUSEWATCH_DIGEST_KEY": ""}).key is None


@pytest.mark.parametrize("content", [None, " \n"])
def test_a_key_that_is_not_there_records_no_digest(
    content: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who wanted a key does not get guessable digests because a file is missing or empty."""
    if content is not None:
        (tmp_path / "key").write_text(content, encoding="utf-8")
    env = {"CAUSEWATCH_CAPTURE": "content", "CAUSEWATCH_DIGEST_KEY_FILE": str(tmp_path / "key")}
    with caplog.at_level(logging.WARNING):
        assert from_environment(env) == Settings(capture="off")
    assert "no digest is recorded" in caplog.text
