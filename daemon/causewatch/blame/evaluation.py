"""Whether an evaluation of a run, or feedback on it, says that it ended wrong.

Evaluators share neither names nor scales, so only what cannot mean anything else counts: a label
that says "fail" in so many words, an explicit boolean, a score that a configured limit calls bad,
the bottom of a scale on which more is better. Where none of these holds, nobody said anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from causewatch.faults.outcome import final_answer
from causewatch.faults.text import excerpt, fold
from causewatch.faults.words import name_words
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Failing
from causewatch.model.limits import ScoreLimit
from causewatch.model.step import Evaluation, Step
from causewatch.model.value import Value

MAX_EVALUATIONS_COUNT = 20
BAD_LABELS = frozenset(
    {
        "fail", "failed", "failing", "failure", "incorrect", "not_correct", "wrong", "bad", "poor",
        "unacceptable", "rejected", "hallucinated", "unfaithful", "ungrounded", "not_grounded",
        "thumbs_down", "thumbsdown", "👎", "unresolved", "not_resolved", "falsch", "fehlgeschlagen",
        "nicht_bestanden", "incorrecte", "échec", "echec", "incorrecto", "fallido", "errado",
        "sbagliato", "不合格", "错误", "不正确", "不正解", "오답",
    }
)  # fmt: skip
"""Labels that say that an outcome is wrong. What only classifies a text ("negative", "toxic",
"irrelevant", "no") is none of them."""
OUTCOME_WORDS = frozenset(
    {
        "correctness", "correct", "accuracy", "accurate", "success", "successful", "pass", "passed",
        "resolved", "solved", "faithfulness", "faithful", "groundedness", "grounded", "completion",
    }
)  # fmt: skip
"""Measures of an outcome on which more is better, whatever the scale: zero is the bottom."""
FEEDBACK_WORDS = frozenset({"feedback", "thumbs", "vote"})
"""What people give on a scale around zero."""
_FLAGS = ("passed", "pass", "success", "is_correct", "correct")


def bad_evaluations(graph: CausalGraph, limits: Sequence[ScoreLimit] = ()) -> tuple[Failing, ...]:
    """Return the evaluations and feedback that say that the run ended wrong.

    Of several judgements of one thing under one name the last counts. An evaluation that the agents
    went on working after was a critique within the run, and is left out.
    """
    last: dict[tuple[str, int | None], Failing | None] = {}
    for index, judged in _judgements(graph):
        about = _about(graph, index)
        reason = badness(judged, limits)
        name = judged.name or graph.steps[index].name
        last[name, about] = (
            None
            if reason is None
            else Failing(by="evaluation", what=_told(name, reason, judged), step=index, about=about)
        )
    return tuple(filter(None, last.values()))[:MAX_EVALUATIONS_COUNT]


def badness(judged: Evaluation, limits: Sequence[ScoreLimit] = ()) -> str | None:
    """Return how an evaluation says that something is wrong, or ``None``.

    A configured limit decides; else the label, where there is one; else the score, where it can
    only be the bottom of its scale.
    """
    score = judged.score
    limit = next((each for each in limits if fnmatchcase(judged.name, each.name)), None)
    if limit is not None and score is not None:
        return _beyond(score, limit)
    if judged.label:
        label = "_".join(fold(judged.label).replace("-", " ").split())
        return f"says {excerpt(judged.label)}" if label in BAD_LABELS else None
    if score is None:
        return None
    words = set(name_words(judged.name))
    is_bottom = (score <= 0 and words & OUTCOME_WORDS) or (score < 0 and words & FEEDBACK_WORDS)
    return f"scores {score:g}" if is_bottom else None


def _beyond(score: float, limit: ScoreLimit) -> str | None:
    if limit.min_score is not None and score < limit.min_score:
        return f"scores {score:g}, below {limit.min_score:g}"
    if limit.max_score is not None and score > limit.max_score:
        return f"scores {score:g}, above {limit.max_score:g}"
    return None


def _told(name: str, reason: str, judged: Evaluation) -> str:
    why = f": {excerpt(judged.explanation)}" if judged.explanation else ""
    return f"evaluation {excerpt(name)} {reason}{why}"


def _judgements(graph: CausalGraph) -> Iterator[tuple[int, Evaluation]]:
    """Yield each judgement with the step that carries it, in order of time."""
    answer = final_answer(graph)
    done_ns = 0 if answer is None else graph.steps[answer].span.start_ns
    for index, step in enumerate(graph.steps):
        if step.kind != "evaluation":
            yield from ((index, judged) for judged in step.evaluations)
        elif step.span.start_ns >= done_ns:
            given = step.evaluations or tuple(_given_out(step))
            yield from ((index, judged) for judged in given)


def _given_out(step: Step) -> Iterator[Evaluation]:
    """Yield what an evaluation step's own output says."""
    for payload in (step.output, step.result):
        value = None if payload is None or payload.cut else payload.value
        if isinstance(value, dict):
            yield _evaluation(step.name, value)
            return


def _evaluation(name: str, value: dict[str, Value]) -> Evaluation:
    label, score, told = value.get("label"), value.get("score"), value.get("explanation")
    flag = next((value[flag] for flag in _FLAGS if isinstance(value.get(flag), bool)), None)
    said = label if isinstance(label, str) else ""
    if not said and flag is not None:
        said = "pass" if flag else "fail"
    return Evaluation(
        name=name,
        score=None if isinstance(score, bool) or not isinstance(score, int | float) else score,
        label=said,
        explanation=told if isinstance(told, str) else "",
    )


def _about(graph: CausalGraph, index: int) -> int | None:
    """Return the step that is judged, ``None`` for the run as a whole."""
    step = graph.steps[index]
    if step.kind == "evaluation":
        linked = [
            edge.source for edge in graph.edges if edge.type == "link" and edge.target == index
        ]
        if len(linked) != 1:
            return None
        index, step = linked[0], graph.steps[linked[0]]
    is_whole = step.kind == "workflow" or graph.parent[index] < 0
    return None if is_whole and step.kind != "model" else index
