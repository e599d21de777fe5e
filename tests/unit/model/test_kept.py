"""Properties that are found out once."""

from __future__ import annotations

import msgspec

from causewatch.model.kept import kept


class Text(msgspec.Struct, frozen=True, dict=True):
    """Something that is asked for its length."""

    content: str
    asked: list[str]

    @kept
    def size(self) -> int:
        """Return how long it is."""
        self.asked.append(self.content)
        return len(self.content)


def test_what_was_found_out_is_not_asked_again() -> None:
    """Also of a frozen object; each object has its own."""
    asked: list[str] = []
    one, other = Text("four", asked), Text("three", asked)
    assert (one.size, one.size, other.size, one.size) == (4, 4, 5, 4)
    assert asked == ["four", "three"]


def test_the_class_shows_the_property_and_what_it_says() -> None:
    """So that documentation finds it."""
    assert Text.size.__doc__ == "Return how long it is."
