from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.value import Value
from causewatch.rules.identity import VERSION_CHARS, rule_id_of, version_of

NAMES = st.text("ab/%2F;:", min_size=1, max_size=6)


@given(NAMES, NAMES, NAMES, NAMES)
def test_an_id_belongs_to_one_group_and_one_name(a: str, b: str, c: str, d: str) -> None:
    """No two pairs of group and name share an id, and no group's prefix opens another's id."""
    assert (rule_id_of(a, b) == rule_id_of(c, d)) == ((a, b) == (c, d))
    assert rule_id_of(a, b).startswith(rule_id_of(c, "")) == (a == c)


def test_plain_names_stay_readable() -> None:
    """Only what would be ambiguous is escaped."""
    assert rule_id_of("support-bot", "LostRows") == "support-bot/LostRows"
    assert rule_id_of("team/a", "contract:brief") == "team%2Fa/contract:brief"


def test_versions_follow_the_content_not_its_order() -> None:
    """The order of keys is not content; everything else is."""
    assert version_of({"a": 1, "b": [2, 3]}) == version_of({"b": [2, 3], "a": 1})
    contents: list[Value] = [{"a": value} for value in (1, 2, "1", None)]
    contents += [{"a": [1]}, {}, [], "", 0, None, False]
    assert len({version_of(content) for content in contents}) == len(contents)
    assert {len(version_of(content)) for content in contents} == {VERSION_CHARS}


def test_what_has_no_json_bytes_has_a_version() -> None:
    """Lone surrogates and large integers are digested too, and told apart."""
    odd: list[Value] = ["\ud800", "\ud801", 10**40, 10**41, [10**40]]
    assert len({version_of(content) for content in odd}) == len(odd)
