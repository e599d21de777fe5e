from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from causewatch.instrument.imprint import imprint_of, sha256_of
from causewatch.instrument.plain import Plainer
from instrument_fixtures import VECTORS


@pytest.mark.parametrize("vector", VECTORS["payloads"], ids=lambda vector: str(vector["name"]))
def test_vectors(vector: dict[str, Any]) -> None:
    """The shared vectors hold here, byte for byte."""
    key = bytes.fromhex(vector["key"]) if vector["key"] else None
    imprint = imprint_of(Plainer().plain(json.loads(vector["json"])), key)
    assert imprint.text == vector["canonical"]
    assert imprint.sha256 == vector["sha256"]
    assert imprint.size_bytes == vector["bytes"]
    assert imprint.fields == vector["fields"]
    assert imprint.dropped_count == vector["dropped"]


def fields(value: Any) -> dict[str, Any]:
    """Return the shape of a value."""
    found: dict[str, Any] = json.loads(imprint_of(value).fields)
    return found


def test_a_digest_is_plain_sha256_of_the_canonical_json() -> None:
    """Anyone can compute it again: no salt, no framing."""
    digest, size, text = sha256_of({"b": 1, "a": "é"})
    assert text == '{"a":"é","b":1}'
    assert size == len(text.encode())
    assert digest == hashlib.sha256(text.encode()).hexdigest()


def test_with_a_key_every_digest_is_keyed() -> None:
    """The whole, the places and the prefixes: none can be guessed without the key."""
    value = {"pin": "4711", "text": "t" * 40}
    plain, keyed = fields(value), json.loads(imprint_of(value, b"k").fields)
    assert (
        imprint_of(value, b"k").sha256
        == hmac.new(b"k", b'{"pin":"4711","text":"' + b"t" * 40 + b'"}', "sha256").hexdigest()
    )
    assert all(plain[place][2] != keyed[place][2] for place in plain)
    assert plain["/text"][3] != keyed["/text"][3]


def test_a_cut_text_has_the_beginnings_of_the_whole() -> None:
    """What was cut is seen as cut, and another text is not."""
    whole, cut = fields("abcdefghij" * 20)[""], fields("abcdefghij" * 9)[""]
    other = fields("jihgfedcba" * 9)[""]
    assert whole[3][: len(cut[3])] == cut[3]
    assert not set(other[3]) & set(whole[3])


def test_a_text_cut_at_a_listed_length_is_that_prefix() -> None:
    """A prefix is digested like a value, so a cut of exactly its length is recognised."""
    assert fields("z" * 100)[""][3][1] == fields("z" * 64)[""][2][:8]


@pytest.mark.parametrize(
    ("value", "listed", "dropped"),
    [
        ([0] * 64, 65, 0),
        ([0] * 70, 65, 6),
        ({str(i): i for i in range(255)}, 256, 0),
        ({str(i): i for i in range(300)}, 256, 45),
        ([[[[[[[1, 2]]]]]]], 7, 2),
    ],
)
def test_what_is_not_listed_is_counted(value: Any, listed: int, dropped: int) -> None:
    """256 places, 64 items of an array, six levels; what is beyond is a number."""
    imprint = imprint_of(value)
    assert len(json.loads(imprint.fields)) == listed
    assert imprint.dropped_count == dropped


def test_no_content_is_in_a_shape() -> None:
    """No value of a payload stands in its shape, only names of members."""
    text = imprint_of({"name": "Ada Mustermann", "pin": 4711, "list": ["secret"]}).fields
    assert not any(word in text for word in ("Ada", "4711", "secret"))
