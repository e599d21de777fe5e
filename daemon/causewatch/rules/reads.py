"""What one field that a rule reads asks for: against a constant, equal to another, or as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, cast

from causewatch.dialects.table import Field as DialectField
from causewatch.likeness.asked import NAME, STATUS_MESSAGE, Check, Put
from causewatch.likeness.keys import ID
from causewatch.rules.asking import Asking
from causewatch.rules.subject import USAGE
from causewatch.signatures.classify import parts_of
from causewatch.signatures.fragments import Gap, fragments_of
from causewatch.signatures.syntax import (
    Attribute,
    CompareOperator,
    Field,
    Intrinsic,
    Static,
)

Ask: TypeAlias = "Callable[[Asking], None]"
_TOLD = frozenset(
    {"span:kind", "span:status", "span:childCount", "trace:rootService", "event:name",
     "instrumentation:name", "instrumentation:version", "nestedSetLeft", "nestedSetRight",
     "nestedSetParent"}
)  # fmt: skip
"""Intrinsics that are equal in runs of one likeness."""
_TEXTS = {"span:name": NAME, "trace:rootName": NAME, "span:statusMessage": STATUS_MESSAGE}
IDS = frozenset(
    {"span:id", "span:parentID", "trace:id", "link:traceID", "link:spanID",
     "causewatch.handoff.sender.span_id", "causewatch.handoff.receiver.span_id"}
)  # fmt: skip
"""Each run's own; which of them are equal is its structure."""
_DERIVED = "causewatch."
NAMES = frozenset(
    _DERIVED + name for name in ("agent", "workflow", "tool", "handoff.from", "handoff.to")
)
_SESSION = _DERIVED + "session"
_UNTOLD = (".sha256", "handoff.delta", "handoff.checksum")
"""How the names of derived attributes end that only a judged run has."""
BYTES = ".bytes"
PAYLOADS: dict[str, DialectField] = {
    "causewatch.args.sha256": "arguments",
    "causewatch.result.sha256": "result",
}
RISING = frozenset({">", ">="})
_PARTS_OF_IDS = frozenset("0123456789abcdefABCDEF-")


class UntoldError(Exception):
    """Nothing can be said about what a rule reads; the text is its name."""


def size_above(limit: float) -> Ask:
    """Ask whether no payload is larger than so many bytes."""
    return lambda asking: asking.size(limit)


def leaf(read: Attribute | Intrinsic, operator: str, value: Static) -> Iterator[Ask]:
    """Ask how what is read compares with a constant."""
    name = read.name
    if isinstance(read, Intrinsic):
        yield from _of_intrinsic(name, operator, value)
        return
    if read.scope == "link":
        raise UntoldError(f"link.{name}")
    if is_derived(read):
        yield from _of_derived(name, operator, value)
    if operator in {"=~", "!~"}:
        pattern = str(value)
        yield lambda asking: asking.pattern(name, pattern)
        return
    yield lambda asking: asking.value(name, value)
    if name in USAGE.values() and is_number(value):
        sign, number = cast("CompareOperator", operator), cast("float", value)
        yield lambda asking: asking.test(
            Check(
                left=(Put(variable=asking.variable(name)),),
                operator=sign,
                right=(Put(number=number),),
            )
        )


def _of_intrinsic(name: str, operator: str, value: Static) -> Iterator[Ask]:
    if name in _TEXTS:
        key = _TEXTS[name]
        if operator in {"=~", "!~"}:
            yield lambda asking: asking.pattern(key, str(value))
        else:
            yield lambda asking: asking.value(key, value)
    elif name == "span:duration" and is_number(value):
        yield lambda asking: asking.duration(cast("float", value))
    elif name == "trace:duration" and is_number(value):
        yield lambda asking: asking.trace(cast("float", value))
    elif name == "span:parentID" and value == "" and operator in {"=", "!="}:
        pass
    elif name not in _TOLD:
        raise UntoldError(name)


def _of_derived(name: str, operator: str, value: Static) -> Iterator[Ask]:
    if name == _SESSION:
        yield from _of_session(operator, str(value))
    elif name.endswith(BYTES) and operator in RISING:
        yield size_above(cast("float", value) - (operator == ">="))
    elif name.endswith((*_UNTOLD, BYTES)) or name in IDS:
        raise UntoldError(name)
    elif name in NAMES:
        yield from _of_name(operator, str(value))


def _of_session(operator: str, text: str) -> Iterator[Ask]:
    def ask(asking: Asking) -> None:
        for key in asking.session_keys():
            if operator in {"=~", "!~"}:
                asking.pattern(key, text)
            else:
                asking.value(key, text)

    yield ask


def _of_name(operator: str, text: str) -> Iterator[Ask]:
    if operator in {"=", "!="}:
        if (ids := ID.findall(text)) or "#" in text:
            yield lambda asking: asking.names(ids)
    elif operator not in {"=~", "!~"} or not _is_free_of_ids(text):
        yield lambda asking: asking.whole_names()


def _is_free_of_ids(pattern: str) -> bool:
    """Tell whether a name fits or not whatever ids are in it: a likeness has them as ``#``."""
    found = fragments_of(pattern)
    if found is None:
        return False
    for alternative in found.alternatives:
        for i, part in enumerate(alternative):
            if part is Gap.SOME:
                return False
            if isinstance(part, Gap):
                continue
            ends = part[:1] if i > 0 else "", part[-1:] if i + 1 < len(alternative) else ""
            if any(end in _PARTS_OF_IDS for end in ends if end):
                return False
            if any(char.isdigit() or char == "#" for char in part):
                return False
    return True


def presence(read: Attribute | Intrinsic) -> Iterator[Ask]:
    """Ask whether there is a value."""
    name = read.name
    if isinstance(read, Attribute):
        if read.scope == "link":
            raise UntoldError(f"link.{name}")
        yield lambda asking: asking.value(name, None)


def is_placed(read: Field) -> bool:
    """Tell whether of a field's values it is enough to know where equal ones were."""
    if isinstance(read, Intrinsic):
        return read.name in _TEXTS
    if not isinstance(read, Attribute) or read.scope not in {"span", "event"}:
        return False
    return read.name not in USAGE.values() and not is_derived(read)


def equality(field: Field) -> Iterator[Ask]:
    """Ask which values of a field are equal."""
    match field:
        case Intrinsic(name=name) if name in _TEXTS:
            key = _TEXTS[name]
            yield lambda asking: asking.same(key)
        case Attribute(name=name) if is_derived(field) and name in NAMES:
            yield lambda asking: asking.names()
            yield lambda asking: asking.same(name)
        case Attribute(name=name) if name in PAYLOADS:
            kind = PAYLOADS[name]
            yield lambda asking: asking.digests(kind, "")
        case Attribute(name=name) if is_placed(field):
            yield lambda asking: asking.same(name)
        case _:
            yield from whole(field)


def whole(part: Field) -> Iterator[Ask]:
    """Ask for all that is read: then whatever is made of it is the same."""
    for read in parts_of(part):
        if isinstance(read, Intrinsic):
            if read.name in _TEXTS:
                key = _TEXTS[read.name]
                yield _whole_of(key)
            elif read.name not in _TOLD:
                raise UntoldError(read.name)
        elif isinstance(read, Attribute):
            yield from _whole_attribute(read)


def _whole_of(key: str) -> Ask:
    return lambda asking: asking.whole(key)


def _whole_attribute(read: Attribute) -> Iterator[Ask]:
    name = read.name
    if read.scope == "link":
        raise UntoldError(f"link.{name}")
    if is_derived(read):
        if name.endswith((*_UNTOLD, BYTES)) or name in IDS or name == _SESSION:
            raise UntoldError(name)
        if name in NAMES:
            yield lambda asking: asking.whole_names()
    yield lambda asking: asking.whole(name)
    if name in USAGE.values():
        yield lambda asking: asking.whole_usage(name)


def is_derived(read: Attribute | Intrinsic) -> bool:
    """Tell whether causewatch derives what is read."""
    return (
        isinstance(read, Attribute)
        and read.scope in {"", "span"}
        and read.name.startswith(_DERIVED)
    )


def is_number(value: Static) -> bool:
    """Tell whether a constant is a number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
