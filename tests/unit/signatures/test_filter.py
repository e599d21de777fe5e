from __future__ import annotations

import pytest

from causewatch.model.span import Span
from causewatch.model.value import Value
from causewatch.signatures.signature import compile_query
from causewatch.signatures.subject import Subject
from signatures_fixtures import found, subject

_RUN = subject("""
    r 0-100 name=run kind=server ^service.name=svc ^x=resource n=4 f=2.0 s=b t=true
      a 0-10 name=tool n=1 m=3 f=1.25 s=abc arr=["x","y"] x=span status=error message=boom
      b 10-20 name=tool n=2 m=2 f=0.5 s=a arr=["y"] t=false kind=client status=ok
      c 20-30 name=model s=5 n=text nums=[1,5] empty=[] @name=otel @version=1
      d 30-30 name=model big=9007199254740993 neg=-7 nl="a\\nb" obj={"k":1}
""")


def _check(query: str, expected: str) -> None:
    assert found(query, _RUN) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # Numbers.
        ("span.n = 1", "a"),
        ("span.n != 1", "r b"),
        ("span.n > 1", "r b"),
        ("span.n >= 2", "r b"),
        ("span.n < 2", "a"),
        ("span.n <= 2", "a b"),
        ("1 = span.n", "a"),
        ("2 > span.n", "a"),
        ("2 <= span.n", "r b"),
        ("span.f = 2", "r"),
        ("span.f = 2.0", "r"),
        ("span.n = 2.0", "b"),
        ("span.n > 1.5", "r b"),
        ("span.big = 9007199254740993", "d"),
        ("span.big = 9007199254740992", ""),
        ("span.neg = -7", "d"),
        # Strings: byte order, no coercion.
        ('span.s = "a"', "b"),
        ('span.s != "a"', "r a"),
        ('span.s > "a"', "r a"),
        ('span.s >= "abc"', "r a"),
        ('span.s < "b"', "a b"),
        ('span.s = "5"', ""),
        ("span.s = 5", "c"),
        ("span.s != 3", "c"),
        ('span.n = "text"', "c"),
        ('span.n != "text"', ""),
        # Booleans.
        ("span.t", "r"),
        ("span.t = true", "r"),
        ("span.t = false", "b"),
        ("span.t != true", "b"),
        ("!span.t", "b"),
        ("span.n", ""),
        ("!span.n", ""),
        ("span.arr", ""),
        ("true", "r a b c d"),
        ("false", ""),
        ("!false", "r a b c d"),
        # What is missing fits nothing but nil.
        ("span.zz = 1", ""),
        ("span.zz != 1", ""),
        ('span.zz !~ "x"', ""),
        ("span.zz < 1", ""),
        ("span.zz", ""),
        ("!span.zz", ""),
        ("span.zz = nil", "r a b c d"),
        ("span.zz != nil", ""),
        ("span.m = nil", "r c d"),
        ("span.m != nil", "a b"),
        ("nil = span.m", "r c d"),
        ("span.obj != nil", "d"),
        ("span.obj = 1", ""),
        ("span.empty != nil", "c"),
        ("name != nil", "r a b c d"),
        # Negation is of the whole.
        ("!(span.n = 1)", "r b c d"),
        ("!(span.n = 1 || span.n = 2)", "r c d"),
        ("!(span.zz = 1)", "r a b c d"),
        # Arrays: any element, but != means no element.
        ('span.arr = "x"', "a"),
        ('span.arr = "y"', "a b"),
        ('span.arr != "x"', "b"),
        ('span.arr != "z"', "a b"),
        ('span.arr =~ "x|z"', "a"),
        ('span.arr !~ "x"', "b"),
        ('span.arr > "x"', "a b"),
        ("span.nums < 2", "c"),
        ("span.nums = 5", "c"),
        ("span.nums != 5", ""),
        ("span.empty = 1", ""),
        ("span.empty != 1", "c"),
        ("span.arr = span.arr", ""),
        ('"x" = span.arr', "a"),
        # Regular expressions: the whole text, dot over lines.
        ('span.s =~ "a"', "b"),
        ('span.s =~ "a.*"', "a b"),
        ('span.s =~ "(?i)A.*"', "a b"),
        ('span.s !~ "a.*"', "r"),
        ('span.nl =~ "a.b"', "d"),
        ('name =~ "to+l|run"', "r a b"),
        # Precedence as documented.
        ("true || true && false", ""),
        ("true || (true && false)", "r a b c d"),
        ("span.n = 1 || span.n = 2 && span.f = 0.5", "b"),
        # Between fields of a span.
        ("span.n < span.m", "a"),
        ("span.n = span.m", "b"),
        ("span.n != span.m", "a"),
        ("span.x = span.zz", ""),
        # Arithmetic.
        ("span.n + 1 = 3", "b"),
        ("span.n - 1 = 0", "a"),
        ("span.n * 2 > 3", "r b"),
        ("span.n / 3 = 1", "r"),
        ("span.neg / 2 = -3", "d"),
        ("span.n / 8.0 = 0.5", "r"),
        ("span.n % 2 = 1", "a"),
        ("span.neg % 2 = -1", "d"),
        ("span.f % 0.75 = 0.5", "r a b"),
        ("span.n ^ 2 = 16", "r"),
        ("2 ^ span.n = 16", "r"),
        ("2 ^ 3 = 8", "r a b c d"),
        ("-span.n = -4", "r"),
        ("span.n / 0 = 0", ""),
        ("span.n % 0 = 0", ""),
        ("span.f / 0.0 = 0", ""),
        ("span.big ^ span.big > 0", ""),
        ("(-2) ^ 0.5 = 1", ""),
        ("(span.n > 1) = true", "r b"),
        ("(span.n > 1) = false", "a c d"),
        ("(span.n > 1) != span.t", "b"),
        # Scopes.
        (".x = `span`", "a"),
        (".x = `resource`", "r"),
        ("resource.x = `resource`", "r"),
        ("span.x = `resource`", ""),
        ("resource.service.name = `svc`", "r"),
        ("instrumentation.version = 1", "c"),
        ("instrumentation:name = `otel`", "c"),
        ("instrumentation:version = ``", "r a b c d"),
        # Intrinsics.
        ("name = `tool`", "a b"),
        ("span:name != `tool`", "r c d"),
        ("span:id = `c`", "c"),
        ("span:parentID = ``", "r"),
        ("trace:id = `t`", "r a b c d"),
        ("status = error", "a"),
        ("status != error", "r b c d"),
        ("status = unset", "r c d"),
        ("statusMessage = `boom`", "a"),
        ("kind = server", "r"),
        ("kind != internal", "r b"),
        ("duration = 10ms", "a b c"),
        ("duration > 10000000", "r"),
        ("duration = 0s", "d"),
        ("duration < traceDuration * 0.5", "a b c d"),
        ("duration / 2 = 5ms", "a b c"),
        ("span:childCount = 4", "r"),
        ("rootName = `run` && name = `model`", "c d"),
        ("trace:rootService = `svc`", "r a b c d"),
        ("span:end - span:start = 10000000", "a b c"),
        ("span:start > 1700000000015000000", "c d"),
        ("nestedSetParent < 0", "r"),
        ("nestedSetLeft = 1", "r"),
        ("nestedSetRight - nestedSetLeft = 1", "a b c d"),
        ("nestedSetParent = 1", "a b c d"),
        # The parent.
        ("parent.span.n = 4", "a b c d"),
        ("parent.n > span.n", "a b"),
        ("parent.resource.service.name = `svc`", "a b c d"),
        ("parent.n = nil", "r"),
        ("parent:name = `run`", "a b c d"),
    ],
)
def test_conditions(condition: str, expected: str) -> None:
    """Each condition selects exactly the spans that the reference says."""
    _check(f"{{ {condition} }}", expected)
    # As one part of a larger expression it goes another way through the compiler.
    _check(f"{{ (({condition}) = true) && name != `` }}", expected)
    _check(f"{{ !(!(({condition}) = true)) }}", expected)


_EVENTS = subject("""
    a 0-10 event=start,k=1 event=stop,k=2 link=b,w=1
    b 0-10 event=stop,k=1 link=a,w=1 link=c,w=2
    c 0-10
""")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("event:name = `start`", "a"),
        ("event:name = `stop`", "a b"),
        ("event.k = 1", "a b"),
        ("event:name = `stop` && event.k = 1", "b"),
        ("event:name = `stop` && event.k = 2", "a"),
        ("event:name = `start` && event.k = 2", ""),
        ("event:name != `stop`", "a"),
        ("event:timeSinceStart >= 1ms", "a"),
        ("event.k = nil", "c"),
        ("event.k != nil", "a b"),
        ("link:spanID = `a`", "b"),
        ("link:traceID = `t`", "a b"),
        ("link:spanID = `a` && link.w = 2", ""),
        ("link:spanID = `c` && link.w = 2", "b"),
        ("link.w = 1 && event.k = 2", "a"),
        ("link.w = 2 && event.k = 1", "b"),
        ("link.w = 2 && event.k = 2", ""),
        ("event:name = `start` || name = `c`", "a c"),
        ("!(event:name = `start`)", "a b c"),
        ("event.k > link.w", "a"),
    ],
)
def test_events_and_links(condition: str, expected: str) -> None:
    """All conditions of one filter on events meet on one event, those on links on one link."""
    assert found(f"{{ {condition} }}", _EVENTS) == expected


def test_derived_attributes_hide_received_ones() -> None:
    """What causewatch derived is believed rather than what the span says under that name."""
    run = subject("""
        a 0-1 causewatch.step=forged +causewatch.step=tool
        b 0-1 causewatch.step=forged
        c 0-1 +causewatch.fault=["truncated","empty"]
    """)
    assert found("{ span.causewatch.step = `tool` }", run) == "a"
    assert found("{ .causewatch.step = `forged` }", run) == "b"
    assert found("{ span.causewatch.fault = `empty` }", run) == "c"


def test_odd_values_fit_nothing() -> None:
    """Bytes, objects, nested arrays and not-a-number neither match nor fail."""
    odd: dict[str, Value] = {
        "b": b"x",
        "o": {"k": 1},
        "l": [[1], {"k": 1}, None],
        "nan": float("nan"),
        "u": "\ud800",
    }
    where = Subject(spans=(Span(trace_id="t", span_id="a", attributes=odd),))
    for name in odd:
        for test in ("= 1", "= `x`", "> 1", "=~ `x`", "+ 1 > 0"):
            assert found(f"{{ span.{name} {test} }}", where) == ""
        assert found(f"{{ span.{name} != nil }}", where) == "a"
    assert found("{ } | by(span.o) | count() = 1", where) == "a"


def test_an_empty_subject_matches_nothing() -> None:
    """No spans, no match, not even for a count of nothing or a negation."""
    nothing = Subject(spans=())
    for query in ("{ }", "{ } | count() = 0", "({ } | count()) = 0", "{ } && !{ }"):
        assert found(query, nothing) == ""


def test_a_subject_is_read_once() -> None:
    """A value read for one signature is not read again for another."""
    where = subject("a 0-1 n=1")
    assert found("{ span.n = 1 }", where) == "a"
    reads: list[str] = []

    def again() -> list[int]:
        reads.append("again")
        return []

    assert where.cache.get(("attribute", "span", "n"), again) == [1]
    assert reads == []


def test_a_text_with_a_lone_surrogate_is_matched() -> None:
    """A text that is no UTF-8 is matched as if the odd character were replaced."""
    where = Subject(spans=(Span(trace_id="t", span_id="a", attributes={"u": "x\ud800y"}),))
    assert found("{ span.u =~ `x.y` }", where) == "a"


def test_signatures_are_independent_of_each_other() -> None:
    """The same signature gives the same answer on another subject."""
    signature = compile_query("{ span.n > 1 }")
    first, second = subject("a 0-1 n=1"), subject("a 0-1 n=2")
    assert signature.evaluate(first).spansets == ()
    assert signature.evaluate(second).spansets == ((0,),)
    assert signature.evaluate(first).spansets == ()
