"""What a check looks at, and what it has to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from causewatch.dialects.table import Dialect
from causewatch.errors import Severity
from causewatch.rules.bundle import AnyRule, Group


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One rule with what checks need to know of the files around it."""

    rule: AnyRule
    group: Group
    is_tested: bool
    """Whether a test file is about this rule."""
    dialects: Sequence[Dialect]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to say of a rule; it is never an error, since the rule works."""

    severity: Severity
    message: str
    offset: int | None = None
    """Where in the signature's text, from 0; without one it is about the rule as a whole."""


Check = Callable[[Looked], Iterator[Remark]]
