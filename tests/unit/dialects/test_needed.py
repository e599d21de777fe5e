from __future__ import annotations

import pytest

from causewatch.dialects.needed import needed_keys
from causewatch.dialects.table import Dialect, FieldRule, KindRule, Source, When
from causewatch.dialects.tables import SHIPPED


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.tool.call.result",
        "gen_ai.input.messages",
        "output.value",
        "llm.input_messages.3.message.content",
        "openinference.span.kind",
    ],
)
def test_what_some_dialect_reads_is_needed(key: str) -> None:
    """Content, what recognises a dialect, and flattened lists by their start."""
    assert needed_keys(SHIPPED)(key)


@pytest.mark.parametrize("key", ["", "http.request.header.cookie", "k8s.pod.name", "enduser.email"])
def test_what_no_dialect_reads_is_not(key: str) -> None:
    """Its absence tells nothing."""
    assert not needed_keys(SHIPPED)(key)


def test_dialects_of_ones_own_count() -> None:
    """As the shipped ones do, and nothing else does where there are none."""
    own = Dialect(
        id="own",
        title="Own",
        priority=1,
        detect=(When(key="own.mark"),),
        kinds=(KindRule(kind="tool", when=(When(prefix="own.tool."),), why="x"),),
        fields=(FieldRule(field="result", sources=(Source(key="own.result"),)),),
    )
    is_needed = needed_keys([own])
    assert [key for key in ("own.mark", "own.tool.x", "own.result") if not is_needed(key)] == []
    assert not is_needed("own.else")
    assert not needed_keys([])("own.mark")
