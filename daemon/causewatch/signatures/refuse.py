"""What Tempo's engine gives up on while it runs, so that raw answers are its answers.

The engine reads alternatives for one attribute (``span.x = "a" || span.x = "b"``, likewise ``=~``
with ``||``, ``!=`` and ``!~`` with ``&&``) as one test against a set, and fails where the attribute
is itself an array of such values. A rule, judged in our own terms, takes them for what they say.
"""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.signatures.classify import parts_of
from causewatch.signatures.columns import attribute_column, tag_of
from causewatch.signatures.error import SignatureError
from causewatch.signatures.signature import Signature
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import Attribute, Binary, Literally

_JOINED = {"=": "||", "=~": "||", "!=": "&&", "!~": "&&"}
"""By which operator alternatives of a comparison become one test against a set."""


def refused(signature: Signature, subject: Subject) -> SignatureError | None:
    """Return the error with which Tempo's engine answers over these spans, or ``None``."""
    for attribute, tag in set_tests(signature):
        if attribute.owner or attribute.scope in {"event", "link"}:
            continue
        for cell in attribute_column(subject, attribute.scope, attribute.name):
            if isinstance(cell, list) and cell and tag_of(cell[0]) == tag:
                return SignatureError(
                    "unsupported",
                    f"{attribute.name!r} is an array here, and Tempo cannot test an array against"
                    " alternatives; without --raw it can be asked",
                    text=signature.text,
                    offset=attribute.at,
                )
    return None


def set_tests(signature: Signature) -> Iterator[tuple[Attribute, str]]:
    """Yield each attribute that is tested against a set, with the type of the set's values."""
    for part in parts_of(signature.query.root):
        if isinstance(part, Binary) and part.operator in {"&&", "||"}:
            left, right = _test_of(part.left, part.operator), _test_of(part.right, part.operator)
            if left is not None and right is not None and _same(left, right):
                yield right[0], right[2]


def _test_of(field: object, joined_by: str) -> tuple[Attribute, str, str] | None:
    """Return attribute, operator and type of a comparison, or of a chain that became one."""
    if not isinstance(field, Binary):
        return None
    if field.operator == joined_by:
        left, right = _test_of(field.left, joined_by), _test_of(field.right, joined_by)
        return right if left is not None and right is not None and _same(left, right) else None
    if _JOINED.get(field.operator) != joined_by:
        return None
    if isinstance(field.left, Attribute) and isinstance(field.right, Literally):
        return field.left, field.operator, tag_of(field.right.value)
    return None


def _same(left: tuple[Attribute, str, str], right: tuple[Attribute, str, str]) -> bool:
    one, other = left[0], right[0]
    same_attribute = (one.scope, one.name, one.owner) == (other.scope, other.name, other.owner)
    return same_attribute and left[1:] == right[1:]
