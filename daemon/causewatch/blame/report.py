"""A bad result taken apart: what reports the failure, and what is data all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from causewatch.faults.expand import expand
from causewatch.faults.text import fold
from causewatch.faults.words import (
    BAD_STATUS,
    ERROR_KEYS,
    EXPLAIN_KEYS,
    PARTIAL_STATUS,
    starts_as_failure,
)
from causewatch.model.step import Step
from causewatch.model.value import Value, leaves

_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n+")
_REPORT_KEYS = ERROR_KEYS | EXPLAIN_KEYS


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A bad result: the words of its failure, and its data."""

    message: str
    data: tuple[str | int | float, ...]
    structured: bool
    """The data are members of an object or array, not prose."""


def report_of(step: Step) -> Report:
    """Take the result of a step apart; without one, the span's own error is the message."""
    if step.result is None:
        message = f"{step.error_message}\n{step.span.status_message}"
        return Report(message=message, data=(), structured=False)
    value = expand(step.result.value)
    words: list[str] = []
    data: list[str | int | float] = []
    for is_report, leaf in _leaves(value, within=False):
        if is_report:
            words.append(str(leaf))
        else:
            data.append(leaf)
    return Report(message="\n".join(words), data=tuple(data), structured=not isinstance(value, str))


def _leaves(value: Value, *, within: bool) -> Iterator[tuple[bool, str | int | float]]:
    """Yield each text or number, and whether it is part of the report of the failure."""
    if isinstance(value, dict):
        for key, member in value.items():
            reports = within or key.replace("-", "_").lower() in _REPORT_KEYS
            yield from _leaves(member, within=reports)
        return
    for _, leaf in leaves(value) if isinstance(value, list) else (("", value),):
        if isinstance(leaf, str):
            yield from _sentences(leaf, within=within)
        elif isinstance(leaf, int | float) and not isinstance(leaf, bool):
            yield within, leaf


def _sentences(text: str, *, within: bool) -> Iterator[tuple[bool, str]]:
    """Yield a text as a whole, or, if it begins as a failure, sentence by sentence."""
    if not within and starts_as_failure(text):
        for sentence in _SENTENCE.split(text):
            if sentence:
                yield starts_as_failure(sentence), sentence
    elif fold(text) in BAD_STATUS | PARTIAL_STATUS:
        yield True, text
    else:
        yield within, text
