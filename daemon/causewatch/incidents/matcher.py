"""Conditions on labels, as in Alertmanager: equal, unequal, and patterns that match as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, assert_never

import msgspec
import re2

_QUIET = re2.Options()
_QUIET.log_errors = False  # what is wrong is said by those who ask, not on standard error
MatchOperator = Literal["=", "!=", "=~", "!~"]


class Matcher(msgspec.Struct, frozen=True, kw_only=True):
    """A condition on one label; a missing label is the empty string, patterns match as a whole."""

    name: str
    op: MatchOperator = "="
    value: str = ""

    def __str__(self) -> str:
        """Return it as a configuration writes it."""
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        is_plain = self.name.isidentifier() and self.name.isascii()
        name = self.name if is_plain else '"' + self.name.replace('"', '\\"') + '"'
        return f'{name}{self.op}"{value}"'


def matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet a condition."""
    value = labels.get(matcher.name, "")
    match matcher.op:
        case "=":
            return value == matcher.value
        case "!=":
            return value != matcher.value
        case "=~":
            return re2.fullmatch(matcher.value, value) is not None
        case "!~":
            return re2.fullmatch(matcher.value, value) is None
        case _ as never:
            assert_never(never)


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet every condition; without conditions they do."""
    return all(matches(matcher, labels) for matcher in matchers)


def is_pattern(text: str) -> bool:
    """Tell whether text is a regular expression that can be used (RE2)."""
    try:
        re2.compile(text, _QUIET)
    except re2.error:
        return False
    return True


def problem_of(matcher: Matcher) -> str:
    """Return what is wrong with a condition, empty when it can be used."""
    if matcher.op in {"=~", "!~"} and not is_pattern(matcher.value):
        return f"{matcher.value!r} is not a regular expression (RE2)"
    return ""
