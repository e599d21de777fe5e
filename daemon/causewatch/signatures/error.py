"""What is wrong with a signature, and where."""

from __future__ import annotations

from typing import Literal

from causewatch.errors import UserError

Stage = Literal["parse", "validate", "unsupported"]


class SignatureError(UserError):
    """A signature that cannot be read, makes no sense, or asks for what causewatch does not do.

    Attributes:
        stage: ``parse`` (not the grammar), ``validate`` (grammatical, but its types do not fit) or
            ``unsupported`` (understood, but not something causewatch runs).
        message: one sentence without the place.
        line: line of the place at fault within the signature, from 1.
        column: column of that place, in characters, from 1.
        source_line: the text of that line.
        expected: what could have stood there, most likely first; empty where that is not the point.
    """

    def __init__(
        self,
        stage: Stage,
        message: str,
        *,
        text: str,
        offset: int,
        expected: tuple[str, ...] = (),
    ) -> None:
        self.stage: Stage = stage
        self.message = message
        before = text[:offset]
        self.line = before.count("\n") + 1
        line_start = before.rfind("\n") + 1
        self.column = offset - line_start + 1
        line_end = text.find("\n", line_start)
        self.source_line = text[line_start:] if line_end < 0 else text[line_start:line_end]
        self.expected = expected
        super().__init__(f"line {self.line}, column {self.column}: {self._sentence()}")

    def _sentence(self) -> str:
        """Return the message with what was expected."""
        if not self.expected:
            return self.message
        *others, last = self.expected
        listed = f"{', '.join(others)} or {last}" if others else last
        return f"{self.message}; expected {listed}"

    def render(self) -> str:
        """Return the message, the line at fault and a caret below the place."""
        # Tabs are kept, so that the caret stands below its place whatever their width.
        lead = "".join(
            "\t" if char == "\t" else " " for char in self.source_line[: self.column - 1]
        )
        place = f"line {self.line}, column {self.column}"
        return f"{place}: {self._sentence()}\n  {self.source_line}\n  {lead}^"
