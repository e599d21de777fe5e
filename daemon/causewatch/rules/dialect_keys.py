"""The keys of dialect files, as data: the loader reads by them, the JSON Schema is made of them."""

from __future__ import annotations

from typing import get_args

from causewatch.dialects.table import Field
from causewatch.model.step import StepKind
from causewatch.rules.shape import Boolean, Choice, Either, Key, ListOf, Shape, Text

KINDS: tuple[str, ...] = get_args(StepKind)
FIELDS: tuple[Field, ...] = get_args(Field)
_NAME = Text(not_empty=True)

_CONDITION = (
    Key(
        name="attribute",
        kind=_NAME,
        doc="A span attribute that is there; with a `*` at its end, any that starts so.",
    ),
    Key(name="path", kind=_NAME, doc="Dotted path into the attribute's JSON value."),
    Key(
        name="is",
        kind=Either(scalar=Text(), full=ListOf(item=Text())),
        doc="What the attribute's value must be, or a list of such values.",
    ),
    Key(name="like", kind=_NAME, doc="The value as a glob: `*` is any text."),
    Key(name="scope", kind=_NAME, doc="Instrumentation scope; with a `*` at its end, its start."),
    Key(name="event", kind=_NAME, doc="Some span event's name starts so."),
    Key(name="name", kind=_NAME, doc="The span's name as a glob: `*` is any text."),
    Key(name="root", kind=Boolean(), doc="Whether the span has no parent."),
    Key(name="not", kind=Boolean(), doc="Turns the condition round."),
)
CONDITION = Shape(name="condition", keys=_CONDITION)

KIND = Shape(
    name="rule for a kind",
    keys=(
        Key(
            name="kind", kind=Choice(words=KINDS), required=True, doc="What kind of step it gives."
        ),
        *_CONDITION,
        Key(name="and", kind=ListOf(item=CONDITION), doc="Further conditions that must hold."),
    ),
)

SOURCE = Shape(
    name="place",
    keys=(
        Key(
            name="attribute",
            kind=_NAME,
            doc="A span attribute, or one of the event; with `.*` at its end, flattened ones.",
        ),
        Key(
            name="event",
            kind=Either(scalar=_NAME, full=ListOf(item=_NAME)),
            doc="Name, or names, of span events or log records that hold it.",
        ),
        Key(
            name="span",
            kind=Choice(words=("name", "status_message")),
            doc="A part of the span itself.",
        ),
        Key(name="path", kind=_NAME, doc="Dotted path into the attribute's JSON value."),
        Key(name="like", kind=_NAME, doc="A glob with one `*`, which stands for what is taken."),
        Key(
            name="kinds",
            kind=ListOf(item=Choice(words=KINDS)),
            doc="Only on steps of these kinds; on all unless told.",
        ),
        Key(
            name="role",
            kind=Choice(words=("user", "assistant", "system", "tool")),
            doc="Who says plain text, where messages are expected.",
        ),
        Key(
            name="absent",
            kind=ListOf(item=Text()),
            doc="Texts that stand there when there is nothing to say.",
        ),
    ),
)
_PLACES = Either(scalar=_NAME, full=ListOf(item=Either(scalar=_NAME, full=SOURCE)))

_DOCS: dict[Field, str] = {
    "operation": "Raw name of the operation.",
    "agent": "Name of the agent that does this step.",
    "agent_id": "Stable id of that agent.",
    "workflow": "Name of the workflow.",
    "session": "Conversation, session or thread.",
    "model": "Name of the model.",
    "tool": "Name of the tool.",
    "call_id": "Id by which a tool call, its span and its result are joined.",
    "arguments": "What was sent to the tool.",
    "result": "What the tool returned.",
    "input": "What an agent or workflow was told.",
    "output": "What it answered.",
    "system": "System instructions.",
    "input_messages": "Messages that a model was shown.",
    "output_messages": "Messages that it answered.",
    "query": "Query of a retrieval.",
    "documents": "Documents that a retrieval returned.",
    "finish_reason": "Why the model stopped.",
    "error_type": "Type of an error.",
    "error_message": "What an error says.",
    "handoff_from": "The agent that hands over.",
    "handoff_to": "The agent that takes over.",
    "handoff_mode": "`pass_control` or `return_to_caller`.",
    "input_tokens": "Tokens in, cached ones included.",
    "output_tokens": "Tokens out.",
    "total_tokens": "Both.",
    "cache_read_tokens": "Tokens in that came from a cache.",
    "cache_write_tokens": "Tokens in that were put into a cache.",
    "reasoning_tokens": "Tokens out that were reasoning.",
    "cost": "Cost, in US dollars unless your spans mean another currency.",
    "evaluations": "Judgements of the step: flattened attributes, or events.",
}
FIELD_KEYS = Shape(
    name="fields mapping",
    keys=tuple(Key(name=field, kind=_PLACES, doc=_DOCS[field]) for field in FIELDS),
)

DIALECT = Shape(
    name="dialect",
    keys=(
        Key(name="dialect", kind=_NAME, required=True, doc="Its id: lower case, digits, `_`."),
        Key(name="title", kind=_NAME, doc="What people call it; its id unless told."),
        Key(
            name="detect",
            kind=ListOf(item=CONDITION),
            required=True,
            doc="How its spans are recognised; one condition is enough.",
        ),
        Key(
            name="kinds",
            kind=ListOf(item=KIND),
            doc="What kind of step a span is; the first rule that holds decides.",
        ),
        Key(
            name="fields",
            kind=FIELD_KEYS,
            doc="Where each field is: an attribute, or a list of places, best first.",
        ),
        Key(
            name="overlay",
            kind=Boolean(),
            doc="Only adds to other dialects: it gives a kind where no other does.",
        ),
    ),
)

DIALECT_FILE = Shape(
    name="dialect file",
    keys=(Key(name="dialects", kind=ListOf(item=DIALECT), required=True, doc="The dialects."),),
)
