"""Show an assessment to people: who introduced the corruption, and the path it took, drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from causewatch.blame.safe import safe, wrapped
from causewatch.blame.verdicts import violated_lines
from causewatch.model.expectation import Health, HealthPart, Novel
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment, Blame, Hop

RESET, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
RED, GREEN, YELLOW, MAGENTA = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[35m"
DEFAULT_WIDTH = 100
MIN_WIDTH = 40
MAX_SHOWN_GAPS_COUNT = 5
MAX_SHOWN_NAMES_COUNT = 6
MAX_SHOWN_PARTS_COUNT = 3
MAX_LANES_COUNT = 8
"""Agents beyond share the last lane: a drawing that is wider than its text helps nobody."""
_COLOURS = {"corrupted": RED, "healthy": GREEN, "unverifiable": YELLOW}
_MARKS = {"origin": "●", "propagator": "◐", "hop": "○", "symptom": "◆"}
_MARK_COLOURS = {"origin": RED, "propagator": YELLOW, "hop": "", "symptom": MAGENTA}
_ROLES = {"handoff": "handoffs", "act": "acting calls"}


def explain_text(
    assessment: Assessment,
    colour: bool = False,  # noqa: FBT002 - the agreed form
    width: int = DEFAULT_WIDTH,
) -> str:
    """Return the story of one run: what was first corrupted, who passed it on, where it surfaced.

    Names and payload excerpts come from outside, so they are stripped of control characters.

    Args:
        assessment: the run.
        colour: with ANSI colours, for a terminal.
        width: of the terminal, in columns.
    """
    page = _Page(colour=colour, width=max(width, MIN_WIDTH))
    blame = assessment.blame
    run = safe(assessment.graph.run_id)
    lines = [f"run {run}  {page.verdict(blame.verdict)}{_summary(blame)}"]
    for failing in assessment.failed_by:
        lines += page.text(f"Known to have ended wrong: {safe(failing.what)}", 2)
    lines += _story(assessment.graph, blame, page)
    lines += _drawn(assessment.graph, blame, page)
    for told in violated_lines(assessment):
        lines += page.text(f"✗ {told}", 2)
    lines += _health(assessment.graph, assessment.health, page)
    lines += _new(assessment.novel, page)
    lines += _gaps(blame, page)
    return "\n".join(lines) + "\n"


class _Page:
    """Adds colour where it is wanted, and breaks lines where the page ends."""

    def __init__(self, *, colour: bool, width: int) -> None:
        self._colour = colour
        self._width = width

    def verdict(self, name: str) -> str:
        return self.paint(name, _COLOURS[name] + BOLD)

    def dim(self, text: str) -> str:
        return self.paint(text, DIM)

    def paint(self, text: str, code: str) -> str:
        return f"{code}{text}{RESET}" if self._colour and code else text

    def text(self, text: str, indent: int) -> Iterator[str]:
        """Yield a text in lines, those after the first indented by two more."""
        first, *rest = wrapped(text, self._width - indent - 2)
        yield f"{' ' * indent}{first}"
        for line in rest:
            yield f"{' ' * (indent + 2)}{line}"

    def beside(self, text: str, gutter: str) -> list[str]:
        """Return the lines of a text that stands right of a drawing."""
        return wrapped(text, max(self._width - len(gutter), MIN_WIDTH // 2))


def _summary(blame: Blame) -> str:
    if blame.category is None or blame.verdict != "corrupted":
        return ""
    return f" ({blame.category.replace('_', ' ')}, {_confidence(blame)})"


def _confidence(blame: Blame) -> str:
    if blame.confidence is None or blame.observed is None or blame.attributed is None:
        return "confidence not known"
    sure = f"confidence {blame.confidence:.2f}"
    if blame.attributed >= 1:
        return sure
    return f"{sure} = {blame.observed:.2f} observed x {blame.attributed:.2f} attributed"


def _story(graph: CausalGraph, blame: Blame, page: _Page) -> Iterator[str]:
    """Yield who did it, in a few sentences."""
    if blame.origin is not None:
        who = _who(graph, blame.origin.step, blame.origin.agent)
        if blame.verdict == "corrupted":
            yield from page.text(f"First corrupted by {who}", 2)
        else:
            yield from page.text(f"Nothing is proven; likeliest is {who}, {_confidence(blame)}", 2)
        yield from page.text(safe(blame.origin.reason), 4)
    for propagator in blame.propagators:
        agent = safe(propagator.agent) or "an unnamed agent"
        yield from page.text(f"→ passed on by {agent} in {_step_name(graph, propagator.step)}", 2)
        yield from page.text(safe(propagator.evidence), 4)
    if blame.symptom is not None:
        surfaced = _who(graph, blame.symptom.step, blame.symptom.agent)
        yield from page.text(f"→ surfaced at {surfaced}", 2)
    elif blame.category == "loop":
        yield "  → the run harmed itself: the repeats did nothing"
    yield from _also(graph, blame, page)


def _also(graph: CausalGraph, blame: Blame, page: _Page) -> Iterator[str]:
    """Yield what the corruption reached beside its path."""
    on_path = {hop.step for hop in blame.path} | {p.step for p in blame.propagators}
    told = {hop.agent for hop in blame.path} | {p.agent for p in blame.propagators}
    beside = [each for each in blame.reached if each.step not in on_path]
    agents = dict.fromkeys(each.agent for each in beside if each.agent and each.agent not in told)
    parts = [_list("agents", agents)] if agents else []
    for role, title in _ROLES.items():
        names = dict.fromkeys(_step_name(graph, r.step) for r in beside if r.role == role)
        parts += [_list(title, names)] if names else []
    parts += ["the answer"] if any(each.role == "answer" for each in beside) else []
    if parts:
        yield from page.text(f"→ also reached {'; '.join(parts)}", 2)


def _list(title: str, names: dict[str, None]) -> str:
    shown = [safe(name) for name in names][:MAX_SHOWN_NAMES_COUNT]
    rest = len(names) - len(shown)
    return f"{title} {', '.join(shown)}" + (f" and {rest} more" if rest else "")


def _drawn(graph: CausalGraph, blame: Blame, page: _Page) -> Iterator[str]:
    """Yield the path as a column of steps, a lane for each agent, with the evidence between."""
    path = blame.path
    if not path:
        return
    lanes = _lanes(path)
    yield ""
    for number, hop in enumerate(path):
        lane = lanes[hop.agent]
        if number:
            yield from _link(lanes[path[number - 1].agent], lane, safe(hop.evidence), page)
        role = _role(blame, number)
        mark = page.paint(_MARKS[role], _MARK_COLOURS[role])
        agent = f"{safe(hop.agent)} · " if hop.agent else ""
        gutter = "  " * (lane + 1)
        shown, *rest = page.beside(f"{agent}{_step_name(graph, hop.step)}", f"{gutter}  ")
        yield f"{gutter}{mark} {shown}" + ("" if rest else f"  {_span(graph, hop.step, page)}")
        for line in rest:
            yield f"{gutter}  {line}"
    yield page.dim(f"  {_legend(blame)}")


def _lanes(path: Sequence[Hop]) -> dict[str, int]:
    """Return the lane of each agent, in order of appearance; a step of no agent is in the first."""
    agents = dict.fromkeys(hop.agent for hop in path if hop.agent)
    return {"": 0, **{agent: min(i, MAX_LANES_COUNT - 1) for i, agent in enumerate(agents)}}


def _link(before: int, lane: int, evidence: str, page: _Page) -> Iterator[str]:
    """Yield the line from one lane to another, with why."""
    left, right = min(before, lane), max(before, lane)
    if left == right:
        bend = "│"
    elif before < lane:
        bend = f"╰{'─' * (2 * (right - left) - 1)}╮"
    else:
        bend = f"╭{'─' * (2 * (right - left) - 1)}╯"
    gutter = f"{'  ' * (left + 1)}{bend} "
    first, *rest = page.beside(evidence, gutter)
    yield f"{gutter}{page.dim(first)}"
    below = f"{'  ' * (lane + 1)}│".ljust(len(gutter))
    for line in rest:
        yield f"{below}{page.dim(line)}"


def _role(blame: Blame, number: int) -> str:
    step = blame.path[number].step
    if number == 0:
        return "origin"
    if blame.symptom is not None and blame.symptom.step == step:
        return "symptom"
    return "propagator" if any(p.step == step for p in blame.propagators) else "hop"


def _legend(blame: Blame) -> str:
    roles = dict.fromkeys(_role(blame, number) for number in range(len(blame.path)))
    names = {
        "origin": "origin",
        "propagator": "passed on",
        "hop": "on the way",
        "symptom": "symptom",
    }
    return "  ".join(f"{_MARKS[role]} {names[role]}" for role in names if role in roles)


def _health(graph: CausalGraph, health: Health | None, page: _Page) -> Iterator[str]:
    """Yield how well the context survived, and the transitions at which it did not."""
    if health is None or health.score is None:
        return
    checked = sum(part.score is not None for part in health.parts)
    of_all = f"{checked} of {len(health.parts)} transitions checked"
    yield ""
    yield f"  Context health {health.score:.2f} ({of_all})"
    worst = sorted(
        (part for part in health.parts if part.score is not None and part.score < 1),
        key=lambda part: part.score or 0.0,
    )
    for part in worst[:MAX_SHOWN_PARTS_COUNT]:
        yield from page.text(f"{part.score:.2f} {_transition(graph, part)}: {safe(part.reason)}", 4)
    rest = len(worst) - MAX_SHOWN_PARTS_COUNT
    if rest > 0:
        yield f"    and {rest} more"


def _new(found: Sequence[Novel], page: _Page) -> Iterator[str]:
    """Yield what the workflow never had before."""
    if found:
        yield ""
        yield "  New to this workflow"
    for novel in found[:MAX_SHOWN_PARTS_COUNT]:
        yield from page.text(novel.edge or f"shape {novel.fingerprint}", 4)
    if len(found) > MAX_SHOWN_PARTS_COUNT:
        yield f"    and {len(found) - MAX_SHOWN_PARTS_COUNT} more"


def _transition(graph: CausalGraph, part: HealthPart) -> str:
    if part.handoff is None:
        return _step_name(graph, part.step or 0)
    handoff = graph.handoffs[part.handoff]
    return f"{safe(handoff.from_agent) or '?'} → {safe(handoff.to_agent) or '?'}"


def _gaps(blame: Blame, page: _Page) -> Iterator[str]:
    if not blame.unverifiable:
        return
    yield ""
    yield f"  Not verifiable ({len(blame.unverifiable)}):"
    for gap in blame.unverifiable[:MAX_SHOWN_GAPS_COUNT]:
        yield from page.text(f"? {safe(gap.what)}: {safe(gap.reason)}", 2)
        yield from (page.dim(line) for line in page.text(safe(gap.fix), 4))
    rest = len(blame.unverifiable) - MAX_SHOWN_GAPS_COUNT
    if rest > 0:
        yield f"    and {rest} more"


def _who(graph: CausalGraph, index: int, agent: str) -> str:
    """Return a step for people: its kind and name, and whose it is."""
    step = graph.steps[index]
    kind = step.kind if step.kind != "other" else "step"
    owner = f" of {safe(agent)}" if agent else ""
    return f"{kind} {_step_name(graph, index)}{owner} (span {step.span.span_id})"


def _step_name(graph: CausalGraph, index: int) -> str:
    return safe(graph.steps[index].name) or "(unnamed)"


def _span(graph: CausalGraph, index: int, page: _Page) -> str:
    return page.dim(graph.steps[index].span.span_id)
