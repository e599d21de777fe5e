"""Planner and buyer with LangGraph: two agents of LangChain, the buyer behind a tool."""

from __future__ import annotations

import asyncio
from typing import Any

from delivery import Delivery
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openinference.instrumentation import TraceConfig
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr
from story import BUYER, PLANNER, REQUEST, Break, budget, list_missing_parts, ordered


def instrument(provider: TracerProvider, *, content: bool = True) -> None:
    """Record the spans of LangChain and LangGraph."""
    config = TraceConfig(hide_inputs=not content, hide_outputs=not content)
    LangChainInstrumentor().instrument(tracer_provider=provider, config=config)


async def play(url: str, broken: Break, delivery: Delivery) -> str:
    """Run the story once; returns the planner's answer."""
    model = ChatOpenAI(base_url=url, api_key=SecretStr("scripted"), model="scripted")

    @tool
    async def check_budget(total_eur: float) -> dict[str, Any]:
        """Ask whether the budget allows for a sum."""
        return budget(total_eur)

    @tool
    async def place_order(order: dict[str, Any]) -> dict[str, Any]:
        """Order parts."""
        return ordered(order)

    buyer = create_agent(model, [check_budget, place_order], system_prompt=BUYER, name="buyer")

    @tool("list_missing_parts")
    async def look(site: str) -> dict[str, Any]:
        """Say which parts a site lacks."""
        del site
        return list_missing_parts(broken)

    @tool
    async def ask_buyer(brief: dict[str, Any]) -> str:
        """Have the buyer order what a brief asks for."""
        async with delivery.of(brief) as given:
            result = await buyer.ainvoke({"messages": [("user", given)]})
        return str(result["messages"][-1].content)

    planner = create_agent(model, [look, ask_buyer], system_prompt=PLANNER, name="planner")
    result = await planner.ainvoke({"messages": [("user", REQUEST)]})
    return str(result["messages"][-1].content)


def run(url: str, broken: Break, delivery: Delivery) -> str:
    """Run the story once, from synchronous code."""
    return asyncio.run(play(url, broken, delivery))
