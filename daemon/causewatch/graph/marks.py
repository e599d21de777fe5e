"""What a run's spans tell of other traces that it may belong together with.

A run is first one trace. Its marks are the ids and contents that another trace of the same piece of
work would show as well; ``join`` decides which of them prove anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from causewatch.dialects.detect import recognise
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import understand
from causewatch.graph.boundary import folded, probes, texts_of
from causewatch.graph.graft import CLIENT, SERVER
from causewatch.graph.inbound import believed
from causewatch.model.limits import JoinBy
from causewatch.model.span import LogRecord
from causewatch.model.step import Message, Step, TextPart, ToolCallPart, ToolResultPart
from causewatch.model.value import sha256_of
from causewatch.otlp.raw import RawSpan, process_of

MIN_WORDS_CHARS = 40
"""Shorter texts are said by independent runs as well."""
MAX_FRAGMENT_SPANS_COUNT = 50
"""A trace with more spans is no single call."""
MAX_MARKS_COUNT = 50
MAX_REMOTE_SPANS_COUNT = 2_000
_A2A_KEYS = frozenset({"a2a.task.id", "a2a.message.id"})
_OTHERS_SESSIONS = frozenset({"mcp.session.id", "group_id"})
"""An MCP session is a connection, and ``group_id`` is anybody's word."""
SESSION_KEYS = frozenset(
    source.key
    for dialect in SHIPPED
    for rule in dialect.fields
    if rule.field == "session"
    for source in rule.sources
    if source.key and not source.path and source.key not in _OTHERS_SESSIONS
)
_OWN_CONVERSATIONS = frozenset({"pydantic-ai"})
"""Scopes that give each agent a conversation of its own."""
_CALLS = frozenset({"model", "tool", "retrieval"})
_WORK_KEYS = frozenset({"gen_ai.agent.name", "workflow.id", "mcp.session.id"})
_OPERATION_KEYS = ("mcp.method.name", "gen_ai.operation.name")
_KEYS = SESSION_KEYS | _A2A_KEYS | _WORK_KEYS | frozenset(_OPERATION_KEYS)
_SENDING, _ASKED = frozenset({"tool"}), frozenset({"agent", "model"})
_SETS_UP = frozenset({"create_agent", "workflow.build", "notifications/initialized"})


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Content, as a digest, and when it was made or first shown."""

    digest: str
    at_ns: int
    is_call: bool
    """It is a tool call with its id, not text."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What a run shows that other traces may show as well."""

    first_ns: int
    last_ns: int
    is_fragment: bool = False
    """It is bare calls, without an agent or a workflow around them."""
    names: frozenset[str] = frozenset()
    """What its outermost spans are called."""
    services: frozenset[str] = frozenset()
    """Which processes its spans are of, as far as their resources tell them apart."""
    sessions: frozenset[str] = frozenset()
    exchanges: frozenset[str] = frozenset()
    """Ids of A2A tasks and messages."""
    works_for: frozenset[str] = frozenset()
    """Agents and workflow ids that are named in it."""
    sets_up: frozenset[str] = frozenset()
    """Where it only sets agents or workflows up: which."""
    was_set_up: frozenset[str] = frozenset()
    """What joined traces set up for it: that is done once for a run."""
    sends: frozenset[str] = frozenset()
    """Digests of the beginnings of what its tools asked while they called a remote agent."""
    gets: frozenset[str] = frozenset()
    """The same of what was asked of it, where it is a remote agent's own trace."""
    made: tuple[Mark, ...] = ()
    """What its models generated."""
    taken: tuple[Mark, ...] = ()
    """What its models were given beside the user's and the system's own words."""


class _Seen(NamedTuple):
    """What is needed of most spans: they are decoded only where more is."""

    span: RawSpan
    name: str
    texts: Mapping[str, str]


def marks_of(
    spans: Sequence[RawSpan], logs: Iterable[LogRecord], rules: Iterable[JoinBy]
) -> Marks | None:
    """Return the marks of a run, as far as ``rules`` ask for them; ``None`` without spans."""
    if not spans:
        return None
    by = frozenset(rules)
    ids = {span.span_id for span in spans}
    seen = [_Seen(span, *span.glimpse(_KEYS)) for span in spans]
    roots = [each for each in seen if each.span.parent_id not in ids]
    is_fragment = _is_fragment(spans, [each.span for each in roots])
    sends, gets = _remote(seen) if "a2a" in by else (frozenset(), frozenset())
    made: tuple[Mark, ...] = ()
    taken: tuple[Mark, ...] = ()
    if is_fragment and "history" in by:
        made, taken = _contents(spans, logs)
    return Marks(
        first_ns=min(span.start_ns for span in spans),
        last_ns=max(span.end_ns for span in spans),
        is_fragment=is_fragment,
        names=frozenset(each.name for each in roots),
        services=frozenset(map(process_of, spans)),
        sessions=frozenset(_sessions(seen)) if "session" in by else frozenset(),
        exchanges=frozenset(_values(seen, _A2A_KEYS)) if "a2a" in by else frozenset(),
        works_for=frozenset(_values(seen, _WORK_KEYS)),
        sets_up=_set_up(seen),
        sends=sends,
        gets=gets,
        made=made,
        taken=taken,
    )


def combined(one: Marks, other: Marks) -> Marks:
    """Return the marks of two runs that became one."""
    return Marks(
        first_ns=min(one.first_ns, other.first_ns),
        last_ns=max(one.last_ns, other.last_ns),
        is_fragment=one.is_fragment and other.is_fragment,
        names=one.names | other.names,
        services=one.services | other.services,
        sessions=one.sessions | other.sessions,
        exchanges=one.exchanges | other.exchanges,
        works_for=one.works_for | other.works_for,
        was_set_up=one.was_set_up | other.was_set_up | one.sets_up | other.sets_up,
        sends=one.sends | other.sends,
        made=(*one.made, *other.made)[-MAX_MARKS_COUNT:],
        taken=(*one.taken, *other.taken)[-MAX_MARKS_COUNT:],
    )


def _is_fragment(spans: Sequence[RawSpan], roots: Sequence[RawSpan]) -> bool:
    return len(spans) <= MAX_FRAGMENT_SPANS_COUNT and all(
        recognise(believed(root), SHIPPED).kind in _CALLS for root in roots
    )


def _sessions(seen: Iterable[_Seen]) -> Iterator[str]:
    ours = (each for each in seen if each.span.scope.name not in _OWN_CONVERSATIONS)
    return _values(ours, SESSION_KEYS)


def _values(seen: Iterable[_Seen], keys: frozenset[str]) -> Iterator[str]:
    return (text for each in seen for key, text in each.texts.items() if key in keys)


def _set_up(seen: Sequence[_Seen]) -> frozenset[str]:
    """Return what a trace sets up if it does nothing else."""
    for each in seen:
        if _SETS_UP.isdisjoint((each.name, *map(each.texts.get, _OPERATION_KEYS))):
            return frozenset()
    return frozenset(_values(seen, _WORK_KEYS))


def _remote(seen: Sequence[_Seen]) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a run asked remote agents over A2A, or what it was asked as one."""
    calls = any(each.name.startswith(CLIENT) for each in seen)
    serves = not calls and any(each.name.startswith(SERVER) for each in seen)
    if not calls and not serves:
        return frozenset(), frozenset()
    found: set[str] = set()
    kinds = _SENDING if calls else _ASKED
    for each in seen if len(seen) <= MAX_REMOTE_SPANS_COUNT else ():
        if each.name.startswith(("a2a.", "GET", "POST")):
            continue
        span = believed(each.span)
        if recognise(span, SHIPPED).kind in kinds:
            step = understand(span)
            found.update(sha256_of(text) for text in (_sent(step) if calls else _asked(step)))
    return (frozenset(found), frozenset()) if calls else (frozenset(), frozenset(found))


def _sent(step: Step) -> Iterator[str]:
    if step.kind in _SENDING and step.arguments is not None:
        yield from probes(step.arguments.value)


def _asked(step: Step) -> Iterator[str]:
    if step.kind in _ASKED:
        for message in step.input_messages:
            if message.role == "user":
                # What was cut on the way still starts like what was sent.
                yield from probes([message.text, *message.text.splitlines()])


def _contents(
    spans: Sequence[RawSpan], logs: Iterable[LogRecord]
) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    by_span: dict[str, list[LogRecord]] = {}
    for record in logs:
        by_span.setdefault(record.span_id, []).append(record)
    made: list[Mark] = []
    taken: list[Mark] = []
    for span in spans:
        step = understand(believed(span), by_span.get(span.span_id, ()))
        if step.kind == "model":
            made.extend(_made(step))
            taken.extend(_taken(step))
    return tuple(made[:MAX_MARKS_COUNT]), tuple(taken[:MAX_MARKS_COUNT])


def _made(step: Step) -> Iterator[Mark]:
    """Yield what a model generated: its calls, and its words that it was not given itself."""
    given = folded("\n".join(m.text for m in (*step.system, *step.input_messages)))
    at_ns = step.span.end_ns
    for message in step.output_messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                if part.id:
                    yield Mark(digest=_call_digest(part), at_ns=at_ns, is_call=True)
                said = texts_of(part.arguments)
            else:
                said = iter((part.content,)) if isinstance(part, TextPart) else iter(())
            for text in said:
                for line in _lines(text):
                    if line not in given:
                        yield Mark(digest=sha256_of(line), at_ns=at_ns, is_call=False)


def _taken(step: Step) -> Iterator[Mark]:
    """Yield what a model was given that another model may have generated.

    Of calls only those since the user last spoke: older ones belong to earlier turns. Of texts not
    those that the model said itself.
    """
    at_ns = step.span.start_ns
    for message in _since_the_user(step.input_messages):
        for part in message.parts:
            if isinstance(part, ToolCallPart) and part.id:
                yield Mark(digest=_call_digest(part), at_ns=at_ns, is_call=True)
    for message in (*step.system, *step.input_messages):
        for text in _told(message):
            for line in _lines(text):
                yield Mark(digest=sha256_of(line), at_ns=at_ns, is_call=False)


def _since_the_user(messages: Sequence[Message]) -> Sequence[Message]:
    spoken = [
        i
        for i, message in enumerate(messages)
        if message.role == "user" and any(isinstance(part, TextPart) for part in message.parts)
    ]
    return messages[spoken[-1] + 1 :] if spoken else messages


def _told(message: Message) -> Iterator[str]:
    if message.role == "assistant":
        return
    for part in message.parts:
        if isinstance(part, TextPart):
            yield part.content
        elif isinstance(part, ToolResultPart):
            yield from texts_of(part.result)


def _lines(text: str) -> Iterator[str]:
    """Yield a text and its lines, folded, as far as they are long enough to be somebody's own."""
    whole = folded(text)
    if len(whole) >= MIN_WORDS_CHARS:
        yield whole
        for line in text.splitlines():
            short = folded(line)
            if MIN_WORDS_CHARS <= len(short) < len(whole):
                yield short


def _call_digest(part: ToolCallPart) -> str:
    return sha256_of([part.id, part.name, part.arguments or {}])
