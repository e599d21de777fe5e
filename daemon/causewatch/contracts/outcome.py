"""What was found at one boundary, on the way to its verdict."""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.contracts.compile import Contract
from causewatch.contracts.excerpt import excerpt
from causewatch.model.judgement import Violation, ViolationName
from causewatch.model.value import Value

Side = Literal["sent", "received", "both", "result", "arguments"]

MAX_VIOLATIONS_COUNT = 20
MAX_SENTENCE_CHARS = 240
MAX_REASON_CHARS = 600


class Outcome(msgspec.Struct, kw_only=True):
    """The violations so far, and the gaps: what could not be checked, and what would help."""

    contract: Contract
    violations: list[Violation] = msgspec.field(default_factory=list)
    gaps: list[str] = msgspec.field(default_factory=list)

    def violate(  # noqa: PLR0913 - one argument for each part of a violation
        self,
        name: ViolationName,
        side: Side,
        pointer: str,
        message: str,
        *,
        sent: Value = None,
        received: Value = None,
        expected: str = "",
    ) -> None:
        """Note a violation; the values are shown as far as the contract allows.

        ``expected`` is what was demanded, where that is no value.
        """
        redact = self.contract.spec.redact
        self.violations.append(
            Violation(
                name=name,
                side=side,
                pointer=pointer,
                message=safe(message),
                severity=self.contract.spec.severity_of(name),
                expected=safe(expected) or excerpt(sent, place=pointer, redact=redact),
                actual=excerpt(received, place=pointer, redact=redact),
            )
        )

    @property
    def reason(self) -> str:
        """Return why the verdict is not known, empty where it is."""
        return safe("; ".join(self.gaps), limit_chars=MAX_REASON_CHARS)


def safe(text: str, limit_chars: int = MAX_SENTENCE_CHARS) -> str:
    """Return a sentence without control characters, cut at a limit."""
    return "".join(c if c.isprintable() else " " for c in text[:limit_chars])
