"""Planner and buyer with openai-agents: the buyer is asked through a tool of the planner."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, trace
from delivery import Delivery
from openai import AsyncOpenAI
from openinference.instrumentation import TraceConfig
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from story import BUYER, PLANNER, REQUEST, Break, budget, list_missing_parts, ordered


def instrument(provider: TracerProvider, *, content: bool = True) -> None:
    """Record the spans of openai-agents."""
    config = TraceConfig(hide_inputs=not content, hide_outputs=not content)
    OpenAIAgentsInstrumentor().instrument(tracer_provider=provider, config=config)


async def play(url: str, broken: Break, delivery: Delivery) -> str:
    """Run the story once; returns the planner's answer."""
    client = AsyncOpenAI(base_url=url, api_key="scripted")
    model = OpenAIChatCompletionsModel("scripted", client)

    @function_tool(name_override="check_budget")
    async def check_budget(total_eur: float) -> str:
        return json.dumps(budget(total_eur))

    @function_tool(name_override="place_order", strict_mode=False)
    async def place_order(order: dict[str, Any]) -> str:
        return json.dumps(ordered(order))

    buyer = Agent(name="buyer", instructions=BUYER, model=model, tools=[check_budget, place_order])

    @function_tool(name_override="list_missing_parts")
    async def look(site: str) -> str:
        del site
        return json.dumps(list_missing_parts(broken))

    @function_tool(name_override="ask_buyer", strict_mode=False)
    async def ask_buyer(brief: dict[str, Any]) -> str:
        async with delivery.of(brief) as given:
            result = await Runner.run(buyer, given)
        return str(result.final_output)

    planner = Agent(name="planner", instructions=PLANNER, model=model, tools=[look, ask_buyer])
    with trace("restock desk"):
        result = await Runner.run(planner, REQUEST)
    return str(result.final_output)


def run(url: str, broken: Break, delivery: Delivery) -> str:
    """Run the story once, from synchronous code."""
    return asyncio.run(play(url, broken, delivery))
