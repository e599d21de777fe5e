"""Writes a content model as text that reads back as the same model."""

from __future__ import annotations

import re
from typing import assert_never

from causewatch.paths.syntax import (
    AnyOrder,
    Choice,
    Model,
    Name,
    Nothing,
    Open,
    Pattern,
    Repeat,
    Sequence,
    is_open_end,
)

_PLAIN = re.compile(
    r"(?!\.\.\.)(?!(?:agent|tool|workflow|retrieval|handoff|model):)(?:[\w./:@$]|-(?!>))+\Z"
)
_BETWEEN = {Sequence: ", ", Choice: " | ", AnyOrder: " & "}
_ESCAPED = re.compile(r"\[([*?\[])\]|([*?])|([\"\\])")


def format_model(model: Model) -> str:
    """Return the text of a model; ``parse_model`` gives it back."""
    text = _shown(model)
    is_group = isinstance(model, Sequence | Choice | AnyOrder)
    return text[1:-1] if is_group and text.startswith("(") else text


def format_name(pattern: Pattern) -> str:
    """Return a name as content models write it: quoted where it has to be."""
    prefix = f"{pattern.kind}:" if pattern.kind else ""
    if not pattern.is_wild and _PLAIN.match(pattern.text):
        return f"{prefix}{pattern.text}"
    return f'{prefix}"{_quoted(pattern.glob)}"'


def format_node(pattern: Pattern) -> str:
    """Return a name as the key of a node; ``parse_node`` gives it back."""
    kind = pattern.kind
    if not kind and pattern.text.partition(":")[0] in {"agent", "tool", "workflow"}:
        kind = "agent"  # else its beginning would be taken for a kind
    return f"{kind}:{_quoted(pattern.glob)}" if kind else _quoted(pattern.glob)


def _quoted(glob: str) -> str:
    def escape(found: re.Match[str]) -> str:
        literal, wild, mark = found.groups()
        if wild:
            return str(wild)
        return f"\\{mark}" if mark else "[" if literal == "[" else f"\\{literal}"

    return _ESCAPED.sub(escape, glob)


def _shown(model: Model) -> str:
    """Return the text of a model as a unit: groups in parentheses."""
    match model:
        case Nothing():
            return "()"
        case Name():
            return f"{'-> ' if model.is_handoff else ''}{format_name(model.pattern)}"
        case Open():
            raise ValueError("an open child stands in a repetition")
        case Sequence() | AnyOrder():
            return f"({_BETWEEN[type(model)].join(map(_shown, model.parts))})"
        case Choice():
            return _choice(model)
        case Repeat():
            return _repeated(model)
        case _:
            assert_never(model)


def _choice(model: Choice) -> str:
    """Return a choice; one of handoffs only is written with one arrow."""
    names = [part for part in model.parts if isinstance(part, Name) and part.is_handoff]
    if len(names) == len(model.parts):
        return f"-> ({' | '.join(format_name(name.pattern) for name in names)})"
    return f"({' | '.join(map(_shown, model.parts))})"


def _repeated(model: Repeat) -> str:
    if is_open_end(model) and isinstance(model.part, Open):
        return "-> ..." if model.part.is_handoff else "..."
    inner = f"({_shown(model.part)})" if isinstance(model.part, Repeat) else _shown(model.part)
    return f"{inner}{_count(model.least, model.most)}"


def _count(least: int, most: int | None) -> str:
    match least, most:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case _, None:
            return f"{{{least},}}"
        case _:
            return f"{{{least}}}" if least == most else f"{{{least},{most}}}"
