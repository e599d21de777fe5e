"""Which of two states of one thing is the newer one, where they say so themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from causewatch.faults.expand import expand
from causewatch.faults.text import fold
from causewatch.model.facts import MAX_SCANNED_CHARS, fact_of, tokens_of
from causewatch.model.step import Payload
from causewatch.model.value import Value

MAX_RECORDS_COUNT = 200
MIN_SHARED_KEYS_SHARE = 0.6
LABEL_WITHIN_CHARS = 60
"""A label further down is about something else than the whole text. It also has to stand as a
heading, not inside of a sentence ("go back to version 2").
"""
MAX_VERSION_CHARS = 40

_KEYS = frozenset(
    {
        "seq", "seqno", "sequence", "sequenceno", "sequencenumber", "version", "versionnumber",
        "rev", "revision", "revisionnumber", "generation", "updatedat", "lastupdated",
        "lastupdatedat", "updated", "lastmodified", "modifiedat", "lastmodifiedat", "asof",
        "eventtime", "timestamp", "ts", "sentat", "occurredat", "recordedat", "emittedat",
        "updateno", "updatenumber", "messageno", "messagenumber", "snapshot", "stand", "fassung",
        "laufnummer", "lfdnr", "aktualisiertam", "geaendertam", "geändertam", "versionsnummer",
        "miseajour", "misejour", "majle", "secuencia", "actualizado", "actualizadoel", "versión",
        "revisión", "révision", "versione", "revisione", "aggiornatoil", "versão", "revisão",
        "atualizadoem", "версия", "обновлено", "版本", "バージョン", "更新日時", "更新时间", "序号",
    }
)  # fmt: skip
_HINT = re.compile(
    r"(?i)[\"'](?:seq|vers|rev|gener|(?:last_?)?(?:updat|modif)|as_?of|times?tamp|ts\b|sent_?at"
    r"|(?:event|occurr|record|emitt|messag|snapshot)|stand|fassung|lauf|lfd|aktual|ge(?:ae|ä)nd"
    r"|mise|maj|secu|actual|aggior|atual|rév|верс|обнов|版|バージ|更新|序)"
)
"""A cheap first look at a structure: a member with such a name."""
_ID_KEY = re.compile(
    r"(?i)(?:^|_)(?:id|ids|key|no|nr|number|code|name|sku|uuid)$|[a-z](?:Id|ID|Key|No)$"
)
_ID_WORDS = frozenset(
    {
        "order", "ticket", "invoice", "case", "account", "customer", "document", "entity", "item",
        "product", "shipment", "booking", "claim", "patient", "job", "task", "auftrag", "rechnung",
        "kunde", "bestellung", "artikel", "commande", "facture", "client", "pedido", "factura",
        "ordine", "fattura", "заказ", "注文", "订单",
    }
)  # fmt: skip
_EVENT_KEY = re.compile(r"(?i)event|message|msg|update|delivery|request|trace|span")
_LABEL = re.compile(
    r"""(?:(?<![^\W_])(?P<word>update|version|vers|rev|revision|seq|sequence|snapshot|edition|fassung
        |nachtrag|aktualisierung|mise\ à\ jour|actualización|versión|revisión|révision|aggiornamento
        |versione|revisione|atualização|versão|revisão|версия|обновление)
      \s?(?:no\.?|nr\.?|nº|n°|number|№)?\s?[.:=\#]?\s?(?P<number>\d{1,6})
      |v(?P<short>\d{1,4})
      |(?P<east>更新|版本|バージョン|第)\s?(?P<count>\d{1,6})\s?(?:版|号|回)?)
      (?:\s?(?:/|of|von|de|di)\s?\d{1,6})?\s?(?:[:\])\uff09】\u2013—|,\uff1a、-]|$|\n)""",
    re.IGNORECASE | re.VERBOSE,
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?")


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What one thing was like at one version."""

    key: str
    """What counts the versions."""
    version: tuple[str, float | str]
    """Its form, and its rank among those of the same form."""
    shown: str
    ids: frozenset[tuple[str, str]]
    members: dict[str, str]
    """What it says, by key; a text's facts stand under themselves."""


def states_of(payload: Payload) -> Iterator[State]:
    """Yield the states that a payload shows, of each thing only one: of a history, none."""
    value = payload.value
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = expand(value)
    if isinstance(value, str):
        found = list(_labelled(value))
    elif _HINT.search(payload.raw[:MAX_SCANNED_CHARS]):
        found = list(_records(expand(value)))
    else:
        return
    times = Counter(mark for state in found for mark in _marks(state))
    for state in found:
        if all(times[mark] == 1 for mark in _marks(state)):
            yield state


def _marks(state: State) -> list[tuple[str, tuple[str, str] | None]]:
    """Return what two states of one thing have in common: an id, or that they have none."""
    return [(state.key, each) for each in state.ids] or [(state.key, None)]


def is_same_thing(one: State, other: State) -> bool:
    """Tell whether two states are of one thing, counted in the same way."""
    if one.key != other.key or one.version[0] != other.version[0]:
        return False
    mine, theirs = dict(one.ids), dict(other.ids)
    common = mine.keys() & theirs.keys()
    if any(mine[key] != theirs[key] for key in common if not _EVENT_KEY.search(key)):
        return False
    if (one.ids or other.ids) and not one.ids & other.ids:
        return False
    keys, others = one.members.keys(), other.members.keys()
    if one.key.startswith("label "):
        return True
    return len(keys & others) >= MIN_SHARED_KEYS_SHARE * max(len(keys | others), 1)


def is_older(one: State, other: State) -> bool:
    """Tell whether the first of two states of one thing is the older."""
    mine, theirs = one.version[1], other.version[1]
    if isinstance(mine, str) or isinstance(theirs, str):
        return str(mine) < str(theirs)
    return mine < theirs


def outdated(old: State, new: State) -> frozenset[str]:
    """Return what the older state says that the newer one does not say any more."""
    said = frozenset(new.members.values())
    if old.key.startswith("label "):
        return frozenset(old.members.values()) - said
    return frozenset(
        text
        for key, text in old.members.items()
        if key in new.members and new.members[key] != text and text not in said
    )


def _records(value: Value) -> Iterator[State]:
    stack = [value]
    left = MAX_RECORDS_COUNT
    while stack and left:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            left -= 1
            stack.extend(item.values())
            yield from _record(item)


def _record(item: dict[str, Value]) -> Iterator[State]:
    keys = [key for key in item if re.sub(r"[\W_]", "", key.lower()) in _KEYS]
    for key in keys:
        version = _version(item[key])
        if version is None:
            continue
        scalars = {k: _text_of(v) for k, v in item.items() if k not in keys}
        members = {k: text for k, text in scalars.items() if text}
        ids = {(k, v) for k, v in members.items() if _ID_KEY.search(k) or k.lower() in _ID_WORDS}
        yield State(
            key=re.sub(r"[\W_]", "", key.lower()),
            version=version,
            shown=str(item[key])[:MAX_VERSION_CHARS],
            ids=frozenset(ids),
            members={k: v for k, v in members.items() if (k, v) not in ids},
        )


def _version(value: Value) -> tuple[str, float | str] | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number", float(value)
    if not isinstance(value, str) or len(value) > MAX_VERSION_CHARS:
        return None
    text = value.strip()
    if found := re.fullmatch(r"(?i)(v?)(\d{1,15})", text):
        return found[1] or "number", float(found[2])
    if found := _ISO.fullmatch(text.replace(" ", "T", 1)):
        # Compared as text, so only times of the same precision and zone are compared.
        return re.sub(r"\d", "#", found.group()), found.group()
    return None


def _text_of(value: Value) -> str:
    """Return a scalar folded, a number in normal form; empty for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return ""
    text = fold(str(value))
    fact = fact_of(text)
    return min(fact.readings) if fact is not None and fact.kind == "number" else text


def _labelled(text: str) -> Iterator[State]:
    """Yield the state that a text is, if it begins by saying which version of it this is."""
    found = _LABEL.search(text[:LABEL_WITHIN_CHARS])
    if found is None:
        return
    word = (found["word"] or found["east"] or "v").lower()
    number = found["number"] or found["short"] or found["count"]
    tokens = [fact for token in tokens_of(text) if (fact := fact_of(token)) is not None]
    ids = {("id", fact.text.lower()) for fact in tokens if fact.kind == "id"}
    said = {r: r for fact in tokens if fact.kind != "id" for r in fact.readings if r != number}
    yield State(
        key=f"label {word}",
        version=("number", float(number)),
        shown=found.group()[:MAX_VERSION_CHARS],
        ids=frozenset(ids),
        members=said,
    )
