"""LlamaIndex workflows, as OpenInference's instrumentor for it writes them.

Sources: run-llama/llama_index, core/agent/workflow/multi_agent_workflow.py; Arize-ai/openinference,
openinference-instrumentation-llama-index. There is no span of an agent: a workflow's steps run one
agent's turn, and the agent's name closes the text form of a step's event. What prepares a model
call is marked as one.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields
from causewatch.dialects.tables.openinference import OPENINFERENCE

_SCOPE = When(scope="openinference.instrumentation.llama_index")
_CURRENT = r"current_agent_name='([^'\n]{1,200})'"

LLAMAINDEX = Dialect(
    id="llamaindex",
    title="LlamaIndex workflows",
    priority=9,
    detect=(_SCOPE,),
    # The values of a workflow's steps are the text forms of its events, with the whole history.
    closed=("input", "output"),
    kinds=(
        KindRule(kind="agent", when=(When(name=r".+\.run_agent_step$"),), why="an agent's turn"),
        KindRule(
            kind="other",
            when=(When(name=r".+\._prepare_chat_with_tools$"),),
            why="prepares a model call and makes none",
        ),
        *OPENINFERENCE.kinds,
    ),
    fields=fields(
        agent=(
            Source(key="input.value", path="ev", pattern=_CURRENT, at_end=True, kinds=("agent",)),
        ),
    ),
)
