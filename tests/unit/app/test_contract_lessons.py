"""Contracts that good runs teach keep good runs, tell planted breaks, and hold no payload."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from causewatch.app.contract_lessons import Wanted, learn_contracts
from causewatch.blame.judge import judge
from causewatch.contracts.compile import Contract
from causewatch.dialects.tables import SHIPPED
from causewatch.otlp.encode import encode_traces
from causewatch.rules.file import check_files, load
from novelty_fixtures import graph_of, spans

RUN = """\
d agent desk "Where is it?"
  a call find_order {asked} => {order}
  h call transfer_to_courier {brief} => {{"ok": true}}
c agent courier {task}
  b call book_van {van} => {{"slot": "{slot}", "vans": {vans}}}
  e model "It comes."
"""
GOOD_RUNS = 50
WHOLE = {"order": "ORD-1", "stops": ["Hals", "Brevik"]}
PART = {"order": "ORD-1", "stops": ["Hals"]}


def good(rng: Random) -> dict[str, object]:
    """Return the payloads of a run as they vary: optional keys, whole and broken numbers."""
    order: dict[str, object] = {
        "order": f"ORD-{rng.randint(1000, 9999)}",
        "total": rng.choice([rng.randint(1, 90), rng.random() * 90]),
        "lines": [
            {"sku": f"SKU{rng.randint(1, 99)}", "count": rng.randint(1, 5)}
            for _ in range(rng.randint(1, 4))
        ],
        "note": rng.choice([None, "by the back door"]),
    }
    if rng.random() < 0.4:
        order["gift"] = True
    return order


def run(order: object, rng: Random, brief: object | None = None) -> str:
    """Return one run as scenario lines."""
    asked = {"id": f"ORD-{rng.randint(1000, 9999)}"}
    brief = brief or {"order": f"ORD-{rng.randint(1000, 9999)}", "stops": ["Hals", "Brevik"]}
    return RUN.format(
        asked=json.dumps(asked),
        order=json.dumps(order),
        brief=json.dumps(brief),
        task=json.dumps(json.dumps(brief)),
        van=json.dumps({"size": rng.choice(["small", "large"])}),
        slot=rng.choice(["morning", "evening"]),
        vans=rng.randint(1, 3),
    )


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what fifty good runs teach, as a rule file."""
    return taught(tmp_path_factory.mktemp("good"))


def taught(folder: Path, wanted: Wanted = Wanted()) -> str:  # noqa: B008  # it is frozen
    """Return what fifty good runs teach."""
    rng = Random(7)
    paths = []
    for number in range(GOOD_RUNS):
        path = folder / f"{number}.pb"
        path.write_bytes(encode_traces(spans(run(good(rng), rng), str(number))))
        paths.append(str(path))
    found = learn_contracts(paths, None, SHIPPED, wanted)
    assert (found.notes, found.errors) == ((), ())
    return found.text


def contracts(text: str) -> tuple[Contract, ...]:
    """Return the contracts of a rule file that must be without fault."""
    files = {"learned.yaml": text.encode()}
    assert check_files(files) == ()
    return load(files).contracts


def violations(text: str, story: str, salt: str = "x") -> list[tuple[str, str, str]]:
    """Return what learned contracts find in a run: contract, violation and place."""
    verdicts = judge(graph_of(story, salt), contracts(text)).verdicts
    return [
        (verdict.contract, violation.name, violation.pointer)
        for verdict in verdicts
        for violation in verdict.violations
    ]


def test_it_is_written_for_people(lesson: str) -> None:
    """Support beside each name; both the optional and the nullable key as they were."""
    assert "- contract: find-order  # 50 calls in 50 runs\n  tool: find_order\n" in lesson
    assert "      required: [order, total, lines, note]\n" in lesson
    assert "        gift:  # in " in lesson
    assert '          type: [string, "null"]\n' in lesson
    assert "- contract: desk-to-courier  # 50 handoffs in 50 runs\n" in lesson
    assert "  compare: {mode: canonical}  # as all 50 with both sides known did\n" in lesson


def test_further_good_runs_keep_it(lesson: str) -> None:
    """Fifty that it was not learned from."""
    rng = Random(8)
    bound = contracts(lesson)
    for number in range(50):
        verdicts = judge(graph_of(run(good(rng), rng), str(number)), bound).verdicts
        assert {verdict.verdict for verdict in verdicts} == {"pass"}


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"total": None}, "/total"),
        ({"total": "12.50"}, "/total"),
        ({"lines": []}, "/lines"),
        ({"lines": [{"sku": "SKU1"}]}, "/lines/0"),
        ({"lines": "SKU1, SKU2"}, "/lines"),
        ({"note": 4}, "/note"),
    ],
)
def test_a_result_that_broke_is_told(lesson: str, broken: dict[str, object], place: str) -> None:
    """Another kind, an empty list, a lost key within an item: at its place."""
    rng = Random(9)
    found = violations(lesson, run({**good(rng), **broken}, rng))
    assert {(contract, pointer) for contract, _, pointer in found} == {("find-order", place)}


def test_a_lost_key_is_told(lesson: str) -> None:
    """One that every result had."""
    rng = Random(9)
    order = good(rng)
    del order["lines"]
    (found,) = violations(lesson, run(order, rng))
    assert found[:2] == ("find-order", "schema")


def test_a_handoff_that_lost_a_stop_is_told(lesson: str) -> None:
    """By the comparison that every good one kept."""
    rng = Random(9)
    story = run(good(rng), rng, WHOLE)
    cut = story.replace(json.dumps(json.dumps(WHOLE)), json.dumps(json.dumps(PART)))
    assert cut != story
    assert ("desk-to-courier", "truncation", "/stops") in violations(lesson, cut)


def test_no_value_of_a_payload_is_written_unless_asked(lesson: str, tmp_path: Path) -> None:
    """Only the words of enumerations, and only with ``--enums``."""
    for value in ("ORD-", "SKU", "back door", "Hals", "morning", "small"):
        assert value not in lesson
    enums = taught(tmp_path, Wanted(enums=True))
    assert "enum: [evening, morning]" in enums
    assert "ORD-" not in enums
    assert contracts(enums)


def test_globs_narrow_what_is_learned(tmp_path: Path) -> None:
    """Tools, or handoffs between some agents."""
    text = taught(tmp_path, Wanted(tool="find_*", sender="", receiver=""))
    assert [contract.spec.name for contract in contracts(text)] == ["find-order"]


def test_bad_runs_teach_nothing(tmp_path: Path) -> None:
    """Nor is there anything to learn from no runs."""
    rng = Random(3)
    story = run({"error": "out of order", "order": "ORD-7", "total": 7}, rng).replace(
        "It comes.", "Your order ORD-7 of 7 comes."
    )
    path = tmp_path / "bad.pb"
    path.write_bytes(encode_traces(spans(story)))
    assert judge(graph_of(story)).blame.verdict == "corrupted"
    found = learn_contracts([str(path)], None, SHIPPED, Wanted())
    assert found.notes == (
        "left out runs that are judged corrupted or ended wrong: 1",
        "no good run with payloads at these boundaries was found",
    )
    assert found.text.endswith("contracts: []\n")
    assert check_files({"learned.yaml": found.text.encode()}) == ()


def test_a_call_that_failed_and_was_repeated_does_not_loosen_the_schema(tmp_path: Path) -> None:
    """What failing calls return stands beside it."""
    rng = Random(5)
    paths = []
    for number in range(6):
        story = run(good(rng), rng)
        if number == 3:
            first = next(line for line in story.splitlines() if "find_order" in line)
            failed = (
                f'{first.split("=>")[0].replace("  a call", "  f call")}=> {{"error": "timeout"}}'
            )
            story = story.replace(first, f"{failed}\n{first}")
        path = tmp_path / f"{number}.pb"
        path.write_bytes(encode_traces(spans(story, str(number))))
        paths.append(str(path))
    text = learn_contracts(paths, None, SHIPPED, Wanted(tool="find_order")).text
    assert "anyOf:" in text
    order = good(rng)
    assert violations(text, run(order, rng)) == []
    del order["total"]
    assert violations(text, run(order, rng))
