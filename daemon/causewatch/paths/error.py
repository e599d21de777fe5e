"""What is wrong with a content model or an order, and where."""

from __future__ import annotations

from causewatch.errors import UserError


class PathError(UserError):
    """A text that cannot be read as a content model, or that asks for more than the limits.

    Attributes:
        message: one sentence without the place.
        line: line of the place at fault within the text, from 1.
        column: column of that place, in characters, from 1.
        source_line: the text of that line.
        expected: what could have stood there, most likely first; empty where that is not the point.
    """

    def __init__(
        self, message: str, *, text: str, offset: int, expected: tuple[str, ...] = ()
    ) -> None:
        before = text[:offset]
        line_start = before.rfind("\n") + 1
        self.line = before.count("\n") + 1
        self.column = offset - line_start + 1
        self.source_line = text[line_start:].partition("\n")[0]
        self.message = message
        self.expected = expected
        super().__init__(f"line {self.line}, column {self.column}: {self.sentence}")

    @property
    def sentence(self) -> str:
        """Return the message with what was expected, without the place."""
        if not self.expected:
            return self.message
        *others, last = self.expected
        listed = f"{', '.join(others)} or {last}" if others else last
        return f"{self.message}; expected {listed}"

    def render(self) -> str:
        """Return the message, the line at fault and a caret below the place."""
        # Tabs are kept, so that the caret stands below its place whatever their width.
        lead = "".join("\t" if c == "\t" else " " for c in self.source_line[: self.column - 1])
        return f"{self}\n  {self.source_line}\n  {lead}^"
