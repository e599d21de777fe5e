"""Children and visits by hand, for the tests of ``paths``: each with one short call."""

from __future__ import annotations

from causewatch.paths.deviate import Judged, judge_children
from causewatch.paths.parser import parse_model
from causewatch.paths.visits import Child

SPACE_NS = 10


def child(
    name: str, start_ns: int, end_ns: int, *, step: int = 0, by: str = "", host: str = ""
) -> Child:
    """Return a child; a name that begins with ``>`` is a handoff, one with ``@`` a plain agent."""
    return Child(
        name=name.lstrip(">@"),
        kind="agent" if name[0] in ">@" else "tool",
        is_handoff=name[0] == ">",
        by=by,
        step=step,
        start_ns=start_ns,
        end_ns=end_ns,
        host=host,
    )


def row(text: str) -> list[Child]:
    """Return children one after the other: ``a b`` in order, ``a~b`` at one time."""
    found: list[Child] = []
    for place, together in enumerate(text.split()):
        for name in together.split("~"):
            start_ns = place * SPACE_NS
            found.append(child(name, start_ns, start_ns + SPACE_NS - 1, step=len(found)))
    return found


def judged(model: str, children: str, *, is_whole: bool = True) -> Judged:
    """Return what a content model says of children such as ``a b~c >d``."""
    return judge_children(parse_model(model), row(children), is_whole=is_whole)


def told(model: str, children: str, *, is_whole: bool = True) -> str:
    """Return what is wrong as ``kind number name``, or nothing; no number where one is missing."""
    wrong = judged(model, children, is_whole=is_whole).wrong
    if wrong is None:
        return ""
    number = "" if wrong.child is None else f" {wrong.child}"
    return f"{wrong.kind}{number} {wrong.name}".strip()
