"""What holds for the lineage of any run: time, order of arrival, shares, and a slow reference."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causewatch.dialects.understand import understand
from causewatch.graph.build import build
from causewatch.graph.clocks import CLOCK_GRAIN_NS, Clocks
from causewatch.graph.content import (
    MIN_SHARED_COUNT,
    MIN_TEXT_SHARE,
    MIN_VALUES_COUNT,
    MIN_VALUES_SHARE,
    Sink,
    Tracer,
    content_of,
)
from causewatch.graph.ledger import OUTSIDE, Key
from causewatch.graph.owners import own
from causewatch.graph.shown import Piece
from causewatch.graph.shown import given as given_by
from causewatch.graph.tree import SKEW_NS, Tree, grow, unique
from causewatch.graph.values import is_strong
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Resource, Span
from causewatch.model.value import Value
from graph_fixtures import (
    BASE_NS,
    MS,
    agent,
    answer,
    asked,
    call,
    facts,
    model,
    said,
    span,
    tool,
    user,
)

SENTENCES = (
    "The barge left the lock at dawn and carries forty pallets of roof slate to the north.",
    "A storm closed the upper canal, so every lock keeper was sent home until the weekend.",
    "驳船黎明时分离开船闸,载着四十托盘屋面石板向北驶去,预计周四下午抵达码头。",
    "はしけは夜明けに水門を出て、四十枚のパレットの屋根用スレートを北へ運んでいます。",
    "Nobody has paid the berthing fee of last month, and the harbour office asks for it again.",
    "ok",
)
VALUES = ("KQ-7781", "mia@hals.example", "2499.00", "2026-03-04", "PX-44-A", "731", "north")
SEEDS = st.integers(0, 10**9)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def text_of(rng: random.Random) -> str:
    """Return a text of some known sentences and values."""
    words = rng.choices(SENTENCES, k=rng.randrange(3)) + rng.choices(VALUES, k=rng.randrange(3))
    rng.shuffle(words)
    return " ".join(words)


def placed(base: Span, rng: random.Random) -> Span:
    """Return ``base`` at some time, from one of two services, sometimes in whole milliseconds."""
    start_ns = BASE_NS + rng.randrange(300) * MS + rng.choice((0, 0, 17))
    return msgspec.structs.replace(
        base,
        start_ns=start_ns,
        end_ns=start_ns + rng.randrange(60) * MS + rng.choice((0, 0, 31)),
        resource=Resource(attributes={"service.name": rng.choice(("one", "one", "two"))}),
    )


def run_of(rng: random.Random) -> list[Span]:
    """Return a small run: agents, models with histories, tools with and without ids."""
    spans = [span(0, start_ms=0, length_ms=500)]
    agents = rng.randrange(1, 4)
    spans += [
        placed(
            agent(n, rng.choice((0, 0, 1)) if n > 1 else 0, rng.choice(("ann", "bob", "cid"))), rng
        )
        for n in range(1, agents + 1)
    ]
    history: list[dict[str, Value]] = []
    for number in range(agents + 1, agents + rng.randrange(4, 14)):
        above = rng.randrange(agents + 1)
        call_id = rng.choice(("", f"c{rng.randrange(4)}"))
        if rng.random() < 0.5:
            history = [*history[rng.randrange(2) :], user(text_of(rng))]
            says = [said(text_of(rng)), call("look", {"what": text_of(rng)}, call_id)]
            history_now = list(history)
            history += [asked(says[1]), answer(call_id, {"log": text_of(rng)})]
            made = model(number, above, asks=history_now, says=says[: rng.randrange(3)])
        else:
            result = {"log": text_of(rng), "berth": rng.choice(VALUES)}
            arguments = {"what": text_of(rng)}
            made = tool(number, above, "look", arguments=arguments, result=result, call_id=call_id)
        spans.append(placed(made, rng))
    return spans


def by_content(graph: CausalGraph) -> list[tuple[Span, Span]]:
    """Return the ends of the edges that rest on content."""
    return [
        (graph.steps[e.source].span, graph.steps[e.target].span)
        for e in graph.edges
        if e.type == "data" and e.evidence in {"text", "values", "read back", "result value"}
    ]


@SLOW
@given(SEEDS)
def test_nothing_flows_from_a_later_output_to_an_earlier_input(seed: int) -> None:
    """Beyond the skew allowance between two clocks, and the grain of one."""
    graph = build(run_id="run", spans=run_of(random.Random(seed)))
    for source, target in by_content(graph):
        allowed_ns = CLOCK_GRAIN_NS if source.resource == target.resource else SKEW_NS
        assert source.end_ns <= target.start_ns + allowed_ns
        assert source.span_id != target.parent_id
    for edge in graph.edges:
        if edge.type == "data" and edge.evidence.startswith("tool_call_id"):
            source, target = graph.steps[edge.source].span, graph.steps[edge.target].span
            assert source.start_ns <= target.start_ns + SKEW_NS


@SLOW
@given(SEEDS)
def test_the_order_of_arrival_changes_no_edge(seed: int) -> None:
    """Lineage depends on the set of spans alone."""
    rng = random.Random(seed)
    spans = run_of(rng)
    expected = facts(build(run_id="run", spans=spans))
    rng.shuffle(spans)
    assert facts(build(run_id="run", spans=spans)) == expected


@SLOW
@given(SEEDS)
def test_shares_lie_between_nothing_and_all(seed: int) -> None:
    """Every edge carries evidence and a share; of two steps there is one data edge at most."""
    graph = build(run_id="run", spans=run_of(random.Random(seed)))
    data = [edge for edge in graph.edges if edge.type == "data"]
    assert all(0 < edge.share <= 1 and edge.evidence for edge in data)
    assert len({(edge.source, edge.target) for edge in data}) == len(data)


class Slow:
    """The rules of ``content`` without an index: every input is set against every output."""

    def __init__(self, tree: Tree, sources: Sequence[int]) -> None:
        self.tree = tree
        self.owner = own(tree).owner
        self.clocks = Clocks(tree)
        self.sources = sorted(sources, key=lambda i: (tree.steps[i].span.end_ns, -i))
        self.taken: set[tuple[str, int]] = set()
        self.outside: list[tuple[int, set[Key]]] = []
        self.texts: set[str] = set()
        self.new_counts: dict[int, int] = {}

    def edges(self, sinks: Sequence[Sink]) -> set[tuple[int, int, str, float]]:
        """Return (source, target, evidence, share) of all edges."""
        steps = self.tree.steps
        found = set()
        for sink in sorted(sinks, key=lambda s: (steps[s.step].span.start_ns, s.step)):
            start_ns = steps[sink.step].span.start_ns
            givers = [i for i in self.sources if steps[i].span.end_ns <= start_ns + SKEW_NS]
            text = self.by_text(sink, givers)
            values = self.by_values(sink, givers, set(text))
            for evidence, shares in (("text", text), ("values", values)):
                for source, share in shares.items():
                    if not self.had(sink.step, source):
                        found.add((source, sink.step, evidence, round(share, 9)))
                        self.taken.add((self.owner[sink.step], source))
            self.came_in(sink, givers, start_ns)
        return found

    def came_in(self, sink: Sink, givers: Sequence[int], start_ns: int) -> None:
        """Note what nobody had before, each text once."""
        for piece in sink.pieces:
            if piece.text not in self.texts:
                self.texts.add(piece.text)
                known = (
                    set().union(
                        *(self.gave(i) for i in givers if self.end_ns(i) <= start_ns),
                        *(keys for _, keys in self.outside),
                    )
                    if givers or self.outside
                    else set[Key]()
                )
                self.outside.append((start_ns, keys_of([piece]) - known))

    def end_ns(self, step: int) -> int:
        """Return when a step's output was there."""
        return self.tree.steps[step].span.end_ns

    def gave(self, step: int) -> set[Key]:
        """Return what the output of a step is known by."""
        return keys_of(given_by(self.tree.steps[step]))

    def holders(self, key: Key, givers: Sequence[int]) -> list[int]:
        """Return who had a key, the earliest first."""
        events = [(self.end_ns(i), n, i) for n, i in enumerate(givers) if key in self.gave(i)]
        # Outputs are noted ahead of what came in from outside at the same time.
        events += [(ns, len(givers), OUTSIDE) for ns, keys in self.outside if key in keys]
        return [step for _, _, step in sorted(events)]

    def had(self, sink: int, source: int) -> bool:
        """Tell whether the agent of a model took this in before."""
        return self.kind(sink) == "model" and (self.owner[sink], source) in self.taken

    def kind(self, step: int) -> str:
        """Return a step's kind."""
        return self.tree.steps[step].kind

    def flows(self, source: int, sink: int) -> bool:
        """Tell whether time allows it."""
        return source == OUTSIDE or self.clocks.may_flow(source, sink)

    def expected(self, source: int, sink: int) -> bool:
        """Tell whether a step waits for this: a model for results, a tool for what models say."""
        is_result = self.kind(source) in {"tool", "retrieval", "memory"}
        same = self.owner[source] == self.owner[sink]
        return same and is_result == (self.kind(sink) == "model")

    def by_text(self, sink: Sink, givers: Sequence[int]) -> dict[int, float]:
        """Return the shares of the sources of what the sink says in the same words."""
        prints = [key for key in keys_of(sink.pieces) if isinstance(key, int)]
        cover: dict[int, set[int]] = {}
        for key in prints:
            for source in self.holders(key, givers):
                if self.flows(source, sink.step):
                    cover.setdefault(source, set()).add(key)

        def rank(source: int) -> tuple[bool, int, int, int]:
            if source == OUTSIDE:
                return True, -len(cover[source]), 0, 0
            known = self.had(sink.step, source) or self.expected(source, sink.step)
            return not known, -len(cover[source]), self.end_ns(source), -source

        covered: set[int] = set()
        found: dict[int, float] = {}
        for source in sorted(cover, key=rank):
            gained = cover[source] - covered
            is_new = source != OUTSIDE and not self.had(sink.step, source)
            whole = sum(isinstance(k, int) for k in self.gave(source)) if is_new else 0
            if is_new and len(gained) < MIN_SHARED_COUNT and len(gained) < MIN_TEXT_SHARE * whole:
                continue
            covered |= gained
            if is_new:
                found[source] = len(cover[source]) / whole
        return found

    def by_values(self, sink: Sink, givers: Sequence[int], text: set[int]) -> dict[int, float]:
        """Return the shares of the sources of values that nothing else explains."""
        votes: dict[int, list[str]] = {}
        for value in keys_of(sink.pieces):
            holders = self.holders(value, givers) if isinstance(value, str) else []
            near = [h for h in holders if h != OUTSIDE and self.flows(h, sink.step)]
            if not near or holders[0] == OUTSIDE:
                continue
            if any(h in text or self.had(sink.step, h) for h in near):
                continue
            own = [h for h in near if self.owner[h] == self.owner[sink.step]]
            if any(self.kind(h) == "model" == self.kind(sink.step) for h in own):
                continue
            awaited = [h for h in near if self.expected(h, sink.step)]
            giver = awaited[-1] if awaited else holders[0] if holders[0] in near else None
            if giver is not None:
                votes.setdefault(giver, []).append(str(value))
        found = {}
        for source in sorted(votes):
            values = votes[source]
            if source not in self.new_counts:
                brought = (key for key in self.gave(source) if isinstance(key, str))
                self.new_counts[source] = sum(
                    self.holders(key, givers)[0] != OUTSIDE for key in brought
                )
            share = min(len(values) / max(self.new_counts[source], 1), 1.0)
            most = share >= MIN_VALUES_SHARE and self.expected(source, sink.step)
            if len(values) >= MIN_VALUES_COUNT or any(map(is_strong, values)) or most:
                found[source] = share
        return found


def keys_of(pieces: Sequence[Piece]) -> set[Key]:
    """Return all that some pieces are known by."""
    found: set[Key] = set()
    for piece in pieces:
        content = content_of(piece)
        found |= content.prints | content.values
    return found


@SLOW
@given(SEEDS)
def test_the_index_finds_what_comparing_everything_finds(seed: int) -> None:
    """The edges, their evidence and their shares are those of a reference without any index."""
    rng = random.Random(seed)
    tree = grow([understand(each) for each in unique(run_of(rng))])
    sources = [i for i, s in enumerate(tree.steps) if s.kind in {"model", "tool"}]
    sinks = [
        Sink(step=i, pieces=tuple(Piece(text=text_of(rng)) for _ in range(rng.randrange(1, 3))))
        for i in sources
        if rng.random() < 0.7
    ]
    slow = Slow(tree, sources)
    expected = slow.edges(sinks)
    tracer = Tracer(tree, own(tree), Clocks(tree), {}, set())
    found = {
        (e.source, e.target, e.evidence, round(e.share, 9)) for e in tracer.edges(sources, sinks)
    }
    assert found == expected
