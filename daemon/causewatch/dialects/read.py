"""Reads one field of a step from the places that a dialect names for it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

import msgspec

from causewatch.dialects.cut import any_cut, was_cut_at
from causewatch.dialects.events import messages_of
from causewatch.dialects.messages import read_messages, read_part
from causewatch.dialects.shape import at_path, parse_cached
from causewatch.dialects.table import Format, Source
from causewatch.dialects.unwrap import parse, raw_text, unwrap
from causewatch.dialects.view import View
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.span import Attributes
from causewatch.model.step import Document, Evaluation, Message, Payload, TextPart
from causewatch.model.value import Value

MAX_FLAT_INDEX_COUNT = 2_000
MAX_KEPT_CHARS = 4_096
"""Longer messages are read anew each time: keeping them would cost memory."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one source held; exactly one member is set, or none."""

    text: str = ""
    payload: Payload | None = None
    messages: tuple[Message, ...] = ()
    documents: tuple[Document, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    cut: bool = False
    call_id: str | None = None
    """The id of the call that a payload's envelope names; ``None`` where nobody looked for it."""


NOTHING = Reading()
Reader: TypeAlias = "Callable[[Source, View], Reading | None]"
_PLACEHOLDERS = frozenset(
    {"<not specified>", "<not serializable>", "__REDACTED__", "<redacted>", "[REDACTED]"}
)
"""What stands in the place of content that is not there: Google ADK's fillers, and what hides
content on purpose (OpenInference, Genkit, redaction in the Collector)."""
_OPENS_VALUE = ("[", '"')
"""How JSON begins where a text is expected."""
_MAX_NUMBER_CHARS = 64
_CHOICE = "gen_ai.choice"
_MATCHED_CHARS = 1_000


def read(source: Source, view: View) -> Reading | None:
    """Return what ``source`` holds on a span or on its log records, if anything."""
    if source.kinds and view.kind not in source.kinds:
        return None
    return reader_of(source)(source, view)


def reader_of(source: Source) -> Reader:
    """Return what reads a source of a step of the right kind."""
    return _READERS[source.fmt]


def _read_text(source: Source, view: View) -> Reading | None:
    key = _plain_key(source)
    if key:
        value = view.attributes.get(key)
        if isinstance(value, str) and value[:1] not in _OPENS_VALUE:
            return None if not value or value in _PLACEHOLDERS else Reading(text=value)
        if isinstance(value, int | float):
            return Reading(text=str(value))
    value = _raw(source, view)
    if value is None or value == "":
        return None
    text = _as_text(value)
    return Reading(text=text) if text else None


@lru_cache(maxsize=8192)
def _plain_key(source: Source) -> str:
    """Return the attribute of a source that is nothing but that: most are."""
    has_more = source.events or source.path or source.pick or source.pattern or source.absent
    return "" if has_more else source.key


def _read_payload(source: Source, view: View) -> Reading | None:
    value = _raw(source, view)
    if value is None or value == "":
        return None
    core = unwrap(value)
    cut = _may_be_cut(value, view)
    return Reading(
        payload=Payload(value=core.value, raw=raw_text(value), key=source.key, cut=cut),
        call_id=core.call_id if isinstance(value, str) else None,
    )


def _read_messages(source: Source, view: View) -> Reading | None:
    value = _raw(source, view)
    if value is None or value == "":
        return None
    messages = read_messages(value, source.role) or _answer(value, source.role)
    cut = _may_be_cut(value, view)
    return Reading(messages=messages, cut=cut) if messages or cut else None


def _read_system(source: Source, view: View) -> Reading | None:
    value = _raw(source, view)
    if value is None or value == "":
        return None
    messages = _system_message(value, source.role)
    return Reading(messages=messages, cut=_may_be_cut(value, view)) if messages else None


def _read_documents(source: Source, view: View) -> Reading | None:
    if source.events:
        hits = tuple(_found(attributes) for _, attributes in _events(source, view))
        return Reading(documents=hits) if hits else None
    value = _raw(source, view)
    documents = _documents(value)
    return Reading(documents=documents, cut=_may_be_cut(value, view)) if documents else None


def _read_judged(source: Source, view: View) -> Reading | None:
    judged = tuple(_judged(attributes) for _, attributes in _events(source, view))
    return Reading(evaluations=judged) if judged else None


def _may_be_cut(value: Value, view: View) -> bool:
    return view.has_mark((value,)) or (isinstance(value, str) and was_cut_at(value, view.limit))


def _raw(source: Source, view: View) -> Value:
    value: Value = None
    if source.events:
        found = (attributes.get(source.key) for _, attributes in _events(source, view))
        value = next((one for one in found if one is not None), None)
    elif source.key:
        value = view.span.attributes.get(source.key)
    elif source.span == "name":
        value = view.span.name
    elif source.span == "status_message":
        value = view.span.status_message
    if value is None or _is_filler(value) or value in source.absent:
        return None
    if source.path:
        value = at_path(parse_cached(value), source.path)
    if source.pick and value is not None:
        value = _picked(value, source.pick)
    if source.pattern:
        text = str(value or "")
        window = text[-_MATCHED_CHARS:] if source.at_end else text[:_MATCHED_CHARS]
        match = (re.search if source.at_end else re.match)(source.pattern, window)
        value = match.group(1) if match else None
    return value


def _is_filler(value: Value) -> bool:
    return isinstance(value, str) and value in _PLACEHOLDERS


def _picked(value: Value, pick: str) -> Value:
    """Return those of a list of message events that hold answers, or the others."""
    events = parse(value) if isinstance(value, str) else value
    if not isinstance(events, list):
        return None
    said = pick == "said"
    return [
        event
        for event in events
        if isinstance(event, dict) and (event.get("event.name") == _CHOICE) is said
    ]


def _answer(value: Value, role: str) -> tuple[Message, ...]:
    """Return an answer that is a JSON object of its own, no message, as its text."""
    content = parse(value) if isinstance(value, str) else value
    if role != "assistant" or not isinstance(content, dict) or not content:
        return ()
    return (Message(role=role, parts=(TextPart(content=raw_text(value)),)),)


def _as_text(value: Value) -> str:
    """Return a name or reason; of a list the first item; JSON is read."""
    if isinstance(value, str) and value[:1] in _OPENS_VALUE:
        value = parse(value)
    if isinstance(value, list):
        value = next((item for item in value if item), None)
    if isinstance(value, str):
        return "" if value in _PLACEHOLDERS else value
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _system_message(value: Value, role: str) -> tuple[Message, ...]:
    content = parse(value) if isinstance(value, str) else value
    items = content if isinstance(content, list) else [content]
    parts = tuple(part for item in items if (part := read_part(item)) is not None)
    return (Message(role=role, parts=parts),) if parts else ()


def _documents(value: Value) -> tuple[Document, ...]:
    content = parse(value) if isinstance(value, str) else value
    if isinstance(content, dict):
        content = content.get("documents", [content])
    items = content if isinstance(content, list) else []
    wanted = items[: DEFAULT_PAYLOAD_LIMITS.max_messages_per_step]
    return tuple(_document(item) for item in wanted if isinstance(item, dict))


def _found(attributes: Attributes) -> Document:
    """Read one hit of a vector store, as OpenLLMetry's instrumentors record it."""
    kind = "db.query.result."
    return Document(
        id=_as_text(attributes.get(kind + "id")),
        content=_as_text(attributes.get(kind + "document")),
        score=number(attributes.get(kind + "score")),
    )


def _document(item: dict[str, Value]) -> Document:
    nested = item.get("document")
    item = nested if isinstance(nested, dict) else item
    content = next((item[n] for n in ("content", "text", "page_content") if item.get(n)), "")
    return Document(
        id=_as_text(item.get("id")),
        content=content if isinstance(content, str) else _as_text(content),
        score=number(item.get("score")),
    )


def number(value: Value) -> float | None:
    """Return a finite number, given as one or as its text, else ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _MAX_NUMBER_CHARS:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _read_flat(source: Source, view: View) -> Reading | None:
    """Read attributes such as ``<prefix>0.message.content`` as the list they came from."""
    flat = view.flat.get(source.prefix)
    if not flat:
        return None
    if source.fmt == "flat_messages" and (each := _each_once(flat, source.role)) is not None:
        return Reading(messages=each, cut=_is_cut(flat, view)) if each else None
    items = unflatten((key, value) for key, value in flat if not _is_filler(value))
    if source.fmt == "flat_documents":
        documents = _documents(items)
        return Reading(documents=documents, cut=_is_cut(flat, view)) if documents else None
    if source.fmt == "flat_evaluations":
        judged = _evaluations(items)
        return Reading(evaluations=judged) if judged else None
    messages = tuple(m for item in items for m in read_messages(_listed(item), source.role))
    return Reading(messages=messages, cut=_is_cut(flat, view)) if messages else None


def _is_cut(flat: list[tuple[str, Value]], view: View) -> bool:
    return view.has_mark(value for _, value in flat) or any(
        isinstance(value, str) and len(value) >= 128 and was_cut_at(value, view.limit)
        for _, value in flat
    )


def _each_once(flat: list[tuple[str, Value]], role: str) -> tuple[Message, ...] | None:
    """Return flattened messages, or ``None`` where they are not plain enough to be told apart.

    Each turn of an agent repeats its whole history, so what was read of a message is kept.
    """
    items: dict[str, list[tuple[str, str]]] = {}
    for key, value in flat:
        index, _, rest = key.partition(".")
        if not rest or not isinstance(value, str) or not index.isdecimal() or len(index) > 9:
            return None
        if not _is_filler(value):
            items.setdefault(index, []).append((rest, value))
    if len(items) > MAX_FLAT_INDEX_COUNT:
        return None
    found: list[Message] = []
    for index in sorted(items, key=int):
        item = tuple(items[index])
        is_small = sum(len(value) for _, value in item) <= MAX_KEPT_CHARS
        found += (_flat_message if is_small else _flat_message.__wrapped__)(item, role)
    return tuple(found)


@lru_cache(maxsize=1024)
def _flat_message(item: tuple[tuple[str, str], ...], role: str) -> tuple[Message, ...]:
    listed = unflatten((f"0.{key}", value) for key, value in item)
    return tuple(m for each in listed for m in read_messages(_listed(each), role))


def _evaluations(items: list[Value]) -> tuple[Evaluation, ...]:
    """Read feedback as OpenInference flattens it: by a person or by an evaluator."""
    found: list[Evaluation] = []
    for item in items:
        inner = (
            item.get("evaluation", item.get("annotation", item)) if isinstance(item, dict) else 0
        )
        if isinstance(inner, dict):
            found.append(_evaluation(inner, "name", "score", "label", "explanation"))
    return tuple(found)


def _judged(attributes: Attributes) -> Evaluation:
    """Read one evaluation event of the OpenTelemetry GenAI conventions."""
    kind = "gen_ai.evaluation."
    return _evaluation(
        attributes, kind + "name", kind + "score.value", kind + "score.label", kind + "explanation"
    )


def _evaluation(
    values: Mapping[str, Value], name: str, score: str, label: str, explanation: str
) -> Evaluation:
    return Evaluation(
        name=_as_text(values.get(name)),
        score=number(values.get(score)),
        label=_as_text(values.get(label)),
        explanation=_as_text(values.get(explanation)),
    )


def _listed(item: Value) -> Value:
    """A flattened item that names neither role nor message gets its members as they are."""
    if isinstance(item, dict) and not ({"role", "message"} & set(item)):
        return {"role": "", **item} if "content" in item or "tool_calls" in item else item
    return item


def unflatten(flat: Iterable[tuple[str, Value]]) -> list[Value]:
    """Return the list of which these are the flattened leaves; numbers in a path are indices.

    Args:
        flat: dotted paths, each starting with an index, and the values there.
    """
    root: dict[str, object] = {}
    for key, value in flat:
        node = root
        *path, leaf = key.split(".")
        if len(path) > DEFAULT_PAYLOAD_LIMITS.max_json_depth:
            continue
        for name in path:
            inner = node.get(name)
            if not isinstance(inner, dict):
                inner = node[name] = {}
            node = inner
        node.setdefault(leaf, value)
    listed = _to_lists(root)
    return listed if isinstance(listed, list) else []


def _to_lists(node: object) -> Value:
    """Turn mappings whose keys are all numbers into lists, in the order of the numbers."""
    if not isinstance(node, dict):
        return node  # type: ignore[return-value]  # a leaf is an attribute's value
    if node and all(key.isdecimal() and len(key) < 10 for key in node):
        order = sorted(node, key=int)[:MAX_FLAT_INDEX_COUNT]
        return [_to_lists(node[key]) for key in order]
    return {key: _to_lists(value) for key, value in node.items()}


def _events(source: Source, view: View) -> list[tuple[str, Attributes]]:
    """Return the events that a source names, in order."""
    if view.event_names.isdisjoint(source.events):
        return []
    return [event for event in view.events if event[0] in source.events]


def _read_events(source: Source, view: View) -> Reading | None:
    """Read chat messages of which each came as one event; its name tells the role."""
    found: list[Message] = []
    cut = False
    for name, attributes in _events(source, view):
        found.extend(messages_of(name, attributes))
        cut = cut or any_cut(attributes) or view.has_mark(attributes.values())
    return Reading(messages=tuple(found), cut=cut) if found else None


_READERS: dict[Format, Reader] = {
    "text": _read_text,
    "payload": _read_payload,
    "messages": _read_messages,
    "parts": _read_system,
    "events": _read_events,
    "documents": _read_documents,
    "evaluation_events": _read_judged,
    "flat_messages": _read_flat,
    "flat_documents": _read_flat,
    "flat_evaluations": _read_flat,
}
