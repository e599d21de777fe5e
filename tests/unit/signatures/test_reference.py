from __future__ import annotations

import pytest

from causewatch.model.value import Value
from causewatch.signatures.error import SignatureError
from causewatch.signatures.reference import attribute_of, parse_reference
from causewatch.signatures.syntax import Attribute
from signatures_fixtures import subject

_RUN = subject("""
    r 0-100 kind=server ^service.name=svc n=4
      a 0-10 name=tool n=1 arr=["x"] status=error +causewatch.tool=kb ^service.name=svc
""")


@pytest.mark.parametrize(
    ("text", "name", "scope", "attribute", "value"),
    [
        ("a.span.n", "a", "span", "n", 1),
        ("a.span.causewatch.tool", "a", "span", "causewatch.tool", "kb"),
        ("source.resource.service.name", "source", "resource", "service.name", "svc"),
        ("span.arr", "", "span", "arr", ["x"]),
        (".n", "", "", "n", 1),
        ("a.span.zz", "a", "span", "zz", None),
        ("name", "", "span", "name", "tool"),
        ("a:name", "a", "span", "name", "tool"),
        ("a:status", "a", "span", "status", "error"),
        ("a:kind", "a", "span", "kind", "internal"),
        ("a:duration", "a", "span", "duration", 10_000_000),
        ("trace:rootName", "", "trace", "rootName", "r"),
        ("nestedSetLeft", "", "", "nestedSetLeft", 2),
        ("instrumentation:name", "", "instrumentation", "name", "lib"),
    ],
)
def test_references(text: str, name: str, scope: str, attribute: str, value: Value) -> None:
    """A reference names a span and a field of it, and reads the field on any node."""
    reference = parse_reference(text)
    assert (reference.name, reference.scope, reference.attribute) == (name, scope, attribute)
    assert attribute_of(_RUN, 1, reference) == value
    assert attribute_of(_RUN, 1, text) == value
    assert attribute_of(_RUN, 1, reference.field) == value


@pytest.mark.parametrize(
    "text",
    ["", "a", "a.", "a.b", "a.span", "1", "`x`", "a.span.x b", "a.span.x = 1", "a:foo", "{ .x }"],
)
def test_what_is_no_reference(text: str) -> None:
    """Anything but one field is an error of the parse stage."""
    with pytest.raises(SignatureError) as caught:
        parse_reference(text)
    assert caught.value.stage == "parse"


@pytest.mark.parametrize(
    "text", ["event:name", "event.x", "link:spanID", "link.x", "parent.span.x"]
)
def test_what_cannot_be_referred_to(text: str) -> None:
    """Events, links and parents are not one span's field."""
    with pytest.raises(SignatureError) as caught:
        parse_reference(text)
    assert caught.value.stage == "unsupported"


def test_fields_of_a_parsed_signature_are_references_too() -> None:
    """A parsed field can be read directly."""
    assert attribute_of(_RUN, 0, Attribute(scope="span", name="n")) == 4
