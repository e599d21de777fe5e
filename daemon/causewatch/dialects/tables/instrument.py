"""Handoffs that agents tell themselves, with the library ``causewatch.instrument``.

The attribute of that name marks its spans. What went over and what came is read where the graph
finds handoffs, since the two sides may stand on two spans of two services.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, When, fields, keys
from causewatch.model.step import StepKind

_MARK = "causewatch.instrument"
_HANDOFF = "causewatch.handoff."
_SENT = (When(key=f"{_HANDOFF}sent"), When(key=f"{_HANDOFF}sent.sha256"))
_RECEIVED = (When(key=f"{_HANDOFF}received"), When(key=f"{_HANDOFF}received.sha256"))
_SENDER: tuple[StepKind, ...] = ("handoff",)
_RECEIVER: tuple[StepKind, ...] = ("message",)

INSTRUMENT = Dialect(
    id="causewatch",
    title="causewatch.instrument: handoffs that agents tell themselves",
    priority=1,
    detect=(When(key=_MARK),),
    kinds=(
        *(KindRule(kind="handoff", when=(each,), why=each.key) for each in _SENT),
        *(KindRule(kind="message", when=(each,), why=each.key) for each in _RECEIVED),
        KindRule(
            kind="handoff",
            when=(When(key=f"{_HANDOFF}to"), When(key=f"{_HANDOFF}id")),
            why=f"{_HANDOFF}to",
        ),
    ),
    fields=fields(
        agent=(
            *keys(f"{_HANDOFF}from", kinds=_SENDER),
            *keys(f"{_HANDOFF}to", kinds=_RECEIVER),
        ),
        handoff_from=keys(f"{_HANDOFF}from"),
        handoff_to=keys(f"{_HANDOFF}to"),
        handoff_mode=keys(f"{_HANDOFF}mode"),
    ),
)
