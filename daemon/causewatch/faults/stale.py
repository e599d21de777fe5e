"""A result that is out of date, by what it says of its own age.

Records legitimately carry old dates: when a customer was created or a price last changed says
nothing of the answer's age. Only what speaks of the *answer* counts, at its top or in its envelope:
a flag (``stale: true``), a cache age beyond its own limit, a snapshot's date, an end of validity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from causewatch.faults.calls import Call, Run
from causewatch.faults.sources import prompts_in
from causewatch.faults.text import bounded, excerpt, texts
from causewatch.model.judgement import Fault
from causewatch.model.value import Value

FLAG_CONFIDENCE = 0.75
LIMIT_CONFIDENCE = 0.7
SAID_CONFIDENCE = 0.6
"""The run was told what day it is, and the result is older."""
CLOCK_CONFIDENCE = 0.3
"""Only the span's clock says so: a story may play on another day, and a replay does."""
MAX_MEMBERS_COUNT = 100
MAX_TODAY_CHARS = 20_000
_NS_PER_S = 1_000_000_000
_FLAG_KEYS = frozenset(
    {"stale", "is_stale", "isstale", "stale_data", "served_stale", "outdated", "is_outdated",
     "isoutdated", "out_of_date", "cache_expired", "veraltet", "desactualizado", "obsoleto",
     "périmé", "obsolète", "desatualizado", "古い", "过期", "過期", "устарело"}
)  # fmt: skip
_STATE_KEYS = frozenset(
    {"cache", "cache_status", "cachestatus", "cache_state", "freshness", "data_freshness",
     "x_cache", "snapshot_status", "aktualität"}
)  # fmt: skip
_STATE_WORDS = frozenset(
    {"stale", "expired", "outdated", "out_of_date", "stale_while_revalidate", "stale_if_error",
     "veraltet", "abgelaufen", "caducado", "périmé", "obsoleto"}
)  # fmt: skip
_WARNING_KEYS = frozenset(
    {"warning", "_warning", "warnings", "notice", "_notice", "cache_note", "data_warning",
     "hinweis", "warnung", "advertencia", "avertissement", "aviso", "avviso", "waarschuwing",
     "警告", "注意", "предупреждение", "تحذير", "경고"}
)  # fmt: skip
_WARNING = re.compile(
    r"\b(?:stale|outdated|out[ -]of[ -]date|veraltet\w*|nicht\ (?:mehr\ )?aktuell"
    r"|desactualizad\w*|obsolet\w*|périmée?s?|obsolète\w*|desatualizad\w*|non aggiornat\w*"
    r"|verouderd\w*|устаре\w*|قديمة)\b"
    r"|古いデータ|最新ではありません|过期|過期|过时|오래된"
    r"|\blast (?:refreshed|synced|updated) \d{1,5} (?:days|weeks|months|years) ago",
    re.IGNORECASE,
)
WARNING_CONFIDENCE = 0.65
_AGE = re.compile(
    r"(?:cache|cached|data|snapshot|index|replica|result|response)_age(?:_(s|sec|seconds|min|minutes"
    r"|h|hours|d|days|ms))?|staleness(?:_(s|sec|seconds|min|minutes|h|hours|d|days|ms))?"
    r"|age_(s|sec|seconds|min|minutes|h|hours|d|days|ms)"
)
_LIMIT = re.compile(
    r"(?:max_age|max_staleness|max_cache_age|ttl|cache_ttl|fresh_for)"
    r"(?:_(s|sec|seconds|min|minutes|h|hours|d|days|ms))?"
)
_UNITS_S = {"ms": 0.001, "s": 1.0, "sec": 1.0, "seconds": 1.0, "min": 60.0, "minutes": 60.0,
            "h": 3600.0, "hours": 3600.0, "d": 86400.0, "days": 86400.0, "": 1.0}  # fmt: skip
_TAKEN_KEYS = frozenset(
    {"as_of", "asof", "as_of_date", "snapshot", "snapshot_at", "snapshot_date", "snapshot_time",
     "snapshot_taken_at", "data_as_of", "data_date", "cached_at", "cached_on", "cache_date",
     "fetched_at", "retrieved_at", "last_synced", "last_synced_at", "last_sync", "synced_at",
     "last_refreshed", "last_refreshed_at", "refreshed_at", "index_date", "indexed_until", "stand",
     "datenstand", "à_la_date", "a_fecha", "基準日", "截至"}
)  # fmt: skip
_UNTIL_KEYS = frozenset(
    {"valid_until", "validuntil", "valid_to", "valid_through", "quote_expires_at", "fresh_until",
     "cache_expires_at", "gültig_bis", "válido_hasta", "valable_jusqu_au", "有効期限"}
)  # fmt: skip
_WRAPS = frozenset({"meta", "metadata", "_meta", "cache", "cache_info", "source", "freshness",
                    "result", "response", "data", "headers"})  # fmt: skip
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?")
_TODAY = re.compile(
    r"(?:today(?:'s date)?|current (?:date|time|day)|date today|the date|now|heute|heutige\w* datum"
    r"|aktuelles datum|hoy|fecha (?:actual|de hoy)|aujourd'hui|date (?:actuelle|du jour)|oggi"
    r"|data (?:odierna|di oggi|de hoje|atual)|hoje|vandaag|今日|本日|今天|当前日期"
    r"|오늘|сегодня|اليوم)[^\n\d]{0,24}(\d{4}-\d{2}-\d{2})",
    re.IGNORECASE,
)


def detect_stale(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result that says of itself that it is out of date."""
    today: datetime | None = None
    looked = False
    for call in run.calls:
        if call.result is None or call.result.cut or call.delegates:
            continue
        members = _members(call.opened)
        found = _flag(members) or _age(members)
        if found is None and _is_dated(members):
            if not looked:
                today, looked = _today(run), True
            found = _dated(run, call, members, today)
        if found is not None:
            how, confidence = found
            yield Fault(
                name="stale",
                step=call.index,
                reason=f"{call.step.name} returned what is out of date: {how}",
                confidence=confidence,
            )


def _members(held: Value) -> dict[str, Value]:
    """Return the scalars at the top of a result and in its envelope, by lower-case name."""
    found: dict[str, Value] = {}
    if not isinstance(held, dict):
        return found
    for key, member in list(held.items())[:MAX_MEMBERS_COUNT]:
        name = key.lower().replace("-", "_").replace(" ", "_")
        if isinstance(member, dict):
            if name in _WRAPS or len(held) == 1:
                for inner, value in list(member.items())[:MAX_MEMBERS_COUNT]:
                    if not isinstance(value, dict | list):
                        found.setdefault(inner.lower().replace("-", "_"), value)
        elif not isinstance(member, list):
            found[name] = member
    return found


def _flag(members: dict[str, Value]) -> tuple[str, float] | None:
    for name, member in members.items():
        if name in _FLAG_KEYS and member is True:
            return f"{name} is true", FLAG_CONFIDENCE
        if name in _WARNING_KEYS and isinstance(member, str) and _WARNING.search(member[:400]):
            return f"its {name} says {excerpt(member)}", WARNING_CONFIDENCE
        if name in _STATE_KEYS and isinstance(member, str):
            word = "_".join(re.split(r"[\s_-]+", member.strip().lower()[:60]))
            if word in _STATE_WORDS:
                return f"{name} is {word}", FLAG_CONFIDENCE
    return None


def _age(members: dict[str, Value]) -> tuple[str, float] | None:
    """Return an age beyond the limit that the result itself names."""
    age, limit = _seconds(members, _AGE), _seconds(members, _LIMIT)
    if age is None or limit is None or limit[1] <= 0 or age[1] <= limit[1]:
        return None
    return f"{age[0]} is more than its {limit[0]}", LIMIT_CONFIDENCE


def _seconds(members: dict[str, Value], named: re.Pattern[str]) -> tuple[str, float] | None:
    for name, member in members.items():
        found = named.fullmatch(name)
        if found and isinstance(member, int | float) and not isinstance(member, bool):
            unit = next((group for group in found.groups() if group), "")
            return name, member * _UNITS_S[unit]
    return None


def _is_dated(members: dict[str, Value]) -> bool:
    return not members.keys().isdisjoint(_TAKEN_KEYS | _UNTIL_KEYS)


def _dated(
    run: Run, call: Call, members: dict[str, Value], today: datetime | None
) -> tuple[str, float] | None:
    """Compare a snapshot's date, or an end of validity, with the day the run knows to be.

    A date that was asked for is no sign of age: somebody wants to know how things were.
    """
    if today is None:
        now = datetime.fromtimestamp(call.step.span.start_ns / _NS_PER_S, UTC)
    else:
        now = today
    confidence = CLOCK_CONFIDENCE if today is None else SAID_CONFIDENCE
    after = timedelta(seconds=run.known.tuning.stale_after_s)
    for name, member in members.items():
        at = _date(member)
        if at is None or (name not in _TAKEN_KEYS and name not in _UNTIL_KEYS):
            continue
        late = now - at > after if name in _TAKEN_KEYS else now - at > timedelta(days=1)
        if late and not _asked_for(run, call, at, now):
            shown = excerpt(bounded(str(member)))
            than = "the day it is" if today else "the time of the call"
            return f"{name} is {shown}, {(now - at).days} days before {than}", confidence
    return None


def _date(value: Value) -> datetime | None:
    found = _DATE.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute = (int(group or 0) for group in found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def _today(run: Run) -> datetime | None:
    """Return the day that the run was told it is, ``None`` if it was told none, or several."""
    days = {
        found
        for prompt in prompts_in(run)
        for found in _TODAY.findall(prompt.text[:MAX_TODAY_CHARS])
    }
    day = next(iter(days)) if len(days) == 1 else ""
    found = _date(day)
    return None if found is None else found + timedelta(hours=12)


def _asked_for(run: Run, call: Call, at: datetime, now: datetime) -> bool:
    """Tell whether the date, its month or its year stands in what was asked of the call or run."""
    marks = (f"{at:%Y-%m-%d}", f"{at:%Y-%m}")
    arguments = None if call.step.arguments is None else call.step.arguments.value
    told = (prompt.text[:MAX_TODAY_CHARS] for prompt in prompts_in(run))
    asked = [*texts(arguments), *(_TODAY.sub(" ", text) for text in told)]
    if any(mark in text for text in asked for mark in marks):
        return True
    return at.year != now.year and any(str(at.year) in text for text in asked)
