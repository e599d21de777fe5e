"""References such as ``source.span.causewatch.tool``, which rules use as labels."""

from __future__ import annotations

import msgspec

from causewatch.model.value import Value
from causewatch.signatures.columns import Cell, attribute_column, intrinsic_column
from causewatch.signatures.cursor import Cursor
from causewatch.signatures.error import SignatureError
from causewatch.signatures.lexer import tokens_of
from causewatch.signatures.parse_field import parse_reference_token
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import Attribute, Intrinsic, Kind, Status


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the span that a name stands for.

    Attributes:
        name: the ``as`` name; empty where the reference names none (``span.x``, ``name``).
        scope: ``span``, ``resource``, ``instrumentation`` or empty; for an intrinsic its own scope.
        attribute: the attribute's name, or the intrinsic's name such as ``duration``.
    """

    name: str
    scope: str
    attribute: str
    field: Attribute | Intrinsic


def parse_reference(text: str) -> Reference:
    """Read one reference: ``a.span.x``, ``a.resource.x``, ``a:duration``, ``span.x``, ``name``.

    Raises:
        SignatureError: for anything else, and for events and links, of which a span has many.
    """
    cursor = Cursor(text, tokens_of(text))
    field = parse_reference_token(cursor)
    if cursor.token.kind != "end":
        cursor.fail("the end")
    name = field.owner
    if name == "parent":
        raise _refused(text, "the parent cannot be referred to here")
    if isinstance(field, Intrinsic):
        scope, _, attribute = field.name.rpartition(":")
    else:
        scope, attribute = field.scope, field.name
    if scope in {"event", "link"}:
        raise _refused(text, "a span may have many events and links, so none can be referred to")
    return Reference(name=name, scope=scope, attribute=attribute, field=field)


def _refused(text: str, message: str) -> SignatureError:
    return SignatureError("unsupported", message, text=text, offset=0)


def attribute_of(
    subject: Subject, index: int, reference: Reference | Attribute | Intrinsic | str
) -> Value:
    """Return what a reference gives on one node, or ``None`` where the node has no such thing.

    Enums come back as their word, such as ``error``; durations and times in nanoseconds.

    Raises:
        SignatureError: for a text that ``parse_reference`` refuses.
    """
    if isinstance(reference, str):
        reference = parse_reference(reference)
    field = reference.field if isinstance(reference, Reference) else reference
    if isinstance(field, Intrinsic):
        return _plain(intrinsic_column(subject, field.name)[index])
    return _plain(attribute_column(subject, field.scope, field.name)[index])


def _plain(cell: Cell) -> Value:
    return cell.value if isinstance(cell, (Status, Kind)) else cell
