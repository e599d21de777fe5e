"""A handoff text that its own sender cut: only the cut form is recorded, and it stops midway.

A model may summarise, so a shorter text proves nothing. What proves a cut is how it ends: a mark, a
word broken off, a line copied from its start and not finished, or a last word that no sentence ends
with. A round length alone is a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from causewatch.faults.calls import Run
from causewatch.faults.crossings import crossings_of
from causewatch.faults.earlier import MIN_COPY_CHARS, Earlier, Library, words_in
from causewatch.faults.lost_at_handoff import common_prefix_chars, place_of
from causewatch.faults.text import excerpt, fold, plain
from causewatch.faults.truncated import ends_with_mark
from causewatch.model.graph import Handoff
from causewatch.model.judgement import Fault
from causewatch.model.step import Payload

MIN_TEXT_CHARS = 40
MIN_BROKEN_CHARS = 2
MIN_SECOND_CHARS = 5
MAX_TEXTS_COUNT = 50
ROUND_LENGTHS_CHARS = frozenset(
    {80, 100, 120, 128, 140, 150, 160, 200, 250, 256, 300, 400, 500, 512, 800, 1000, 1024, 1500,
     2000, 2048, 2500, 3000, 4000, 4096, 5000, 8000, 8192, 10000}
)  # fmt: skip
_OPEN_WORDS = frozenset(
    {
        "the", "an", "and", "or", "but", "than", "because", "whose", "its", "their", "our", "your",
        "every", "into", "ein", "eine", "einen", "einem", "einer", "und", "oder", "aber", "weil",
        "dem", "des", "zum", "zur", "le", "les", "un", "une", "du", "et", "ou", "mais", "el", "los",
        "las", "una", "y", "pero", "il", "gli",
    }
)  # fmt: skip
"""Words that no sentence ends with: articles, conjunctions, possessives."""
_RARE_ENDS = frozenset(
    {
        "a", "of", "to", "for", "with", "from", "by", "at", "in", "on", "that", "which", "if",
        "when", "is", "are", "was", "were", "be", "has", "have", "will", "each", "not", "der",
        "die", "das", "den", "mit", "von", "für", "bei", "im", "ist", "sind", "wird", "nicht", "la",
        "avec", "pour", "dans", "est", "con", "para", "por", "en", "es", "lo", "ma", "per", "di",
        "che", "os", "um", "uma", "mas", "com",
    }
)  # fmt: skip
"""Words that end a sentence now and then ("whom to send it to"): a hint, never alone a verdict."""
_MARK = re.compile(r"\s?(?:\.{3}|…)?\s?[(\[<]\w{1,16}[)\]>]$|\s?(?:\.{3}|…)$")
"""Dots, or a word in brackets, behind what was cut: in whatever language."""
_MARK_CHARS = 40
_QUOTES = "\"'` "
_LAST_WORD = re.compile(r"([^\W_]+)$")
_ENDED = re.compile(r"[.!?:;\u3002\uff01\uff1f…)\]}\"'»”`>*|]$")
_ENDINGS = re.compile(
    r"(?:s|es|e|d|ed|r|er|ers|ing|ings|ly|y|n|en|ern|em|t|te|ten|able|ible|al|ally|ation|ations|ion"
    r"|ions|ment|ments|ness|or|ors|ful|less|ity|ive|'s|a|as|o|os|i|ung|ungen|lich|isch|ie|ier|st"
    r"|\d+)"
)
"""Word endings: a word and its inflection are two words, not one and its beginning."""


def detect_cut_off(run: Run) -> Iterator[Fault]:
    """Yield a fault for each handoff whose text stops midway.

    If the sender's form is cut already, it is seen on what performed the handoff, else on the
    sender; if only what arrived is, on what performed it, else on the receiver.
    """
    library: Library | None = None
    for index, handoff in enumerate(run.graph.handoffs):
        if any(payload is not None and payload.cut for payload in (handoff.sent, handoff.received)):
            continue  # telemetry cut one side: how the other ends may be its doing as well
        for payload, side in ((handoff.sent, "sent"), (handoff.received, "received")):
            found = None
            if side == "received":
                found = None if handoff.mechanical else _sliced(handoff.sent, handoff.received)
            if found is None and payload is not None and (long := _long_texts(payload)):
                library = library or Library(run)
                found = _worst(long, library.before(handoff), handoff)
            if found is None:
                continue
            reason, confidence = found
            at_input = side == "received" and handoff.performed_by is None
            yield Fault(
                name="cut_off",
                step=_place(handoff, side),
                handoff=index,
                reason=f"what {handoff.from_agent or 'the sender'} handed over {reason}",
                confidence=confidence,
                at="input" if at_input else "output",
            )
            break
    yield from _sliced_in_history(run)


def _sliced_in_history(run: Run) -> Iterator[Fault]:
    """Yield a fault where a shared history shows only the beginning of what its sender said."""
    for crossing in crossings_of(run):
        handoff = run.graph.handoffs[crossing.handoff]
        if crossing.sent is handoff.sent:
            continue
        found = _sliced(crossing.sent, crossing.received)
        if found is not None:
            yield Fault(
                name="cut_off",
                step=place_of(handoff),
                handoff=crossing.handoff,
                reason=f"what {handoff.from_agent or 'the sender'} said {found[0]} in the history",
                confidence=found[1],
                at="output" if handoff.performed_by is not None else "input",
            )


def _place(handoff: Handoff, side: str) -> int:
    if handoff.performed_by is not None or side == "received":
        return place_of(handoff)
    return handoff.sender


def _long_texts(payload: Payload) -> tuple[str, ...]:
    """Return the texts of a payload that are long enough to be cut."""
    long = (text for text in payload.strings if len(text) >= MIN_TEXT_CHARS)
    return tuple(islice(long, MAX_TEXTS_COUNT))


def _sliced(sent: Payload | None, received: Payload | None) -> tuple[str, float] | None:
    """Return how what arrived is only the beginning of what was sent, with a confidence.

    Nobody rewords a text into its own first characters: code sliced it. One that ends with a
    sentence or a line may be an excerpt that was meant, unless a mark of a cut follows; what a
    mechanical handoff lost is another detector's.
    """
    if sent is None or received is None:
        return None
    got = fold(plain(received)).rstrip(_QUOTES)
    unmarked = got[:-_MARK_CHARS] + _MARK.sub("", got[-_MARK_CHARS:])
    for text, is_json in _sent_forms(sent):
        whole = fold(text).rstrip(_QUOTES)
        if whole in got:
            continue
        kept = common_prefix_chars(whole, unmarked)
        begun = whole[:kept].rstrip()
        if not MIN_COPY_CHARS <= kept < len(whole) or not unmarked.endswith(begun):
            continue
        is_marked = unmarked != got and not whole.startswith(got)
        may_end = not is_json and (_ENDED.search(begun) or begun in _whole_lines(text))
        if is_marked or not may_end:
            shown = excerpt(begun[-40:])
            return f"stops after {kept} of {len(whole)} characters of it ({shown})", 0.75
    return None


def _sent_forms(sent: Payload) -> Iterator[tuple[str, bool]]:
    """Yield the long texts of what was sent, and the JSON that holds them, which ends only once."""
    for text in _long_texts(sent):
        yield text, False
    if isinstance(sent.value, dict | list) and len(sent.raw) >= MIN_TEXT_CHARS:
        yield sent.raw, True


def _whole_lines(text: str) -> frozenset[str]:
    """Return what is left of a text if only its first lines are kept, folded."""
    lines = text.splitlines()[:MAX_TEXTS_COUNT]
    return frozenset(fold("\n".join(lines[:count])) for count in range(1, len(lines) + 1))


def _worst(
    long: tuple[str, ...], earlier: tuple[Earlier, ...], handoff: Handoff
) -> tuple[str, float] | None:
    """Return the surest sign of a cut in any of the texts, with its confidence."""
    found = [sign for text in long if (sign := _cut(text, earlier, handoff))]
    return max(found, key=lambda sign: sign[1], default=None)


def _cut(text: str, earlier: tuple[Earlier, ...], handoff: Handoff) -> tuple[str, float] | None:
    """Return how a text shows that it was cut, with a confidence, or ``None``."""
    end = text.rstrip()
    if any(end == known.text for known in earlier):
        return None
    if ends_with_mark(end) or end.endswith(("...", "…")):
        # Where the handoff itself is only a guess, so is the text's part in it.
        return f"ends with a mark of a cut ({excerpt(end[-40:])})", 0.7 * handoff.confidence
    broken = _broken_copy(end, earlier)
    if broken:
        return f"stops in the middle of a line it copies ({excerpt(broken[-40:])})", 0.75
    return None if _ENDED.search(end) else _midway(text, end, earlier)


def _midway(text: str, end: str, earlier: tuple[Earlier, ...]) -> tuple[str, float] | None:
    """Return how a text that no sentence mark ends shows that it was cut."""
    tail = excerpt(end[-40:])
    if _breaks_a_word(end, earlier):
        return f"stops in the middle of a word ({tail})", 0.75
    found = _LAST_WORD.search(end)
    # An upper-case "A" or "Die" is a name or a grade, not an article.
    last = found[1] if found is not None else ""
    is_round = len(text) in ROUND_LENGTHS_CHARS
    if end.endswith(",") or last in _OPEN_WORDS or (is_round and last in _RARE_ENDS):
        return f"stops in mid-sentence ({tail})", 0.7 if is_round else 0.55
    if is_round or last in _RARE_ENDS:
        # One text in thirty has such a length by chance: a hint, never a verdict.
        return f"stops without a full stop ({tail})", 0.35
    return None


def _broken_copy(text: str, earlier: tuple[Earlier, ...]) -> str:
    """Return a copy, from its start, of earlier lines that breaks off where nobody would stop.

    A copy of one line must break off inside of a word: one that stops between words may be a
    quotation. A copy that goes on into a second line may break off anywhere but after a sentence.
    """
    whole = fold(text)
    for known in earlier:
        for start, line, after in known.long_lines:
            if start in whole:
                kept = _broken_at(line, after, whole)
                # The tail lies within one line, as it does in the text.
                begun = after[: kept - len(line) - 1] if kept > len(line) else line[:kept]
                if kept and _line_ends(text, begun.rstrip()[-12:]):
                    return begun.rstrip()
    return ""


def _broken_at(line: str, after: str, whole: str) -> int:
    """Return after how many characters a copy of two lines breaks off, 0 if it does not."""
    if line not in whole:
        kept = common_prefix_chars(line, whole)
        inside = line[kept - 1].isalnum() and line[kept].isalnum()
        follows = whole[whole.find(line[:kept]) + kept :][:1]
        return kept if inside and kept >= MIN_COPY_CHARS and not follows.isalnum() else 0
    both = f"{line} {after}"
    kept = common_prefix_chars(both, whole)
    if not len(line) + MIN_SECOND_CHARS <= kept < len(both) or _ENDED.search(both[:kept].rstrip()):
        return 0
    return kept


def _line_ends(text: str, tail: str) -> bool:
    """Tell whether a line of ``text`` (or a quotation in it) ends with ``tail``."""
    lower = text.lower()
    return any(fold(line).rstrip(_QUOTES).endswith(tail) for line in lower.splitlines())


def _breaks_a_word(end: str, earlier: tuple[Earlier, ...]) -> bool:
    """Tell whether the last word is the beginning of a known word, and no word of its own."""
    last = _LAST_WORD.search(end)
    if last is None or len(last[1]) < MIN_BROKEN_CHARS:
        return False
    word = last[1].lower()
    own = words_in(end[: last.start()])
    if word.isdigit() or word in own or any(word in each.words for each in earlier):
        return False
    longer = {w[len(word) :] for w in own if w.startswith(word)}
    longer.update(rest for each in earlier for rest in each.endings_of(word))
    return bool(longer) and not any(map(_ENDINGS.fullmatch, longer))
