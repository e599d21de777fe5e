"""What says that a run ended wrong, and what only seems to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder, payload
from causewatch.blame.evaluation import MAX_EVALUATIONS_COUNT, bad_evaluations, badness
from causewatch.blame.judge import judge
from causewatch.faults.known import Known
from causewatch.model.graph import CausalGraph, Edge
from causewatch.model.limits import ScoreLimit
from causewatch.model.step import Evaluation


def finished() -> RunBuilder:
    """Return a run that has given its answer."""
    run = RunBuilder()
    run.call("get_wind", {"at": "x"}, {"wind": "W-771"})
    run.say("The wind is W-771.")
    return run


def with_evaluations(graph: CausalGraph, step: int, *judged: Evaluation) -> CausalGraph:
    """Return a graph with judgements on one step."""
    steps = list(graph.steps)
    steps[step] = msgspec.structs.replace(steps[step], evaluations=judged)
    return msgspec.structs.replace(graph, steps=tuple(steps))


def evaluated(output: Any, *, name: str = "judge") -> CausalGraph:
    """Return a run with an evaluation step after its answer."""
    run = finished()
    run.name = ""
    run._add("evaluation", name, -1, output=payload(output))
    return run.graph()


BAD = [
    Evaluation(name="correctness", label="incorrect"),
    Evaluation(name="x", label="FAIL", score=1.0),
    Evaluation(name="x", label="thumbs-down"),
    Evaluation(name="x", label="Not correct"),
    Evaluation(name="x", label="不合格"),
    Evaluation(name="answer_correctness", score=0.0),
    Evaluation(name="TaskSuccess", score=0),
    Evaluation(name="user_feedback", score=-1.0),
]
NOT_BAD = [
    Evaluation(name="correctness", label="correct", score=0.0),
    Evaluation(name="correctness", label="partially correct"),
    Evaluation(name="correctness", score=0.4),
    Evaluation(name="toxicity", score=0.0),
    Evaluation(name="hallucination", score=0.0),
    Evaluation(name="hallucination", label="factual"),
    Evaluation(name="sentiment", label="negative"),
    Evaluation(name="relevance", label="irrelevant"),
    Evaluation(name="refusal", label="no"),
    Evaluation(name="user_feedback", score=0.0),
    Evaluation(name="log_prob", score=-3.2),
    Evaluation(name="correctness"),
    Evaluation(),
]


@pytest.mark.parametrize("judged", BAD)
def test_what_can_only_mean_a_bad_end(judged: Evaluation) -> None:
    """Labels that say "fail" in so many words, and the bottom of scales on which more is better."""
    assert badness(judged) is not None


@pytest.mark.parametrize("judged", NOT_BAD)
def test_what_may_mean_anything_else(judged: Evaluation) -> None:
    """Scales without a known good end, labels that classify: nobody said that the run failed."""
    assert badness(judged) is None


LIMITS = (
    ScoreLimit(name="faith*", min_score=0.7),
    ScoreLimit(name="toxicity", max_score=0.2),
    ScoreLimit(name="correctness", min_score=-1.0),
)


@pytest.mark.parametrize(
    ("name", "score", "reason"),
    [
        ("faithfulness", 0.69, "scores 0.69, below 0.7"),
        ("faithfulness", 0.7, None),
        ("toxicity", 0.3, "scores 0.3, above 0.2"),
        ("toxicity", 0.1, None),
        ("correctness", 0.0, None),
        ("other", 0.0, None),
    ],
)
def test_a_configured_limit_decides(name: str, score: float, reason: str | None) -> None:
    """Also against what would be bad without it."""
    assert badness(Evaluation(name=name, score=score, label=""), LIMITS) == reason


def test_a_limit_needs_a_score() -> None:
    """Where there is none, the label tells."""
    assert badness(Evaluation(name="faithful", label="fail"), LIMITS) == "says “fail”"


@pytest.mark.parametrize(
    ("output", "what"),
    [
        ({"label": "incorrect", "score": 0}, "evaluation “judge” says “incorrect”"),
        ({"passed": False}, "evaluation “judge” says “fail”"),
        (
            {"label": "fail", "explanation": "No\x1b[2J refund."},
            "evaluation “judge” says “fail”: “No [2J refund.”",
        ),
    ],
)
def test_an_evaluation_step_says_it_in_its_output(output: Any, what: str) -> None:
    """Label, score and flags are read from the output of the evaluator, quoted and bounded."""
    (failing,) = bad_evaluations(evaluated(output))
    assert failing.what == what
    assert (failing.by, failing.about) == ("evaluation", None)


@pytest.mark.parametrize(
    "output", [{"label": "pass"}, {"passed": True}, "fail", 0, None, {"label": 7}, {"score": False}]
)
def test_other_outputs_of_evaluators_say_nothing(output: Any) -> None:
    """Free text and bare numbers are no judgement in so many words."""
    assert bad_evaluations(evaluated(output)) == ()


def test_a_critique_within_the_run_is_no_end() -> None:
    """An evaluator whose verdict the agents went on working after did its work."""
    run = RunBuilder()
    run.call("get_wind", {"at": "x"}, {"wind": "W-771"})
    run._add("evaluation", "critic", run.head, output=payload({"label": "fail"}))
    run.say("The wind is W-771 knots.")
    assert bad_evaluations(run.graph()) == ()


def test_the_last_judgement_under_one_name_counts() -> None:
    """What was judged again, and well, is mended."""
    graph = with_evaluations(
        finished().graph(),
        0,
        Evaluation(name="a", label="fail"),
        Evaluation(name="b", label="pass"),
        Evaluation(name="a", label="pass"),
        Evaluation(name="b", label="fail"),
    )
    (failing,) = bad_evaluations(graph)
    assert failing.what == "evaluation “b” says “fail”"


def test_the_judged_step_is_where_it_was_seen() -> None:
    """Of feedback on a step that step; on the run's root the run as a whole."""
    bad = Evaluation(name="a", label="fail")
    graph = finished().graph()
    (on_tool,) = bad_evaluations(with_evaluations(graph, 2, bad))
    (on_root,) = bad_evaluations(with_evaluations(graph, 0, bad))
    assert (on_tool.step, on_tool.about) == (2, 2)
    assert (on_root.step, on_root.about) == (0, None)


def test_an_evaluation_judges_what_it_links_to() -> None:
    """A carrier span with one link is feedback on the linked step; with several on the run."""
    graph = evaluated({"label": "fail"})
    last = len(graph.steps) - 1
    one = Edge(source=3, target=last, type="link", evidence="span link")
    two = msgspec.structs.replace(one, source=2)
    (failing,) = bad_evaluations(msgspec.structs.replace(graph, edges=(*graph.edges, one)))
    assert failing.about == 3
    (failing,) = bad_evaluations(msgspec.structs.replace(graph, edges=(*graph.edges, one, two)))
    assert failing.about is None


def test_many_judgements_are_bounded() -> None:
    """Nobody reads more than a few."""
    many = [Evaluation(name=f"e{n}", label="fail") for n in range(100)]
    graph = with_evaluations(finished().graph(), 0, *many)
    assert len(bad_evaluations(graph)) == MAX_EVALUATIONS_COUNT


def test_a_judges_words_are_no_answer() -> None:
    """What a model says within an evaluation does not end the run."""
    run = finished()
    answer = len(run.steps) - 1
    run.head = run._add("evaluation", "judge", -1, output=payload({"label": "fail"}))
    run.history = []
    run.say("I find this answer wrong in every way there is.")
    blame = judge(run.graph()).blame
    assert blame.symptom is not None
    assert blame.symptom.step == answer


def test_limits_reach_the_judgement() -> None:
    """What is configured is known beside the run."""
    graph = with_evaluations(finished().graph(), 0, Evaluation(name="faith", score=0.5))
    known = Known(scores=LIMITS)
    assert not judge(graph).failed_by
    assert [failing.by for failing in judge(graph, known=known).failed_by] == ["evaluation"]
    assert judge(graph, known=known).blame.origin is not None
