"""What is recorded of a handoff: by constructor, else by environment, else no content.

OpenTelemetry's generative AI conventions leave content off unless asked for, and so does this.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Capture: TypeAlias = Literal["content", "shape", "digest", "off"]
"""``content``: the payload, with its shape. ``shape``: digests, sizes and shape, no content.
``digest``: one digest and the size. ``off``: that a handoff happened."""

CAPTURE_VARIABLE = "CAUSEWATCH_CAPTURE"
KEY_VARIABLE = "CAUSEWATCH_DIGEST_KEY"
KEY_FILE_VARIABLE = "CAUSEWATCH_DIGEST_KEY_FILE"
OTEL_CAPTURE_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's own switch: who set it wants content on spans, and has said so once."""
_OTEL_ON_SPANS = frozenset({"true", "span_only", "span_and_event"})
DEFAULT_MAX_CONTENT_BYTES = 128 * 1024

log = logging.getLogger("causewatch.instrument")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much a span says of a payload.

    ``key`` makes digests HMAC-SHA-256. Content above ``max_content_bytes`` of canonical JSON stays
    off the span; its digests and shape are there all the same.
    """

    capture: Capture = "shape"
    key: bytes | None = None
    max_content_bytes: int = DEFAULT_MAX_CONTENT_BYTES


def from_environment(env: Mapping[str, str]) -> Settings:
    """Return the settings that environment variables give.

    A word that is not known, or a key file that cannot be read, is told in the log; then no content
    is recorded, and without the key that was asked for no digest either.
    """
    capture = _capture(env)
    try:
        key = _key(env)
    except OSError as error:
        log.warning("%s: %s; no digest is recorded", KEY_FILE_VARIABLE, error)
        return Settings(capture="off")
    return Settings(capture=capture, key=key)


def _capture(env: Mapping[str, str]) -> Capture:
    word = env.get(CAPTURE_VARIABLE, "").strip().lower()
    for known in get_args(Capture):
        if word == known:
            return known  # type: ignore[no-any-return]  # get_args is not typed
    if word:
        log.warning("%s is one of %s", CAPTURE_VARIABLE, ", ".join(get_args(Capture)))
        return "shape"
    asked = env.get(OTEL_CAPTURE_VARIABLE, "").strip().lower()
    return "content" if asked in _OTEL_ON_SPANS else "shape"


def _key(env: Mapping[str, str]) -> bytes | None:
    if path := env.get(KEY_FILE_VARIABLE):
        key = Path(path).read_bytes().strip()
        if not key:
            raise OSError(f"{path} is empty")
        return key
    text = env.get(KEY_VARIABLE)
    return text.encode() if text else None
