"""What a contract's author wrote, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from causewatch.model.judgement import ViolationName
from causewatch.model.value import Value

CompareMode = Literal["exact", "canonical", "subset", "semantic"]
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

    * ``exact``: the recorded text, byte by byte.
    * ``canonical``: RFC 8785 bytes, so key order and number spelling do not matter.
    * ``subset``: canonical, but the receiver may lack what ``ignore`` lists, or anything where it
      lists nothing; whatever it has must equal what was sent.
    * ``semantic``: arrays in any order, white space, case and the spelling of numbers do not
      matter, and text may be reworded; facts must be kept.

    ``ignore`` lists JSON pointers, in which ``*`` is any key or index. In all modes but ``subset``
    they are left out on both sides (in ``exact`` the rest is then compared canonically).
    ``max_lost_ratio`` is the share of what was sent, 0 to 1, that may be lost: of its bytes, in
    ``semantic`` of its facts.
    """

    mode: CompareMode = "canonical"
    ignore: tuple[str, ...] = ()
    max_lost_ratio: float = 0.0
    judge: bool = False
    """Whether the configured judge of meaning is heard where nothing else is found; ``semantic``
    only.
    """


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """In which order what one agent hands to another must be processed.

    ``key`` is the JSON pointer of a number, date or text that must not fall; empty for the order in
    which it was sent.
    """

    key: str = ""


class ItemLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The fewest items a result may have; ``pointer`` names the list, empty to look for it."""

    count: int
    pointer: str = ""


class AgeLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How old a date in a result may be when its step ends."""

    pointer: str
    limit_s: float


class ScoreFloor(msgspec.Struct, frozen=True, kw_only=True):
    """The least that the best score of a result must be.

    ``pointer`` names the scores; empty for those of a retrieval's documents.
    """

    limit: float
    pointer: str = ""


class ContractSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One contract: whom it binds, and what it demands.

    It binds handoffs (``from_`` and ``to``, an empty glob matches every agent) or steps (exactly
    one of ``tool``, ``retrieval``, ``agent``). Globs know ``*``, ``?`` and ``[abc]`` and match case
    sensitively. ``schema`` holds for both sides of a handoff, ``sent_schema`` and
    ``received_schema`` for one; ``result_schema``, ``arguments_schema`` and the limits of a result
    hold for a step.
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
    min_items: ItemLimit | None = None
    max_age: AgeLimit | None = None
    min_score: ScoreFloor | None = None
    compare: Compare | None = None
    order: Order | None = None
    missing_after_s: float | None = None
    """How long after it was sent a handoff may arrive; ``None`` where that is not asked."""
    failures: Mapping[ViolationName, str] = msgspec.field(default_factory=dict)
    redact: tuple[str, ...] = ()
    """JSON pointers whose values never appear in a message."""

    @property
    def binds_steps(self) -> bool:
        """Tell whether this contract is about steps, not handoffs."""
        return bool(self.tool or self.retrieval or self.agent)

    @property
    def limits_results(self) -> bool:
        """Tell whether more is asked of a result than its schema."""
        return any(limit is not None for limit in (self.min_items, self.max_age, self.min_score))

    def severity_of(self, violation: ViolationName) -> str:
        """Return the severity the author gave this violation, ``ticket`` by default."""
        return self.failures.get(violation, DEFAULT_SEVERITY)
