"""How much one evaluation may do."""

from __future__ import annotations

import msgspec


class EvaluationLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one evaluation of one signature; a result that met one says so.

    Attributes:
        max_bindings: distinct assignments of the ``as`` names in a result.
        max_rows: pairs of a span and an assignment of names that are looked at on the way. Past it
            no new pairs are formed, and a negation is taken to fail, so that no match is made up.
        max_paths: paths that ``path()`` attaches.
    """

    max_bindings: int = 1_000
    max_rows: int = 200_000
    max_paths: int = 100


DEFAULT_EVALUATION_LIMITS = EvaluationLimits()


class Budget:
    """What is left of the limits during one evaluation."""

    __slots__ = ("limited", "limits", "rows_left")

    def __init__(self, limits: EvaluationLimits) -> None:
        self.limits = limits
        self.rows_left = limits.max_rows
        self.limited = False

    def spend(self, rows: int) -> bool:
        """Take ``rows`` from the budget; ``False``, and limited from then on, when used up."""
        self.rows_left -= rows
        if self.rows_left < 0:
            self.limited = True
        return not self.limited
