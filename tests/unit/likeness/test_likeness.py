from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.dialects.tables import SHIPPED
from causewatch.likeness import likeness as module
from causewatch.likeness.answers import Answers
from causewatch.likeness.asked import Check, Put, Questions, Variable
from causewatch.likeness.likeness import Likenesses
from causewatch.model.span import Span, SpanEvent
from causewatch.otlp.raw import RawSpan
from graph_fixtures import span

LETTER = "The crate for Brevik leaves on Monday from the northern quay, as was said on board."
NOTE = "The rope for Larvik comes on Tuesday to the southern shed, as was told in town."
ORDER = {"order": "KX-20718", "total": 1249, "state": "open", "lines": ["FO-71 rope", "FO-72 tar"]}
OTHER = {"order": "QP-99213", "total": 3310, "state": "open", "lines": ["ZU-11 nets", "ZU-12 oil"]}


def run(order: dict[str, Any] = ORDER, **changes: Any) -> list[Span]:
    """Return a run: a user asks, a tool answers, an agent is handed the answer and tells it."""
    made: dict[str, Any] = {
        "asked": f"What of {order['order']}?",
        "result": order,
        "sent": order,
        "said": f"Your {order['order']} costs {order['total']} in all, and it is still open.",
        "tool": "get_order",
        "status": "unset",
        "tokens": 812,
    } | changes
    return [
        span(0, name="desk", gen_ai__operation__name="invoke_agent", gen_ai__input=made["asked"]),
        span(
            1,
            0,
            name=f"execute_tool {made['tool']}",
            gen_ai__operation__name="execute_tool",
            gen_ai__tool__name=made["tool"],
            gen_ai__tool__call__arguments=json.dumps({"id": order["order"]}),
            gen_ai__tool__call__result=json.dumps(made["result"]),
        ),
        span(
            2,
            0,
            name="clerk",
            gen_ai__operation__name="invoke_agent",
            sent=json.dumps(made["sent"]),
        ),
        span(
            3,
            2,
            name="chat",
            gen_ai__operation__name="chat",
            gen_ai__usage__input_tokens=made["tokens"],
            said=made["said"],
        ),
    ]


def of(spans: list[Span]) -> int | None:
    """Return the likeness of spans, as a new reader sees it."""
    return Likenesses(SHIPPED, is_native=False).of(spans)


def test_runs_that_differ_in_their_data_are_alike() -> None:
    """Another order, another price, other lines, other token counts: the same program, well."""
    assert of(run(ORDER)) == of(run(OTHER)) == of(run(OTHER, tokens=97))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sent": ORDER | {"lines": ["FO-71 rope"]}}, id="an item is lost on the way"),
        pytest.param({"sent": {"order": "KX-20718", "total": 1249}}, id="members are lost"),
        pytest.param({"sent": json.dumps(ORDER)[:60]}, id="the handed on text is cut"),
        pytest.param({"sent": ORDER | {"total": 1294}}, id="a figure changes on the way"),
        pytest.param({"sent": json.dumps(ORDER)}, id="a structure became text"),
        pytest.param({"result": {"error": "upstream timed out"}}, id="the tool reports an error"),
        pytest.param({"result": "Error: connection refused"}, id="the tool answers an error text"),
        pytest.param({"result": {}}, id="the tool answers nothing"),
        pytest.param({"result": ORDER | {"state": None}}, id="a value is missing"),
        pytest.param(
            {"said": "Your KX-20718 costs 9999 in all, and it is open."}, id="a new figure"
        ),
        pytest.param({"said": "I could not find your KX-20718, so I cannot tell."}, id="trouble"),
        pytest.param({"tool": "get_invoice"}, id="another tool"),
        pytest.param({"asked": "What of QP-99213?"}, id="arguments nobody asked for"),
    ],
)
def test_runs_in_which_something_else_happens_are_not_alike(changes: dict[str, Any]) -> None:
    """What a detector may look at tells runs apart."""
    assert of(run(**changes)) != of(run())


def test_structure_tells_runs_apart() -> None:
    """A step more, another parent, a status, an event: each is another likeness."""
    base = run()
    more = [*base, span(4, 2, name="chat", gen_ai__operation__name="chat")]
    hung = [*base[:3], span(3, 0, name="chat", gen_ai__operation__name="chat", said="x")]
    event = SpanEvent(name="exception", time_ns=1, attributes={"exception.type": "ValueError"})
    failed = [*base[:3], span(3, 2, name="chat", events=[event])]
    found = [of(base), of(more), of(hung), of(failed)]
    assert len(set(found)) == 4


def test_order_of_arrival_does_not_matter() -> None:
    """Parents come after children, and batches in any order."""
    assert of(run()) == of(run()[::-1])


def test_ids_in_names_do_not_matter() -> None:
    """Some programs number what they make."""
    one = [span(0, name="build WorkflowBuilder-a5b69add-a54a-41c9", workflow__name="flow-7781")]
    other = [span(0, name="build WorkflowBuilder-0bc40f61-5096-45ab", workflow__name="flow-9902")]
    assert of(one) == of(other)


def test_a_list_of_records_counts_by_its_kinds_and_its_length_by_what_it_was() -> None:
    """More or fewer hits are data; that a later list is shorter than the one before is not."""
    three, five = ([{"id": f"D-{n}{k}00"} for n in range(k)] for k in (3, 5))
    assert of(run(result=three, sent=three)) == of(run(result=five, sent=five))
    assert of(run(result=five, sent=five[:4])) != of(run(result=five, sent=five))


def test_a_history_that_goes_on_is_what_it_adds() -> None:
    """A model that is sent the conversation each time costs what is new in it."""
    turns = [{"role": "user", "content": f"{LETTER} {n}"} for n in range(6)]
    spans = [span(n, None, name="chat", history=json.dumps(turns[: n + 1])) for n in range(6)]
    other = [
        {"role": "user", "content": f"{LETTER.replace('Brevik', 'Larvik')} {n}"} for n in range(6)
    ]
    same = [span(n, None, name="chat", history=json.dumps(other[: n + 1])) for n in range(6)]
    cut = [*same[:5], span(5, None, name="chat", history=json.dumps(other[3:]))]
    assert of(spans) == of(same) != of(cut)


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param([], id="nothing"),
        pytest.param([span(n) for n in range(module.MAX_SPANS_COUNT + 1)], id="too many spans"),
        pytest.param([span(0, text="wörd " * 250_000)], id="too much text"),
        pytest.param([span(0, deep=json.dumps(["x"] * 21_000))], id="too many values"),
        pytest.param([span(0, deep="[" * 60 + "]" * 60)], id="too deep"),
    ],
)
def test_what_is_too_large_has_no_likeness(spans: list[Span]) -> None:
    """It is judged in full."""
    assert of(spans) is None


@pytest.mark.parametrize("text", ["{", "[1, 2", '"', "{'a': 1}", "\0", "[" * 5_000, "\ud7ff " * 30])
def test_odd_text_is_text(text: str) -> None:
    """What looks like JSON and is none is read as words; nothing raises."""
    assert of([span(0, a=text, b=[text, {"c": text, "d": b"x", "e": None, "f": 1.5}])]) is not None


def test_what_rules_ask_for_is_part_of_it() -> None:
    """A threshold of a rule, on a duration or a number, tells runs apart where it lies between."""
    tokens = Variable(what="attribute", key="gen_ai.usage.input_tokens")
    many = Check(left=(Put(variable=tokens),), operator=">", right=(Put(number=1_000),))
    questions = Questions(durations=(100_000_000,), tests=(many,))
    reader = Likenesses(SHIPPED, Answers(questions, {}))
    slow = [*run()[:3], span(3, 2, name="chat", length_ms=200)]
    fast = [*run()[:3], span(3, 2, name="chat", length_ms=90)]
    faster = [*run()[:3], span(3, 2, name="chat", length_ms=50)]
    assert reader.of(fast) == reader.of(faster) != reader.of(slow)
    assert reader.of(run(tokens=5)) == reader.of(run(tokens=999)) != reader.of(run(tokens=1_001))


def test_undecoded_spans_have_the_likeness_of_decoded_ones() -> None:
    """Spans that came decoded, as from a file, are read as they are."""
    reader = Likenesses(SHIPPED)
    spans = run()
    assert reader.of_raw([RawSpan.of(each) for each in spans]) == reader.of(spans)


def test_few_words_under_a_key_are_states_and_many_are_data() -> None:
    """A status is told by its word; a city is not, once there were enough of them."""
    reader = Likenesses(SHIPPED, is_native=False)

    def told(word: str) -> int | None:
        return reader.of([span(0, out=json.dumps({"state": word}))])

    assert told("open") == told("open") != told("void")
    cities = [f"Port{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(40)]
    found = [told(city) for city in cities]
    assert len(set(found[:16])) > 10
    assert len(set(found[20:])) == 1
