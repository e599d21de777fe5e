"""Stories in which an agent, a handoff or an action is where it goes wrong."""

from __future__ import annotations

import json

import msgspec

from bench.stories.kit import Facts, Kit
from bench.stories.plot import Part, Plot, Truth, Turn, Use
from bench.stories.spoiled import guessed_by, ordinary, read_by


def number_drift(kit: Kit) -> Plot:
    """The reader tells another number than it read: a digit swapped, or a factor of ten."""
    digits = kit.rng.choice((_swapped, _tenfold))
    wrong = msgspec.structs.replace(kit.facts, amount=digits(kit.facts.amount))
    truth = Truth(
        categories=("ungrounded", "serialization", "other"),
        origins=(f"says:{kit.reader}", f"agent:{kit.reader}"),
        propagators=(kit.reader, kit.actor),
        symptoms=("act",),
    )
    return ordinary(kit, kit.reading(says=kit.text("finding", wrong)), truth, wrong)


def _swapped(amount: float) -> float:
    """Return an amount whose first two digits have changed places, or are one more."""
    text = f"{amount:.2f}"
    other = float(text[1] + text[0] + text[2:])
    return other if other != amount and text[1] != "0" else round(amount + 10, 2)


def _tenfold(amount: float) -> float:
    return round(amount * 10, 2)


def swapped_ids(kit: Kit) -> Plot:
    """Two candidates were read; the reader tells one's number with the other's id."""
    other = msgspec.structs.replace(
        kit.facts,
        id=kit.domain.id % kit.rng.randint(100, 9899),
        amount=round(kit.facts.amount + 88.4, 2),
    )
    both = {"items": [kit.record(), kit.record(other)]}
    wrong = msgspec.structs.replace(kit.facts, id=other.id)
    turn = Turn(uses=(kit.use("read", result=both), kit.use("check")))
    truth = Truth(
        categories=("ungrounded", "serialization", "other"),
        origins=(f"says:{kit.reader}", f"agent:{kit.reader}"),
        propagators=(kit.reader, kit.actor),
        symptoms=("act",),
    )
    return ordinary(kit, kit.reading(turn, says=kit.text("finding", wrong)), truth, wrong)


def invented_argument(kit: Kit) -> Plot:
    """The actor calls with an id that nobody told it."""
    wrong = msgspec.structs.replace(kit.facts, id=kit.domain.id % (9900 + kit.rng.randint(0, 99)))
    truth = Truth(
        categories=("ungrounded",),
        origins=(f"turn:{kit.actor}", "act", f"agent:{kit.actor}"),
        propagators=(kit.actor,),
        symptoms=("act", f"says:{kit.closer}"),
    )
    return kit.plot(kit.reading(), kit.acting(wrong), kit.closing(), truth=truth)


def failed_write(kit: Kit) -> Plot:
    """The action fails, and everybody is told that it was done."""
    error = kit.rng.choice(kit.language.errors)
    result = kit.rng.choice(
        ({"error": error}, {"success": False, "message": error}, {"status": "failed"}, error)
    )
    truth = Truth(
        categories=("tool_failure",),
        origins=("act",),
        propagators=(kit.actor,),
        symptoms=(
            f"says:{kit.closer}",
            f"says:{kit.actor}",
            f"agent:{kit.closer}",
            f"agent:{kit.actor}",
            f"says:{kit.lead}",
            f"agent:{kit.lead}",
        ),
    )
    return kit.plot(kit.reading(), kit.acting(result=result), kit.closing(), truth=truth)


def skipped_step(kit: Kit) -> Plot:
    """The actor says that it acted, with a reference, and never called its tool."""
    truth = Truth(
        categories=("ungrounded", "missing_step"),
        origins=(f"says:{kit.actor}", f"agent:{kit.actor}"),
        propagators=(kit.actor, kit.closer),
        symptoms=(f"says:{kit.closer}", f"agent:{kit.closer}", f"says:{kit.lead}"),
    )
    silent = Part(agent=kit.actor, says=kit.text("done"))
    return kit.plot(kit.reading(), silent, kit.closing(), truth=truth)


def _lost_in_handoff(kit: Kit, received: str, *categories: str) -> Plot:
    """Return a plot whose actor got less than was sent, and filled in the rest."""
    guessed = guessed_by(kit)
    acting = msgspec.structs.replace(kit.acting(guessed), hears=received)
    truth = Truth(
        categories=categories,
        origins=(f"hand:{kit.actor}", "merge", f"agent:{kit.reader}", f"agent:{kit.actor}"),
        propagators=(kit.actor,),
        symptoms=("act",),
    )
    return kit.plot(
        kit.reading(),
        acting,
        kit.closing(guessed),
        final=kit.text("final", guessed),
        truth=truth,
    )


def cut_handoff(kit: Kit) -> Plot:
    """Code between two agents cuts the text in the middle of a word."""
    whole = kit.text("finding")
    size = len(whole) * kit.rng.randint(25, 45) // 100
    while not (whole[size - 1].isalnum() and whole[size].isalnum()):
        size -= 1
    return _lost_in_handoff(kit, whole[:size], "truncation")


def marked_cut(kit: Kit) -> Plot:
    """Code between two agents cuts the text and says so."""
    whole = kit.text("finding")
    mark = kit.rng.choice(("...", "…", " [truncated]", "… (cut)"))
    return _lost_in_handoff(kit, whole[: len(whole) // 3].rstrip() + mark, "truncation")


def cut_json(kit: Kit) -> Plot:
    """Code between two agents cuts a JSON object, which then does not close."""
    sent = json.dumps({**kit.record(), "say": kit.text("brief")}, ensure_ascii=False)
    plot = _lost_in_handoff(kit, sent[: len(sent) * 2 // 5], "truncation")
    parts = (msgspec.structs.replace(plot.parts[0], says=sent), *plot.parts[1:])
    return msgspec.structs.replace(plot, parts=parts)


def _told_by_lead(kit: Kit, task: str, facts: Facts, *categories: str) -> Plot:
    """Return a plot whose lead hands on something else than it was told."""
    acting = msgspec.structs.replace(kit.acting(facts), task=task)
    truth = Truth(
        categories=categories,
        origins=(f"hand:{kit.actor}", f"turn:{kit.lead}", f"turn:{kit.lead}_deputy"),
        propagators=(kit.lead, f"{kit.lead}_deputy", kit.actor),
        symptoms=("act",),
    )
    final = kit.text("final", facts)
    return kit.plot(kit.reading(), acting, kit.closing(facts), final=final, truth=truth)


def cut_task(kit: Kit) -> Plot:
    """The lead's own task text breaks off in the middle of a word; nobody has the rest."""
    whole = kit.text("finding")
    size = len(whole) // 3
    while not (whole[size - 1].isalnum() and whole[size].isalnum()):
        size -= 1
    return _told_by_lead(kit, whole[:size], guessed_by(kit), "truncation", "ungrounded")


def drift_in_task(kit: Kit) -> Plot:
    """The lead writes another number into the task than it was told."""
    wrong = msgspec.structs.replace(kit.facts, amount=_swapped(kit.facts.amount))
    categories = ("ungrounded", "serialization", "other")
    return _told_by_lead(kit, kit.text("brief", wrong), wrong, *categories)


def flattened(kit: Kit) -> Plot:
    """A structured task reaches the next agent as what text conversion leaves of it."""
    record = kit.record()
    plain = {key: value for key, value in record.items() if isinstance(value, str)}
    lost = kit.rng.choice(
        (
            "[object Object]",
            "<Record object at 0x7f3a9c04d5e0>",
            "[Object]",
            "{...}",
            "System.Collections.Generic.Dictionary`2[System.String,System.Object]",
        )
    )
    sent = json.dumps({"record": record, "say": kit.text("brief")}, ensure_ascii=False)
    received = f"record: {lost}, keys: {', '.join(plain)}"
    plot = _lost_in_handoff(kit, received, "serialization")
    parts = (msgspec.structs.replace(plot.parts[0], says=sent), *plot.parts[1:])
    return msgspec.structs.replace(plot, parts=parts)


def flattened_result(kit: Kit) -> Plot:
    """A tool's answer lost its nested part on the way to text; the reader fills it in."""
    guessed = guessed_by(kit)
    result = f"{kit.facts.id}: [object Object], {kit.facts.name}, [object Object]"
    reading = kit.reading(
        Turn(uses=(kit.use("read", result=result), kit.use("check"))),
        says=kit.text("finding", guessed),
    )
    return ordinary(kit, reading, read_by(kit, "serialization", "ungrounded"), guessed)


def drift_in_code(kit: Kit) -> Plot:
    """Code between two agents rewrites a number: its decimal point is lost."""
    wrong = msgspec.structs.replace(kit.facts, amount=round(kit.facts.amount * 100, 2))
    acting = msgspec.structs.replace(kit.acting(wrong), hears=kit.text("finding", wrong))
    truth = Truth(
        categories=("serialization", "other", "ungrounded"),
        origins=(f"hand:{kit.actor}", "merge", f"agent:{kit.reader}", f"agent:{kit.actor}"),
        propagators=(kit.actor,),
        symptoms=("act",),
    )
    return kit.plot(
        kit.reading(), acting, kit.closing(wrong), final=kit.text("final", wrong), truth=truth
    )


def branches(kit: Kit) -> tuple[Part, Part, Part]:
    """Return three parts that run beside each other."""
    read = Part(
        agent=kit.reader,
        turns=(Turn(uses=(kit.use("read"),)),),
        says=kit.text("brief"),
        beside=True,
    )
    check = Part(
        agent=kit.checker,
        turns=(Turn(uses=(kit.use("check"),)),),
        says=kit.text("checked"),
        beside=True,
    )
    look = Part(
        agent=kit.searcher,
        turns=(Turn(uses=(kit.use("search"),)),),
        says=kit.text("looked"),
        beside=True,
    )
    return read, check, look


def lost_branch(kit: Kit) -> Plot:
    """Of three branches one is lost where they are joined; the actor fills in its values."""
    guessed = guessed_by(kit)
    read, check, look = branches(kit)
    lost = msgspec.structs.replace(read, lost=True)
    truth = Truth(
        categories=("lost_result", "ungrounded"),
        origins=(
            "merge",
            f"agent:{kit.reader}",
            f"says:{kit.reader}",
            "read",
            f"agent:{kit.actor}",
        ),
        propagators=(kit.actor,),
        symptoms=("act",),
    )
    return kit.plot(lost, check, look, kit.acting(guessed), truth=truth)


def branch_failed(kit: Kit) -> Plot:
    """Of three branches one fails and makes its values up."""
    guessed = guessed_by(kit)
    read, check, look = branches(kit)
    failed = Use(
        tool=kit.domain.read.name,
        arguments=kit.use("read").arguments,
        result={"error": kit.rng.choice(kit.language.errors)},
        tag="read",
    )
    made_up = msgspec.structs.replace(
        read, turns=(Turn(uses=(failed,)),), says=kit.text("brief", guessed)
    )
    truth = read_by(kit, "tool_failure", "ungrounded")
    return kit.plot(made_up, check, look, kit.acting(guessed), truth=truth)


def ping_pong(kit: Kit) -> Plot:
    """Two agents send the same matter to each other until one gives in."""
    back = Part(agent=kit.checker, says=kit.text("checked"))
    forth = Part(agent=kit.searcher, says=kit.text("looked"))
    rounds = [part for _ in range(kit.rng.randint(3, 5)) for part in (back, forth)]
    truth = Truth(
        categories=("loop",),
        origins=tuple(
            f"{kind}:{agent}"
            for kind in ("hand", "agent", "says", "turn")
            for agent in (kit.checker, kit.searcher)
        ),
        propagators=(kit.checker, kit.searcher),
        symptoms=(),
    )
    return kit.plot(kit.reading(), *rounds, kit.acting(), truth=truth)
