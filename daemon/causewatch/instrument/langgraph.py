"""Instruments handoffs between the agent nodes of a LangGraph.

::

    builder.add_node("planner", agent("planner", plan))
    builder.add_node("writer", agent("writer", write))

What was sent is what an agent's node returned (its update, plain or in a ``Command``); what was
received is what the state holds of it when the next agent's node begins.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from causewatch.instrument import current
from causewatch.instrument.guard import Guarded
from causewatch.instrument.survived import survived_text
from causewatch.instrument.tell import Instrument

F = TypeVar("F", bound=Callable[..., Any])
_ROLES = {"user": "human", "assistant": "ai"}


@dataclass(frozen=True, slots=True)
class _Sent:
    """What one agent's node returned."""

    source: str
    step: int
    payload: Mapping[str, Any]


_runs: weakref.WeakKeyDictionary[Any, list[_Sent]] = weakref.WeakKeyDictionary()


def agent(
    name: str,
    node: F,
    *,
    hands_over: Collection[str] | None = None,
    instrument: Instrument | None = None,
) -> F:
    """Return ``node`` as the node of an agent, between which handoffs are recorded.

    Args:
        name: the name of the agent, as in ``add_node``.
        node: the node's function, plain or coroutine, with whatever LangGraph injects.
        hands_over: the keys of the state that are handed over; all that the node returns unless
            given. Leave out those whose reducer computes something else, such as counters.
        instrument: what records; the one of ``causewatch.instrument`` unless given.
    """
    watcher = _Watcher(name, hands_over, instrument)
    if inspect.iscoroutinefunction(node):

        @functools.wraps(node)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with watcher.around(args, kwargs):
                result = await node(*args, **kwargs)
            watcher.returned(result)
            return result

        return cast("F", awaited)

    @functools.wraps(node)
    def called(*args: Any, **kwargs: Any) -> Any:
        with watcher.around(args, kwargs):
            result = node(*args, **kwargs)
        watcher.returned(result)
        return result

    return cast("F", called)


class _Watcher:
    """Sees the calls of one agent's node."""

    def __init__(
        self, name: str, hands_over: Collection[str] | None, instrument: Instrument | None
    ) -> None:
        self._name = name
        self._hands_over = hands_over
        self._instrument = instrument

    @contextlib.contextmanager
    def around(self, args: Any, kwargs: Any) -> Iterator[None]:
        """Open a handoff from each agent whose payload this call is the next to see."""
        with contextlib.ExitStack() as open_ones:
            with Guarded("opening a node's handoffs"):
                state = args[0] if args else next(iter(kwargs.values()))
                for sent in self._arrived():
                    payload, held = _both(sent.payload, state)
                    made = (self._instrument or current()).handoff(sent.source, self._name, payload)
                    open_ones.enter_context(made)
                    made.received(held)
            yield

    def returned(self, result: Any) -> None:
        """Remember what this agent hands over, for whichever agent comes next."""
        with Guarded("reading a node's result"):
            update = result if isinstance(result, Mapping) else getattr(result, "update", None)
            payload = {
                key: _plain(value)
                for key, value in (update if isinstance(update, Mapping) else {}).items()
                if self._hands_over is None or key in self._hands_over
            }
            run, step = _run_and_step()
            if payload:
                kept = [sent for sent in _runs.get(run, []) if sent.step >= step - 1]
                _runs[run] = [*kept, _Sent(self._name, step, payload)]

    def _arrived(self) -> list[_Sent]:
        run, step = _run_and_step()
        before = [sent for sent in _runs.get(run, []) if sent.step < step]
        last = max((sent.step for sent in before), default=0)
        return [sent for sent in before if sent.step == last and sent.source != self._name]


def _run_and_step() -> tuple[Any, int]:
    """Return what stands for the running graph, an object of its own, and the step's number."""
    from langgraph.config import get_config  # noqa: PLC0415  # only who uses this adapter has it
    from langgraph.runtime import get_runtime  # noqa: PLC0415

    return get_runtime().stream_writer, int(get_config()["metadata"]["langgraph_step"])


def _both(payload: Mapping[str, Any], state: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a payload, and what the state holds of it, in one form."""
    values = state if isinstance(state, Mapping) else vars(state)
    sent, held = dict(payload), {}
    for key, value in payload.items():
        if key in values:
            given = _plain(values[key])
            if _is_messages(given):
                sent[key] = [_message(each) for each in _listed(value) if not _is_removal(each)]
            held[key] = _part(sent[key], given)
    return sent, held


def _part(sent: Any, held: Any) -> Any:
    """Return what a state's value holds of one that reducers may have added to others."""
    if isinstance(held, list) and isinstance(sent, list) and len(held) > len(sent):
        rest = iter(held)
        is_within = all(any(each == item for each in rest) for item in sent)
        return sent if is_within else held[len(held) - len(sent) :]
    if isinstance(held, str) and isinstance(sent, str) and len(held) > len(sent):
        found = survived_text(sent, held)
        return held if found is None else found
    return held


def _plain(value: Any) -> Any:
    """Return messages by what they say: their ids are given when they enter the state."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    kind, content = getattr(value, "type", None), getattr(value, "content", None)
    if not isinstance(kind, str) or content is None:
        return value
    calls = [(call["name"], call["args"]) for call in getattr(value, "tool_calls", None) or ()]
    return {"type": kind, "content": content, **({"calls": calls} if calls else {})}


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, Mapping) and {"type", "content"} <= item.keys() for item in value
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_removal(message: Any) -> bool:
    return isinstance(message, Mapping) and message.get("type") == "remove"


def _message(value: Any) -> Any:
    """Return what a message becomes in the state: it may be returned as a pair or a text."""
    match value:
        case {"role": str() as role, "content": content}:
            return {"type": _ROLES.get(role, role), "content": content}
        case (str() as role, content):
            return {"type": _ROLES.get(role, role), "content": content}
        case str():
            return {"type": "human", "content": value}
        case _:
            return value
