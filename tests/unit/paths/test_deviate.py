from __future__ import annotations

import time

import pytest

from causewatch.paths.deviate import judge_children
from causewatch.paths.parser import parse_model
from paths_fixtures import child, judged, row, told


@pytest.mark.parametrize(
    ("model", "children"),
    [
        ("()", ""),
        ("a, b, c", "a b c"),
        ("a | b", "b"),
        ("a & b & c", "c a b"),
        ("a?, b*, c+", "c c"),
        ("a{2,3}", "a a a"),
        ("(a, b){2}", "a b a b"),
        ("(a & b)+", "b a a b"),
        ("(a, b) & (c, d)", "a c d b"),
        ("(a, b) | (a, c)", "a c"),
        ("(a?, b?){2}", "a b"),
        ("(a?){3}", ""),
        ("..., b, ...", "x y b z"),
        ("... & b", "x b y"),
        ("a, -> ...", "a >x >y"),
        ("kb{1,3}, -> (billing | tech)", "kb kb >tech"),
        ('"kb_*"+, tool:other', "kb_a kb_b other"),
        ("agent:a, tool:b", "@a b"),
        ("a", ">a"),
        ("a, b, c", "a c~b"),
        ("b, a, c", "a~b c"),
        ("a, b, a", "a b~a"),
    ],
)
def test_children_that_are_allowed_are_right(model: str, children: str) -> None:
    """Nothing is said of them, neither when all are known nor before."""
    assert told(model, children) == ""
    assert told(model, children, is_whole=False) == ""


@pytest.mark.parametrize(
    ("model", "children", "wrong"),
    [
        ("()", "a", "unexpected 0 a"),
        ("a, b, c", "a c", "missing b"),
        ("a, b, c", "a b", "missing c"),
        ("a, b, c", "", "missing a"),
        ("a, b, c", "a c b", "order 1 c"),
        ("a, b, c", "b a c", "order 0 b"),
        ("a, b, c", "a b c a", "unexpected 3 a"),
        ("a, b", "a x b", "unexpected 1 x"),
        ("a, (b | c)", "a", "missing"),
        ("a | b", "a b", "unexpected 1 b"),
        ("a & b", "a a b", "unexpected 1 a"),
        ("kb{1,3}, -> (billing | tech)", "kb kb kb kb >tech", "unexpected 3 kb"),
        ("kb{1,3}, -> (billing | tech)", "kb >legal", "unexpected 1 legal"),
        ("kb{1,3}, -> (billing | tech)", ">tech", "missing kb"),
        ("kb, -> billing", "kb @billing", "unexpected 1 billing"),
        ("agent:a", "a", "unexpected 0 a"),
        ("tool:a", "@a", "unexpected 0 a"),
        ("(s, r)+", "s r s s r", "unexpected 3 s"),
        ("a, b, c, d", "d a b~c", "order 0 d"),
        ("a{2}, b", "a b", "missing a"),
    ],
)
def test_what_is_wrong_is_told_by_what_would_mend_it(model: str, children: str, wrong: str) -> None:
    """Too many, missing or out of order: at the first child that no reading allows."""
    assert told(model, children) == wrong


@pytest.mark.parametrize(
    ("model", "children", "wrong"),
    [
        ("a, b, c", "a c", ""),
        ("a, b, c", "c", ""),
        ("a, b, c", "", ""),
        ("a{2,3}, b", "b", ""),
        ("(a, b)+", "b b a", ""),
        ("a, b, c", "a c b", "unexpected 2 b"),
        ("a, b", "a x", "unexpected 1 x"),
        ("a{1,2}", "a a a", "unexpected 2 a"),
        ("a, b", "b a", "order 1 a"),
        ("a & b", "b a b", "unexpected 2 b"),
    ],
)
def test_of_an_early_run_only_what_cannot_become_right_is_told(
    model: str, children: str, wrong: str
) -> None:
    """More children may come, at any place: what is missing is not missing yet."""
    kind, _, rest = wrong.partition(" ")
    got = told(model, children, is_whole=False)
    assert got.partition(" ")[2] == rest
    assert bool(got) is bool(kind)


def test_sentences_name_what_came_and_what_was_allowed() -> None:
    """They are what alerts and pages show."""
    said = {
        ("a, b", "a x"): "x is not expected; allowed are a or b",
        ("a{2}, -> b", "a >b"): "another a is missing before -> b",
        ("a, -> (b | c)", "a"): "-> b or -> c is missing at the end",
        ("a{1,3}, b?", "a a a a"): "a (number 4) is not expected here; allowed here: b or the end",
        ("a, b", "b a"): "b is out of order; allowed here: a",
        ("a, -> ...", "a b"): "b is not expected; allowed are a or -> anything",
    }
    for (model, children), sentence in said.items():
        wrong = judged(model, children).wrong
        assert wrong is not None
        assert wrong.message == sentence


def test_a_name_from_a_trace_is_bounded_and_printable() -> None:
    """What a trace calls its tools is not ours: it may be long, and hold what terminals obey."""
    name = "x\x1b[2J" + "y" * 5_000
    wrong = judge_children(parse_model("a"), [child(name, 0, 1)], is_whole=True).wrong
    assert wrong is not None
    assert len(wrong.message) < 200
    assert "\x1b" not in wrong.message


def test_between_clocks_a_short_time_proves_no_order() -> None:
    """Children of two hosts within the skew allowance are right in either order."""
    near = [child("b", 0, 5, host="one"), child("a", 6, 9, host="two")]
    assert judge_children(parse_model("a, b"), near, is_whole=True).wrong is None
    same = [child("b", 0, 5, host="one"), child("a", 6, 9, host="one")]
    assert judge_children(parse_model("a, b"), same, is_whole=True).wrong is not None


@pytest.mark.parametrize(
    ("model", "children"),
    [
        ("a{0,1000}", "a " * 1_001),
        ("(a | b)*, a, (a | b){100}", "a b " * 400),
        ("(a{1,100})*", "a " * 2_000),
        (" & ".join(f"a{i}?" for i in range(32)), " ".join(f"a{i}" for i in range(32)) + " a0"),
        ("... & a & b & c & d & e & f & g", "a b c d e f g x " * 50),
        ("(a?){100}, b", "a " * 101),
        ("a{0,600}, b", "~".join(["a"] * 601)),
        ("(a | b)*", "~".join(["a", "b"] * 200) + " c"),
        (", ".join(["(a | b | c)?"] * 60), "~".join(["a", "b", "c"] * 21)),
    ],
)
def test_hostile_models_and_runs_cost_little(model: str, children: str) -> None:
    """Counters are counted down, readings bounded: a limit is met, or an answer given, in time."""
    parsed, made = parse_model(model), row(children)
    started = time.process_time()
    found = judge_children(parsed, made, is_whole=True)
    assert time.process_time() - started < 2
    assert found.is_open or found.wrong is not None or model.startswith("... &") or "*" in model


def test_where_a_limit_is_met_nothing_is_concluded() -> None:
    """Twenty tools at one time can be read in too many orders to try them all."""
    names = [f"t{i}" for i in range(20)]
    found = judged(f"({' | '.join(names)})*, y, z", f"{'~'.join(names)} z y")
    assert found.wrong is None
    assert found.is_open
