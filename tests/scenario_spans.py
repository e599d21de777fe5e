"""From a run as it was written to real spans, in the words of a real dialect.

Each agent keeps its conversation, so that what a model is shown need not be written down: what it
was told, what was said and asked before, and what the tools answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from causewatch.model.span import Resource, Scope, Span, SpanEvent, SpanLink, StatusCode
from scenario_dialects import SCOPES, WRITERS, Facts, Message, Part, silent, texts_of
from scenario_language import DialectName, ScenarioError, SpanLine, Trace

BASE_NS = 1_750_000_000_000_000_000
MS = 1_000_000
TICK_MS = 10
MIN_LENGTH_MS = 5
_OWN = frozenset(
    {"status", "message", "link", "event", "trace", "parent", "finish", "seen", "dropped", "system"}
)
"""Properties that are no attributes."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The spans of one run, and the names that the scenario gave them."""

    spans: tuple[Span, ...]
    names: dict[str, str]
    """By span id."""


class _Talk:
    """One agent's conversation."""

    def __init__(self, agent: str, messages: Iterable[Message] = ()) -> None:
        self.agent = agent
        self.messages: list[Message] = list(messages)
        self.waiting: list[tuple[str, str, Any]] = []
        self.words = ""

    def tell(self, text: str) -> None:
        self.messages.append(("user", (("text", "", "", text),)))

    def answer(self, call_id: str, name: str, result: Any) -> None:
        self.messages.append(("tool", (("result", call_id, name, result),)))

    def take(self, name: str) -> tuple[str, Any] | None:
        """Return id and arguments of the first call of a tool that nothing has run yet."""
        for position, (call_id, asked, arguments) in enumerate(self.waiting):
            if asked == name:
                del self.waiting[position]
                return call_id, arguments
        return None


def spans_of(trace: Trace, dialect: DialectName, *, file: str = "", salt: str = "") -> Written:
    """Return the spans of a run. Another ``salt`` gives the same run with other ids.

    Raises:
        ScenarioError: a link or a trace that leads nowhere.
    """
    return _Writer(trace, dialect, file, salt).written()


class _Writer:
    """Writes one run; the clock goes on by a tick with each span."""

    def __init__(self, trace: Trace, dialect: DialectName, file: str, salt: str) -> None:
        self.trace = trace
        self.dialect = dialect
        self.file = file
        self.salt = salt
        self.now_ms = 0
        self.spans: list[Span] = []
        self.names: dict[str, str] = {}
        self.handed: str | None = None
        self.last_talk = _Talk("")
        self.calls = 0
        self.trace_of: dict[str, str] = {}

    def written(self) -> Written:
        for line in self.trace.spans:
            self.place(line, "1")
        for line in self.trace.spans:
            self.write(line, None, _Talk(""))
        return Written(spans=tuple(self.spans), names=self.names)

    def place(self, line: SpanLine, trace: str) -> None:
        """Note in which trace each span will be: links may lead forward."""
        own = str(dict(line.properties).get("trace", trace))
        self.trace_of[line.id] = own
        self.names[self.digest(line.id, 16)] = line.id
        if line.word == "call":
            self.trace_of[f"{line.id}.ask"] = own
            self.names[self.digest(f"{line.id}.ask", 16)] = f"{line.id}.ask"
        for child in line.children:
            self.place(child, own)

    def digest(self, text: str, size: int) -> str:
        return hashlib.sha256(f"{self.salt}/{self.trace.name}/{text}".encode()).hexdigest()[:size]

    def write(self, line: SpanLine, parent: str | None, talk: _Talk) -> None:
        """Write a span, and those below it."""
        if line.word == "call":
            asking = f"{line.id}.ask"
            given = line.given if line.given is not msgspec.UNSET else {}
            words = SpanLine(
                line=line.line,
                id=asking,
                word="model",
                texts=line.texts,
                calls=((line.name, given),),
            )
            self.write(words, parent, talk)
        facts = Facts(
            word=line.word,
            name=line.name,
            agent=talk.agent,
            returns="returns" in line.flags,
            bare="bare" in line.flags,
        )
        self.now_ms = line.start_ms if line.start_ms is not None else self.now_ms + TICK_MS
        start_ms = self.now_ms
        inner = self.begin(line, facts, talk)
        for child in line.children:
            self.write(child, line.id, inner)
        self.end(line, facts, talk, inner)
        below_ms = self.now_ms + MIN_LENGTH_MS if line.children else start_ms + MIN_LENGTH_MS
        end_ms = start_ms + line.length_ms if line.length_ms is not None else below_ms
        self.now_ms = max(self.now_ms, end_ms)
        self.spans.append(self.span(line, facts, parent, (start_ms, end_ms)))

    def begin(self, line: SpanLine, facts: Facts, talk: _Talk) -> _Talk:
        """Settle what a span is given; return the conversation of what is below it."""
        if line.word == "agent":
            facts.agent = line.name
            inner = _Talk(line.name, self.last_talk.messages if "continues" in line.flags else ())
            told = line.texts[0] if line.texts else self.handed
            if (
                told
                and "unheard" not in line.flags
                and not ("continues" in line.flags and not line.texts)
            ):
                inner.tell(told)
                facts.arguments = told
            return inner
        if line.word == "model":
            self.model(line, facts, talk)
        elif line.word in {"tool", "call", "retrieval"}:
            self.call(line, facts, talk)
        return talk

    def model(self, line: SpanLine, facts: Facts, talk: _Talk) -> None:
        if system := dict(line.properties).get("system"):
            talk.messages.insert(0, ("system", (("text", "", "", system),)))
        parts: list[Part] = [("text", "", "", text) for text in line.texts]
        for name, arguments in line.calls:
            self.calls += 1
            call_id = f"call_{self.digest(str(self.calls), 10)}"
            parts.append(("call", call_id, name, arguments))
            talk.waiting.append((call_id, name, arguments))
        facts.asked = tuple(talk.messages)
        facts.said = ("assistant", tuple(parts))
        stopped = "tool_calls" if line.calls else "stop"
        facts.finish = dict(line.properties).get("finish", stopped)
        talk.messages.append(facts.said)
        if line.texts:
            talk.words = "\n".join(line.texts)
            self.handed = talk.words
        self.last_talk = talk

    def call(self, line: SpanLine, facts: Facts, talk: _Talk) -> None:
        asked = talk.take(line.name)
        facts.arguments = line.given
        if asked is not None:
            facts.call_id = asked[0]
            if line.given is msgspec.UNSET:
                facts.arguments = asked[1]
        if facts.arguments is not msgspec.UNSET:
            self.handed = "\n".join(texts_of(facts.arguments)) or self.handed

    def end(self, line: SpanLine, facts: Facts, talk: _Talk, inner: _Talk) -> None:
        """Settle what a span gave, and let the conversation know it."""
        if line.word == "agent":
            if inner.words:
                facts.result = inner.words
                self.handed = inner.words
            self.last_talk = inner
        elif line.word in {"tool", "call", "retrieval"}:
            facts.result = line.gives
            if line.gives is msgspec.UNSET and any(c.word == "agent" for c in line.children):
                facts.result = self.handed
            shown = dict(line.properties).get("seen", facts.result)
            if shown is msgspec.UNSET or "unseen" in line.flags:
                return
            if facts.call_id:
                talk.answer(facts.call_id, line.name, shown)
            elif line.word == "retrieval":
                talk.tell("Known:\n" + "\n".join(texts_of([d.get("content") for d in shown])))

    def span(
        self, line: SpanLine, facts: Facts, parent: str | None, times: tuple[int, int]
    ) -> Span:
        own = {key: value for key, value in line.properties if key in _OWN}
        told = {key: value for key, value in line.properties if key not in _OWN}
        hidden = not self.trace.content or "hidden" in line.flags
        spoken = WRITERS[self.dialect](silent(facts) if hidden else facts)
        resource = {key[1:]: value for key, value in told.items() if key[0] == "^"}
        own_words = {key: value for key, value in told.items() if key[0] != "^"}
        attributes = {**spoken.attributes, **own_words}
        parent_name = own.get("parent", parent)
        return Span(
            trace_id=self.digest(f"trace {self.trace_of[line.id]}", 32),
            span_id=self.digest(line.id, 16),
            parent_id=self.digest(parent_name, 16) if parent_name and "trace" not in own else "",
            name=spoken.name,
            kind=spoken.kind,
            start_ns=BASE_NS + times[0] * MS,
            end_ns=BASE_NS + times[1] * MS,
            status=_status(own),
            status_message=str(own.get("message", "")),
            attributes={key: self.cut(value) for key, value in attributes.items()},
            events=tuple(_events(line, times[0])),
            links=tuple(self.links(line)),
            resource=Resource(attributes={"service.name": "scenario", **resource}),
            scope=Scope(name=SCOPES[self.dialect]),
            dropped_attributes_count=int(own.get("dropped", 0)),
        )

    def cut(self, value: Any) -> Any:
        limit = self.trace.cut_chars
        return value[:limit] if limit and isinstance(value, str) else value

    def links(self, line: SpanLine) -> Iterator[SpanLink]:
        for key, target in line.properties:
            if key != "link":
                continue
            if target not in self.trace_of:
                raise ScenarioError(
                    self.file, line.line, f"a link leads to {target!r}: no such span"
                )
            trace_id = self.digest(f"trace {self.trace_of[target]}", 32)
            yield SpanLink(trace_id=trace_id, span_id=self.digest(target, 16))


def _status(own: Mapping[str, Any]) -> StatusCode:
    status: StatusCode = own.get("status", "unset")
    return status


def _events(line: SpanLine, start_ms: int) -> Iterator[SpanEvent]:
    for key, value in line.properties:
        if key == "event":
            attributes = dict(value) if isinstance(value, dict) else {"name": value}
            name = attributes.pop("name")
            time_ns = BASE_NS + (start_ms + 1) * MS
            yield SpanEvent(name=name, time_ns=time_ns, attributes=attributes)
