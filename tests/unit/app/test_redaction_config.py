"""``receive.redact`` and ``receive.drop_attributes`` are read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from causewatch.app.config import load_config
from causewatch.errors import ProblemsError
from causewatch.receive.redaction import NO_REDACTION, Redaction, Rule, kind


def read(folder: Path, text: str) -> Redaction:
    """Return what a configuration takes out."""
    path = folder / "causewatch.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path).receive.redaction


def test_nothing_is_redacted_unless_told(tmp_path: Path) -> None:
    """Requests then are not even looked into for it."""
    assert read(tmp_path, "receive: {max_message_mib: 1}") == NO_REDACTION
    assert read(tmp_path, "receive: {redact: [], drop_attributes: []}").is_empty


def test_kinds_patterns_and_keys_are_read(tmp_path: Path) -> None:
    """A kind by its name alone, or with the attributes that it is for."""
    found = read(
        tmp_path,
        r"""
receive:
  redact:
  - email
  - {kind: phone, attributes: ["gen_ai.*", body]}
  - {name: customer, pattern: 'CUST-\d+'}
  drop_attributes: ["user.*", enduser.id]
""",
    )
    assert found.rules == (
        kind("email"),
        kind("phone", ("gen_ai.*", "body")),
        Rule(name="customer", pattern=r"CUST-\d+"),
    )
    assert found.drops == ("user.*", "enduser.id")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("emial", "did you mean 'email'"),
        ("{kind: emial}", "did you mean 'email'"),
        ("{attributes: [x]}", "give either `kind`, or `name` and `pattern`"),
        ("{kind: email, pattern: x}", "give either `kind`, or `name` and `pattern`"),
        ("{pattern: x}", "`name` must be letters"),
        ("{name: email, pattern: x}", "not the name of a kind"),
        ("{name: 'a b', pattern: x}", "`name` must be letters"),
        ("{name: a, pattern: '(?=x)'}", "not a regular expression that RE2 knows"),
        ("{name: a, pattern: 'x*'}", "matches the empty text"),
        ("{name: a, patern: x}", "did you mean 'pattern'"),
        ("email, email", "a second rule 'email'"),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path: Path, entry: str, message: str) -> None:
    """A rule that does not work would let through what it was meant to stop."""
    with pytest.raises(ProblemsError) as caught:
        read(tmp_path, f"receive:\n  redact: [{entry}]\n")
    assert any(message in problem.message for problem in caught.value.problems)
    assert {problem.line for problem in caught.value.problems} == {2}
