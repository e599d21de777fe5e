"""A handoff to an agent that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from causewatch.faults.calls import Call, Run
from causewatch.faults.text import excerpt, plain
from causewatch.model.judgement import Fault

SAID_CONFIDENCE = 0.75
MAX_SAID_CHARS = 400
_UNKNOWN = re.compile(
    r"""\b(?:unknown|no\ such|invalid|unregistered|undefined|nonexistent)\ (?:\w{1,20}\ )?
        (?:agent|assistant|co-?worker|recipient|handoff\ target|team\ member|speaker|participant)
    |\b(?:agent|assistant|co-?worker|handoff\ target|recipient|speaker|participant)\b.{0,80}?
        \b(?:not\ found|not\ (?:be\ )?found|does\ not\ exist|doesn't\ exist|not\ registered
        |is\ unknown|not\ available|no\ longer\ exists|not\ mentioned)\b
    |\b(?:unbekannter\ agent|agent\b.{0,60}?nicht\ (?:gefunden|bekannt|vorhanden))
    |\bagente\b.{0,60}?(?:no\ (?:encontrado|existe)|não\ (?:encontrado|existe)
        |non\ (?:trovato|esiste))
    |\bagent\b.{0,60}?(?:introuvable|n'existe\ pas|inconnu)
    |エージェント.{0,40}(?:見つかりません|存在しません)|(?:未知|找不到).{0,10}(?:智能体|代理)""",
    re.IGNORECASE | re.VERBOSE,
)


def detect_unknown_agent(run: Run) -> Iterator[Fault]:
    """Yield a fault for each delegation that was answered with "there is no such agent".

    Silence is no answer: an agent whose spans are elsewhere exists as well.
    """
    started = {h.performed_by for h in run.graph.handoffs if h.receiver is not None}
    for call in run.calls:
        if call.result is None or call.index in started or not _asks_an_agent(call):
            continue
        said = plain(call.result)[:MAX_SAID_CHARS]
        if _UNKNOWN.search(said):
            yield Fault(
                name="unknown_agent",
                step=call.index,
                reason=f"{call.step.name} handed over to an agent that is not there"
                f" ({excerpt(said)})",
                confidence=SAID_CONFIDENCE,
            )


def _asks_an_agent(call: Call) -> bool:
    """Tell whether a call hands over: it is known to, or its name or arguments say so."""
    if call.delegates:
        return True
    name = call.step.name.lower()
    if name.startswith(("transfer", "handoff", "hand_off", "delegate", "ask_", "call_agent")):
        return True
    value = None if call.step.arguments is None else call.step.arguments.value
    keys = {"agent", "agent_name", "coworker", "recipient", "to_agent", "assignee", "target_agent"}
    return isinstance(value, dict) and any(key.lower() in keys for key in value)
