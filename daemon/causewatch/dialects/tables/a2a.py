"""A2A: the drafted conventions, and the plumbing spans of its Python SDK.

Sources: open-telemetry/semantic-conventions-genai, docs/gen-ai/a2a.md (a draft);
a2aproject/a2a-python, src/a2a/utils/telemetry.py. Neither records what was sent.
"""

from __future__ import annotations

from causewatch.dialects.table import Dialect, KindRule, When, fields, keys

_METHOD = "a2a.method.name"

A2A = Dialect(
    id="a2a_draft",
    title="A2A protocol (draft) and Python SDK",
    priority=28,
    detect=(When(key=_METHOD), When(scope="a2a-python-sdk")),
    kinds=(
        KindRule(kind="message", when=(When(key=_METHOD),), why=_METHOD),
        KindRule(kind="other", when=(When(scope="a2a-python-sdk"),), why="plumbing of the SDK"),
    ),
    fields=fields(
        operation=keys(_METHOD),
        session=keys("gen_ai.conversation.id"),
        error_type=keys("error.type"),
    ),
)
