"""What a contract's author wrote, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from causewatch.model.judgement import ViolationName
from causewatch.model.value import Value

CompareMode = Literal["exact", "canonical"]
DEFAULT_SEVERITY = "ticket"


class SchemaSource(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON Schema (2020-12) and where it was written.

    ``path`` is the file it comes from, relative to the rules root: a relative ``$ref`` inside of it
    is resolved against that.
    """

    value: Value
    path: str = ""


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """How what was received is compared with what was sent.

    ``canonical`` compares RFC 8785 bytes, so key order and number spelling do not matter; ``exact``
    compares the recorded text. ``ignore`` lists JSON pointers that are left out on both sides (in
    both modes: the rest is then compared canonically).
    """

    mode: CompareMode = "canonical"
    ignore: tuple[str, ...] = ()


class ContractSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One contract: whom it binds, and what it demands.

    It binds handoffs (``from_`` and ``to``, an empty glob matches every agent) or steps (exactly
    one of ``tool``, ``retrieval``, ``agent``). Globs know ``*``, ``?`` and ``[abc]`` and match case
    sensitively. ``schema`` holds for both sides of a handoff, ``sent_schema`` and
    ``received_schema`` for one; ``result_schema`` and ``arguments_schema`` hold for a step.
    """

    name: str
    from_: str = ""
    to: str = ""
    tool: str = ""
    retrieval: str = ""
    agent: str = ""
    schema: SchemaSource | None = None
    sent_schema: SchemaSource | None = None
    received_schema: SchemaSource | None = None
    arguments_schema: SchemaSource | None = None
    result_schema: SchemaSource | None = None
    compare: Compare | None = None
    failures: Mapping[ViolationName, str] = msgspec.field(default_factory=dict)
    redact: tuple[str, ...] = ()
    """JSON pointers whose values never appear in a message."""

    @property
    def binds_steps(self) -> bool:
        """Tell whether this contract is about steps, not handoffs."""
        return bool(self.tool or self.retrieval or self.agent)

    def severity_of(self, violation: ViolationName) -> str:
        """Return the severity the author gave this violation, ``ticket`` by default."""
        return self.failures.get(violation, DEFAULT_SEVERITY)
