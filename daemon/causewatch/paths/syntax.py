"""The parts of a content model: what may stand below a node, and in which order.

The expressions are those of document types (sequence, choice, repetition), with the interleaving
of RELAX NG (``&``) and the counters of XML Schema (``{m,n}``). What is left of an expression after
a child came is again such an expression, so the matcher needs no other form.
"""

from __future__ import annotations

from typing import Literal, assert_never

import msgspec

PatternKind = Literal["", "agent", "tool", "workflow"]


class Pattern(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """A name, or a glob over names, of agents, of tools (retrievals are tools) or of both."""

    kind: PatternKind = ""
    glob: str
    """As ``fnmatch`` reads it; a plain name has its special characters escaped."""
    text: str
    """The name as people read it, without the prefix."""

    @property
    def is_wild(self) -> bool:
        """Tell whether it stands for more than one name."""
        return "*" in self.glob.replace("[*]", "") or "?" in self.glob.replace("[?]", "")

    @property
    def shown(self) -> str:
        """Return the name with its prefix, as sentences name it."""
        return f"{self.kind}:{self.text}" if self.kind else self.text


class Nothing(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """``()``: no child."""


class Name(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """One child of a name; with ``is_handoff`` only one that was reached by a handoff."""

    pattern: Pattern
    is_handoff: bool = False


class Open(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """One child of any name; with ``is_handoff`` any handoff. Written ``...``, repeated."""

    is_handoff: bool = False


class Sequence(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """``a, b``: one after the other."""

    parts: tuple[Model, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """``a | b``: one of them."""

    parts: tuple[Model, ...]


class AnyOrder(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """``a & b``: all of them, in any order, also one between the children of another."""

    parts: tuple[Model, ...]


class Repeat(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """``a{least,most}``; without a most there is no end to it."""

    part: Model
    least: int
    most: int | None


Leaf = Name | Open
Model = Nothing | Name | Open | Sequence | Choice | AnyOrder | Repeat

NOTHING = Nothing()


def is_open_end(model: Model) -> bool:
    """Tell whether a part is ``...`` or ``-> ...``."""
    return isinstance(model, Repeat) and isinstance(model.part, Open)


def opened(*, is_handoff: bool = False) -> Repeat:
    """Return ``...``: any children, or any handoffs, also none."""
    return Repeat(part=Open(is_handoff=is_handoff), least=0, most=None)


def leaves_of(model: Model) -> tuple[Leaf, ...]:
    """Return the names of a model, each once, in the order in which they are written."""
    found: dict[Leaf, None] = {}
    waiting: list[Model] = [model]
    while waiting:
        part = waiting.pop()
        match part:
            case Name() | Open():
                found[part] = None
            case Repeat():
                waiting.append(part.part)
            case Sequence() | Choice() | AnyOrder():
                waiting.extend(reversed(part.parts))
            case Nothing():
                pass
            case _:
                assert_never(part)
    return tuple(found)
