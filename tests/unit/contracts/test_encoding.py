"""The same text in another encoding, and texts that are merely different."""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.contracts.difference import differences
from causewatch.contracts.encoding import MAX_DECODED_CHARS, encoded_as

TEXT = 'Grüße aus Köln: 3 < 5 & "Straße"\nZeile 2'


@pytest.mark.parametrize(
    ("sent", "received", "phrase"),
    [
        (TEXT, json.dumps(TEXT), "JSON inside of a string"),
        ("a\nb", "a\\nb", "its escapes are written out"),
        ("Köln", "K\\u00f6ln", "its escapes are written out"),
        (TEXT, html.escape(TEXT), "HTML entities"),
        (TEXT, quote(TEXT), "percent signs for characters"),
        ("a b ü", "a+b+%C3%BC", "percent signs for characters"),
        (TEXT, TEXT.encode().decode("latin-1"), "UTF-8 that was read as another encoding"),
        ("naïve", "naïve".encode().decode("cp1252"), "UTF-8 that was read as another encoding"),
        (TEXT, base64.b64encode(TEXT.encode()).decode(), "Base64"),
        ("Köln", unicodedata.normalize("NFD", "Köln"), "another Unicode form"),
        ("Köln", "K?ln", "characters were replaced"),
        ("Köln", "K\ufffdln", "characters were replaced"),
        ("Köln, Größe", "Kln, Gre", "characters were replaced"),
        ("Köln", "Bonn", ""),
        ("what?", "what!", ""),
        ("a & b", "a &amp; c", ""),
        ("100 %", "100 %25 more", ""),
        ("Zürich", "", ""),
        ("日本", "日?", "characters were replaced"),
        ("x" * 12, "y" * 12, ""),
    ],
)
def test_how_a_text_was_encoded(sent: str, received: str, phrase: str) -> None:
    """Encodings are told by undoing them: what does not come out the same is another text."""
    assert encoded_as(sent, received) == phrase


@given(st.text(min_size=1, max_size=40))
def test_what_is_encoded_twice_is_never_a_loss(text: str) -> None:
    """JSON inside of a string is a matter of form whatever stands in it."""
    kinds = [each.kind for each in differences({"a": text}, {"a": json.dumps(text)})]
    assert kinds == ["serialization"]


def test_texts_that_are_too_long_are_not_decoded() -> None:
    """What a long text would decode to is not worked out."""
    long = "ü" * (MAX_DECODED_CHARS + 1)
    assert encoded_as(long, quote(long)) == ""
