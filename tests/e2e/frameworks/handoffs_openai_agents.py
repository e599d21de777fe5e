"""Handoffs of the OpenAI Agents SDK itself, seen by its adapter; one line of JSON for each case.

Models say what they are told to: triage looks an order up and hands over to billing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from agents import Agent, RunConfig, Runner, function_tool, handoff
from agents.extensions import handoff_filters
from agents.items import ModelResponse
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage

from causewatch.instrument.openai_agents import watch
from instrument_fixtures import Recorded

REQUEST = "Refund order 7 to account 99-12, it arrived broken and late."


class Scripted(Model):
    """Answers with these items, one list a call."""

    def __init__(self, *outputs: list[Any]) -> None:
        self._outputs = list(outputs)

    async def get_response(self, *_: Any, **__: Any) -> ModelResponse:
        return ModelResponse(output=self._outputs.pop(0), usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def say(text: str) -> ResponseOutputMessage:
    """Return a message."""
    part = {"type": "output_text", "text": text, "annotations": []}
    base = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    return ResponseOutputMessage.model_validate({**base, "content": [part]})


def call(name: str, **arguments: str) -> ResponseFunctionToolCall:
    """Return a function call."""
    return ResponseFunctionToolCall(
        type="function_call", name=name, call_id=f"c-{name}", arguments=json.dumps(arguments)
    )


def lookup(order: str) -> str:
    """Look an order up."""
    return f"order {order} costs 12.50 EUR and was delivered to Hals on Monday"


def attributes(input_filter: Callable[[Any], Any] | None = None, **config: Any) -> dict[str, Any]:
    """Run it, and return what the handoff's span says."""
    recorded = Recorded()
    billing = Agent(name="billing", model=Scripted([say("Done.")]))
    triage = Agent(
        name="triage",
        tools=[function_tool(lookup)],
        handoffs=[handoff(billing, input_filter=input_filter)],
        model=Scripted(
            [call("lookup", order="7")], [say("I hand this over."), call("transfer_to_billing")]
        ),
    )
    run_config = RunConfig(tracing_disabled=True, **config)
    hooks = watch(instrument=recorded.instrument)
    result = asyncio.run(Runner.run(triage, REQUEST, hooks=hooks, run_config=run_config))
    assert result.final_output == "Done."
    return recorded.attributes("handoff billing")


if __name__ == "__main__":
    cases = {
        "plain": attributes(),
        "tools removed": attributes(handoff_filters.remove_all_tools),
        "history nested": attributes(nest_handoff_history=True),
        "cut": attributes(lambda data: data.clone(input_history=data.input_history[:40])),
    }
    for name, found in cases.items():
        sys.stdout.write(json.dumps({"case": name, "attributes": found}) + "\n")
