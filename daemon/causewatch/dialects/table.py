"""The form of a dialect: where its spans keep what, as data.

A dialect is a list of conditions that recognise it, ordered rules that give a step its kind, and
for each field of a step the places where it may be found. A new dialect is a new table; the code
does not change.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.model.step import StepKind

Format = Literal[
    "text", "payload", "messages", "parts", "events", "flat_messages", "flat_documents",
    "documents", "flat_evaluations", "evaluation_events",
]  # fmt: skip
"""How a value is read.

``text``: a string; a list, or a JSON list in a string, gives its first item.
``payload``: any value, unwrapped to its core (see ``unwrap``).
``messages``: chat messages in any of the shapes that ``messages`` knows.
``parts``: the parts of one system message.
``events``: chat messages, one a span event or log record.
``flat_messages``, ``flat_documents``: the same, flattened into indexed attributes under ``prefix``.
``documents``: retrieved documents.
``flat_evaluations``: judgements of the step, flattened; ``evaluation_events``: one an event or log
record.
"""

Field = Literal[
    "operation", "agent", "agent_id", "workflow", "session", "model", "tool", "call_id",
    "arguments", "result", "input", "output", "system", "input_messages", "output_messages",
    "query", "documents", "finish_reason", "error_type", "error_message",
    "handoff_from", "handoff_to", "handoff_mode",
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens", "cost", "evaluations",
]  # fmt: skip
"""The fields of a ``Step``, and of its ``Usage``, that a dialect may fill."""


GRAPH_NODE = "a node of a graph"
"""``why`` of a rule for spans that run one named node of a graph of steps. Whether such a node is
an agent shows only in the tree."""


class Source(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One place where a field may be found; the first place that holds something wins.

    Exactly one of ``key``, ``prefix``, ``events`` (with ``key``) and ``span`` says where; ``path``
    then goes into a JSON value, ``pattern`` (linear by construction: no nested repetition) keeps
    its first group.
    """

    key: str = ""
    """A span attribute, or, with ``events``, an attribute of such an event."""
    prefix: str = ""
    """The common start of flattened attributes, with its last dot."""
    events: tuple[str, ...] = ()
    """Names of span events, or of log records that belong to the span."""
    span: Literal["", "name", "status_message"] = ""
    path: str = ""
    """Dotted path into the attribute's JSON value."""
    pattern: str = ""
    at_end: bool = False
    """Look for ``pattern`` in the end of a long text rather than at its start."""
    fmt: Format = "text"
    kinds: tuple[StepKind, ...] = ()
    """Only for steps of these kinds; empty for all."""
    role: str = "user"
    """For plain text where messages are expected: who says it."""
    absent: tuple[str, ...] = ()
    """Texts that this framework writes here where it has nothing to say."""
    pick: Literal["", "asked", "said"] = ""
    """Of a list of message events: what the model was asked, or what it said."""
    fallback: bool = False
    """Only where no dialect of the span knows better: the span's own name for a tool's."""


class When(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One condition on a span: all that is given must hold."""

    key: str = ""
    """This attribute is there; with ``values``, one of them; with ``path``, inside of its JSON."""
    path: str = ""
    values: tuple[str, ...] = ()
    equals_name: bool = False
    """The value is the span's own name."""
    equals_key: str = ""
    """The value is that of this other attribute."""
    pattern: str = ""
    """The value matches this pattern from its start."""
    prefix: str = ""
    """Some attribute starts so."""
    scope: str = ""
    scope_prefix: str = ""
    event_prefix: str = ""
    """Some span event's name starts so."""
    name: str = ""
    """The span's name matches this pattern from its start."""
    root: bool = False
    """The span has no parent."""
    child: bool = False
    """The span has a parent."""
    negate: bool = False


class KindRule(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Spans for which all of ``when`` hold are steps of this kind."""

    kind: StepKind
    when: tuple[When, ...]
    why: str
    """What the rule goes by, for ``causewatch dialects explain``."""


class FieldRule(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where one field of a step may be found, best place first."""

    field: Field
    sources: tuple[Source, ...]
    together: bool = False
    """All sources count, not only the first: each holds some parts of one message."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One way in which AI spans are written. Compared by identity: tables are constants.

    A span may match several dialects: the one with the lowest ``priority`` gives the kind, the
    others fill what it leaves open. An ``overlay`` gives the kind only when no other does.
    """

    id: str
    title: str
    priority: int
    detect: tuple[When, ...]
    kinds: tuple[KindRule, ...] = ()
    fields: tuple[FieldRule, ...] = ()
    overlay: bool = False
    shipped: bool = True
    """Part of causewatch, and not from a user's file."""
    closed: tuple[Field, ...] = ()
    """Fields that a dialect of lower priority may not fill: there they hold something else."""


def keys(*names: str, kinds: tuple[StepKind, ...] = ()) -> tuple[Source, ...]:
    """Return plain text sources for these attributes."""
    return tuple(Source(key=name, kinds=kinds) for name in names)


def payloads(*names: str, kinds: tuple[StepKind, ...] = ()) -> tuple[Source, ...]:
    """Return payload sources for these attributes."""
    return tuple(Source(key=name, fmt="payload", kinds=kinds) for name in names)


def fields(together: tuple[str, ...] = (), /, **rules: tuple[Source, ...]) -> tuple[FieldRule, ...]:
    """Return the field rules of a table, checked against the fields that exist.

    Args:
        together: fields of which each source holds a part.
        rules: the sources of each field, best first.
    """
    return tuple(
        FieldRule(field=msgspec.convert(name, Field), sources=sources, together=name in together)
        for name, sources in rules.items()
    )
