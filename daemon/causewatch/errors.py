"""Every error causewatch raises on purpose, typed by who has to act.

``UserError`` and below are shown without a traceback. ``exit_code`` is what the command line
answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

Severity = Literal["error", "warning", "info"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong at one place of one file, as ``causewatch check`` prints it.

    ``line`` and ``column`` count from 1; ``check`` is the stable name of the check.
    """

    file: str
    line: int
    column: int
    severity: Severity = "error"
    check: str
    message: str

    def __str__(self) -> str:
        """Return the usual ``file:line:column: severity: message [check]``."""
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.severity}: {self.message} [{self.check}]"


class CausewatchError(Exception):
    """The root of all errors that causewatch raises on purpose."""

    exit_code: ClassVar[int] = 4


class UserError(CausewatchError):
    """What the user gave cannot be used: a flag, a config key, a query."""

    exit_code: ClassVar[int] = 2


class ProblemsError(UserError):
    """Files with problems, all of them collected."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class InputError(CausewatchError):
    """An input file or stream cannot be read or is not what it claims to be."""

    exit_code: ClassVar[int] = 3


class UnreachableError(CausewatchError):
    """A daemon or backend does not answer."""

    exit_code: ClassVar[int] = 3


class FullError(CausewatchError):
    """A bounded queue or store is full; the caller may try again.

    Attributes:
        retry_after_s: seconds to wait before the next try.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
