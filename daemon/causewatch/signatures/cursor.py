"""A position in a signature's tokens, shared by the two halves of the parser."""

from __future__ import annotations

from typing import NoReturn

from causewatch.signatures.error import SignatureError
from causewatch.signatures.token import Token, TokenKind

MAX_OPERATORS = 200
MAX_NESTING = 50


class Cursor:
    """The tokens of one text and the position of the next one.

    It also counts operators and nesting, so that no signature is deeper than Python's stack.
    """

    def __init__(self, text: str, tokens: tuple[Token, ...]) -> None:
        self.text = text
        self.mixed: list[int] = []
        self._tokens = tokens
        self._at = 0
        self._operators = 0
        self._nesting = 0

    @property
    def token(self) -> Token:
        """Return the next token."""
        return self._tokens[self._at]

    def ahead(self, count: int) -> Token:
        """Return the token ``count`` past the next one, or the last."""
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Take the next token; the last one stays."""
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def at_operator(self, *texts: str) -> bool:
        """Return whether the next token is one of these operators."""
        return self.token.kind == "operator" and self.token.text in texts

    def at_word(self, *texts: str) -> bool:
        """Return whether the next token is one of these words."""
        return self.token.kind == "word" and self.token.text in texts

    def accept(self, operator: str) -> bool:
        """Take the operator if it is next."""
        if not self.at_operator(operator):
            return False
        self.advance()
        return True

    def expect(self, operator: str, *alternatives: str) -> Token:
        """Take the operator or fail; ``alternatives`` could have stood there too."""
        if not self.at_operator(operator):
            self.fail(*alternatives, f"`{operator}`")
        return self.advance()

    def expect_kind(self, kind: TokenKind, meaning: str) -> Token:
        """Take a token of this kind or fail."""
        if self.token.kind != kind:
            self.fail(meaning)
        return self.advance()

    def fail(self, *expected: str) -> NoReturn:
        """Raise the error that the next token is not what was expected."""
        token = self.token
        message = f"unexpected {token.describe()}" if token.kind != "end" else "it ends too early"
        self.fail_at(token, message, *expected)

    def fail_at(self, token: Token, message: str, *expected: str) -> NoReturn:
        """Raise a parse error at a token."""
        raise SignatureError(
            "parse", message, text=self.text, offset=token.start, expected=expected
        )

    def count_operator(self, token: Token) -> None:
        """Count one more operator of the whole signature."""
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            self.fail_at(token, f"more than {MAX_OPERATORS} operators in one signature")

    def enter(self) -> None:
        """Go one bracket deeper."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            self.fail_at(self.token, f"brackets nested deeper than {MAX_NESTING}")

    def leave(self) -> None:
        """Come back from a bracket."""
        self._nesting -= 1
