"""A million inputs for the signature language: nothing but errors for users comes out."""

from __future__ import annotations

import contextlib
import random

import pytest

from causewatch.signatures.error import SignatureError
from causewatch.signatures.format import format_query
from causewatch.signatures.layout import layout
from causewatch.signatures.parser import parse
from causewatch.signatures.signature import compile_query
from causewatch.signatures.syntax import Query
from causewatch.signatures.token import OPERATORS

INPUTS_PER_CASE = 50_000
_SEEDS = (
    '{ span.causewatch.step = "tool" } as a -[flow ! { .g = 1 }]->>{1,3} { .c = a.span.c }',
    "({ .a =~ `x.*` || duration > 1h30m } &>> { status != error }) && !{ kind = client }",
    "{ } | by(span.a) | max(span.b) >= 2.5 | coalesce() | select(name) | origin(data|link)",
    "({ } | count()) > ({ parent.x != nil } | count()) with(most_recent=true)",
    "{ event:name = `e` && link.y < -1 } | quantile_over_time(duration, .5, .9) by(resource.a)",
)
_WORDS = [
    *OPERATORS, "span.a", ".b", "resource.service.name", "parent.x", "name", "duration",
    "event:name",
    "1", "2.5", "1h30m", "`x`", '"y"', "nil", "true", "error", "as", "a", "count", "max", "by",
    "coalesce()", "select", "origin", "path", "flow", "data", "with", "rate()", "topk(3)", "µs",
    "\x00", "\ud800", "🦊", "\n", '"', "`", "\\", "9" * 40, "1e999",
]  # fmt: skip


def _mutated(rng: random.Random) -> str:
    """Return a good signature with some characters cut, doubled, moved or put in."""
    text = rng.choice(_SEEDS)
    for _ in range(rng.randint(1, 6)):
        at, length = rng.randrange(len(text) + 1), rng.randint(0, 8)
        piece = rng.choice([text[at : at + length] * 2, rng.choice(_WORDS), ""])
        text = text[:at] + piece + text[at + length :]
    return text


def _assembled(rng: random.Random) -> str:
    return " ".join(rng.choices(_WORDS, k=rng.randint(1, 16)))


def _noise(rng: random.Random) -> str:
    return "".join(chr(rng.choice([rng.randrange(128), rng.randrange(0x3000)])) for _ in range(24))


def _read(text: str) -> Query | None:
    try:
        return parse(text)
    except SignatureError as error:
        error.render()
        return None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(20))
def test_any_input_is_read_or_refused(seed: int) -> None:
    """Twenty times fifty thousand inputs: what is read, is written and read again the same."""
    rng = random.Random(seed)
    read_count = 0
    for _ in range(INPUTS_PER_CASE):
        text = rng.choice((_mutated, _mutated, _assembled, _noise))(rng)
        query = _read(text)
        if query is None:
            continue
        read_count += 1
        once = format_query(query)
        assert format_query(parse(once)) == once
        assert format_query(parse(layout(query, 40))) == once
        with contextlib.suppress(SignatureError):
            compile_query(text)
    assert read_count > INPUTS_PER_CASE // 100
