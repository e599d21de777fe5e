"""Instruments the handoffs of the OpenAI Agents SDK, by its run hooks.

::

    await Runner.run(triage, text, hooks=watch())

What was sent is the conversation that the handing-over agent's model had and its answer; what was
received is what the next agent's model is given. Both are read at the model, so an input filter or
a nested history counts with what it does.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from causewatch.instrument import current
from causewatch.instrument.boundary import Boundary
from causewatch.instrument.guard import Guarded
from causewatch.instrument.survived import survived_text
from causewatch.instrument.tell import Instrument

MAX_RUNS_COUNT = 1000
"""Runs that ended by an exception are forgotten when so many others have begun."""


class _Run:
    """What is known of one run so far."""

    def __init__(self) -> None:
        self.conversation: list[dict[str, Any]] = []
        self.calls: set[str] = set()
        self.open: Boundary | None = None


def watch(hooks: Any = None, instrument: Instrument | None = None) -> Any:
    """Return run hooks that record handoffs: ``hooks`` with that added, new ones unless given.

    Args:
        hooks: an ``agents.RunHooks`` of your own; its methods are called as before.
        instrument: what records; the one of ``causewatch.instrument`` unless given.

    Raises:
        ImportError: where the SDK (package ``openai-agents``) is not installed.
    """
    if hooks is None:
        from agents import RunHooks  # noqa: PLC0415  # only who uses this adapter has it

        hooks = RunHooks()
    _Watcher(hooks, instrument)
    return hooks


class _Watcher:
    """Stands before four methods of one object of hooks."""

    def __init__(self, hooks: Any, instrument: Instrument | None) -> None:
        self._instrument = instrument
        self._runs: OrderedDict[int, _Run] = OrderedDict()
        for name in ("on_llm_start", "on_llm_end", "on_handoff", "on_agent_end"):
            setattr(hooks, name, self._first(getattr(self, name), getattr(hooks, name)))

    def _first(self, own: Any, theirs: Any) -> Any:
        async def called(*args: Any, **kwargs: Any) -> Any:
            with Guarded("watching a run"):
                own(*args, **kwargs)
            return await theirs(*args, **kwargs)

        return called

    def _run(self, context: Any) -> _Run:
        run = self._runs.setdefault(id(context), _Run())
        self._runs.move_to_end(id(context))
        while len(self._runs) > MAX_RUNS_COUNT:
            self._runs.popitem(last=False)
        return run

    def on_llm_start(self, context: Any, _agent: Any, _system: Any, input_items: Any) -> None:
        """Remember what the model is given; after a handoff it is what was received."""
        run = self._run(context)
        given = list(_read(input_items))
        if run.open is not None:
            boundary, run.open = run.open, None
            # The results of the calls of the last answer, the handoff's among them, are the SDK's.
            got = [item for item in given if item.get("of") not in run.calls]
            sent = run.conversation
            if not any("result" in item for item in got):
                # All tool calls are removed on purpose, or told as text in a nested history.
                sent = [item for item in sent if "text" in item]
                got = _found(sent, got)
            boundary.sent([_plain(item) for item in sent])
            boundary.received([_plain(item) for item in got])
            boundary.end()
        run.conversation = given

    def on_llm_end(self, context: Any, _agent: Any, response: Any) -> None:
        """Remember what the model answered."""
        run = self._run(context)
        answer = list(_read(response.to_input_items()))
        run.conversation = [*run.conversation, *answer]
        run.calls = {str(item["id"]) for item in answer if "call" in item}

    def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
        """Begin a handoff; it ends when the next agent's model is called."""
        run = self._run(context)
        made = (self._instrument or current()).handoff(from_agent.name, to_agent.name)
        made.start()
        run.open = made

    def on_agent_end(self, context: Any, _agent: Any, _output: Any) -> None:
        """Forget the run; a handoff whose agent called no model has no receiver's side."""
        run = self._runs.pop(id(context), None)
        if run is not None and run.open is not None:
            run.open.end()


def _found(sent: list[dict[str, Any]], got: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages of ``sent`` that are in ``got``, each or all of them in one text."""
    texts = [item["text"] for item in got if isinstance(item.get("text"), str)]
    given = "\n".join(texts)
    found = [
        item | {"text": part}
        for item in sent
        if (part := survived_text(str(item["text"]), given)) is not None
    ]
    return found or got


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item without ids, which the SDK may give anew."""
    return {key: value for key, value in item.items() if key not in {"id", "of"}}


def _read(items: Any) -> Iterable[dict[str, Any]]:
    """Yield what a conversation says: words, calls, results."""
    for item in [{"role": "user", "content": items}] if isinstance(items, str) else items:
        match item:
            case {"type": "function_call", "name": name, "arguments": arguments, **rest}:
                yield {"call": name, "arguments": _parsed(arguments), "id": rest.get("call_id")}
            case {"type": "function_call_output", "output": output, **rest}:
                yield {"result": output, "of": rest.get("call_id")}
            case {"role": role, "content": content}:
                yield {"role": role, "text": _text(content)}
            case _:
                continue  # reasoning and the like belong to the model that made them


def _parsed(arguments: Any) -> Any:
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return arguments


def _text(content: Any) -> Any:
    """Return the text of a message whose content is text or a list of parts."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        if all(isinstance(text, str) for text in texts):
            return "".join(str(text) for text in texts)
    return content
