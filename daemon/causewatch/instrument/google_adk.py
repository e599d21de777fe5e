"""Instruments the handoffs of Google's Agent Development Kit, as a plugin of its runner.

::

    Runner(agent=root, plugins=[plugin()], ...)

A transfer shares the session, in which the kit rewrites what other agents said. So what was sent
are the texts that the transferring agent's model had and gave; what was received is what of them
the next agent's model is given.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from causewatch.instrument import current
from causewatch.instrument.boundary import Boundary
from causewatch.instrument.guard import Guarded
from causewatch.instrument.survived import survived
from causewatch.instrument.tell import Instrument

MAX_RUNS_COUNT = 1000
_TRANSFER = "transfer_to_agent"


def plugin(instrument: Instrument | None = None, name: str = "causewatch") -> Any:
    """Return a plugin that records transfers from agent to agent.

    Args:
        instrument: what records; the one of ``causewatch.instrument`` unless given.
        name: the plugin's name within its runner.

    Raises:
        ImportError: where the kit (package ``google-adk``) is not installed.
    """
    from google.adk.plugins.base_plugin import BasePlugin  # noqa: PLC0415  # only its users have it

    watcher = Watcher(instrument)

    class HandoffPlugin(BasePlugin):  # type: ignore[misc]  # untyped unless it is installed
        """Passes on what the kit tells its plugins; it changes nothing."""

        async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> None:
            """See what a model is given."""
            watcher.asked(callback_context, llm_request.contents)

        async def after_model_callback(self, *, callback_context: Any, llm_response: Any) -> None:
            """See what a model answers."""
            watcher.answered(callback_context, llm_response)

        async def before_tool_callback(
            self, *, tool: Any, tool_args: Any, tool_context: Any
        ) -> None:
            """See a transfer begin."""
            if tool.name == _TRANSFER:
                watcher.transferred(tool_context, tool_args)

        async def after_run_callback(self, *, invocation_context: Any) -> None:
            """Forget the run."""
            watcher.ended(invocation_context)

    return HandoffPlugin(name=name)


class _Run:
    """What is known of one invocation so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.open: tuple[Boundary, str, list[str]] | None = None


class Watcher:
    """Follows invocations from model call to model call."""

    def __init__(self, instrument: Instrument | None = None) -> None:
        self._instrument = instrument
        self._runs: OrderedDict[str, _Run] = OrderedDict()

    def _run(self, context: Any) -> _Run:
        run = self._runs.setdefault(context.invocation_id, _Run())
        while len(self._runs) > MAX_RUNS_COUNT:
            self._runs.popitem(last=False)
        return run

    def asked(self, context: Any, contents: Any) -> None:
        """Remember what a model is given; after a transfer it is what was received."""
        with Guarded("watching a model call"):
            run = self._run(context)
            run.texts = [text for content in contents for text in _texts(content)]
            if run.open is not None and run.open[1] == context.agent_name:
                boundary, _, sent = run.open
                run.open = None
                boundary.received(survived(sent, "\n".join(run.texts)))
                boundary.end()

    def answered(self, context: Any, response: Any) -> None:
        """Remember what a model answered; parts of a stream come again as a whole."""
        with Guarded("watching a model's answer"):
            if not getattr(response, "partial", False) and response.content is not None:
                self._run(context).texts += _texts(response.content)

    def transferred(self, context: Any, arguments: Any) -> None:
        """Begin a handoff; it ends when the target's model is called."""
        with Guarded("watching a transfer"):
            run = self._run(context)
            target, sent = str(arguments["agent_name"]), list(run.texts)
            made = (self._instrument or current()).handoff(context.agent_name, target, sent)
            made.start()
            run.open = (made, target, sent)

    def ended(self, context: Any) -> None:
        """Forget an invocation; a transfer to an agent that called no model has one side."""
        with Guarded("watching the end of a run"):
            run = self._runs.pop(context.invocation_id, None)
            if run is not None and run.open is not None:
                run.open[0].end()


def _texts(content: Any) -> Iterator[str]:
    """Yield what a content says in words; thoughts are the model's own."""
    for part in content.parts or ():
        if part.text and not getattr(part, "thought", False):
            yield part.text
