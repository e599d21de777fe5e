"""What is left of a content model after a child came.

Partial derivatives of regular expressions: J. Brzozowski, "Derivatives of regular expressions",
JACM 11 (1964); as sets of expressions, which need no determinism: V. Antimirov, "Partial
derivatives of regular expressions and finite automaton constructions", TCS 155 (1996). Interleaving
as J. Clark derives RELAX NG, counters as C. M. Sperberg-McQueen does for XML Schema ("Applications
of Brzozowski derivatives to XML Schema processing", Extreme Markup Languages 2005): a counter is
counted down, never unfolded, so ``{0,1000}`` costs what ``*`` costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import assert_never

from causewatch.paths.syntax import (
    NOTHING,
    AnyOrder,
    Choice,
    Leaf,
    Model,
    Name,
    Nothing,
    Open,
    Repeat,
    Sequence,
)

KEPT_COUNT = 20_000
"""Expressions whose properties are remembered; the oldest are forgotten first."""

Fits = frozenset[Leaf]
"""The names of a model that fit one child: all that matching needs to know of it."""
State = frozenset[Model]
"""The readings of the children so far: what may still come under each."""


def start(model: Model) -> State:
    """Return the state before the first child."""
    return frozenset((model,))


def after(state: State, fits: Fits) -> State:
    """Return the state after a child; empty where it was not allowed."""
    return frozenset(left for model in state for left in _derived(model, fits))


def may_end(state: State) -> bool:
    """Tell whether no further child is needed."""
    return any(is_nullable(model) for model in state)


def allowed_in(state: State) -> tuple[Leaf, ...]:
    """Return the names that may come next, each once."""
    return tuple(dict.fromkeys(leaf for model in state for leaf in _first(model)))


def needed_in(state: State) -> tuple[Leaf, ...]:
    """Return the names of which one would be enough at the end; else all that may come next."""
    allowed = allowed_in(state)
    enough = tuple(leaf for leaf in allowed if may_end(after(state, frozenset((leaf,)))))
    return enough or allowed


def relaxed(model: Model) -> Model:
    """Return a model that accepts what can still become right: every child may yet be missing.

    It accepts each word of which the model accepts an extension by further children, at any place:
    the closure of its language under leaving out.
    """
    match model:
        case Nothing():
            return model
        case Name() | Open():
            return Repeat(part=model, least=0, most=1)
        case Repeat():
            part = model.part if isinstance(model.part, Name | Open) else relaxed(model.part)
            return Repeat(part=part, least=0, most=model.most)
        case Sequence() | Choice() | AnyOrder():
            return type(model)(parts=tuple(relaxed(part) for part in model.parts))
        case _:
            assert_never(model)


@lru_cache(KEPT_COUNT)
def is_nullable(model: Model) -> bool:
    """Tell whether a model allows no child at all."""
    match model:
        case Nothing():
            return True
        case Name() | Open():
            return False
        case Repeat():
            return model.least == 0 or is_nullable(model.part)
        case Choice():
            return any(is_nullable(part) for part in model.parts)
        case Sequence() | AnyOrder():
            return all(is_nullable(part) for part in model.parts)
        case _:
            assert_never(model)


@lru_cache(KEPT_COUNT)
def _derived(model: Model, fits: Fits) -> tuple[Model, ...]:
    return tuple(dict.fromkeys(_derivatives(model, fits)))


def _derivatives(model: Model, fits: Fits) -> Iterator[Model]:
    """Yield what may be left of a model after a child."""
    match model:
        case Nothing():
            return
        case Name() | Open():
            if model in fits:
                yield NOTHING
        case Choice():
            yield from (left for part in model.parts for left in _derived(part, fits))
        case Sequence():
            yield from _of_sequence(model, fits)
        case AnyOrder():
            yield from _of_any_order(model, fits)
        case Repeat():
            rest = _once_less(model)
            yield from (_sequence((left, rest)) for left in _derived(model.part, fits))
        case _:
            assert_never(model)


def _of_sequence(model: Sequence, fits: Fits) -> Iterator[Model]:
    for i, part in enumerate(model.parts):
        for left in _derived(part, fits):
            yield _sequence((left, *model.parts[i + 1 :]))
        if not is_nullable(part):
            return


def _of_any_order(model: AnyOrder, fits: Fits) -> Iterator[Model]:
    for i, part in enumerate(model.parts):
        others = model.parts[:i] + model.parts[i + 1 :]
        for left in _derived(part, fits):
            yield _any_order((left, *others))


def _once_less(model: Repeat) -> Model:
    """Return what is left of a repetition once it has begun another round."""
    # A round that may be empty can make up for any that are missing.
    least = 0 if is_nullable(model.part) else max(model.least - 1, 0)
    if model.most is None:
        return Repeat(part=model.part, least=least, most=None)
    if model.most <= 1:
        return NOTHING
    return Repeat(part=model.part, least=least, most=model.most - 1)


def _sequence(parts: tuple[Model, ...]) -> Model:
    flat: list[Model] = []
    for part in parts:
        if isinstance(part, Sequence):
            flat.extend(part.parts)
        elif part != NOTHING:
            flat.append(part)
    return _grouped(Sequence, flat)


def _any_order(parts: tuple[Model, ...]) -> Model:
    """Return parts in any order, written in one order: equal ones must be seen to be equal."""
    return _grouped(AnyOrder, sorted((p for p in parts if p != NOTHING), key=hash))


def _grouped(make: Callable[..., Sequence | AnyOrder], parts: list[Model]) -> Model:
    if len(parts) > 1:
        return make(parts=tuple(parts))
    return parts[0] if parts else NOTHING


@lru_cache(KEPT_COUNT)
def _first(model: Model) -> tuple[Leaf, ...]:
    """Return the names a model may begin with."""
    match model:
        case Nothing():
            return ()
        case Name() | Open():
            return (model,)
        case Repeat():
            return _first(model.part)
        case Choice() | AnyOrder():
            found = [leaf for part in model.parts for leaf in _first(part)]
        case Sequence():
            found = []
            for part in model.parts:
                found.extend(_first(part))
                if not is_nullable(part):
                    break
        case _:
            assert_never(model)
    return tuple(dict.fromkeys(found))
