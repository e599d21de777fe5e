"""Takes out of a request what must not be stored, before the durable write.

Theory of operation. The request is parsed once; the values of all attributes (of spans, their
events and links, of log records, resources and scopes), the bodies of log records and the status
messages of spans are searched with RE2, whose time is linear. In a text that is JSON, each string
is looked at as what it says, so that an escape hides nothing and what is left is JSON still; then
the whole text once more, for what spans several strings. What was found makes way for a mark, and
the span or record says by an attribute which rules found something. An attribute that is dropped
goes as a whole, and is counted as the SDK would count it where some dialect reads it: what is then
missing is unverifiable, not a fault. Fields that this OTLP does not know are dropped: nobody could
have looked at them.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal, assert_never

import re2

from causewatch.model.withheld import MARK_START, WITHHELD, mark_of
from causewatch.otlp.parse import parse_logs, parse_traces
from causewatch.receive.redaction import CHECKS, KINDS, Redaction, Rule
from causewatch.telemetry.metrics import Metrics

MAX_KEYS_COUNT = 10_000
MAX_DEPTH = 24
MAX_WITHHELD_COUNT = 32
BODY, STATUS = "body", "status.message"
"""Under which keys the body of a log record, and the message of a span's status, are cleaned."""
_STRING = re2.compile(r'(?s)"(?:[^"\\]|\\.)*"')
_MARK = re2.compile(r"\[redacted:[A-Za-z0-9_.\-]{1,64}\]")
_ANCHOR = re.compile(r"(?<!\[)\^|\$|\\A|\\z")
_HALF_ESCAPE = re2.compile(r"\\u[0-9A-Fa-f]{0,3}\z")
_OPENS_JSON = ("{", "[", '"')
_NUMBER_CHARS = frozenset("0123456789.+-eE")
_OPENS_ITEM, _ENDS_ITEM = frozenset(":,["), frozenset(",}]")
MAX_NUMBER_CHARS = 64
"""How far it is looked around a place for what belongs to it."""
_ESCAPE_CHARS = 6
_Withheld = dict[str, None]


class _Compiled:
    """One rule, ready to search."""

    __slots__ = ("check", "is_anchored", "mark", "name", "pattern")

    def __init__(self, rule: Rule) -> None:
        self.name = rule.name
        self.mark = mark_of(rule.name)
        self.pattern = re2.compile(rule.pattern)
        self.check = CHECKS.get(rule.kind)
        self.is_anchored = not rule.kind and _ANCHOR.search(rule.pattern) is not None


class _Cleaner:
    """The rules that are for one attribute."""

    def __init__(self, rules: Iterable[_Compiled]) -> None:
        self.rules = tuple(rules)
        # Such patterns mean whole values: each string is looked at by itself.
        self._is_anchored = any(rule.is_anchored for rule in self.rules)
        self._any = re2.compile("|".join(f"(?:{rule.pattern.pattern})" for rule in self.rules))

    def cleaned(self, text: str, found: Counter[str], depth: int = 0) -> str:
        """Return the text with marks for what was found; rules are counted in ``found``."""
        is_json = text.lstrip()[:1] in _OPENS_JSON
        if not self._may_hold(text) and not (is_json and self._is_anchored):
            return text
        if is_json and depth < MAX_DEPTH:
            text = self._strings_cleaned(text, found, depth)
        for rule in self.rules:
            if rule.pattern.search(text) is not None:
                text = _replaced(text, rule, found, is_json=is_json)
        return text

    def _may_hold(self, text: str) -> bool:
        # An escape may hide anything: it is looked at unescaped.
        return bool(self.rules) and ("\\u" in text or self._any.search(text) is not None)

    def _strings_cleaned(self, text: str, found: Counter[str], depth: int) -> str:
        pieces: list[str] = []
        at = 0
        for string in _STRING.finditer(text):
            token = string.group()
            is_plain = "\\" not in token and not self._is_anchored
            if is_plain or not self._may_hold(token[1:-1]):
                continue
            try:
                said = json.loads(token, strict=False).encode("utf-8", "replace").decode()
            except ValueError:
                continue
            clean = self.cleaned(said, found, depth + 1)
            if clean != said:
                pieces += (text[at : string.start()], json.dumps(clean, ensure_ascii=False))
                at = string.end()
        return "".join((*pieces, text[at:]))


class Redactor:
    """Redacts requests; for use by any thread.

    Args:
        redaction: what goes.
        is_read: told the key of an attribute, whether something is understood by it: only then
            does its absence leave a mark.
        metrics: where it is counted.
    """

    def __init__(
        self, redaction: Redaction, *, is_read: Callable[[str], bool], metrics: Metrics
    ) -> None:
        order = ("", *KINDS)
        rules = sorted(redaction.rules, key=lambda rule: order.index(rule.kind))
        self._rules = [(rule, _Compiled(rule)) for rule in rules]
        self._drops = redaction.drops
        self._is_read = is_read
        self._metrics = metrics
        self._cleaners: dict[str, _Cleaner] = {}
        self._dropped: dict[str, str] = {}

    def __call__(self, signal: Literal["traces", "logs"], body: bytes) -> bytes:
        """Return the request without what must not be stored.

        Raises:
            NotOtlpError: the bytes are no such request.
        """
        work = _Work(self)
        request: Any
        match signal:
            case "traces":
                request = parse_traces(body)
                request.DiscardUnknownFields()
                work.spans(request)
            case "logs":
                request = parse_logs(body)
                request.DiscardUnknownFields()
                work.records(request)
            case _:
                assert_never(signal)
        for name, count in work.found.items():
            self._metrics.redacted_values.labels(signal=signal, what=name).inc(count)
        if work.dropped_count:
            self._metrics.dropped_attributes.labels(signal=signal).inc(work.dropped_count)
        return bytes(request.SerializeToString())

    def cleaner(self, key: str) -> _Cleaner:
        """Return what cleans the values of an attribute."""
        cleaner = self._cleaners.get(key)
        if cleaner is None:
            if len(self._cleaners) >= MAX_KEYS_COUNT:
                self._cleaners.clear()
            rules = (
                compiled
                for rule, compiled in self._rules
                if not rule.attributes or any(fnmatchcase(key, glob) for glob in rule.attributes)
            )
            cleaner = self._cleaners[key] = _Cleaner(rules)
        return cleaner

    def dropped_by(self, key: str) -> str:
        """Return the glob by which an attribute goes, empty for one that stays."""
        glob = self._dropped.get(key)
        if glob is None:
            if len(self._dropped) >= MAX_KEYS_COUNT:
                self._dropped.clear()
            globs = (glob for glob in self._drops if fnmatchcase(key, glob))
            glob = self._dropped[key] = next(globs, "")
        return glob

    def is_read(self, key: str) -> bool:
        """Tell whether something is understood by an attribute."""
        return self._is_read(key)


class _Work:
    """One request on its way through; counts what it meets."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.found: Counter[str] = Counter()
        self.dropped_count = 0

    def spans(self, request: Any) -> None:
        for group in request.resource_spans:
            self._attributes(group.resource.attributes, {})
            for scoped in group.scope_spans:
                self._attributes(scoped.scope.attributes, {})
                for span in scoped.spans:
                    self._span(span)

    def records(self, request: Any) -> None:
        for group in request.resource_logs:
            self._attributes(group.resource.attributes, {})
            for scoped in group.scope_logs:
                self._attributes(scoped.scope.attributes, {})
                for record in scoped.log_records:
                    self._record(record)

    def _span(self, span: Any) -> None:
        withheld: _Withheld = {}
        missing = self._attributes(span.attributes, withheld)
        for part in (*span.events, *span.links):
            missing += self._attributes(part.attributes, withheld)
        message = span.status.message
        if message:
            clean = self._text(STATUS, message, withheld)
            if clean != message:
                span.status.message = clean
        span.dropped_attributes_count += missing
        _say(span.attributes, withheld)

    def _record(self, record: Any) -> None:
        withheld: _Withheld = {}
        missing = self._attributes(record.attributes, withheld)
        if record.body.WhichOneof("value") == "kvlist_value":
            # Its members are read as attributes are.
            missing += self._attributes(record.body.kvlist_value.values, withheld)
        else:
            self._value(BODY, record.body, withheld)
        record.dropped_attributes_count += missing
        _say(record.attributes, withheld)

    def _attributes(self, pairs: Any, withheld: _Withheld) -> int:
        """Clean attributes in place; return how many went that something would have read."""
        redactor = self._redactor
        kept, missing = [], 0
        for pair in pairs:
            key = pair.key
            if glob := redactor.dropped_by(key):
                if redactor.is_read(key):
                    missing += 1
                    withheld[f"drop:{glob}"] = None
                continue
            kept.append(pair)
            if key != WITHHELD:
                self._value(key, pair.value, withheld)
        if len(kept) < len(pairs):
            self.dropped_count += len(pairs) - len(kept)
            del pairs[:]
            pairs.extend(kept)
        return missing

    def _value(self, key: str, value: Any, withheld: _Withheld) -> None:
        match value.WhichOneof("value"):
            case "string_value":
                text = value.string_value
                clean = self._text(key, text, withheld)
                if clean != text:
                    value.string_value = clean
            case "int_value" | "double_value" | "bytes_value" as kind:
                self._unquoted(key, getattr(value, kind), value, withheld)
            case "array_value":
                for item in value.array_value.values:
                    self._value(key, item, withheld)
            case "kvlist_value":
                for pair in value.kvlist_value.values:
                    pair.key = self._text(key, pair.key, withheld)
                    self._value(key, pair.value, withheld)
            case _:
                return

    def _unquoted(self, key: str, said: float | bytes, value: Any, withheld: _Withheld) -> None:
        """Clean a number, or bytes: if something is found they become text."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else f"{said}"
        clean = self._text(key, text, withheld)
        if clean != text:
            value.string_value = clean

    def _text(self, key: str, text: str, withheld: _Withheld) -> str:
        found: Counter[str] = Counter()
        clean = self._redactor.cleaner(key).cleaned(text, found)
        for name in found:
            self.found[name] += 1
            withheld[f"redact:{name}"] = None
        return clean


def _say(attributes: Any, withheld: _Withheld) -> None:
    """Let a span or record say what was taken out of it; what it said before stays."""
    if not withheld:
        return
    pair = next((pair for pair in attributes if pair.key == WITHHELD), None) or attributes.add()
    pair.key = WITHHELD
    said = [item.string_value for item in pair.value.array_value.values]
    for name in list(withheld)[:MAX_WITHHELD_COUNT]:
        if name not in said:
            pair.value.array_value.values.add().string_value = name


def _replaced(text: str, rule: _Compiled, found: Counter[str], *, is_json: bool) -> str:
    """Return a text with marks for all that one rule finds; earlier marks are left alone."""
    pieces: list[str] = []
    at = 0
    strings = _Strings(text)
    for start, end in _places(text, rule):
        if start < at:
            continue
        mark = rule.mark
        if is_json:
            start, end, mark = _fitting(strings, start, end, mark)  # noqa: PLW2901  # grown to fit
        pieces += (text[at : max(start, at)], mark)
        at = end
        found[rule.name] += 1
    return "".join((*pieces, text[at:])) if pieces else text


def _places(text: str, rule: _Compiled) -> Iterator[tuple[int, int]]:
    """Yield where a rule finds something, in order, outside of earlier marks."""
    marks = [mark.span() for mark in _MARK.finditer(text)] if MARK_START in text else []
    ends = [end for _, end in marks]
    for match in rule.pattern.finditer(text):
        start, end = match.span()
        next_mark = bisect_right(ends, start)
        is_in_mark = next_mark < len(marks) and marks[next_mark][0] < end
        if start == end or is_in_mark:
            continue
        if rule.check is None:
            yield start, end
            continue
        for first, last in rule.check(match.group()):
            yield start + first, start + last


class _Strings:
    """Where the strings are in a JSON text; looked for when somebody asks."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [string.span() for string in _STRING.finditer(self.text)]

    def hold(self, at: int) -> bool:
        """Tell whether a place is within a string."""
        index = bisect_right(self._spans, (at, len(self.text))) - 1
        return index >= 0 and at < self._spans[index][1]


def _fitting(strings: _Strings, start: int, end: int, mark: str) -> tuple[int, int, str]:
    """Return what to replace by what, so that JSON stays JSON: whole escapes, whole numbers."""
    text, first, last = strings.text, start, end
    while first > start - MAX_NUMBER_CHARS and text[first - 1 : first] in _NUMBER_CHARS:
        first -= 1
    while last < end + MAX_NUMBER_CHARS and text[last : last + 1] in _NUMBER_CHARS:
        last += 1
    is_item = _before(text, first) in _OPENS_ITEM and _after(text, last) in _ENDS_ITEM
    if is_item and not strings.hold(start):
        return first, last, f'"{mark}"'
    half = _HALF_ESCAPE.search(text[max(0, start - _ESCAPE_CHARS) : start])
    if half is not None:
        start -= len(half.group())
    elif _backslashes_before(text, start) % 2:
        start -= 1
    if _backslashes_before(text, end) % 2:
        end += 1
    return start, end, mark


def _before(text: str, at: int) -> str:
    """Return the last sign before a place that is no blank, if it is near."""
    return text[max(0, at - MAX_NUMBER_CHARS) : at].rstrip()[-1:]


def _after(text: str, at: int) -> str:
    return text[at : at + MAX_NUMBER_CHARS].lstrip()[:1]


def _backslashes_before(text: str, at: int) -> int:
    before = text[max(0, at - MAX_NUMBER_CHARS) : at]
    return len(before) - len(before.rstrip("\\"))
