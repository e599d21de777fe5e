"""Planner and buyer with Pydantic AI: the planner's tool runs the buyer."""

from __future__ import annotations

import asyncio
from typing import Any

from delivery import Delivery
from opentelemetry.sdk.trace import TracerProvider
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from story import BUYER, PLANNER, REQUEST, Break, budget, list_missing_parts, ordered


def instrument(provider: TracerProvider, *, content: bool = True) -> None:
    """Record the spans of Pydantic AI."""
    settings = InstrumentationSettings(tracer_provider=provider, include_content=content)
    Agent.instrument_all(settings)


async def play(url: str, broken: Break, delivery: Delivery) -> str:
    """Run the story once; returns the planner's answer."""
    model = OpenAIChatModel("scripted", provider=OpenAIProvider(base_url=url, api_key="scripted"))
    buyer = Agent(model, name="buyer", instructions=BUYER)
    planner = Agent(model, name="planner", instructions=PLANNER)

    @buyer.tool_plain
    async def check_budget(total_eur: float) -> dict[str, Any]:
        return budget(total_eur)

    @buyer.tool_plain
    async def place_order(order: dict[str, Any]) -> dict[str, Any]:
        return ordered(order)

    @planner.tool_plain(name="list_missing_parts")
    async def look(site: str) -> dict[str, Any]:
        del site
        return list_missing_parts(broken)

    @planner.tool_plain
    async def ask_buyer(brief: dict[str, Any]) -> str:
        async with delivery.of(brief) as given:
            result = await buyer.run(given)
        return result.output

    result = await planner.run(REQUEST)
    return result.output


def run(url: str, broken: Break, delivery: Delivery) -> str:
    """Run the story once, from synchronous code."""
    return asyncio.run(play(url, broken, delivery))
