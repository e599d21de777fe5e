"""One line that says what went wrong, from names alone: payload text never gets into a title."""

from __future__ import annotations

from collections.abc import Iterable

from causewatch.model.finding import Alert, Cause

MAX_TITLE_CHARS = 240
MAX_NAMES = 3
# Control characters, line separators and the marks that turn the direction of text.
UNSEEN = (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_BLANKS = str.maketrans(dict.fromkeys(UNSEEN, " "))


def title_of(cause: Cause, alerts: Iterable[Alert]) -> str:
    """Return the title of an incident: its cause where known, else the first alert's name."""
    if cause.origin is None:
        return one_line(next((_alert_title(alert) for alert in alerts), ""), MAX_TITLE_CHARS)
    origin = cause.origin
    parts = [f"{_category(cause)} at {_step(origin.name, origin.agent)}"]
    passed_on = names((ref.agent or ref.name for ref in cause.propagators), MAX_NAMES)
    if passed_on:
        parts.append(f"passed on by {passed_on}")
    if cause.symptom is not None:
        parts.append(f"surfaced at {_step(cause.symptom.name, cause.symptom.agent)}")
    return one_line("; ".join(parts), MAX_TITLE_CHARS)


def names(found: Iterable[str], limit: int) -> str:
    """Return distinct names joined by commas, the count of those past ``limit`` at the end."""
    distinct = [name for name in dict.fromkeys(found) if name]
    more = len(distinct) - limit
    return ", ".join(distinct[:limit]) + (f" and {more} more" if more > 0 else "")


def one_line(text: str, limit: int) -> str:
    """Return text on one line, without control characters, at most ``limit`` characters."""
    line = " ".join(text[: limit * 4].translate(_BLANKS).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _category(cause: Cause) -> str:
    return (cause.category or "corruption").replace("_", " ").capitalize()


def _step(name: str, agent: str) -> str:
    """Return a step's name with its agent, where that says more."""
    if not name or not agent or name == agent:
        return name or agent or "an unnamed step"
    return f"{name} ({agent})"


def _alert_title(alert: Alert) -> str:
    labels = ", ".join(
        f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "alertname"
    )
    return f"{alert.alertname} ({labels})" if labels else alert.alertname
