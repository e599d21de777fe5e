"""What became of the context at each handoff of a run: whether it is intact, what changed, where.

This needs no contract. It is made when somebody looks at it, since digests and patches cost more
than most rules need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from causewatch.contracts.chain import checksums_of
from causewatch.contracts.difference import differences
from causewatch.contracts.equality import only_text, parsed, same
from causewatch.contracts.hashed import has_own_content
from causewatch.contracts.patch import MAX_PATCH_BYTES, Patch, patch_between
from causewatch.contracts.pointer import pointer_of
from causewatch.graph.imprints import Break, breaks_between
from causewatch.model.expectation import Boundary
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.imprint import Claim
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.value import Value

MAX_SHOWN_COUNT = 3
MAX_LEAVES_COUNT = 5_000
MAX_CONTAINED_CHARS = 1_000_000
HISTORY_SUFFIX = "input.messages"
"""Where what was sent was read from if the handoff itself carried no payload."""

_LIVE = re.compile(r"<[\w.]{1,200} object at 0x[0-9a-fA-F]{1,16}>")

Standing = Literal["checked", "unchecked", "wrong"]
_Found = tuple[bool | None, Patch | None, str]


def boundaries_of(
    graph: CausalGraph, redact: Mapping[int, Sequence[str]] | None = None
) -> tuple[Boundary, ...]:
    """Return the boundary of each handoff of a run, in their order.

    ``redact`` gives, by the index of a handoff, the JSON pointers that its contracts redact.
    """
    pointers = redact or {}
    return tuple(
        boundary_of(handoff, index, checksum, pointers.get(index, ()))
        for index, (handoff, checksum) in enumerate(
            zip(graph.handoffs, checksums_of(graph), strict=True)
        )
    )


def boundary_of(
    handoff: Handoff, index: int = 0, checksum: str = "", redact: Sequence[str] = ()
) -> Boundary:
    """Return the boundary of one handoff, by itself."""
    intact, patch, summary = _compared(handoff, redact)
    if patch is not None and patch.shortened:
        summary += "; the delta is shortened"
    if handoff.claim is not None and handoff.claim.wrong:
        sides = " and ".join(handoff.claim.wrong)
        summary += f"; the digest claimed of what was {sides} is not that of the recorded content"
    return Boundary(
        handoff=index,
        intact=intact,
        delta=patch.text if patch is not None else "",
        summary=summary,
        checksum=checksum,
    )


def standing_of(handoff: Handoff) -> Standing | None:
    """Return what became of the digests that agents claim of a handoff, ``None`` without any.

    *wrong*: content that is recorded beside one has another digest; *checked*: it has that digest;
    *unchecked*: there is no content to check it by, or the digests are made with a key.
    """
    if handoff.claim is None:
        return None
    if handoff.claim.wrong:
        return "wrong"
    return "checked" if has_own_content(handoff) and not handoff.claim.keyed else "unchecked"


def _compared(handoff: Handoff, redact: Sequence[str]) -> _Found:
    claim, sent, received = handoff.claim, handoff.sent, handoff.received
    has_prints = claim is not None and claim.sent is not None and claim.received is not None
    if claim is not None and has_prints and not has_own_content(handoff):
        return _of_imprints(claim)
    if sent is None or received is None or sent.cut or received.cut:
        return None, None, _unknown(handoff)
    if sent.key.endswith(HISTORY_SUFFIX) and not same(sent.value, received.value):
        return None, None, "the handoff itself carried nothing that is recorded"
    intact, patch, summary = _of_content(sent.value, received.value, redact)
    if intact is False and claim is None and not handoff.mechanical:
        # Nothing shows that code carried it: the receiver may have been told in other words.
        return None, patch, "what was received is not word for word what was sent"
    return intact, patch, summary


def _unknown(handoff: Handoff) -> str:
    """Say which side of a handoff is not known, or not whole."""
    for side, payload in (("sent", handoff.sent), ("received", handoff.received)):
        if payload is None:
            return f"what was {side} is not known"
        if payload.cut:
            return f"what was {side} was cut by telemetry"
    return ""


def _of_content(sent: Value, received: Value, redact: Sequence[str]) -> _Found:
    if same(sent, received):
        return True, None, "all of it arrived"
    place = ""
    text = only_text(sent)
    if text is not None and isinstance(sent, dict):
        # A one-string object and its string are one payload.
        if received == text or same(parsed(text), received):
            return True, None, "all of it arrived"
        if isinstance(received, str):
            place, sent = pointer_of(sent), text
    patch = patch_between(sent, received, place=place, redact=redact)
    if isinstance(received, str) and _is_contained(sent, received):
        return True, patch, "all of it arrived, with other text around it"
    found = [each for each in differences(sent, received) if not _is_live(each.sent)]
    if not found:
        return True, patch, "all of it arrived but for an object of the program"
    return False, patch, _told([(each.message, place + each.pointer) for each in found])


def _is_live(value: Value) -> bool:
    """Tell whether a value stands for an object of the running program, and holds nothing."""
    return isinstance(value, str) and _LIVE.fullmatch(value) is not None


def _is_contained(sent: Value, received: str) -> bool:
    """Tell whether each text and number of what was sent stands in a text that was received."""
    if len(received) > MAX_CONTAINED_CHARS:
        return False
    got = " ".join(received.split())
    leaves = list(_leaves(sent))
    return bool(leaves) and len(leaves) <= MAX_LEAVES_COUNT and all(each in got for each in leaves)


def _leaves(value: Value) -> Iterator[str]:
    pending = [value]
    left = MAX_LEAVES_COUNT + 1
    while pending and left:
        match pending.pop():
            case dict() as members:
                pending.extend(members.values())
            case list() as items:
                pending.extend(items)
            case bool() | None:
                continue
            case leaf:
                left -= 1
                yield " ".join(str(leaf).split())


def _of_imprints(claim: Claim) -> _Found:
    """Compare by digests and shapes; where they differ, the delta shows digests for values."""
    if claim.sent is None or claim.received is None:
        return None, None, ""
    found = breaks_between(claim.sent, claim.received)
    if not found:
        return True, None, "all of it arrived, by its digest"
    operations: list[dict[str, Value]] = []
    for each in found:
        operation = _operation(each, claim)
        if len(msgspec.json.encode([*operations, operation])) > MAX_PATCH_BYTES:
            break
        operations.append(operation)
    patch = Patch(
        text=msgspec.json.encode(operations).decode(), shortened=len(operations) < len(found)
    )
    return False, patch, _told([(each.message, each.pointer) for each in found])


def _operation(each: Break, claim: Claim) -> dict[str, Value]:
    before = claim.sent.fields.get(each.pointer) if claim.sent is not None else None
    after = claim.received.fields.get(each.pointer) if claim.received is not None else None
    if after is None and each.pointer:
        return {"op": "remove", "path": each.pointer}
    digest = after.digest if after is not None else claim.received.sha256 if claim.received else ""
    operation = "add" if before is None and each.pointer else "replace"
    return {"op": operation, "path": each.pointer, "value": f"sha256:{digest}", "shortened": True}


def _told(found: Sequence[tuple[str, str]]) -> str:
    """Return differences as a sentence; what stems from the payload stands in quotes."""
    parts = [
        f"{message} at “{_bounded(pointer)}”" if pointer else message
        for message, pointer in found[:MAX_SHOWN_COUNT]
    ]
    rest = len(found) - len(parts)
    more = [f"and {rest} more differences" if rest > 1 else "and 1 more difference"] if rest else []
    return "; ".join((*parts, *more)) or "the form differs"


def _bounded(text: str) -> str:
    limit = DEFAULT_PAYLOAD_LIMITS.max_excerpt_chars
    shown = "".join(c if c.isprintable() and c not in "“”" else " " for c in text[:limit])
    return shown if len(text) <= limit else shown[: limit - 1] + "…"
