"""Runs of a support desk as its agents really vary: retries, fan-outs, optional and dynamic steps.

A run is a plan (who does what below whom) that can be spoilt on purpose, and then becomes spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import msgspec

from causewatch.graph.build import build
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Span
from graph_fixtures import agent, span, tool

LENGTH_MS = 4.0
TOOLS_IN_DESK = (
    "kb_search", "order_lookup", "fraud_check", "policy_check", "issue_refund", "send_receipt",
    "read_log", "run_probe", "fetch_page", "open_ticket", "draft", "translate",
)  # fmt: skip


class Act(msgspec.Struct, kw_only=True):
    """One agent or tool with what it does, in order; or beside the one before it."""

    kind: str
    name: str
    acts: list[Act] = msgspec.field(default_factory=list)
    is_beside: bool = False


def do(name: str, *, is_beside: bool = False) -> Act:
    """Return a tool call."""
    return Act(kind="tool", name=name, is_beside=is_beside)


def who(name: str, *acts: Act, is_beside: bool = False) -> Act:
    """Return an agent at work."""
    return Act(kind="agent", name=name, acts=list(acts), is_beside=is_beside)


def good_run(rng: Random) -> Act:
    """Return a run as it should be."""
    desk = rng.choice(("billing", "tech"))
    middle = _billing(rng) if desk == "billing" else _tech(rng)
    return Act(
        kind="workflow",
        name="support_desk",
        acts=[
            who("triage", *_triage(rng), do(f"transfer_to_{desk}")),
            who(desk, *middle, do("transfer_to_writer")),
            who("writer", do("draft"), *([do("translate")] if rng.random() < 0.3 else [])),
        ],
    )


def _triage(rng: Random) -> Iterator[Act]:
    for _ in range(rng.randint(1, 3)):
        yield do("kb_search")
    if rng.random() < 0.5:
        for _ in range(2 if rng.random() < 0.3 else 1):
            yield do("order_lookup")


def _billing(rng: Random) -> Iterator[Act]:
    checks = ["fraud_check", "policy_check"]
    rng.shuffle(checks)
    yield do(checks[0])
    yield do(checks[1], is_beside=rng.random() < 0.7)
    yield do("issue_refund")
    if rng.random() < 0.6:
        yield do("send_receipt")


def _tech(rng: Random) -> Iterator[Act]:
    for _ in range(rng.randint(1, 3)):
        yield do("read_log")
        yield do("run_probe")
    for number in range(rng.randint(2, 4)):
        yield do("fetch_page", is_beside=number > 0)
    for number in range(rng.randint(1, 3)):
        yield who(f"worker_{rng.randint(100, 999)}", do("dig"), is_beside=number > 0)
    yield do("open_ticket")


def node(run: Act, name: str) -> Act:
    """Return the agent of a run with this name."""
    return next(act for act in run.acts if act.name == name)


def has(run: Act, name: str) -> bool:
    """Tell whether an agent works in a run."""
    return any(act.name == name for act in run.acts)


def _drop(run: Act, at: str, name: str) -> None:
    acts = node(run, at).acts
    acts.remove(next(act for act in acts if act.name == name))


def _add(run: Act, at: str, name: str, index: int = 0) -> None:
    node(run, at).acts.insert(index, do(name))


def _swap(run: Act, at: str, first: str, second: str) -> None:
    acts = node(run, at).acts
    names = [act.name for act in acts]
    i, j = names.index(first), names.index(second)
    acts[i], acts[j] = acts[j], acts[i]
    for act in acts:
        act.is_beside = False


def _hand(run: Act, at: str, to: str) -> None:
    acts = node(run, at).acts
    acts[-1] = do(f"transfer_to_{to}")
    # Who takes over has to exist, else it is no handoff but a failed call.
    run.acts.append(who(to, do("draft")))


def _repeat(run: Act, at: str, name: str, times: int) -> None:
    acts = node(run, at).acts
    index = next(i for i, act in enumerate(acts) if act.name == name)
    acts[index:index] = [do(name) for _ in range(times)]


PLANTED: dict[str, tuple[str, str, Callable[[Act], None]]] = {
    "a check is left out": ("billing", "billing", lambda r: _drop(r, "billing", "policy_check")),
    "a required last step is missing": ("tech", "tech", lambda r: _drop(r, "tech", "open_ticket")),
    "the search is left out": (
        "triage",
        "triage",
        lambda r: setattr(
            node(r, "triage"), "acts", [a for a in node(r, "triage").acts if a.name != "kb_search"]
        ),
    ),
    "an extra tool": ("writer", "writer", lambda r: _add(r, "writer", "post_tweet", 1)),
    "a tool of another agent": ("triage", "triage", lambda r: _add(r, "triage", "issue_refund", 1)),
    "refund before the checks": (
        "billing",
        "billing",
        lambda r: _swap(r, "billing", "fraud_check", "issue_refund"),
    ),
    "probe before the log": ("tech", "tech", lambda r: _swap(r, "tech", "read_log", "run_probe")),
    "a handoff to somebody else": ("triage", "triage", lambda r: _hand(r, "triage", "legal")),
    "a handoff past the writer": ("billing", "billing", lambda r: _hand(r, "billing", "auditor")),
    "too many searches": ("triage", "triage", lambda r: _repeat(r, "triage", "kb_search", 9)),
    "a second refund": ("billing", "billing", lambda r: _repeat(r, "billing", "issue_refund", 1)),
    "an agent called twice": (
        "writer",
        "support_desk",
        lambda r: r.acts.insert(2, who("writer", do("draft"))),
    ),
}
"""What goes wrong: the agent that has to be in the run, the node where it shows, and the deed."""


def spans_of(run: Act, number: int = 1) -> list[Span]:
    """Return a run as spans of its own trace."""
    return list(_Clock(f"{number:032x}", number * 1_000).spans(run))


def graph_of_run(run: Act) -> CausalGraph:
    """Return the causal graph of a run."""
    return build(run_id="run", spans=spans_of(run))


class _Clock:
    """Gives ids and times: one after the other, or beside each other."""

    def __init__(self, trace: str, first: int) -> None:
        self._trace = trace
        self._number = first

    def spans(self, run: Act) -> Iterator[Span]:
        found, _ = self._below(run, None, 0.0)
        yield from found

    def _below(self, act: Act, parent: int | None, start_ms: float) -> tuple[list[Span], float]:
        """Return the spans of an act and when it ended."""
        self._number += 1
        own = self._number
        now_ms = begun_ms = start_ms + 1
        found: list[Span] = []
        latest_ms = now_ms
        for inner in act.acts:
            begun_ms = begun_ms + 0.5 if inner.is_beside else latest_ms
            spans, end_ms = self._below(inner, own, begun_ms)
            found += spans
            latest_ms = max(latest_ms, end_ms)
        end_ms = max(latest_ms, start_ms + LENGTH_MS) + 1
        makers: dict[str, Callable[..., Span]] = {
            "agent": agent,
            "tool": tool,
            "workflow": _workflow,
        }
        make = makers[act.kind]
        took = {"start_ms": start_ms, "length_ms": end_ms - start_ms, "trace": self._trace}
        return [make(own, parent, act.name, **took), *found], end_ms


def _workflow(number: int, parent: int | None, name: str, **more: object) -> Span:
    attributes = {"gen_ai__operation__name": "invoke_workflow", "gen_ai__workflow__name": name}
    return span(number, parent, name=f"invoke_workflow {name}", **attributes, **more)  # type: ignore[arg-type]  # times and a trace
