"""The ``judge`` section of ``causewatch.yaml``: whom to ask of meaning, and how much."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

import msgspec

from causewatch.app.secret import read_secret
from causewatch.rules.read import Section
from causewatch.rules.yaml import Problems

JudgeKind = Literal["embedding", "chat"]


class JudgeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where to ask, and how much; ``url`` is what stands before ``/embeddings``."""

    url: str
    model: str
    api_key: str = ""
    kind: JudgeKind = "embedding"
    threshold: float = 0.8
    timeout_s: float = 2.0
    budget_per_hour: int = 100
    cache_size: int = 10_000

    def __repr__(self) -> str:
        """Name the model, never the key."""
        return f"JudgeConfig(url={self.url!r}, model={self.model!r}, kind={self.kind!r})"


def read_judge(section: Section, folder: Path, problems: Problems) -> JudgeConfig | None:
    """Return the judge of meaning, ``None`` where none is configured."""
    judge = section.section("judge")
    if judge is None:
        return None
    url = judge.text("url")
    if judge.is_good("url") and not _is_url(url):
        problems.add(judge.place_of("url"), "value", "an http or https address is asked for")
    return JudgeConfig(
        url=url,
        model=judge.text("model"),
        api_key=read_secret(judge, "api_key", folder, problems),
        kind=cast("JudgeKind", judge.text("kind", "embedding")),
        threshold=judge.number("threshold", 0.8),
        timeout_s=judge.seconds("timeout", 2.0),
        budget_per_hour=judge.integer("budget_per_hour", 100),
        cache_size=judge.integer("cache_size", 10_000),
    )


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
