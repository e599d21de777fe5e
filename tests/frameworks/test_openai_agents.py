"""The OpenAI Agents SDK itself, with models that say what they are told to.

Runs where the ``frameworks`` extra is installed, as it is in CI.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from causewatch.instrument.openai_agents import watch
from recorded_spans import Recorded, shape

pytestmark = pytest.mark.slow

NAME = "causewatch.handoff."
REQUEST = "Refund order 7 to account 99-12, it arrived broken and late."


def scripted(*outputs: list[dict[str, Any]]) -> Any:
    """Return a model that answers with these items, one list a call."""
    from agents.items import ModelResponse  # noqa: PLC0415  # of the frameworks extra
    from agents.models.interface import Model  # noqa: PLC0415
    from agents.usage import Usage  # noqa: PLC0415
    from openai.types.responses import (  # noqa: PLC0415
        ResponseFunctionToolCall,
        ResponseOutputMessage,
    )

    left = list(outputs)
    kinds = {"message": ResponseOutputMessage, "function_call": ResponseFunctionToolCall}

    class Scripted(Model):  # type: ignore[misc]  # untyped unless it is installed
        async def get_response(self, *_: Any, **__: Any) -> Any:
            output = [kinds[item["type"]].model_validate(item) for item in left.pop(0)]
            return ModelResponse(output=output, usage=Usage(), response_id=None)

        def stream_response(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

    return Scripted()


def say(text: str) -> dict[str, Any]:
    """Return a message."""
    part = {"type": "output_text", "text": text, "annotations": []}
    base = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    return base | {"content": [part]}


def call(name: str, **arguments: str) -> dict[str, Any]:
    """Return a function call."""
    text = json.dumps(arguments)
    return {"type": "function_call", "name": name, "call_id": f"c-{name}", "arguments": text}


def hand_over(recorded: Recorded, input_filter: Callable[[Any], Any] | None, **config: Any) -> Any:
    """Run triage, which looks an order up and hands over to billing."""
    from agents import (  # noqa: PLC0415  # of the frameworks extra
        Agent,
        RunConfig,
        Runner,
        function_tool,
        handoff,
    )

    def lookup(order: str) -> str:
        """Look an order up."""
        return f"order {order} costs 12.50 EUR and was delivered to Hals on Monday"

    billing = Agent(name="billing", model=scripted([say("Done.")]))
    triage = Agent(
        name="triage",
        tools=[function_tool(lookup)],
        handoffs=[handoff(billing, input_filter=input_filter)],
        model=scripted(
            [call("lookup", order="7")], [say("I hand this over."), call("transfer_to_billing")]
        ),
    )
    run_config = RunConfig(tracing_disabled=True, **config)
    hooks = watch(instrument=recorded.instrument)
    return asyncio.run(Runner.run(triage, REQUEST, hooks=hooks, run_config=run_config)).final_output


def without_tools(data: Any) -> Any:
    """Remove all tool calls, as the SDK's own filter does."""
    from agents.extensions import handoff_filters  # noqa: PLC0415  # of the frameworks extra

    return handoff_filters.remove_all_tools(data)


@pytest.mark.parametrize(
    ("input_filter", "config"),
    [(None, {}), (without_tools, {}), (None, {"nest_handoff_history": True})],
    ids=["plain", "tools removed", "history nested"],
)
def test_a_healthy_handoff_has_equal_sides(input_filter: Any, config: dict[str, Any]) -> None:
    """Whatever form the SDK gives the conversation, nothing of it is missing."""
    recorded = Recorded()
    assert hand_over(recorded, input_filter, **config) == "Done."
    span = recorded.attributes("handoff billing")
    assert span[NAME + "sent.sha256"] == span[NAME + "received.sha256"]
    assert (span[NAME + "from"], span[NAME + "to"]) == ("triage", "billing")


def test_a_filter_that_cuts_is_seen_without_content() -> None:
    """The request lost its end: the sizes differ, the beginnings do not, no word is recorded."""
    recorded = Recorded()
    hand_over(recorded, lambda data: data.clone(input_history=data.input_history[:40]))
    span = recorded.attributes("handoff billing")
    sent, received = shape(span, "sent")["/0/text"], shape(span, "received")["/0/text"]
    assert (sent[1], received[1]) == (len(REQUEST), 40)
    assert sent[3] == received[3]
    assert "account" not in json.dumps(span)
