"""A result that begins as JSON, ends, and is none: something on the way broke it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.text import excerpt
from causewatch.faults.unclosed import is_unclosed
from causewatch.model.judgement import Fault

CONFIDENCE = 0.6
MAX_PARSED_CHARS = 200_000
MAX_LITERAL_CHARS = 20_000
MAX_LINES_COUNT = 1_000
_OPENS = re.compile(r'\s{0,20}(?:\{\s{0,50}"[^"\n]{0,100}"\s{0,10}:|\[\s{0,50}[{"])')
_LOOSE = re.compile(r"\b(?:NaN|-?Infinity|None|True|False|undefined)\b|//[^\n]*|,(?=\s{0,50}[}\]])")
"""What readers of JSON put up with: it is written so by hand, and by other languages."""


def detect_malformed(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result that begins as JSON and cannot be read as such.

    One that merely stops is cut, which is another fault; JSON by lines, several values in a row,
    the literals of Python and the freedoms that people take with JSON are fine.
    """
    for call in run.calls:
        result = call.result
        if result is None or result.cut or call.step.documents:
            continue
        text = result.value
        if isinstance(text, str) and is_malformed(text):
            yield Fault(
                name="malformed",
                step=call.index,
                reason=f"{call.step.name} returned JSON that cannot be read ({excerpt(text)})",
                confidence=CONFIDENCE,
            )


def is_malformed(text: str) -> bool:
    """Tell whether a text begins as a JSON object or array, is closed, and is none."""
    if len(text) > MAX_PARSED_CHARS or not _OPENS.match(text):
        return False
    whole = text.strip()
    # Nearly all of it is JSON, and that is seen soonest.
    if _is_json(whole) or is_unclosed(text):
        return False
    if whole[-1] not in "}]" or _is_json(_LOOSE.sub(_strict, whole)):
        return False
    if len(whole) <= MAX_LITERAL_CHARS and _is_literal(whole):
        return False
    return not _is_json_by_line(whole)


def _strict(found: re.Match[str]) -> str:
    return "null" if found.group()[0].isalpha() or found.group()[0] == "-" else ""


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return True


def _is_json_by_line(text: str) -> bool:
    """Tell whether the first line is a JSON value: more follow, or words about it."""
    first = text.split("\n", 1)[0].strip()
    if _is_json(first):
        return True
    end = _end_of_value(text)
    return 0 < end < len(text) and _is_json(text[:end])


def _end_of_value(text: str) -> int:
    """Return where the first JSON value closes, 0 if it does not."""
    depth = 0
    quoted = escaped = False
    for i, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth <= 0:
                return i + 1
    return 0


def _is_literal(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return False
    return True
