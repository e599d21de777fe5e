from __future__ import annotations

import json
import random
import time
import tracemalloc

import pytest

from causewatch.graph.winnow import (
    GRAM_BYTES,
    MAX_TEXT_CHARS,
    WINDOW_WORDS,
    fingerprints,
    unescaped,
)

ENGLISH = "The barge left the lock at dawn and carries forty pallets of roof slate to the north."
GERMAN = "Der Kahn verließ die Schleuse früh am Morgen und trägt vierzig Paletten Schiefer."
CHINESE = "驳船黎明时分离开船闸,载着四十托盘屋面石板向北驶去,预计周四下午抵达码头。"
JAPANESE = "はしけは夜明けに水門を出て、四十枚のパレットの屋根用スレートを北へ運んでいます。"
RUSSIAN = "Баржа вышла из шлюза на рассвете и везёт сорок поддонов кровельного сланца на север."
ARABIC = "غادرت البارجة الهويس عند الفجر وهي تحمل أربعين منصة من ألواح السقف إلى الشمال"
TEXTS = (ENGLISH, GERMAN, CHINESE, JAPANESE, RUSSIAN, ARABIC)


@pytest.mark.parametrize("text", TEXTS)
def test_a_copy_inside_of_another_text_shares_all_inner_fingerprints(text: str) -> None:
    """What surrounds a passage changes only its edges, in scripts with blanks and without."""
    prompt = f"You were told the following by somebody else: {text} What do you make of it now?"
    own, shared = fingerprints(text), fingerprints(text) & fingerprints(prompt)
    assert len(own) >= 2
    assert len(shared) >= len(own) - 1


@pytest.mark.parametrize("one", TEXTS)
@pytest.mark.parametrize("two", TEXTS)
def test_different_texts_share_nothing(one: str, two: str) -> None:
    """A fingerprint of one text is none of another."""
    assert one == two or not fingerprints(one) & fingerprints(two)


@pytest.mark.parametrize("text", TEXTS)
def test_case_space_and_punctuation_do_not_matter(text: str) -> None:
    """A prompt may print what a tool wrote in one line, and the other way round."""
    printed = "\n    ".join(text.upper().split())
    assert fingerprints(printed) == fingerprints(text)


@pytest.mark.parametrize("text", TEXTS)
def test_json_in_all_its_spellings_is_one_text(text: str) -> None:
    """Compact, pretty-printed, escaped, written by Python: the same words in the same order."""
    record = {"cargo": text, "pallets": 40, "stops": ["Hals", "Brevik"]}
    spellings = {
        json.dumps(record),
        json.dumps(record, ensure_ascii=False),
        json.dumps(record, indent=2),
        json.dumps(json.dumps(record)),
        repr(record),
    }
    assert len({fingerprints(each) for each in spellings}) == 1


def test_a_shared_passage_as_long_as_promised_is_always_found() -> None:
    """Winnowing's promise: of ``WINDOW_WORDS`` k-grams in a row that two texts share, one stays."""
    rng = random.Random(5)
    words = [f"{rng.randrange(36**4):x}z" for _ in range(400)]
    for _ in range(200):
        passage = rng.choices(words, k=WINDOW_WORDS - 1)
        while len("".join(passage[WINDOW_WORDS - 1 :])) < GRAM_BYTES:
            passage.append(rng.choice(words))
        one, two = (
            " ".join([*rng.choices(words, k=30), *passage, *rng.choices(words, k=30)])
            for _ in range(2)
        )
        assert fingerprints(one) & fingerprints(two)


@pytest.mark.parametrize(
    "text", ["", " \n ", "ok", "paid in full", "订单已发货", "{}", "\\", "\ud800"]
)
def test_short_texts_have_no_fingerprints(text: str) -> None:
    """What everybody may say proves nothing."""
    assert fingerprints(text) == frozenset()


def test_one_gram_is_kept_of_a_text_of_one_gram() -> None:
    """The shortest text that has a fingerprint has one."""
    assert len(fingerprints("a" * GRAM_BYTES)) == 1
    assert fingerprints("a" * (GRAM_BYTES - 1)) == frozenset()


def test_about_two_fifths_of_the_grams_are_kept() -> None:
    """The density of winnowing is two by the window's size and one."""
    rng = random.Random(7)
    count = 20_000
    text = " ".join(f"{rng.randrange(16**6):06x}" for _ in range(count))
    assert 0.35 < len(fingerprints(text)) / count < 0.45


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("caf\\u00e9", "café"),
        ("one\\ntwo\\tthree", "one two three"),
        ("one\\\\ntwo", "one two"),
        ("caf\\\\\\\\u00e9", "café"),
        ('say \\"hi\\"', 'say \\"hi\\"'),
        ("no escape at all", "no escape at all"),
        ("\\u12", "\\u12"),
        ("\\ud83d\\ude00", "😀"),
        ("\\ud83d", "\ufffd"),
    ],
)
def test_escapes_are_undone(text: str, expected: str) -> None:
    """JSON that a prompt quotes is compared as what it says."""
    assert unescaped(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a" * 2_000_000,
        "ab " * 700_000,
        "漢" * 700_000,
        "\\u00e9" * 400_000,
        "\\" * 2_000_000,
        "\u0301" * 1_000_000,
        "1,1" * 700_000,
    ],
)
def test_hostile_texts_cost_no_more_than_others(text: str) -> None:
    """One letter a million times, all escapes, all marks: linear, within the limit."""
    begun = time.process_time()
    found = fingerprints(text)
    assert time.process_time() - begun < 2
    assert len(found) <= MAX_TEXT_CHARS


def test_what_stands_after_the_limit_is_not_looked_at() -> None:
    """The limit is stated: the beginning of a long text counts."""
    long = "x" * MAX_TEXT_CHARS
    assert fingerprints(long + ENGLISH) == fingerprints(long)


def test_memory_stays_within_a_small_multiple_of_the_text() -> None:
    """A text of many words does not take a hundred times its size."""
    text = " ".join(f"w{number}" for number in range(60_000))
    tracemalloc.start()
    fingerprints(text)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 60 * len(text)
