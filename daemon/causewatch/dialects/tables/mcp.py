"""OpenTelemetry MCP semantic conventions, laid over whatever else a span carries.

``mcp.session.id`` names a connection between client and server, which outlives conversations: it
is no session. Source: open-telemetry/semantic-conventions-genai, docs/gen-ai/mcp.md.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, Source, When, fields, keys, payloads

_METHOD = "mcp.method.name"

MCP = Dialect(
    id="mcp",
    title="OpenTelemetry MCP",
    priority=29,
    overlay=True,
    detect=(When(key=_METHOD), When(prefix="mcp.")),
    kinds=(KindRule(kind="tool", when=(When(key=_METHOD, values=("tools/call",)),), why=_METHOD),),
    fields=fields(
        operation=keys(_METHOD),
        tool=(*keys("gen_ai.tool.name"), Source(span="name", pattern=r".*tools/call (.+)$")),
        arguments=payloads("gen_ai.tool.call.arguments"),
        result=payloads("gen_ai.tool.call.result"),
        error_type=keys("error.type", "rpc.response.status_code"),
    ),
)
