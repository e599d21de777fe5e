"""Claude Code and the Claude Agent SDK, native traces (beta). Experimental.

Source: the vendor's page on monitoring usage; only its table of ``llm_request`` was read, the
other span names are from memory.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads
from causewatch.model.step import StepKind


def _name(kind: StepKind, pattern: str) -> KindRule:
    return KindRule(kind=kind, when=(When(name=pattern),), why="span name")


CLAUDE_CODE = Dialect(
    id="claude_code",
    title="Claude Code, native traces (experimental)",
    priority=26,
    detect=(When(name=r"claude_code\."),),
    kinds=(
        _name("agent", r"claude_code\.interaction$"),
        _name("model", r"claude_code\.llm_request$"),
        _name("tool", r"claude_code\.tool$"),
        _name("other", r"claude_code\.(tool\.|hook)"),
    ),
    fields=fields(
        session=keys("session.id"),
        agent=keys("query_source"),
        model=keys("gen_ai.request.model", "model"),
        tool=keys("tool_name", kinds=("tool",)),
        input=payloads("user_prompt", kinds=("agent",)),
        input_tokens=keys("input_tokens", kinds=("model",)),
        output_tokens=keys("output_tokens", kinds=("model",)),
        cache_read_tokens=keys("cache_read_tokens", kinds=("model",)),
        cache_write_tokens=keys("cache_creation_tokens", kinds=("model",)),
        error_message=(*keys("error"), Source(span="status_message")),
    ),
)
