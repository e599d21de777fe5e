from __future__ import annotations

import asyncio
import inspect
import logging
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.trace import SpanKind, StatusCode

from causewatch import __version__
from causewatch.instrument import (
    VERSION,
    Instrument,
    Settings,
    configure,
    handoff,
    receive,
    received,
    receives,
    send,
)
from instrument_fixtures import VECTORS, Recorded, shape

BRIEF = {"goal": "Compare three nurseries.", "rows": [1, 2, 3]}
NAME = "causewatch.handoff."


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Return where the spans of the module's functions are kept."""
    found = Recorded()
    configure(found.instrument)
    yield found
    configure(None)


@receives("writer")
def write(brief: object, tone: str = "plain") -> str:
    """Take over as the writer."""
    return f"{tone}: {brief}"


def test_five_lines_record_both_sides(recorded: Recorded) -> None:
    """A block around the call and a decorator on the callee: sent and received, on one span."""
    with handoff("planner", "writer", BRIEF):
        assert write({"goal": "Compare"}) == "plain: {'goal': 'Compare'}"
    span = recorded.attributes("handoff writer")
    assert span[NAME + "sent.sha256"] != span[NAME + "received.sha256"]
    assert shape(span, "sent")["/rows"][:2] == ["array", 3]
    assert shape(span, "received").keys() == {"", "/goal"}
    assert span["causewatch.instrument"] == VERSION == __version__
    assert (span[NAME + "from"], span[NAME + "to"]) == ("planner", "writer")
    assert (span["gen_ai.agent.name"], span["gen_ai.transfer.target.name"]) == ("planner", "writer")
    assert span[NAME + "mode"] == span["gen_ai.transfer.mode"] == "pass_control"


def test_what_was_not_changed_has_one_digest(recorded: Recorded) -> None:
    """The healthy case: both sides are equal, whatever the order of keys."""
    with handoff("planner", "writer", {"a": 1, "b": [2.0]}):
        write({"b": [2], "a": 1})
    span = recorded.attributes("handoff writer")
    assert span[NAME + "sent.sha256"] == span[NAME + "received.sha256"]


def test_no_content_unless_asked_for(recorded: Recorded) -> None:
    """By default no attribute, status or event holds a word of the payload."""
    with pytest.raises(ValueError, match="nurseries"), handoff("planner", "writer", BRIEF):
        raise ValueError("three nurseries")
    span = recorded.spans()["handoff writer"]
    assert "nurseries" not in span.to_json()
    assert span.status.status_code is StatusCode.ERROR
    assert recorded.attributes("handoff writer")["error.type"] == "ValueError"


def test_content_when_asked_for() -> None:
    """Then the payload is there as canonical JSON, and an exception with its words."""
    recorded = Recorded("content")
    with pytest.raises(ValueError), recorded.instrument.handoff("p", "w", {"b": 1, "a": "é"}):
        raise ValueError("broken")
    assert recorded.attributes("handoff w")[NAME + "sent"] == '{"a":"é","b":1}'
    assert [event.name for event in recorded.spans()["handoff w"].events] == ["exception"]


def test_the_other_captures() -> None:
    """``digest`` gives no shape, ``off`` nothing at all; the handoff itself is there."""
    one, none = Recorded("digest"), Recorded("off")
    for each in (one, none):
        with each.instrument.handoff("p", "w", BRIEF):
            pass
    assert {k for k in one.attributes("handoff w") if k.startswith(NAME + "sent")} == {
        NAME + "sent.sha256",
        NAME + "sent.bytes",
    }
    assert not [k for k in none.attributes("handoff w") if k.startswith(NAME + "sent")]
    assert none.attributes("handoff w")[NAME + "to"] == "w"


def test_large_content_stays_off_the_span_and_says_so() -> None:
    """What is too large for a span is still checked by its digests."""
    recorded = Recorded("content", max_content_bytes=10)
    with recorded.instrument.handoff("p", "w", "x" * 11):
        pass
    span = recorded.attributes("handoff w")
    assert NAME + "sent" not in span
    assert span[NAME + "sent.left_out"] == ("the content: more than 10 bytes",)
    assert span[NAME + "sent.bytes"] == 13


def test_a_payload_past_a_limit_has_no_digest(recorded: Recorded) -> None:
    """The digest of a part would pass for that of the whole."""
    with handoff("p", "w", [0] * 100_001):
        pass
    span = recorded.attributes("handoff w")
    assert span[NAME + "sent.left_out"] == ("the digest: more than 100000 values",)
    assert NAME + "sent.sha256" not in span


def test_a_key_is_said_to_be_used() -> None:
    """A reader then knows that digests compare only with each other."""
    recorded = Recorded("shape", key=b"k")
    with recorded.instrument.handoff("p", "w", 1):
        pass
    assert recorded.attributes("handoff w")[NAME + "keyed"] is True


class Trap:
    """An object that breaks whoever looks at it."""

    def __getattribute__(self, name: str) -> Any:
        if name == "model_dump":
            raise RuntimeError("secret words")
        return super().__getattribute__(name)


def test_nothing_is_raised_into_the_agent(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """A payload that cannot be read costs its record; the log has no word of it."""
    with caplog.at_level(logging.DEBUG, "causewatch.instrument"):
        with handoff("p", "w", Trap()) as boundary:
            boundary.received("fine")
        assert send("p", "v", Trap())["causewatch-handoff"]
        with receive("v", 1, [("traceparent", b"\xff"), (7, None)]):  # type: ignore[list-item]
            pass
        with receive("u", 1, None):  # type: ignore[arg-type]  # the point
            pass
    assert shape(recorded.attributes("handoff w"), "received")[""][0] == "string"
    assert "failed with RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_an_exception_goes_through_and_the_context_is_left(recorded: Recorded) -> None:
    """The agent sees its own exception, also a cancellation, and no span stays current."""
    with pytest.raises(asyncio.CancelledError), handoff("p", "w", 1):
        raise asyncio.CancelledError
    assert not trace.get_current_span().get_span_context().is_valid
    assert recorded.spans()["handoff w"].status.status_code is StatusCode.UNSET


def test_as_a_decorator_each_call_is_a_handoff(recorded: Recorded) -> None:
    """The named argument is what is sent; defaults count; each call has an id of its own."""

    @handoff("planner", "tester", argument="brief")
    def test(count: int, brief: str = "default") -> int:
        received(brief[:3])
        return count

    assert (test(1), test(2, brief="given")) == (1, 2)
    ids = {span.attributes[NAME + "id"] for span in recorded._exporter.get_finished_spans()}  # type: ignore[index]
    assert len(ids) == 2
    assert shape(recorded.attributes("handoff tester"), "sent")[""][1] == 5
    assert shape(recorded.attributes("handoff tester"), "received")[""][1] == 3


def test_as_a_decorator_of_a_coroutine_function(recorded: Recorded) -> None:
    """The span lasts until the coroutine ends; both decorators leave it a coroutine function."""

    @receives("writer", "text")
    async def take(_when: int, text: str) -> str:
        await asyncio.sleep(0)
        return text

    @handoff("planner", "writer")
    async def go(text: str) -> str:
        return await take(1, text[:2])

    assert inspect.iscoroutinefunction(go)
    assert inspect.iscoroutinefunction(take)
    assert asyncio.run(go("abcd")) == "ab"
    span = recorded.attributes("handoff writer")
    assert (shape(span, "sent")[""][1], shape(span, "received")[""][1]) == (4, 2)


def test_parallel_handoffs_do_not_mix(recorded: Recorded) -> None:
    """What a task receives is recorded on the handoff that the task is in."""

    async def one(size: int) -> None:
        async with handoff("p", f"w{size}", "x" * 9):
            await asyncio.sleep(0)
            received("x" * size)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(size) for size in range(4)))

    asyncio.run(all_of_them())
    sizes = [shape(recorded.attributes(f"handoff w{n}"), "received")[""][1] for n in range(4)]
    assert sizes == [0, 1, 2, 3]


def test_methods_are_decorated_by_their_first_own_argument(recorded: Recorded) -> None:
    """``self`` is nobody's payload."""

    class Agent:
        @receives("writer")
        def run(self, brief: str) -> str:
            return brief

    with handoff("p", "writer", "abc"):
        Agent().run("ab")
    assert shape(recorded.attributes("handoff writer"), "received")[""][1] == 2


def test_a_decorator_tells_its_author_of_a_wrong_name() -> None:
    """At import, not at the first call."""
    with pytest.raises(ValueError, match=r"f\(\) has no argument 'brief'"):
        receives("w", "brief")(f)


def f(text: str) -> str:
    """Be decorated."""
    return text


def test_arguments_that_do_not_fit_are_the_functions_to_refuse(recorded: Recorded) -> None:
    """The agent gets Python's own words."""
    with pytest.raises(TypeError, match="missing 1 required"), handoff("p", "writer", 1):
        write()  # type: ignore[call-arg]  # the point
    assert NAME + "received.sha256" not in recorded.attributes("handoff writer")


def test_what_is_for_another_agent_is_not_recorded(recorded: Recorded) -> None:
    """A callee within the block, but not the target, does not speak for it; the first one does."""
    received("nowhere")
    with handoff("planner", "critic", BRIEF):
        write("other")
        received("first", "critic")
        received("second", "critic")
    assert shape(recorded.attributes("handoff critic"), "received")[""][1] == len("first")


def test_a_message_carries_trace_and_id(recorded: Recorded) -> None:
    """Over a queue: the receiver's span goes on with the sender's trace, and is linked with it."""
    with recorded.tracer.start_as_current_span("run"):
        token = context.attach(baggage.set_baggage("tenant", "t1"))
        headers = send("planner", "Söhne & writer", BRIEF)
        context.detach(token)
    with receive("Söhne & writer", BRIEF, headers) as boundary:
        assert baggage.get_baggage("tenant") == "t1"
    sent, got = (
        recorded.spans()["handoff Söhne & writer"],
        recorded.spans()["receive Söhne & writer"],
    )
    assert (sent.kind, got.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert got.context.trace_id == sent.context.trace_id
    assert [link.context.span_id for link in got.links] == [sent.context.span_id]
    attributes = recorded.attributes("receive Söhne & writer")
    assert attributes[NAME + "id"] == boundary.id == recorded.attributes(sent.name)[NAME + "id"]
    assert attributes[NAME + "from"] == attributes["gen_ai.caller.name"] == "planner"
    assert (
        attributes[NAME + "received.sha256"] == recorded.attributes(sent.name)[NAME + "sent.sha256"]
    )


def test_a_receiver_with_a_trace_of_its_own_stays_in_it(recorded: Recorded) -> None:
    """Then only the link joins the two, and baggage arrives all the same."""
    token = context.attach(baggage.set_baggage("tenant", "t1"))
    headers = send("p", "w", 1)
    context.detach(token)
    with recorded.tracer.start_as_current_span("worker") as worker, receive("w", 1, headers):
        assert baggage.get_baggage("tenant") == "t1"
    got = recorded.spans()["receive w"]
    assert got.context.trace_id == worker.get_span_context().trace_id
    assert got.links[0].context.trace_id == recorded.spans()["handoff w"].context.trace_id


def test_headers_come_in_any_form(recorded: Recorded) -> None:
    """Kafka gives pairs with bytes, HTTP other cases; unknown ones are passed over."""
    headers = send("p", "w", 1, {"mine": "x"})
    assert headers["mine"] == "x"
    pairs = [(key.title(), value.encode()) for key, value in headers.items()]
    with receive("w", 1, pairs) as boundary:
        pass
    assert boundary.id == headers["causewatch-handoff"]
    assert recorded.spans()["receive w"].links


def test_a_message_without_headers_is_still_received(recorded: Recorded) -> None:
    """Who sends it may not be instrumented."""
    with receive("w", 1, {}, source="outside"):
        pass
    assert recorded.attributes("receive w")[NAME + "from"] == "outside"
    assert not recorded.spans()["receive w"].links


@pytest.mark.parametrize("vector", VECTORS["names"], ids=lambda vector: str(vector["name"]))
def test_names_travel_in_any_script(vector: dict[str, str], recorded: Recorded) -> None:
    """Headers are ASCII; every implementation writes and reads the same."""
    headers = send(vector["name"], "w", 1)
    assert headers["causewatch-handoff-from"] == vector["header"]
    with receive("w", 1, headers):
        pass
    assert recorded.attributes("receive w")[NAME + "from"] == vector["name"]


def test_without_an_sdk_nothing_is_computed() -> None:
    """A payload is not even looked at, and a handoff leaves no memory behind."""

    class Untouchable:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    instrument = Instrument(Settings(), tracer_provider=trace.NoOpTracerProvider())
    with instrument.handoff("p", "w", Untouchable()) as boundary:
        boundary.received("x")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(100):
        with instrument.handoff("p", "w", "x"):
            pass
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 10_000


def test_the_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that sets nothing up in code is set up by its deployment."""
    monkeypatch.setenv("CAUSEWATCH_CAPTURE", "digest")
    assert Instrument().settings.capture == "digest"
