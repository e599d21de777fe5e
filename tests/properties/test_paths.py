"""What path templates promise whatever the model and the run, against the plainest reference."""

from __future__ import annotations

from itertools import permutations, product

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from causewatch.paths.derive import relaxed, start
from causewatch.paths.deviate import judge_children
from causewatch.paths.format import format_model, format_node
from causewatch.paths.infer import infer
from causewatch.paths.lesson import lesson_of
from causewatch.paths.match import Event, is_before, match
from causewatch.paths.parser import parse_model, parse_node, plain_pattern
from causewatch.paths.sample import Item
from causewatch.paths.syntax import (
    NOTHING,
    AnyOrder,
    Choice,
    Model,
    Name,
    Nothing,
    Open,
    Repeat,
    Sequence,
    leaves_of,
)
from causewatch.paths.visits import Visit
from causewatch.rules.file import load
from causewatch.rules.path_text import path_file
from paths_fixtures import child

LONGEST = 4
ALPHABET = "abc"
NAMES = {letter: Name(pattern=plain_pattern("", letter)) for letter in ALPHABET}
Words = frozenset[str]


def grown(inner: st.SearchStrategy[Model]) -> st.SearchStrategy[Model]:
    """Return models one level higher."""
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    counts = st.sampled_from([(0, 1), (0, None), (1, None), (2, 2), (1, 3), (0, 2), (2, None)])
    return st.one_of(
        parts.map(lambda p: Sequence(parts=p)),
        parts.map(lambda p: Choice(parts=p)),
        parts.map(lambda p: AnyOrder(parts=p)),
        st.builds(lambda p, c: Repeat(part=p, least=c[0], most=c[1]), inner, counts),
    )


MODELS = st.recursive(st.sampled_from([NOTHING, *NAMES.values()]), grown, max_leaves=5)


def language(model: Model) -> Words:
    """Return all words of a model of at most ``LONGEST`` letters, by the definitions."""
    match_model = model
    if isinstance(match_model, Nothing):
        return frozenset({""})
    if isinstance(match_model, Name):
        return frozenset({match_model.pattern.text})
    if isinstance(match_model, Choice):
        return frozenset().union(*map(language, match_model.parts))
    if isinstance(match_model, Repeat):
        return repeated(language(match_model.part), match_model.least, match_model.most)
    if isinstance(match_model, Open):
        raise TypeError(model)
    words: Words = frozenset({""})
    for part in match_model.parts:
        join = together if isinstance(match_model, AnyOrder) else one_after_other
        words = join(words, language(part))
    return words


def one_after_other(left: Words, right: Words) -> Words:
    """Return the words of one language followed by those of another."""
    return frozenset(a + b for a, b in product(left, right) if len(a + b) <= LONGEST)


def together(left: Words, right: Words) -> Words:
    """Return all interleavings."""
    short = ((a, b) for a, b in product(left, right) if len(a + b) <= LONGEST)
    return frozenset(word for a, b in short for word in shuffled(a, b))


def shuffled(a: str, b: str) -> set[str]:
    """Return the interleavings of two words."""
    if not a or not b:
        return {a + b}
    return {a[0] + w for w in shuffled(a[1:], b)} | {b[0] + w for w in shuffled(a, b[1:])}


def repeated(words: Words, least: int, most: int | None) -> Words:
    """Return what so many rounds write; more rounds than letters write nothing new."""
    found: Words = frozenset()
    rounds: Words = frozenset({""})
    for count in range((most if most is not None else max(least, LONGEST) + 1) + 1):
        found |= rounds if count >= least else frozenset()
        rounds = one_after_other(rounds, words)
    return found


def events_of(word: str, model: Model, times: list[tuple[int, int]] | None = None) -> list[Event]:
    """Return a word as events, one after the other or at these times."""
    leaves = leaves_of(model)
    spans = times or [(10 * i, 10 * i + 5) for i in range(len(word))]
    made = [
        Event(
            number=i,
            fits=frozenset(leaf for leaf in leaves if leaf == NAMES[letter]),
            start_ns=begin,
            end_ns=end,
        )
        for i, (letter, (begin, end)) in enumerate(zip(word, spans, strict=True))
    ]
    return sorted(made, key=lambda event: event.start_ns)


WORDS = ["".join(w) for n in range(LONGEST + 1) for w in product(ALPHABET, repeat=n)]


@given(MODELS)
@settings(max_examples=60, deadline=None)
def test_derivatives_accept_exactly_the_language(model: Model) -> None:
    """Every word of up to four letters is right if and only if the definitions say so."""
    words = language(model)
    got = {word for word in WORDS if match(start(model), events_of(word, model)).is_right}
    assert got == words


SPANS = st.tuples(st.integers(0, 8), st.integers(0, 5)).map(lambda t: (t[0], t[0] + t[1]))


@given(MODELS, st.lists(st.tuples(st.sampled_from(ALPHABET), SPANS), min_size=1, max_size=LONGEST))
@settings(max_examples=150, deadline=None)
def test_overlapping_children_are_right_if_some_order_is(
    model: Model, children: list[tuple[str, tuple[int, int]]]
) -> None:
    """The search agrees with trying every permutation that keeps what was before what."""
    word = "".join(letter for letter, _ in children)
    events = events_of(word, model, [times for _, times in children])
    names = dict(enumerate(word))
    possible = {
        "".join(names[event.number] for event in order)
        for order in permutations(events)
        if not any(is_before(b, a) for i, a in enumerate(order) for b in order[i + 1 :])
    }
    assert match(start(model), events).is_right == bool(possible & language(model))


@given(MODELS, st.sampled_from(WORDS), st.data())
@settings(max_examples=100, deadline=None)
def test_an_early_run_is_wrong_only_where_no_more_children_can_mend_it(
    model: Model, word: str, data: st.DataObject
) -> None:
    """What is left of a good run when children are still missing is never wrong."""
    assume(word in language(model))
    kept = "".join(letter for letter in word if data.draw(st.booleans()))
    assert match(start(relaxed(model)), events_of(kept, model)).is_right


@given(MODELS)
@settings(max_examples=60, deadline=None)
def test_formatting_reads_back_as_a_model_of_the_same_language(model: Model) -> None:
    """Parentheses are set where they are needed, whatever the nesting."""
    again = parse_model(format_model(model))
    assert language(again) == language(model)
    assert format_model(again) == format_model(parse_model(format_model(again)))


NAMED = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(NAMED)
def test_any_name_can_be_written(name: str) -> None:
    """Blanks, quotes, stars and brackets in a name stand for themselves."""
    pattern = plain_pattern("", name)
    model = Name(pattern=pattern)
    assert parse_model(format_model(model)) == model
    assert parse_node(format_node(pattern)).text.strip() == name.strip() or ":" in name


@given(st.lists(st.text(ALPHABET, max_size=6), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_what_is_learned_accepts_what_it_was_learned_from(words: list[str]) -> None:
    """Whatever the sample: no good run that was learned from is ever alarmed."""
    sample = [
        tuple(
            Item(name=NAMES[letter], start_ns=10 * i, end_ns=10 * i + 5)
            for i, letter in enumerate(word)
        )
        for word in words
    ]
    model = infer(sample)
    for word in words:
        made = [child(letter, 10 * i, 10 * i + 5) for i, letter in enumerate(word)]
        assert judge_children(model, made, is_whole=True).wrong is None


@given(st.lists(st.lists(st.tuples(NAMED, SPANS), max_size=5), min_size=1, max_size=4), NAMED)
@example([[("00", (1, 1)), ("0", (1, 2)), ("0", (2, 2)), ("0", (0, 0))]], "0")
@example([[]], " ")
@settings(max_examples=50, deadline=None)
def test_what_is_learned_can_be_loaded_whatever_the_names(
    runs: list[list[tuple[str, tuple[int, int]]]], workflow: str
) -> None:
    """Names come from traces: none can break the rule file, or say more than its name."""
    made = [
        (
            Visit(
                name="agent",
                kind="agent",
                step=0,
                start_ns=0,
                end_ns=9,
                children=tuple(
                    child(f"x{name}", begin, end, step=i)
                    for i, (name, (begin, end)) in enumerate(sorted(run, key=_begin))
                ),
            ),
        )
        for run in runs
    ]
    bundle = load({"a.yaml": path_file([lesson_of(workflow, made)]).encode("utf-8", "replace")})
    (template,) = bundle.paths
    for (visit,) in made:
        model = template.nodes[0].model
        assert judge_children(model, visit.children, is_whole=True).wrong is None


def _begin(named: tuple[str, tuple[int, int]]) -> int:
    """Children are told in order of start."""
    return named[1][0]
