"""Detectors on hand-built runs: what each sees, where, and what it must not see."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder, payload
from causewatch.faults.calls import calls_of
from causewatch.faults.detect import DETECTORS, MAX_FAULTS_COUNT, detect
from causewatch.faults.empty import is_empty
from causewatch.faults.lost_at_handoff import common_prefix_chars
from causewatch.faults.sources import prompts_of
from causewatch.faults.text import excerpt, fold, plain
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Fault

LONG = "Carry the crates D-1 to D-40 into hall 7 by Friday, except crate D-13 with the lead."


def names(graph: CausalGraph) -> list[tuple[str, int]]:
    """Return the faults of a run by name and step."""
    return [(fault.name, fault.step) for fault in detect(graph)]


def handed(sent: Any, got: Any = "same", **fields: Any) -> tuple[CausalGraph, int]:
    """Return a run with one handoff, and the step that performs it."""
    run = RunBuilder("Please move the depot.")
    step = run.hand_over("planner", sent, got, **fields)
    run.say("Done.")
    return run.graph(), step


def test_a_healthy_run_has_no_faults() -> None:
    """Nothing is seen in a run with nothing wrong in it."""
    run = RunBuilder()
    run.call("get_order", {"id": 1}, {"id": 1, "items": [2]})
    run.hand_over("back", {"task": LONG})
    run.call("ship", {"id": 1}, {"ok": True})
    run.say("Shipped.")
    assert names(run.graph()) == []


def test_a_swallowed_failure() -> None:
    """An error envelope in an OK span is a failure at the output of its step."""
    run = RunBuilder()
    step = run.call("get_order", {"id": 1}, {"error": "timeout", "items": []})
    (fault,) = detect(run.graph())
    assert (fault.name, fault.step, fault.at, fault.handoff) == ("failure", step, "output", None)
    assert "reports no error" in fault.reason
    assert "timeout" in fault.reason


def test_an_open_failure_is_less_sure() -> None:
    """An error that the span itself reports is a failure too, but one that the agent saw."""
    run = RunBuilder()
    run.call("get_order", {"id": 1}, None, status="error")
    run.call("get_order", {"id": 1}, {"error": "x"})
    open_, swallowed = detect(run.graph())
    assert open_.name == swallowed.name == "failure"
    assert open_.confidence < swallowed.confidence


def test_a_status_alone_is_no_failure_of_a_handoff() -> None:
    """Frameworks pass control by raising: a transfer tool with status error is healthy."""
    run = RunBuilder()
    step = run.hand_over("back", {"task": "go"}, "go")
    run.spans[step]["status"] = "error"
    run.say("Done.")
    assert names(run.graph()) == []


TRUNCATED = [
    ('{"rows": [{"id": 1}, {"id":', 0.8),
    ("row 1, row 2, (12 more)", 0.3),
    ("The report covers the first quarter of the year and then...", 0.6),
    ({"text": "The report [truncated]"}, 0.6),
    ({"rows": [1], "has_more": True}, 0.3),
]


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        ("The report covers the first quarter of the year and then some…", []),
        ('{"report": "the first quarter", "rows": [{"id": 1}, {"id":', ["truncated"]),
    ],
)
def test_another_agent_may_end_in_dots(answer: str, want: list[str]) -> None:
    """What an agent answers is its own wording; JSON that does not close is cut all the same."""
    run = RunBuilder()
    run.hand_over("planner", {"task": LONG}, result=answer)
    run.say("Done.")
    assert [name for name, _ in names(run.graph())] == want


@pytest.mark.parametrize(("result", "confidence"), TRUNCATED, ids=str)
def test_truncated_results(result: Any, confidence: float) -> None:
    """A result that stops early is truncated, the surer the plainer it says so."""
    run = RunBuilder()
    step = run.call("get_rows", {"q": 1}, result)
    (fault,) = [f for f in detect(run.graph()) if f.name == "truncated"]
    assert (fault.step, fault.confidence) == (step, confidence)


@pytest.mark.parametrize(
    "result",
    [
        {"snippets": ["The report covers..."]},
        "Loading...",
        {"has_more": False},
        "{'a': [1",
        "Wait…",
    ],
    ids=str,
)
def test_results_that_only_trail_off(result: Any) -> None:
    """Search snippets, short texts and the last page are not truncated."""
    run = RunBuilder()
    run.call("get_rows", {"q": 1}, result)
    assert "truncated" not in [fault.name for fault in detect(run.graph())]


def test_what_telemetry_cut_is_nobodys_fault() -> None:
    """A payload that a telemetry limit cut proves nothing."""
    run = RunBuilder()
    run.call("get_rows", {"q": 1}, '{"rows": [1, 2', cut=True)
    assert names(run.graph()) == []
    graph, _ = handed({"task": LONG}, LONG[:30])
    cut = msgspec.structs.replace(graph.handoffs[0], received=payload(LONG[:30], cut=True))
    assert names(msgspec.structs.replace(graph, handoffs=(cut,))) == []
    cut = msgspec.structs.replace(graph.handoffs[0], sent=payload({"task": LONG}, cut=True))
    assert names(msgspec.structs.replace(graph, handoffs=(cut,))) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True), ("", True), ([], True), ({}, True), ({"rows": []}, True),
        ({"rows": [], "count": 0}, True), ({"rows": [], "page": 1}, False), ([0], False),
        (0, False), (False, False), ({"found": False}, False),
    ],
)  # fmt: skip
def test_empty(value: Any, expected: bool) -> None:
    """Empty is nothing, empty collections and zero counts; a false or a zero is an answer."""
    assert is_empty(value) is expected


def test_empty_needs_a_question() -> None:
    """Only a looking call that asked for something can come back empty."""
    run = RunBuilder()
    asked = run.call("search_docs", {"q": "x"}, [])
    run.call("search_docs", {}, [])
    run.call("send_mail", {"to": "x"}, {})
    assert names(run.graph()) == [("empty", asked)]


def test_a_loop_sits_on_its_second_call() -> None:
    """The first call was fine; the second is the first repeat."""
    run = RunBuilder()
    steps = [run.call("search_docs", {"q": "x", "n": 1}, ["a"]) for _ in range(3)]
    assert names(run.graph()) == [("repeated_call", steps[1])]


def test_a_loop_knows_arguments_by_value() -> None:
    """Key order and number spelling do not make another call."""
    run = RunBuilder()
    run.call("search_docs", {"q": "x", "n": 1}, ["a"])
    second = run.call("search_docs", {"n": 1.0, "q": "x"}, ["a"])
    run.call("search_docs", {"q": "x", "n": 1}, ["a"])
    assert names(run.graph()) == [("repeated_call", second)]


def test_two_loops_in_turn() -> None:
    """Two calls that alternate, each again and again, are two loops."""
    run = RunBuilder()
    steps = [run.call(f"get_{'ab'[n % 2]}", {"n": 1}, [n % 2]) for n in range(6)]
    assert names(run.graph()) == [("repeated_call", steps[2]), ("repeated_call", steps[3])]


NO_LOOPS: dict[str, list[tuple[str, Any, Any]]] = {
    "twice": [("get_a", {"n": 1}, [1])] * 2,
    "changing results": [("get_a", {"n": 1}, [n]) for n in range(5)],
    "other arguments": [("get_a", {"n": n}, [1]) for n in range(5)],
    "nothing recorded": [("get_a", None, [1])] * 5,
    "no results": [("get_a", {"n": 1}, None)] * 5,
    "polling in an envelope": [("get_a", {"n": 1}, {"result": "still running"})] * 5,
    "polling": [("get_a", {"n": 1}, {"status": "queued"})] * 5,
    "acting between": [("get_a", {"n": 1}, [1]), ("send_b", {"n": 1}, {"id": 1})] * 2
    + [("get_a", {"n": 1}, [1])],
    "finding out between": [
        each
        for n in range(4)
        for each in (("get_a", {"n": 1}, [1]), ("read_b", {"n": n}, {"b": n}))
    ],
}


@pytest.mark.parametrize("case", NO_LOOPS)
def test_no_loops(case: str) -> None:
    """Retrying once, polling, looking again after acting, and unknown content are no loops."""
    run = RunBuilder()
    for tool, arguments, result in NO_LOOPS[case]:
        run.call(tool, arguments, result)
    assert "repeated_call" not in [fault.name for fault in detect(run.graph())]


@pytest.mark.parametrize("answer", [["b"], {"error": "timeout"}, [], None])
def test_other_questions_without_news_do_not_end_a_loop(answer: Any) -> None:
    """Asking around between the repeats is no progress if the answers are old, bad or missing."""
    run = RunBuilder()
    run.call("read_b", {"n": -1}, ["b"])
    repeats = []
    for n in range(3):
        repeats.append(run.call("get_a", {"n": 1}, [1]))
        run.call("read_b", {"n": n}, answer)
    assert ("repeated_call", repeats[1]) in names(run.graph())


def test_another_agent_may_ask_the_same() -> None:
    """Three agents that each look once are no loop."""
    run = RunBuilder()
    for name in ("b", "c", "d"):
        run.call("get_a", {"n": 1}, [1])
        run.hand_over(name, {"task": "x"}, "x")
    assert "repeated_call" not in [fault.name for fault in detect(run.graph())]


LOST = [
    ("a prefix", LONG[:50], True),
    ("a prefix in a template", f"Task: {LONG[:50]}\n---\nStart now.", True),
    ("other case and white space", LONG.upper().replace(" ", "\n  "), False),
    ("all in a template", f"You are a helper.\n{LONG}\nGo.", False),
    ("few of its facts", "Carry the crates D-1 into the hall, except crates with the lead.", True),
    ("other words for it", "Carry crates D-1 to D-40 to hall 7 except D-13 please", False),
    ("something else altogether", "What is the weather like?", False),
    ("nothing", "", False),
]


@pytest.mark.parametrize(("got", "lost"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_what_code_carries_must_arrive(got: str, lost: bool) -> None:
    """A mechanical handoff loses nothing but case, white space and its template."""
    graph, step = handed({"task": LONG}, got)
    assert names(graph) == ([("lost_at_handoff", step)] if lost else [])


def test_models_may_summarise() -> None:
    """Where a model carried the payload, fewer facts are no fault."""
    graph, _ = handed({"task": LONG}, "Carry the crates into the hall.", mechanical=False)
    assert names(graph) == []


def test_short_arguments_are_routing() -> None:
    """An argument below 40 characters need not arrive literally."""
    graph, _ = handed({"task": LONG, "to": "planner", "why": "because of the depot"}, LONG)
    assert names(graph) == []


def test_what_came_another_way_is_not_lost() -> None:
    """All that the receiver's first input shows counts, its history and instructions too."""
    run = RunBuilder()
    run.hand_over("planner", {"task": LONG}, LONG[:40])
    run.history.append(run.history[0].__class__(role="user", parts=payload_text(LONG)))
    run.say("Done.")
    assert names(run.graph()) == []


def payload_text(text: str) -> tuple[Any, ...]:
    """Return a text as the parts of a message."""
    return (RunBuilder(text).history[0].parts[0],)


def test_the_transfer_tools_own_output_shows_the_cut() -> None:
    """Where the receiver's input is unknown, what the transfer tool passed on tells."""
    graph, step = handed({"task": LONG}, None, result={"update": LONG[:50]})
    (fault,) = detect(graph)
    assert (fault.name, fault.step) == ("lost_at_handoff", step)
    assert fault.confidence < 0.9
    graph, _ = handed({"task": LONG}, None, result="Transferred.")
    assert names(graph) == []


def test_a_loss_without_a_performer_is_the_receivers_input() -> None:
    """Where no span performed the handoff, the first that received it shows the loss."""
    graph, step = handed({"task": LONG}, LONG[:50], performed=False)
    (fault,) = detect(graph)
    assert (fault.step, fault.at) == (step, "input")
    assert fault.step == graph.handoffs[0].receiver


TWO = f"{LONG} Then report to the yard\nand wait for the next order"
SLICED = [
    ("inside of a word", LONG[:44], True),
    ("between two words", LONG[:42], True),
    ("in a template", f"Your task:\n{LONG[:42]}", True),
    ("quoted", f"Your task is '{LONG[:42]}'", True),
    ("all of it", TWO, False),
    ("the first sentence", LONG, False),
    ("the first line", TWO.splitlines()[0], False),
    ("with other words after it", f"{LONG[:42]} Friday.", False),
    ("a few words", LONG[:20], False),
    ("with a mark after a sentence", f"{LONG} […]", False),
    ("with dots after a word", f"{LONG[:42]} …", True),
    ("with a mark in another language", f"{LONG[:42]}... [省略]", True),
]


@pytest.mark.parametrize(
    ("got", "cut"), [row[1:] for row in SLICED], ids=[row[0] for row in SLICED]
)
def test_the_bare_beginning_of_what_was_said_was_sliced(got: str, cut: bool) -> None:
    """A model rewords; only code stops after so many characters, unless a line or sentence ends."""
    graph, step = handed({"task": TWO}, got, mechanical=False, performed=False)
    assert names(graph) == ([("cut_off", step)] if cut else [])


def test_json_that_was_sent_and_arrives_in_part_was_sliced() -> None:
    """Wherever JSON stops before its end, it is not whole: behind a quotation mark, or a comma."""
    sent = {"crates": ["D-1", "D-2", "D-3"], "hall": 7, "until": "Friday", "note": "mind the lead"}
    raw = json.dumps(sent)
    for size in range(30, len(raw) - 2, 3):
        graph, step = handed(sent, raw[:size], mechanical=False, performed=False)
        assert ("cut_off", step) in names(graph), raw[:size]
    whole, _ = handed(sent, raw, mechanical=False, performed=False)
    assert names(whole) == []


CUT_OFF = [
    ("a broken word", "The premium offer is good, but the waiting pe", True),
    ("a mark", "The premium offer is good, but [truncated]", True),
    ("dots", "The premium offer is good, but the waiting...", True),
    ("a full stop", "The premium offer is good for all of us here.", False),
    ("a whole word", "The premium offer is good, but mind the period", False),
    ("an inflection", "The premium offer is good, but look at the fee", False),
    ("an unknown word", "The premium offer is good, but mind the zebra", False),
    ("a number", "The premium offer is good for a price of 24", False),
    ("a list", "The premium offer is good:\n- price\n- waiting time", False),
    ("short", "the waiting pe", False),
]


@pytest.mark.parametrize(
    ("text", "cut"), [row[1:] for row in CUT_OFF], ids=[row[0] for row in CUT_OFF]
)
def test_a_senders_own_cut_shows_in_how_it_ends(text: str, cut: bool) -> None:
    """A text that ends with a mark or inside of a known word was cut; other ends prove nothing."""
    run = RunBuilder("Compare the offers.")
    run.call("get_offers", {"n": 2}, {"notes": ["a waiting period of 30 days", "fees of 249.90"]})
    step = run.hand_over("signer", {"advice": text})
    run.say("Signed.")
    assert names(run.graph()) == ([("cut_off", step)] if cut else [])


OPEN_ENDS = [
    ("We compared all of the offers that we had and found that the", 0.5, 0.6),
    ("Wir haben alle Angebote verglichen, die wir hatten, und", 0.5, 0.6),
    ("We compared all of the offers that we had,", 0.5, 0.6),
    (("We compared all offers and found that none of them " * 3)[:99] + "y", 0.3, 0.4),
    ("We compared all of the offers, please say whom to send them to", 0.3, 0.4),
    ("Wir haben verglichen und fragen, ob das richtig ist", 0.3, 0.4),
    (("We compared all offers and found that none of them " * 4)[:156] + " for", 0.65, 0.75),
    (("We compared all offers and found that none of them " * 4)[:156] + " the", 0.65, 0.75),
]


@pytest.mark.parametrize(("text", "least", "most"), OPEN_ENDS)
def test_stops_in_mid_sentence(text: str, least: float, most: float) -> None:
    """A last word that no sentence ends with is a sign of a cut; a round length is only a hint."""
    (fault,) = detect(handed({"advice": text})[0])
    assert fault.name == "cut_off"
    assert least < fault.confidence < most


@pytest.mark.parametrize("length", [99, 101, 255, 257])
def test_other_lengths_are_no_sign(length: int) -> None:
    """A missing full stop alone is how models write, at any length."""
    text = ("We compared all offers and found none that fits us " * 9)[: length - 1] + "y"
    assert names(handed({"advice": text})[0]) == []


def test_a_copy_that_breaks_inside_of_a_word() -> None:
    """A line copied from an earlier answer and broken inside of a word was cut, template or not."""
    run = RunBuilder("Compare the offers.")
    said = "Offer F-1 is the cheapest of them all, and the earliest."
    run.call("get_offers", {"n": 2}, {"advice": said})
    code = f"signer(task=advice[:{len(said) - 9}])"
    step = run.hand_over(
        "signer", {"code": code}, f"Task:\nFindings: {said[:30]}\n---\nGo", performed=False
    )
    run.say("Signed.")
    (fault,) = detect(run.graph())
    assert (fault.name, fault.step, fault.at) == ("cut_off", step, "input")


def test_a_copy_that_stops_early_in_its_second_line() -> None:
    """A copy that goes on into a second line and breaks off there was cut."""
    run = RunBuilder("Compare the offers.")
    first, second = "Final answer of the comparing agent:", "Offer F-1 is the cheapest of all."
    run.call("get_offers", {"n": 2}, f"{first}\n{second}")
    run.hand_over("signer", {"c": "x"}, f"Do: {first}\nOffer F-1 \n---\nGo", performed=False)
    run.say("Signed.")
    assert [name for name, _ in names(run.graph())] == ["cut_off"]


@pytest.mark.parametrize("stop", ["Sell the boat by May.", "Sell the boat", "Sell the boat by May"])
def test_a_quotation_is_no_cut(stop: str) -> None:
    """A copy of a prompt that stops between words, or at a sentence end, may be a quotation."""
    prompt = "Sell the boat by May. Do not take less than 9000 for it, whatever they say."
    run = RunBuilder(prompt)
    run.hand_over("seller", {"task": f"The owner wrote to us yesterday: {stop}"})
    run.say("Sold.")
    assert names(run.graph()) == []


def test_one_handoff_has_one_loss() -> None:
    """A loss that two detectors see is one fault."""
    graph, _ = handed({"task": LONG}, LONG[:40] + "[truncated]")
    assert [fault.handoff for fault in detect(graph)] == [0]


def test_nested_spans_of_one_call_are_one_call() -> None:
    """Of a client's and a server's span of one call only the inner one with content counts."""
    run = RunBuilder()
    outer = run.call("get_a", {"n": 1}, {"error": "x"})
    run._add(
        "tool", "tools/call get_a", outer, tool="get_a", arguments=payload({"n": 1}),
        result=payload({"error": "x"}),
    )  # fmt: skip
    inner = len(run.steps) - 1
    assert [call.index for call in calls_of(run.graph())] == [inner]
    assert names(run.graph()) == [("failure", inner)]
    bare = RunBuilder()
    outer = bare.call("get_a", {"n": 1}, {"error": "x"})
    bare._add("tool", "tools/call get_a", outer, tool="get_a")
    assert [call.index for call in calls_of(bare.graph())] == [outer]


def test_faults_are_bounded_and_in_order() -> None:
    """A run of nothing but faults gives a bounded list in order of step."""
    run = RunBuilder()
    for n in range(MAX_FAULTS_COUNT + 20):
        run.call("get_a", {"n": n}, {"error": "x"})
    faults = detect(run.graph())
    assert len(faults) == MAX_FAULTS_COUNT
    assert [f.step for f in faults] == sorted(f.step for f in faults)


def test_each_detector_stands_once() -> None:
    """The list of detectors is explicit and without repeats."""
    assert len(set(DETECTORS)) == len(DETECTORS)


ODD: list[Any] = [
    "\ud800" * 50,
    float("nan"),
    b"\xff",
    {"a": b"x"},
    [[]] * 50,
    "{" * 1_000,
    2**80,
    True,
]


@pytest.mark.parametrize("value", ODD, ids=lambda value: str(value)[:20].encode("ascii", "replace"))
def test_odd_payloads_raise_nothing(value: Any) -> None:
    """Whatever stands in arguments, results and handoffs, detectors do not raise."""
    run = RunBuilder()
    for _ in range(3):
        run.call("get_a", {"n": 1}, "x")
    run.hand_over("b", {"task": "x"}, "x")
    run.say("ok")
    odd = payload("x").__class__(value=value, raw="x", key="odd")
    graph = run.graph()
    steps = tuple(
        msgspec.structs.replace(s, arguments=odd, result=odd) if s.kind == "tool" else s
        for s in graph.steps
    )
    handoff = msgspec.structs.replace(graph.handoffs[0], sent=odd, received=odd)
    faults = detect(msgspec.structs.replace(graph, steps=steps, handoffs=(handoff,)))
    assert all(isinstance(fault, Fault) for fault in faults)


def test_prompts_are_what_no_model_wrote() -> None:
    """Of user texts, those that a handoff carried are left out; each text counts once."""
    run = RunBuilder("Please move the depot by Friday.")
    run.call("get_a", {"n": 1}, [1])
    run.hand_over("planner", {"task": LONG})
    run.say("Done.")
    assert [prompt.text for prompt in prompts_of(run.graph())] == [
        "Please move the depot by Friday."
    ]


def test_text_forms() -> None:
    """Texts are folded for comparison and bounded for people."""
    assert fold(" A\n b ") == "a b"
    assert plain(None) == ""
    assert plain(payload({"a": ["x", 1, None]})) == "x\n1"
    assert excerpt("a\x00\n b" + "c" * 500).startswith("“a b")
    assert len(excerpt("c" * 500)) == 122
    assert excerpt("a ”quoted” word") == '“a "quoted" word”'
    assert common_prefix_chars("abcdef", "xxabcdyy") == 4
    assert common_prefix_chars("abc", "") == 0
