"""What is wrong with the children of one node, told by what would make them right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from causewatch.graph.tree import SKEW_NS
from causewatch.model.expectation import DeviationKind
from causewatch.paths.derive import after, allowed_in, may_end, needed_in, relaxed, start
from causewatch.paths.match import Event, Halt, match, permuted
from causewatch.paths.syntax import Leaf, Model, Name, leaves_of
from causewatch.paths.template import fits_of
from causewatch.paths.visits import Child

MAX_MENDS_COUNT = 16
"""How many missing children are tried before a deviation is left at what came."""
MAX_ALLOWED_COUNT = 20
MAX_NAME_CHARS = 80
THE_END = "the end"


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Where the children of a node left its content model.

    ``child`` is their number, ``None`` where one is missing; ``name`` what is too many, out of
    place or missing, empty where several could be missing.
    """

    kind: DeviationKind
    child: int | None
    name: str
    allowed: tuple[str, ...]
    message: str


class Judged(NamedTuple):
    """What came of one node: nothing wrong, something wrong, or a limit that was met."""

    wrong: Wrong | None
    is_open: bool = False


def judge_children(model: Model, children: Sequence[Child], *, is_whole: bool) -> Judged:
    """Return what is wrong with the children of a node.

    Args:
        model: what may stand below the node.
        children: what stands there, in order of start.
        is_whole: whether all of them are known. Else only what can no longer become right counts.
    """
    leaves = leaves_of(model)
    begin = start(model if is_whole else relaxed(model))
    events = _events(leaves, children)
    for event in events:
        if not event.fits:
            return Judged(_unlisted(children[event.number], event.number, leaves))
    halt = match(begin, events)
    if halt.is_open or halt.is_right:
        return Judged(None, is_open=halt.is_open)
    if not halt.left:
        return Judged(_missing_at_the_end(halt))
    return Judged(_out_of_place(begin, children, events, halt))


def _events(leaves: Sequence[Leaf], children: Sequence[Child]) -> list[Event]:
    # Where clocks may differ, a little overlap proves nothing and neither does a little gap.
    allowance_ns = SKEW_NS if len({child.host for child in children}) > 1 else 0
    return [
        Event(
            number=number,
            fits=fits_of(leaves, child),
            start_ns=child.start_ns,
            end_ns=child.end_ns + allowance_ns,
        )
        for number, child in enumerate(children)
    ]


def _unlisted(child: Child, number: int, leaves: Sequence[Leaf]) -> Wrong:
    allowed = shown_of(leaves)
    return Wrong(
        kind="unexpected",
        child=number,
        name=child.name,
        allowed=allowed,
        message=f"{short(child.shown)} is not expected; allowed are {listed_of(allowed)}",
    )


def _missing_at_the_end(halt: Halt) -> Wrong:
    needed = shown_of(needed_in(halt.state))
    message = f"{listed_of(needed)} is missing at the end"
    return Wrong(
        kind="missing",
        child=None,
        name=needed[0] if len(needed) == 1 else "",
        allowed=shown_of(allowed_in(halt.state)),
        message=message,
    )


def _out_of_place(
    begin: frozenset[Model], children: Sequence[Child], events: Sequence[Event], halt: Halt
) -> Wrong:
    """Tell a child out of order from one too many, and both from one that is missing before it."""
    event = halt.left[0]
    shown = short(children[event.number].shown)
    allowed = shown_of(allowed_in(halt.state))
    allowed = (*allowed, THE_END) if may_end(halt.state) else allowed
    here = f"allowed here: {listed_of(allowed)}"
    kind: DeviationKind = "unexpected"
    message = f"{shown}{_nth(children, event)} is not expected here; {here}"
    if permuted(begin, events):
        kind, message = "order", f"{shown} is out of order; {here}"
    elif not match(halt.state, halt.left[1:]).is_right:
        missing = _mend(halt)
        if missing is not None:
            name = shown_of((missing,))[0]
            seen = {child.shown for child in children[: event.number]}
            another = "another " if name in seen else ""
            message = f"{another}{name} is missing before {shown}"
            return Wrong(kind="missing", child=None, name=name, allowed=allowed, message=message)
    return Wrong(
        kind=kind,
        child=event.number,
        name=children[event.number].name,
        allowed=allowed,
        message=message,
    )


def _mend(halt: Halt) -> Leaf | None:
    """Return a child that would make the rest right if it had come first."""
    for leaf in allowed_in(halt.state)[:MAX_MENDS_COUNT]:
        if isinstance(leaf, Name):
            state = after(halt.state, frozenset((leaf,)))
            if match(state, halt.left).is_right:
                return leaf
    return None


def _nth(children: Sequence[Child], event: Event) -> str:
    """Return how often a child came by then, where that is more than once."""
    shown = children[event.number].shown
    count = sum(child.shown == shown for child in children[: event.number + 1])
    return f" (number {count})" if count > 1 else ""


def shown_of(leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """Return names as content models write them."""
    return tuple(dict.fromkeys(map(_shown, leaves)))[:MAX_ALLOWED_COUNT]


def _shown(leaf: Leaf) -> str:
    arrow = "-> " if leaf.is_handoff else ""
    name = short(leaf.pattern.shown) if isinstance(leaf, Name) else "anything"
    return f"{arrow}{name}"


def listed_of(names: Sequence[str]) -> str:
    """Return names as a part of a sentence."""
    *others, last = names or ("nothing",)
    return f"{', '.join(others)} or {last}" if others else last


def short(name: str) -> str:
    """Bound a name: what a trace calls an agent or a tool is not ours."""
    printable = "".join(c if c.isprintable() else "�" for c in name[: MAX_NAME_CHARS + 1])
    if len(printable) <= MAX_NAME_CHARS:
        return printable
    return f"{printable[: MAX_NAME_CHARS - 1]}…"
