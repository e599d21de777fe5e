"""What could not be checked: each way to lose something, its reason and its fix."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from causewatch.blame.gaps import MAX_GAPS_COUNT
from causewatch.blame.judge import judge
from causewatch.dialects.capture import limit_fix
from causewatch.graph.build import build
from causewatch.model.graph import RunState
from causewatch.model.judgement import Blame, Unverifiable
from causewatch.model.span import Span, SpanEvent, SpanLink
from claimed_fixtures import ORDER, one_process, two_services
from graph_fixtures import agent, span, with_attributes

TOLD = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Open gate 2."}]}])
SAID = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "It is open."}]}])
OPERATION = "gen_ai.operation.name"


def model(number: int, parent: int | None = 0, *, told: str = TOLD, said: str = SAID) -> Span:
    """Return a model call with what it was told and said."""
    texts = {"gen_ai.input.messages": told, "gen_ai.output.messages": said}
    given = {key: text for key, text in texts.items() if text}
    return with_attributes(span(number, parent), {OPERATION: "chat", **given})


def tool(number: int, parent: int | None = 0, **more: Any) -> Span:
    """Return a call of a tool; keyword arguments are attributes after ``gen_ai.tool.``."""
    attributes = {f"gen_ai.tool.{key.replace('__', '.')}": value for key, value in more.items()}
    return with_attributes(
        span(number, parent), {OPERATION: "execute_tool", "gen_ai.tool.name": "gate", **attributes}
    )


def blamed(*spans: Span, state: RunState = "complete") -> Blame:
    """Return what is said of a run of one agent with these steps below it."""
    desk = agent(0, None, "lock_keeper", length_ms=1_000)
    return judge(build(run_id="r", spans=(desk, *spans), state=state)).blame


def only(blame: Blame) -> Unverifiable:
    """Return the one thing that could not be checked."""
    (gap,) = blame.unverifiable
    return gap


def test_a_whole_run_has_no_gaps() -> None:
    """Content on every boundary: healthy, and nothing to add."""
    blame = blamed(tool(1, call__arguments='{"gate": 2}', call__result='{"open": true}'), model(2))
    assert (blame.verdict, blame.unverifiable) == ("healthy", ())


def test_missing_content_names_the_setting_of_the_instrumentation() -> None:
    """Neither arguments nor result: the fix is that of the scope the span came from."""
    silent = msgspec.structs.replace(
        tool(1), scope=msgspec.structs.replace(tool(1).scope, name="pydantic-ai")
    )
    blame = blamed(silent, model(2))
    gap = only(blame)
    assert blame.verdict == "unverifiable"
    assert (gap.what, gap.reason) == (
        "result of gate",
        "neither arguments nor result are on any span",
    )
    assert "include_content=True" in gap.fix


def test_a_cut_result_says_where_it_was_cut() -> None:
    """A value that ends at a limit of SDKs in the middle of JSON was cut by telemetry."""
    whole = json.dumps({"ships": [f"ship number {i}" for i in range(20)]})
    blame = blamed(tool(1, call__arguments='{"day": 2}', call__result=whole[:128]), model(2))
    gap = only(blame)
    assert blame.verdict == "unverifiable"
    assert gap.reason == "the result was cut by telemetry after 128 characters"
    assert gap.fix == limit_fix("length")
    assert "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT" in gap.fix


def test_a_cut_result_that_a_model_was_shown_whole_is_no_gap() -> None:
    """Another span tells what the cut one does not."""
    whole = json.dumps({"ships": [f"ship number {i}" for i in range(20)]})
    part = {"type": "tool_call_response", "id": "c1", "response": whole}
    shown = json.dumps([{"role": "tool", "parts": [part]}])
    cut = tool(1, call__id="c1", call__arguments='{"day": 2}', call__result=whole[:128])
    assert blamed(cut, model(2, told=shown)).verdict == "healthy"


def test_dropped_attributes_may_have_been_the_content() -> None:
    """The SDK counts what it drops, so an absent result is no missing capture."""
    dropped = msgspec.structs.replace(tool(1), dropped_attributes_count=3)
    blame = blamed(dropped, model(2))
    gap = only(blame)
    assert blame.verdict == "unverifiable"
    assert gap.reason == "the result was perhaps among the 3 attributes that the SDK dropped"
    assert gap.fix == limit_fix("attributes")
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in gap.fix


def test_dropped_events_may_have_been_the_content() -> None:
    """Where a dialect keeps content in events, the limit of events matters."""
    event = SpanEvent(name="gen_ai.other", time_ns=1)
    dropped = msgspec.structs.replace(tool(1), events=(event,), dropped_events_count=1)
    gap = only(blamed(dropped, model(2)))
    assert gap.reason.endswith("perhaps among the 1 event that the SDK dropped")
    assert gap.fix == limit_fix("events")


@pytest.mark.parametrize("events", [(), (SpanEvent(name="retry", time_ns=1),)])
def test_dropped_events_of_another_kind_are_no_lost_content(events: tuple[SpanEvent, ...]) -> None:
    """A span with many events of its own, such as retries, lost none of the messages."""
    dropped = msgspec.structs.replace(
        tool(1, call__arguments="{}", call__result='{"open": true}'),
        events=events, dropped_events_count=9,
    )  # fmt: skip
    assert blamed(dropped, model(2)).unverifiable == ()


def test_models_without_any_content_blind_a_run() -> None:
    """Nothing was captured at all."""
    blame = blamed(model(1, told="", said=""), model(2, told="", said=""))
    gap = only(blame)
    assert (blame.verdict, gap.what) == ("unverifiable", "2 model calls")
    assert "CAPTURE_MESSAGE_CONTENT" in gap.fix


def test_hidden_texts_are_no_content() -> None:
    """Messages that say nothing, since their texts were hidden, are not checked either."""
    hidden = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "__REDACTED__",
    }
    blame = blamed(with_attributes(span(1, 0), hidden))
    assert blame.verdict == "unverifiable"
    assert "OPENINFERENCE_HIDE_INPUTS" in only(blame).fix


def test_cut_messages_are_told_beside_a_verdict() -> None:
    """The calls could be checked, so the run is healthy; what was cut is said once for all."""
    calls = tool(1, call__arguments='{"gate": 2}', call__result='{"open": true}')
    dropped = msgspec.structs.replace(model(2), dropped_attributes_count=1)
    blame = blamed(calls, dropped, msgspec.structs.replace(dropped, span_id="f" * 16))
    gap = only(blame)
    assert (blame.verdict, gap.what) == ("healthy", "messages of 2 model calls")
    assert gap.reason == "the messages are incomplete: the SDK dropped some"


def test_cut_messages_blind_a_run_that_has_nothing_else() -> None:
    """All that there is was cut."""
    dropped = msgspec.structs.replace(model(1), dropped_attributes_count=1)
    assert blamed(dropped).verdict == "unverifiable"


def test_a_hole_in_the_trace_is_told_with_the_missing_span() -> None:
    """A parent inside of the run never came: a sampler, a full queue, a service elsewhere."""
    blame = blamed(model(1), agent(2, 77, "pilot"), model(3, 2))
    gap = next(gap for gap in blame.unverifiable if gap.what.startswith("what led to"))
    assert blame.verdict == "unverifiable"
    assert gap.reason == f"the span above it ({77:016x}) never arrived"
    assert "sampler" in gap.fix


def test_several_spans_below_one_missing_parent_are_one_gap() -> None:
    """One span is missing, however many hang below it."""
    calls = [tool(n, 77, call__arguments="{}", call__result="{}") for n in (2, 3, 4)]
    gaps = [g for g in blamed(model(1), *calls).unverifiable if g.what.startswith("what led to")]
    assert len(gaps) == 1


def test_a_run_below_one_foreign_span_is_whole() -> None:
    """A web request that is traced elsewhere stands above many runs."""
    above = agent(0, 99, "lock_keeper", length_ms=1_000)
    blame = judge(build(run_id="r", spans=(above, model(1)))).blame
    assert (blame.verdict, blame.unverifiable) == ("healthy", ())


def test_dropped_links_may_have_been_causes() -> None:
    """Some frameworks tell who caused what in links only."""
    link = SpanLink(trace_id="d" * 32, span_id="e" * 16)
    lost = msgspec.structs.replace(model(1), links=(link,), dropped_links_count=2)
    blame = blamed(lost)
    assert (blame.verdict, only(blame).reason) == ("healthy", "the SDK dropped 2 span links")
    assert only(blame).fix == limit_fix("links")


def test_a_run_judged_without_all_of_it_says_so() -> None:
    """It is larger than what is judged of one run, or the daemon's memory was full."""
    gap = only(blamed(model(1), state="evicted"))
    assert gap.what == "the rest of the run"
    assert "max_run_mib" in gap.fix


def test_what_blinds_comes_first_and_the_list_is_bounded() -> None:
    """A long run lists the worst of its gaps."""
    many = [tool(n) for n in range(2, 100)]
    lost = msgspec.structs.replace(model(1), dropped_links_count=2)
    blame = blamed(lost, *many)
    assert len(blame.unverifiable) == MAX_GAPS_COUNT
    assert all(gap.what == "result of gate" for gap in blame.unverifiable)


def test_a_handoff_known_by_digests_is_no_gap() -> None:
    """What instrumented agents tell can be checked without content."""
    assert blamed(*two_services(ORDER, ORDER)).verdict == "healthy"
    assert blamed(*two_services(ORDER, ORDER)).unverifiable == ()


def test_a_wrong_claim_is_told_and_blinds_nothing() -> None:
    """The content is there, and was checked; somebody should know all the same."""
    wrong = {"causewatch__handoff__sent__sha256": "0" * 64}
    blame = blamed(*one_process(ORDER, ORDER, content=True, **wrong))
    assert blame.verdict == "healthy"
    assert "claimed of what was sent" in only(blame).reason
