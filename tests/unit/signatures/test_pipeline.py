from __future__ import annotations

import pytest

from causewatch.signatures.error import SignatureError
from causewatch.signatures.limits import EvaluationLimits
from causewatch.signatures.signature import compile_query
from signatures_fixtures import found, subject

_RUN = subject("""
    r 0-100 kind=server g=0
      a 0-10 n=1 g=1 k=x
      b 10-30 n=2 g=1 k=x <-data-a
      c 20-50 n=3 g=2 k=y <-data-b
      d 30-70 n=4.5 g=2 k=y arr=[1,2]
      e 40-40 n=text k=y <-data-c
""")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ .k = `x` } | { .n = 2 }", "b"),
        ("{ .k = `x` } | { .n = 3 }", ""),
        ("{ .k = `x` } | { .n = 1 } && { .n = 2 }", "a b"),
        # A later stage sees only what is left.
        ("{ .n != nil } | { name = `r` } > { }", ""),
        ("{ } | { name = `r` } > { .n = 1 }", "a"),
        # Aggregates.
        ("{ .k = `x` } | count() = 2", "a b"),
        ("{ .k = `x` } | count() != 2", ""),
        ("{ .k = `x` } | count() > 1", "a b"),
        ("{ .k = `x` } | 1 < count()", "a b"),
        ("{ .k = `x` } | 2 = count()", "a b"),
        ("count() = 6", "r a b c d e"),
        ("{ .k = `x` } | sum(.n) = 3", "a b"),
        ("{ .k = `x` } | avg(.n) = 1.5", "a b"),
        ("{ .k = `x` } | min(.n) = 1", "a b"),
        ("{ .k = `x` } | max(.n) = 2", "a b"),
        ("{ .k = `y` } | max(.n) = 4.5", "c d e"),
        ("{ .k = `y` } | avg(.n) = 3.75", "c d e"),
        ("{ .k = `x` } | max(duration) = 20ms", "a b"),
        ("{ .k = `x` } | sum(duration) > 29ms", "a b"),
        ("{ .k = `x` } | max(.n * 10) >= 20", "a b"),
        ("{ } | max(parent.g) = 0", "r a b c d e"),
        # What has no numbers has no aggregate, and nothing has no count.
        ("{ } | sum(.zz) = 0", ""),
        ("{ } | max(.arr) > 0", ""),
        ("{ } | min(.zz) != 0", ""),
        ("{ .zz = 1 } | count() = 0", ""),
        # Arithmetic between aggregates, and aggregates against each other.
        ("{ .k = `x` } | count() + 1 = 3", "a b"),
        ("{ .k = `x` } | max(.n) - min(.n) = 1", "a b"),
        ("{ .k = `x` } | sum(.n) = count() + 1", "a b"),
        ("{ .k = `x` } | (count() + 1) * 2 = 6", "a b"),
        ("{ .k = `x` } | count() / 0 = 1", ""),
        # Groups.
        ("{ .n != nil } | by(.g)", "a b | c d | e"),
        ("{ } | by(.g)", "a b | c d | e | r"),
        ("by(.k)", "a b | c d e | r"),
        ("{ } | by(.g) | count() = 2", "a b | c d"),
        ("{ } | by(.g) | max(.n) > 2", "c d"),
        ("{ } | by(kind)", "a b c d e | r"),
        ("{ } | by(.n > 1)", "b c d | r a e"),
        ("{ .k != nil } | by(.k) | by(.g)", "a b | c d | e"),
        ("{ } | by(.g) | { .k = `y` }", "c d | e"),
        ("{ } | by(.g) | coalesce()", "r a b c d e"),
        ("{ } | by(.g) | coalesce() | count() = 6", "r a b c d e"),
        ("{ } | by(.arr) | count() = 1", "d"),
        ("{ } | select(.n, name)", "r a b c d e"),
        # Origins.
        ("{ .k != nil } | origin(data)", "a d"),
        ("{ .k = `y` } | origin(data)", "c d"),
        ("{ .k = `y` } | origin(link)", "c d e"),
        ("{ name = `r` || name = `e` } | origin(call)", "r"),
        # Pipelines as operands.
        ("({ .k = `x` } | count() = 2) && ({ .k = `y` } | count() = 3)", "a b c d e"),
        ("({ .k = `x` } | count() = 9) && ({ .k = `y` } | count() = 3)", ""),
        ("({ .k = `x` } | count() = 9) || ({ .k = `y` } | count() = 3)", "c d e"),
        ("({ } | { kind = server }) > ({ .k = `x` } | by(.n))", "a b"),
        ("({ .k = `x` } | { .n = 2 }) -[data]-> ({ } | { .k = `y` })", "c"),
        # Counts against counts: nothing counts 0, and both sides are the result.
        ("({ .k = `x` } | count()) < ({ .k = `y` } | count())", "a b c d e"),
        ("({ .k = `x` } | count()) > ({ .k = `y` } | count())", ""),
        ("({ .k = `x` } | count()) > ({ .zz = 1 } | count())", "a b"),
        ("({ .zz = 1 } | count()) = ({ .zz = 2 } | count())", ""),
        ("({ .zz = 1 } | count()) = 0", ""),
        ("({ .zz = 1 } | count()) < ({ .k = `x` } | count())", "a b"),
        ("({ .k = `x` } | count()) = 2", "a b"),
        ("2 <= ({ .k = `x` } | count())", "a b"),
        ("({ .k = `x` } | max(.n)) < ({ .k = `y` } | max(.n))", "a b c d e"),
        ("({ .zz = 1 } | max(.n)) < ({ .k = `y` } | max(.n))", ""),
        ("({ .k = `x` } | count()) + ({ .k = `y` } | count()) = 5", "a b c d e"),
        ("({ .k != nil } | by(.g) | count()) = 5", "a b c d e"),
    ],
)
def test_pipelines(query: str, expected: str) -> None:
    """Stages filter, split and merge span sets as documented; sets are apart by a bar."""
    assert found(query, _RUN) == expected


def _paths(query: str) -> list[str]:
    result = compile_query(query).evaluate(_RUN)
    return [" ".join(_RUN.spans[i].span_id for i in path) for path in result.paths]


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("{ .n = 1 } -[data]->> { name = `e` } | path(data)", ["a b c e"]),
        ("{ .n = 1 } -[data]->> { .k = `y` } | path(data)", ["a b c", "a b c e"]),
        ("{ .k = `x` } as s -[data]->> { name = `e` } as v | path(data)", ["b c e"]),
        ("({ .k = `x` } -[data]->> { name = `e` }) as v | path(data|call)", ["b c e"]),
        ("{ .k = `x` || name = `e` } | path(data)", ["a b", "b c e"]),
        ("{ .n = 1 } -[data]->> { name = `e` } | path(link)", []),
        ("{ .zz = 1 } | path(data)", []),
        ("{ .n = 1 } -[data]->> { name = `e` }", []),
    ],
)
def test_paths(query: str, paths: list[str]) -> None:
    """``path()`` attaches a shortest path to each result span and changes no result."""
    assert _paths(query) == paths


def test_paths_round_a_cycle() -> None:
    """A path may lead back to its own start, and ends."""
    ring = subject("""
        a 0-1 <-data-b
        b 0-1 <-data-a
    """)
    result = compile_query("{ name = `a` } -[data]->> { name = `a` } | path(data)").evaluate(ring)
    assert result.paths == ((0, 1, 0),)


def test_origin_of_a_cycle() -> None:
    """Of two spans upstream of each other neither is an origin; one alone is its own origin."""
    ring = subject("""
        a 0-1 <-data-b
        b 0-1 <-data-a
        c 0-1 <-data-c
    """)
    assert found("{ } | origin(data)", ring) == "c"


def test_paths_have_a_limit() -> None:
    """Past the limit paths are left out, and the result says so."""
    fan = subject("a 0-1\n" + "\n".join(f"b{i} 2-3 <-data-a" for i in range(9)))
    signature = compile_query("{ name = `a` } -[data]-> { } | path(data)")
    cut = signature.evaluate(fan, limits=EvaluationLimits(max_paths=4))
    assert (len(cut.paths), cut.limited, len(cut.spansets[0])) == (4, True, 9)
    assert not signature.evaluate(fan).limited


@pytest.mark.parametrize("query", ["{ } | rate()", "({ } | rate()) * 2", "{ } | compare({ })"])
def test_metrics_are_not_run(query: str) -> None:
    """A metrics query is read and checked; only running it is unsupported."""
    signature = compile_query(query)
    assert (signature.kind, signature.names) == ("metrics", ())
    with pytest.raises(SignatureError) as caught:
        signature.evaluate(_RUN)
    assert caught.value.stage == "unsupported"


def test_results_say_whether_they_matched() -> None:
    """A result without span sets is no match."""
    assert compile_query("{ }").evaluate(_RUN).matched
    assert not compile_query("{ .zz = 1 }").evaluate(_RUN).matched
