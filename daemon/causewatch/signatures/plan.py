"""A plan for many signatures over one subject: only those that can match are evaluated.

Most signatures require some value to be there: a tool's name, an agent's, a kind of fault. They lie
in an index by that value (the discrimination index of rule engines, as in C. Forgy, "Rete", 1982,
kept to its first level); a subject's values then name the signatures to evaluate, so that what a
run costs grows with what happens in it rather than with the number of rules. What the remaining
ones have in common (filters, edges followed from the same spans) is computed once, see
``share`` and ``SubjectCache``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

from causewatch.signatures.columns import Index, attribute_index, intrinsic_index
from causewatch.signatures.needs import INTRINSIC, Needs, Required, all_of
from causewatch.signatures.signature import Signature
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import Scope

_Place = tuple[str, str]
_Key = tuple[str, object]


class Plan:
    """Which of some signatures may match a subject.

    Attributes:
        needs: what all of them need together.
    """

    def __init__(self, signatures: Sequence[Signature]) -> None:
        self.needs: Needs = all_of(signature.needs for signature in signatures)
        self._always: list[int] = []
        self._by_place: dict[_Place, dict[_Key, list[int]]] = {}
        spread = _spread(signatures)
        for position, signature in enumerate(signatures):
            required = signature.needs.required
            if not required:
                self._always.append(position)
                continue
            chosen = max(required, key=lambda each: (spread[_place(each)], _place(each)))
            by_key = self._by_place.setdefault(_place(chosen), {})
            by_key.setdefault((chosen.tag, chosen.value), []).append(position)

    def candidates(self, subject: Subject) -> list[int]:
        """Return the positions of the signatures that may match, ascending; no other one does."""
        found = list(self._always)
        for place, by_key in self._by_place.items():
            present = _index(subject, place).nodes
            # Whichever is shorter is walked: the values of the run, or those asked for.
            if len(present) < len(by_key):
                for key in present:
                    found.extend(by_key.get(key, ()))
            else:
                for key, positions in by_key.items():
                    if key in present:
                        found.extend(positions)
        found.sort()
        return found


def _spread(signatures: Sequence[Signature]) -> Counter[_Place]:
    """Return how many values are asked for at each place: the more, the better it tells apart."""
    asked = {each for signature in signatures for each in signature.needs.required}
    return Counter(_place(each) for each in asked)


def _place(required: Required) -> _Place:
    return required.scope, required.name


def _index(subject: Subject, place: _Place) -> Index:
    scope, name = place
    if scope == INTRINSIC:
        return intrinsic_index(subject, name)
    return attribute_index(subject, cast("Scope", scope), name)
