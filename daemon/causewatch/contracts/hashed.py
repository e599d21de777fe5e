"""Checks a handoff of which agents tell only digests and shapes: pass and violated without content.

A digest that is equal proves that all of it arrived. One that differs proves that something
changed, and the shape says what; where a contract asks for more than both can tell, the verdict is
unverifiable and says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from causewatch.contracts.outcome import Outcome, Side
from causewatch.contracts.pointer import covers
from causewatch.contracts.shape import findings_in
from causewatch.contracts.spec import Compare, ContractSpec, SchemaSource
from causewatch.contracts.validate import apply_schema
from causewatch.graph.imprints import Break, breaks_between
from causewatch.model.graph import Handoff
from causewatch.model.imprint import Claim, Imprint
from causewatch.model.step import Payload

NO_SIDE_FIX = "instrument both agents with causewatch.instrument"
NO_CONTENT_FIX = "let causewatch.instrument record content"


def is_hashed(handoff: Handoff) -> bool:
    """Tell whether a handoff is told by its agents, and not with the whole content of both."""
    return handoff.claim is not None and not has_own_content(handoff)


def has_own_content(handoff: Handoff) -> bool:
    """Tell whether the spans of an instrumented handoff hold the content of both sides, whole."""
    return all(_own(side) is not None for side in (handoff.sent, handoff.received))


def _own(payload: Payload | None) -> Payload | None:
    """Return a payload that stands on an instrumented span itself, and is whole."""
    if payload is None or payload.cut or not payload.key.startswith("causewatch."):
        return None
    return payload


def check_hashed(handoff: Handoff, outcome: Outcome) -> None:
    """Check both sides of such a handoff against a contract's schemas, and compare them."""
    claim, contract = handoff.claim or Claim(), outcome.contract
    spec = contract.spec
    _check_side("sent", handoff.sent, claim.sent, claim, outcome)
    _check_side("received", handoff.received, claim.received, claim, outcome)
    if spec.compare is None:
        return
    if claim.sent is None or claim.received is None:
        side = "sent" if claim.sent is None else "received"
        outcome.gaps.append(f"no digest of what was {side} is recorded: {NO_SIDE_FIX}")
        return
    _compare(spec.compare, claim.sent, claim.received, outcome)


def _check_side(
    side: Side, payload: Payload | None, imprint: Imprint | None, claim: Claim, outcome: Outcome
) -> None:
    """Validate one side by its content where that is recorded, else by its shape."""
    contract = outcome.contract
    validators = contract.sent if side == "sent" else contract.received
    own = _own(payload)
    if own is not None:
        for validator in validators:
            apply_schema(validator, side, (own.value,), outcome)
        return
    if imprint is None and validators and contract.spec.compare is None:
        outcome.gaps.append(f"no digest of what was {side} is recorded: {NO_SIDE_FIX}")
    if imprint is None:
        return
    for source in _schemas(contract.spec, side):
        for found in findings_in(source.value, imprint, keyed=claim.keyed):
            if found.is_gap:
                place = f" at {found.pointer}" if found.pointer else ""
                outcome.gaps.append(f"of what was {side}, {found.message}{place}: {NO_CONTENT_FIX}")
            else:
                outcome.violate(
                    "schema", side, found.pointer, found.message, expected=f"“{found.keyword}”"
                )


def _schemas(spec: ContractSpec, side: Side) -> Iterable[SchemaSource]:
    own = spec.sent_schema if side == "sent" else spec.received_schema
    return [source for source in (spec.schema, own) if source is not None]


def _compare(demand: Compare, sent: Imprint, received: Imprint, outcome: Outcome) -> None:
    """Note what a comparison in the contract's mode does not allow, as far as digests tell."""
    ignore = demand.ignore if demand.mode != "subset" else ()
    found = breaks_between(sent, received, partial(covers, ignore) if ignore else None)
    if not found and ignore and sent.sha256 != received.sha256 and _is_partial(sent, received):
        outcome.gaps.append(f"not all places are listed: {NO_CONTENT_FIX}")
    if demand.mode == "subset":
        found = tuple(each for each in found if not _may_lack(demand, each))
    if _is_tolerated(demand, sent, received):
        found = tuple(each for each in found if each.kind not in {"truncation", "missing"})
    for each in found:
        if demand.mode == "semantic" and not _is_gone(each, sent, received):
            outcome.gaps.append(
                f"{each.message}{f' at {each.pointer}' if each.pointer else ''}, and whether the"
                f" facts are kept cannot be told from digests: {NO_CONTENT_FIX}"
            )
        else:
            outcome.violate(each.kind, "both", each.pointer, each.message, expected="as it was")


def _is_partial(sent: Imprint, received: Imprint) -> bool:
    return bool(sent.dropped_count or received.dropped_count) or not (
        sent.fields and received.fields
    )


def _may_lack(demand: Compare, each: Break) -> bool:
    """Tell whether the receiver may lack what it lacks; items are told by what holds them."""
    if not each.is_absent and each.kind != "missing":
        return False
    inside = (each.pointer, f"{each.pointer}/-")
    return not demand.ignore or any(covers(demand.ignore, place) for place in inside)


def _is_tolerated(demand: Compare, sent: Imprint, received: Imprint) -> bool:
    """Tell whether no more was lost, by the size of both sides, than the contract tolerates."""
    if not demand.max_lost_ratio or sent.size_bytes <= 0 or received.size_bytes < 0:
        return False
    return 1 - received.size_bytes / sent.size_bytes <= demand.max_lost_ratio


def _is_gone(each: Break, sent: Imprint, received: Imprint) -> bool:
    """Tell whether content is gone, and does not stand in another place."""
    if not each.lost or each.kind == "serialization":
        return False
    field = sent.fields.get(each.pointer)
    digests = {other.digest for other in received.fields.values()}
    return field is None or field.digest not in digests
