"""Instruments the handoffs of a CrewAI crew: from task to task, and by delegation.

::

    watch(crew).kickoff()

What was sent is the output of each task that another one builds on; what was received is what the
other agent is given of it as context.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Any

from causewatch.instrument import current
from causewatch.instrument.guard import Guarded
from causewatch.instrument.survived import survived_text
from causewatch.instrument.tell import Instrument

_running: contextvars.ContextVar[str] = contextvars.ContextVar("causewatch-crewai", default="")
_DONE = "_causewatch_watched"


def watch(crew: Any, instrument: Instrument | None = None) -> Any:
    """Record the handoffs of ``crew`` from now on, and return it.

    Args:
        crew: a ``crewai.Crew`` with its tasks and agents.
        instrument: what records; the one of ``causewatch.instrument`` unless given.
    """
    agents = [*crew.agents, *(task.agent for task in crew.tasks)]
    manager = getattr(crew, "manager_agent", None)
    for agent in [*agents, manager]:
        if agent is not None and _DONE not in vars(agent):
            # Agents are models that refuse unknown fields, so past their own setter.
            object.__setattr__(agent, _DONE, True)
            object.__setattr__(agent, "execute_task", _surrounded(agent, crew, instrument))
            if hasattr(agent, "aexecute_task"):
                object.__setattr__(agent, "aexecute_task", _awaited(agent, crew, instrument))
    return crew


def _surrounded(agent: Any, crew: Any, instrument: Instrument | None) -> Callable[..., Any]:
    execute = agent.execute_task

    @functools.wraps(execute)
    def called(task: Any, context: str | None = None, *args: Any, **kwargs: Any) -> Any:
        with _handoffs(agent, crew, task, context, instrument):
            return execute(task, context, *args, **kwargs)

    return called


def _awaited(agent: Any, crew: Any, instrument: Instrument | None) -> Callable[..., Any]:
    execute = agent.aexecute_task

    @functools.wraps(execute)
    async def called(task: Any, context: str | None = None, *args: Any, **kwargs: Any) -> Any:
        with _handoffs(agent, crew, task, context, instrument):
            return await execute(task, context, *args, **kwargs)

    return called


@contextlib.contextmanager
def _handoffs(
    agent: Any, crew: Any, task: Any, context: str | None, instrument: Instrument | None
) -> Iterator[None]:
    """Open a handoff from each agent whose work is in ``context``, or from the one delegating."""
    told = instrument or current()
    with contextlib.ExitStack() as open_ones:
        with Guarded("opening a task's handoffs"):
            if any(task is each for each in crew.tasks):
                for source, output in _before(crew, task):
                    made = told.handoff(_name(source), _name(agent), output)
                    open_ones.enter_context(made)
                    found = survived_text(output, context or "")
                    made.received(context if found is None else found)
            elif _running.get():
                payload = {"task": task.description, "context": context}
                open_ones.enter_context(
                    told.handoff(_running.get(), _name(agent), payload, mode="return_to_caller")
                )
        token = _running.set(_name(agent))
        try:
            yield
        finally:
            _running.reset(token)


def _before(crew: Any, task: Any) -> Iterator[tuple[Any, str]]:
    """Yield the agent and the output of each task that ``task`` builds on.

    Those are the tasks it names; without a word all tasks before it, which is what crews of the
    kind *sequential* give it; with none named, none.
    """
    named = task.context
    if named is None or (isinstance(named, list) and not named):
        return
    if not isinstance(named, list):
        at = next(i for i, each in enumerate(crew.tasks) if each is task)
        named = crew.tasks[:at]
    for each in named:
        if each.output is not None and each.agent is not None and each.agent is not task.agent:
            yield each.agent, each.output.raw


def _name(agent: Any) -> str:
    return str(agent.role).strip()
