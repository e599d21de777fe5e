"""Which traces are one run, and which must stay apart however alike they are."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest

from causewatch.graph.assemble import RunAssembler
from causewatch.graph.gathered import RunSnapshot
from causewatch.model.limits import JoinBy, RunLimits
from causewatch.model.span import Resource, Span
from causewatch.model.value import Value
from graph_fixtures import agent, answer, asked, call, model, said, span, tool, user

SECOND_MS = 1_000
WORDS = "The greenhouse in hall 4 has 12 grafts of QN-4471 that are low on water."
SYSTEM: dict[str, Value] = {
    "role": "system",
    "parts": [{"type": "text", "content": "You tend the greenhouse."}],
}
QUESTION = user("Which grafts of the greenhouse are low on water today, and in which hall?")


def trace(number: int) -> str:
    """Return the trace id that stands for a small number."""
    return f"{number:032x}"


def runs_of(*spans: Span, join: Sequence[JoinBy] | None = None) -> list[RunSnapshot]:
    """Return the runs that these spans make."""
    limits = RunLimits() if join is None else RunLimits(join=tuple(join))
    assembler = RunAssembler(limits)
    assembler.add(spans, (), batch=1, now_ns=0)
    return assembler.due(1 << 62)


def traces_of(*spans: Span, join: Sequence[JoinBy] | None = None) -> set[frozenset[str]]:
    """Return the trace ids of each run."""
    return {frozenset(run.trace_ids) for run in runs_of(*spans, join=join)}


def one_run(*numbers: int) -> set[frozenset[str]]:
    """Return what ``traces_of`` gives for one run of these traces."""
    return {frozenset(map(trace, numbers))}


def apart(*numbers: int) -> set[frozenset[str]]:
    """Return what ``traces_of`` gives for a run each."""
    return {frozenset({trace(number)}) for number in numbers}


def asking(number: int, in_trace: int, call_id: str = "call_x81", **more: Any) -> Span:
    """Return a bare model call that asks for a tool."""
    says = [call("look", {"hall": 4}, call_id)]
    return model(number, None, asks=[SYSTEM, QUESTION], says=says, trace=trace(in_trace), **more)


def answering(number: int, in_trace: int, call_id: str = "call_x81", **more: Any) -> Span:
    """Return a bare model call that is given the tool's answer."""
    asks = [SYSTEM, QUESTION, asked(call("look", {"hall": 4}, call_id)), answer(call_id, "12")]
    return model(number, None, asks=asks, says=[said("12 of them.")], trace=trace(in_trace), **more)


def whole(number: int, in_trace: int, who: str, **more: Any) -> Span:
    """Return the root of a trace in which an agent works."""
    return agent(number, None, who, trace=trace(in_trace), **more)


class TestHistory:
    """A bare model call belongs to the one whose generated call or words it was given."""

    def test_a_call_that_is_given_back_joins(self) -> None:
        """A client without an agent framework leaves each model call in a trace of its own."""
        assert traces_of(asking(1, 1), answering(2, 2)) == one_run(1, 2)

    def test_the_reason_and_its_confidence_are_kept(self) -> None:
        """An answer to a call's own id is strong, if not as strong as a link."""
        (run,) = runs_of(asking(1, 1), answering(2, 2))
        (join,) = run.joins
        assert (join.by, join.confidence) == ("history", 0.9)

    def test_runs_of_a_load_test_stay_apart(self) -> None:
        """Service, system prompt and question are the same, the ids of their calls are not."""
        spans = []
        for n in range(1, 6):
            spans += [
                asking(10 * n, 10 * n, f"call_{n}"),
                answering(10 * n + 1, 10 * n + 1, f"call_{n}"),
            ]
        assert traces_of(*spans) == {
            frozenset({trace(10 * n), trace(10 * n + 1)}) for n in range(1, 6)
        }

    def test_one_question_asked_by_many_joins_nothing(self) -> None:
        """What a user or a prompt says is nobody's proof."""
        spans = [asking(n, n, f"call_{n}") for n in range(1, 5)]
        assert traces_of(*spans) == apart(1, 2, 3, 4)

    def test_ids_that_are_counted_anew_prove_nothing_in_parallel(self) -> None:
        """Two runs at a time whose calls have the same id could each have made it."""
        spans = [asking(1, 1), asking(2, 2), answering(3, 3), answering(4, 4)]
        assert traces_of(*spans) == apart(1, 2, 3, 4)

    def test_ids_that_are_counted_anew_are_told_apart_in_sequence(self) -> None:
        """A call that was answered is over; the next of that id is another one."""
        spans = [asking(1, 1), answering(2, 2), asking(30, 3), answering(31, 4)]
        assert traces_of(*spans) == {
            frozenset({trace(1), trace(2)}), frozenset({trace(3), trace(4)})
        }  # fmt: skip

    def test_another_call_of_that_id_is_no_proof(self) -> None:
        """Ids such as call_1 are everywhere: name and arguments must be the same."""
        other = model(
            2, None, asks=[QUESTION, asked(call("water", {"hall": 9}, "call_x81"))], trace=trace(2)
        )
        assert traces_of(asking(1, 1), other) == apart(1, 2)

    def test_words_that_are_passed_on_join(self) -> None:
        """Code gives what one model wrote to the next one."""
        first = model(1, None, asks=[SYSTEM, QUESTION], says=[said(WORDS)], trace=trace(1))
        second = model(2, None, asks=[user(f"Plan the watering.\n{WORDS}")], trace=trace(2))
        (run,) = runs_of(first, second)
        assert [join.confidence for join in run.joins] == [0.7]

    def test_an_argument_that_becomes_a_task_joins(self) -> None:
        """A model writes the task of a sub-agent into a call; the sub-agent is asked just that."""
        first = model(1, None, says=[call("ask_gardener", {"task": WORDS}, "c1")], trace=trace(1))
        assert traces_of(first, model(2, None, asks=[user(WORDS)], trace=trace(2))) == one_run(1, 2)

    def test_words_that_were_only_repeated_prove_nothing(self) -> None:
        """A model that echoes the user has generated nothing: another run had the same user."""
        echo = model(1, None, asks=[user(WORDS)], says=[said(WORDS)], trace=trace(1))
        assert traces_of(echo, model(2, None, asks=[user(WORDS)], trace=trace(2))) == apart(1, 2)

    def test_the_next_turn_of_a_chat_is_a_run_of_its_own(self) -> None:
        """The user spoke in between: the history that is repeated belongs to the turn before."""
        first = model(1, None, asks=[QUESTION], says=[said(WORDS)], trace=trace(1))
        answered: dict[str, Value] = {"role": "assistant", "parts": [said(WORDS)]}
        history = [QUESTION, answered, user("Thank you.")]
        assert traces_of(first, model(2, None, asks=history, trace=trace(2))) == apart(1, 2)

    def test_calls_of_an_earlier_turn_do_not_join(self) -> None:
        """The same for a turn that had used tools."""
        asks = [QUESTION, asked(call("look", {"hall": 4}, "call_x81")), answer("call_x81", "12")]
        later = model(2, None, asks=[*asks, user("And tomorrow?")], trace=trace(2))
        assert traces_of(asking(1, 1), later) == apart(1, 2)

    def test_words_of_long_ago_join_nothing(self) -> None:
        """After a while words may have come by way of a document or a person."""
        first = model(1, None, says=[said(WORDS)], trace=trace(1))
        later = model(2, None, asks=[user(WORDS)], start_ms=120 * SECOND_MS, trace=trace(2))
        assert traces_of(first, later) == apart(1, 2)

    def test_short_words_join_nothing(self) -> None:
        """Every second run says that."""
        first = model(1, None, says=[said("All is well.")], trace=trace(1))
        second = model(2, None, asks=[user("All is well.")], trace=trace(2))
        assert traces_of(first, second) == apart(1, 2)

    def test_agents_with_spans_of_their_own_are_not_joined_by_content(self) -> None:
        """A trace around which an agent stands is a whole run."""
        spans = [
            whole(1, 1, "ann"),
            model(2, 1, says=[said(WORDS)], trace=trace(1)),
            whole(3, 2, "bob"),
            model(4, 3, asks=[user(WORDS)], trace=trace(2)),
        ]
        assert traces_of(*spans) == apart(1, 2)


class TestSession:
    """Traces of one session are one run while they overlap or follow each other at once."""

    @pytest.mark.parametrize(("gap_ms", "joined"), [(2 * SECOND_MS, True), (30 * SECOND_MS, False)])
    def test_bare_calls_join_while_little_time_passes(self, gap_ms: int, *, joined: bool) -> None:
        """The code between two calls runs a tool; a person takes longer."""
        spans = [
            model(1, None, start_ms=0, trace=trace(1), session__id="s1"),
            model(2, None, start_ms=gap_ms, trace=trace(2), session__id="s1"),
        ]
        assert traces_of(*spans) == (one_run(1, 2) if joined else apart(1, 2))

    def test_two_turns_minutes_apart_are_two_runs(self) -> None:
        """A session is a conversation; a run is one answer."""
        spans = [
            whole(1, 1, "desk", session__id="s1", start_ms=0),
            whole(2, 2, "desk", session__id="s1", start_ms=180 * SECOND_MS),
        ]
        assert traces_of(*spans) == apart(1, 2)

    def test_turns_of_a_quick_user_are_two_runs(self) -> None:
        """A test client sends the next question at once: it is the same agent's next turn."""
        spans = [
            whole(1, 1, "desk", session__id="s1", start_ms=0),
            whole(2, 2, "desk", session__id="s1", start_ms=20),
        ]
        assert traces_of(*spans) == apart(1, 2)

    def test_agents_that_code_runs_one_after_the_other_are_one_run(self) -> None:
        """A pipeline of agents, each of which a runner gives its own trace."""
        spans = [
            whole(1, 1, "triage", session__id="s1", start_ms=0),
            whole(2, 2, "billing", session__id="s1", start_ms=20),
        ]
        assert traces_of(*spans) == one_run(1, 2)

    def test_an_agent_within_anothers_time_is_one_run(self) -> None:
        """A remote agent whose trace was not propagated, but whose session was."""
        spans = [
            whole(1, 1, "triage", session__id="s1", start_ms=0, length_ms=9_000),
            whole(2, 2, "billing", session__id="s1", start_ms=20),
        ]
        assert traces_of(*spans) == one_run(1, 2)

    def test_a_session_id_that_a_load_test_shares_joins_nothing(self) -> None:
        """Runs of one name at a time are not parts of each other."""
        spans = [
            whole(n, n, "desk", session__id="default", start_ms=n, length_ms=9_000)
            for n in range(1, 6)
        ]
        assert traces_of(*spans) == apart(1, 2, 3, 4, 5)

    def test_a_session_that_hundreds_share_is_none(self) -> None:
        """A constant that was set for all calls of a service."""
        spans = [
            model(n, None, trace=trace(n), session__id="default", start_ms=n) for n in range(1, 300)
        ]
        assert len(traces_of(*spans)) == len(spans)

    def test_each_agents_own_conversation_is_no_session(self) -> None:
        """Pydantic AI gives every agent run a conversation id, and users reuse them over turns."""
        spans = [
            whole(1, 1, "triage", gen_ai__conversation__id="c", scope="pydantic-ai", start_ms=0),
            whole(2, 2, "billing", gen_ai__conversation__id="c", scope="pydantic-ai", start_ms=5),
        ]
        assert traces_of(*spans) == apart(1, 2)

    def test_other_sessions_stay_apart(self) -> None:
        """Two users at a time."""
        spans = [
            whole(1, 1, "triage", session__id="s1", start_ms=0),
            whole(2, 2, "billing", session__id="s2", start_ms=0),
        ]
        assert traces_of(*spans) == apart(1, 2)


class TestExchange:
    """The same A2A task or message is the same work."""

    @pytest.mark.parametrize("key", ["a2a__task__id", "a2a__message__id"])
    def test_client_and_server_of_one_exchange_join(self, key: str) -> None:
        """The SDK passes no trace context on, but both sides record the ids."""
        same: dict[str, Any] = {key: "t-7"}
        spans = [
            whole(1, 1, "triage", start_ms=0, length_ms=90),
            span(2, 1, trace=trace(1), **same),
            span(3, None, trace=trace(2), **same),
        ]
        assert traces_of(*spans) == one_run(1, 2)

    def test_a_context_of_several_tasks_is_a_session(self) -> None:
        """A context lasts over many tasks: turns of it are runs of their own."""
        spans = [
            whole(n, n, "desk", gen_ai__conversation__id="ctx", start_ms=n * 60 * SECOND_MS)
            for n in (1, 2)
        ]
        assert traces_of(*spans) == apart(1, 2)


class TestSetup:
    """A trace that only sets agents up belongs to the first run in which they work."""

    @staticmethod
    def created(number: int, who: str, **more: Any) -> Span:
        """Return a trace that creates an agent."""
        return span(
            number, None, name=f"create_agent {who}", trace=trace(number),
            gen_ai__operation__name="create_agent", gen_ai__agent__name=who, **more,
        )  # fmt: skip

    def test_it_joins_the_first_run(self) -> None:
        """And only that: its agents may work in many."""
        spans = [self.created(1, "ann"), whole(2, 2, "ann"), whole(3, 3, "ann")]
        (first, second) = sorted(runs_of(*spans), key=lambda run: run.run_id)
        assert (set(first.trace_ids), first.run_id) == ({trace(1), trace(2)}, trace(2))
        assert second.trace_ids == (trace(3),)

    def test_each_run_gets_its_own(self) -> None:
        """Agents are made anew for each run."""
        spans = [
            self.created(1, "ann"), whole(2, 2, "ann"), self.created(3, "ann"), whole(4, 4, "ann"),
        ]  # fmt: skip
        assert traces_of(*spans) == {
            frozenset({trace(1), trace(2)}), frozenset({trace(3), trace(4)})
        }  # fmt: skip

    def test_a_connection_set_up_during_a_run_belongs_to_it(self) -> None:
        """A client tells a server that it is ready in a trace of its own, after the run began."""
        told = span(
            2, None, name="notifications/initialized", trace=trace(2), mcp__session__id="m1"
        )
        run = whole(1, 1, "ann", length_ms=90, mcp__session__id="m1")
        assert traces_of(run, told) == one_run(1, 2)

    def test_what_one_process_set_up_does_not_work_in_another(self) -> None:
        """Many processes of one service run the same agents at one time."""

        def of(process: str, one: Span) -> Span:
            attributes: dict[str, Value] = {"service.name": "desk", "service.instance.id": process}
            return msgspec.structs.replace(one, resource=Resource(attributes=attributes))

        spans = [
            of("a", self.created(1, "ann")),
            of("b", whole(2, 2, "ann")),
            of("a", whole(3, 3, "ann")),
        ]
        assert traces_of(*spans) == {frozenset({trace(1), trace(3)}), frozenset({trace(2)})}

    def test_other_agents_and_later_runs_are_not_joined(self) -> None:
        """Nothing that it set up works there."""
        spans = [
            self.created(1, "ann"), whole(2, 2, "bob"), whole(3, 3, "ann", start_ms=90 * SECOND_MS)
        ]  # fmt: skip
        assert traces_of(*spans) == apart(1, 2, 3)


def mixed() -> list[Span]:
    """Return spans of several runs that all kinds of joins make."""
    return [
        asking(1, 1), answering(2, 2),
        TestSetup.created(3, "ann"), whole(4, 4, "ann", session__id="s1"),
        whole(5, 5, "bob", session__id="s1"), tool(6, 5, "look", trace=trace(5)),
        asking(70, 7, "call_y"), answering(71, 8, "call_y"), whole(9, 9, "desk"),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_order_and_batches_do_not_matter(seed: int) -> None:
    """The same spans make the same runs, however they arrive."""
    spans = mixed()
    expected = traces_of(*spans)
    assert len(expected) == 4
    shuffled = random.Random(seed).sample(spans, len(spans))
    assembler = RunAssembler()
    for number, each in enumerate(shuffled):
        assembler.add([each], (), batch=number, now_ns=number)
    assert {frozenset(run.trace_ids) for run in assembler.due(1 << 62)} == expected


def test_what_comes_after_its_partner_was_judged_reopens_it() -> None:
    """Live, the second trace may arrive when the first is judged: the run is judged again."""
    assembler = RunAssembler()
    assembler.add([asking(1, 1)], (), batch=1, now_ns=0)
    (first,) = assembler.due(20 * 10**9)
    assembler.add([answering(2, 2)], (), batch=2, now_ns=21 * 10**9)
    (second,) = assembler.due(60 * 10**9)
    assert (first.run_id, first.revision) == (trace(1), 1)
    assert (second.run_id, second.state, second.revision) == (trace(1), "late", 2)
    assert second.trace_ids == (trace(1), trace(2))
    assert second.aliases == (trace(2),)


def test_a_partner_that_was_unloaded_is_read_again() -> None:
    """A join with a run whose spans were given up names the batches that are needed."""
    assembler = RunAssembler(RunLimits(max_live_mib=0))
    assembler.add([asking(1, 1)], (), batch=1, now_ns=0)
    assembler.due(20 * 10**9)
    assembler = RunAssembler()
    assembler.add([asking(1, 1)], (), batch=1, now_ns=0)
    assembler.due(20 * 10**9)
    assembler._unload(assembler._shelf.runs[trace(1)])
    assembler.add([answering(2, 2)], (), batch=2, now_ns=21 * 10**9)
    assert assembler.due(60 * 10**9) == []
    (need,) = assembler.needs()
    assert need.batches == (1,)
    assembler.refeed(need.run_id, [asking(1, 1)], (), batch=1, now_ns=61 * 10**9)
    (run,) = assembler.due(100 * 10**9)
    assert len(run.spans) == 2


@pytest.mark.parametrize(
    ("rule", "spans"),
    [
        ("history", (asking(1, 1), answering(2, 2))),
        ("session", (whole(1, 1, "a", session__id="s"), whole(2, 2, "b", session__id="s"))),
        ("a2a", (whole(1, 1, "a", a2a__task__id="t"), whole(2, 2, "b", a2a__task__id="t"))),
        ("link", (whole(1, 1, "a"), whole(2, 2, "b", links=[(trace(1), 1)]))),
    ],
)
def test_each_rule_can_be_switched_off(rule: JoinBy, spans: Iterable[Span]) -> None:
    """A user whose ids mean something else keeps the others."""
    others: list[JoinBy] = [r for r in RunLimits().join if r != rule]
    assert traces_of(*spans) == one_run(1, 2)
    assert traces_of(*spans, join=others) == apart(1, 2)
    assert traces_of(*spans, join=[rule]) == one_run(1, 2)


def test_a_forgotten_run_is_joined_with_nothing() -> None:
    """What is given up proves nothing any more."""
    assembler = RunAssembler()
    assembler.add([asking(1, 1)], (), batch=1, now_ns=0)
    assembler.due(20 * 10**9)
    assembler.forget(trace(1))
    assembler.add([answering(2, 2)], (), batch=2, now_ns=21 * 10**9)
    (run,) = assembler.due(60 * 10**9)
    assert run.trace_ids == (trace(2),)
