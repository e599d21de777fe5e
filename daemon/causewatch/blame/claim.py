"""A call that failed to do something, and is told as done: the lie is the answer itself.

A failed look-up spreads by its values; a failed act has none. It did harm if the last words tell of
it as of something done. What words mean cannot be known, so the test leans to the agent's side: any
word of failure, negation, regret or contrast anywhere after the call, in a dozen languages, and any
question, excuse it, and so does a later act that went well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from causewatch.blame.atoms import atoms_of
from causewatch.blame.uses import Scene, Use, is_good
from causewatch.faults.calls import Call
from causewatch.faults.text import fold

MIN_SHARED_VALUES_COUNT = 2
MIN_SHARED_WORDS_COUNT = 2
MAX_SAID_CHARS = 20_000
_EXCUSES = re.compile(
    r"""[?\uff1f\u061f]|n't\b|\b(?:no|not|never|none|neither|without|nothing|but|however|although
      |though|except|yet|sorry|apolog\w*|unfortunately|regret\w*|retry\w*|tr(?:y|ied)|again|later
      |manual\w*|pending|queued?|attempt\w*|problem\w*|issue\w*|reject\w*|denied|refused|declined
      |block\w*|invalid|missing|wrong|limit\w*
      |nicht|kein\w*|ohne|noch|nie|aber|jedoch|leider|entschuldig\w*|später|erneut|versuch\w*
      |nunca|sin|pero|aunque|lamentablemente|desafortunadamente|perdón|disculp\w*|intent\w*|luego
      |ne|pas|jamais|sans|mais|toutefois|malheureusement|désolé\w*|pardon|essay\w*|plus\ tard
      |non|mai|senza|ma|tuttavia|purtroppo|spiace\w*|riprov\w*|tentativ\w*
      |não|nao|sem|mas|porém|infelizmente|desculp\w*|tent\w*
      |niet|geen|zonder|maar|helaas|sorry|inte|ingen|ikke|utan|uten|men|tyvärr|dessverre|desværre
      |nie|ale|niestety|ne|bez|ale|bohužel|nem|nu|dar|ei|mutta|değil|ama|maalesef|tidak|belum|tapi
      |không|nhưng|δεν|όχι|αλλά|не|нет|без|но|однако|сожалению|извин\w*
      |و?(?:لم|لن|ليس|ليست|لا|لكن|للأسف|عذرا|آسف|نعتذر)|تعذر|فشل\w*)\b
    |ない|ません|なかった|できず|ですが|しかし|ただし|残念|申し訳|すみません|没|沒|未|不|但|抱歉|遗憾|遺憾
    |않|못|없|하지만|죄송|그러나""",
    re.VERBOSE,
)
_UNREAD = re.compile(r"[\u0590-\u05ff\u0900-\u0dff\u0e00-\u0fff\u1000-\u10ff\u1200-\u137f]")
"""Scripts in whose languages the words above say nothing."""


def claim_of(scene: Scene, call: Call, said: Iterable[str]) -> tuple[Use, frozenset[str]] | None:
    """Return the answer that tells of a failed act as done, with what it repeats, or ``None``.

    ``said`` is what the run's models said and asked for after the call, the answer aside.
    """
    if not call.acts or call.delegates or call.step.arguments is None:
        return None
    end_ns = call.step.span.end_ns
    answer = next((u for u in scene.uses if u.kind == "answer" and u.at_ns >= end_ns), None)
    if answer is None or any(
        other.acts and other.step.span.start_ns >= end_ns and is_good(other)
        for other in scene.calls
    ):
        return None
    for text in (answer.text, *said):
        words = fold(text[:MAX_SAID_CHARS])
        if _EXCUSES.search(words) or _UNREAD.search(words):
            return None
    asked = atoms_of(call.step.arguments.value)
    told = fold(answer.text[:MAX_SAID_CHARS])
    named = (asked.strong & answer.atoms.strong) | {leaf for leaf in asked.leaves if leaf in told}
    weak = asked.weak & answer.atoms.weak
    # One value may well be spoken of otherwise: as what is still free, or still to be done.
    if len(named) < MIN_SHARED_VALUES_COUNT and len(weak) < MIN_SHARED_WORDS_COUNT:
        return None
    return answer, frozenset(named or weak)
