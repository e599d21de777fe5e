"""Comments that switch checks off: for one rule, for a file, or until a day.

A comment stands in a line of its own, directly above a rule or within it::

    # causewatch disable runbook, owner
    # causewatch snooze 2027-01-31 cost
    # causewatch file/disable portable

A comment that does nothing, because it is misspelt or belongs to no rule, is a problem itself.
"""

from __future__ import annotations

import bisect
import datetime as dt
import re
from collections.abc import Collection, Iterator, Sequence

import msgspec

from causewatch.rules.read import did_you_mean
from causewatch.rules.yaml import Place, Problems

CHECK = "lint-comment"
_COMMENT = re.compile(r"[ \t]*#[ \t]*causewatch[ \t]+(\S+)(.*)")
_VERBS = ("disable", "snooze", "file/disable", "file/snooze")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """One comment that is in force."""

    line: int
    checks: frozenset[str]
    is_of_file: bool


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one rule, the comments directly above it included; both ends belong to it."""

    rule_line: int
    first: int
    last: int


class Muted:
    """Which checks are switched off where, in one file."""

    def __init__(self, comments: Sequence[Comment], extents: Sequence[Extent]) -> None:
        self._of_file: set[str] = set()
        self._of_rule: dict[int, set[str]] = {}
        for comment in comments:
            if comment.is_of_file:
                self._of_file |= comment.checks
            elif (extent := extent_at(comment.line, extents)) is not None:
                self._of_rule.setdefault(extent.rule_line, set()).update(comment.checks)

    def has(self, check: str, rule_line: int) -> bool:
        """Tell whether a check is off for the rule that begins in a line."""
        return check in self._of_file or check in self._of_rule.get(rule_line, ())


def muted_in(  # noqa: PLR0913  # a file, what is known, and where problems go
    file: str,
    content: bytes,
    places: Collection[Place],
    *,
    checks: Collection[str],
    today: dt.date,
    problems: Problems,
) -> Muted:
    """Return what the comments of a file switch off.

    Args:
        file: its name.
        content: its bytes, known to be UTF-8.
        places: where its rules begin.
        checks: the names that comments may use.
        today: a snooze lasts to the end of its day.
        problems: takes comments that do nothing, as warnings.
    """
    lines = content.decode("utf-8-sig", "replace").splitlines()
    extents = tuple(_extents(lines, places))
    comments = []
    for number, line in enumerate(lines, start=1):
        found = _COMMENT.match(line)
        if found is None:
            continue
        place = Place(file=file, line=number, column=line.index("#") + 1)
        verb, rest = found[1], found[2].split("#", 1)[0]
        comment = _comment(verb, rest, place, checks, today, problems)
        if comment is None:
            continue
        if not comment.is_of_file and extent_at(number, extents) is None:
            message = "this comment belongs to no rule: write it directly above one, or within"
            problems.add(place, CHECK, message, "warning")
        comments.append(comment)
    return Muted(comments, extents)


def extent_at(line: int, extents: Sequence[Extent]) -> Extent | None:
    """Return the rule that a line belongs to; what stands directly above a rule is the rule's."""
    number = bisect.bisect_right(extents, line, key=lambda extent: extent.first) - 1
    found = extents[number] if number >= 0 else None
    return found if found is not None and line <= found.last else None


def _comment(  # noqa: PLR0913, PLR0917  # a comment in its parts
    verb: str,
    rest: str,
    place: Place,
    checks: Collection[str],
    today: dt.date,
    problems: Problems,
) -> Comment | None:
    if verb not in _VERBS:
        hint = did_you_mean(verb, _VERBS) or f"; known are {', '.join(_VERBS)}"
        problems.add(place, CHECK, f"no comment {verb!r}{hint}", "warning")
        return None
    words = rest.replace(",", " ").split()
    if verb.endswith("snooze"):
        until = _day(words[0]) if words else None
        if until is None:
            message = f"write the day to snooze until: # causewatch {verb} 2027-01-31 CHECK"
            problems.add(place, CHECK, message, "warning")
            return None
        words = words[1:] if today <= until else []
    elif not words:
        problems.add(place, CHECK, f"say which checks to {verb}", "warning")
    for word in words:
        if word not in checks:
            hint = did_you_mean(word, tuple(checks)) or f"; known are {', '.join(checks)}"
            problems.add(place, CHECK, f"no check {word!r}{hint}", "warning")
    return Comment(line=place.line, checks=frozenset(words), is_of_file=verb.startswith("file/"))


def _day(text: str) -> dt.date | None:
    if not _DAY.match(text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _extents(lines: Sequence[str], places: Collection[Place]) -> Iterator[Extent]:
    """Yield the lines of each rule: those below it that are indented as far as its keys.

    Comments and empty lines at the end belong to what follows, unless they are indented, too.
    """
    starts = sorted({(place.line, place.column) for place in places})
    for (line, column), following in zip(starts, [*starts[1:], None], strict=True):
        first = line
        while first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        limit = min(following[0] - 1 if following else len(lines), len(lines))
        last = line
        for number in range(line + 1, limit + 1):
            text = lines[number - 1]
            indent = len(text) - len(text.lstrip())
            if not text.strip():
                continue
            if indent < column - 1:
                break
            last = number
        yield Extent(rule_line=line, first=first, last=last)
