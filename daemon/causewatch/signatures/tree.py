"""The span tree of a subject, and the structural operators on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import assert_never

from causewatch.signatures.subject import Subject, nodes_of, parents_of
from causewatch.signatures.syntax import TreeOperator

MAX_REMEMBERED_MASKS = 4_096
_MAX_SAME_ID = 2


class Tree:
    """Parents and children by node index.

    ``parents[i]`` is -1 for a root and -2 for what takes no part: in raw mode all that does not
    hang below a root.
    """

    def __init__(self, subject: Subject) -> None:
        self.all_parents = parents_of(subject.spans)
        self.parents = _connected(subject, self.all_parents) if subject.raw else self.all_parents
        self.children: list[list[int]] = [[] for _ in subject.spans]
        for i, parent in enumerate(self.parents):
            if parent >= 0:
                self.children[parent].append(i)
        self._siblings = self._sibling_masks(subject)
        self._relatives: dict[tuple[TreeOperator, int], int] = {}

    def relatives(self, operator: TreeOperator, mask: int) -> int:
        """Return the right-hand partners of the nodes in ``mask``."""
        # Many signatures start from the same few spans: those of one tool, of one agent.
        found = self._relatives.get((operator, mask))
        if found is None:
            found = self._related(operator, mask)
            if len(self._relatives) < MAX_REMEMBERED_MASKS:
                self._relatives[operator, mask] = found
        return found

    def _related(self, operator: TreeOperator, mask: int) -> int:
        match operator:
            case ">":
                return self._step(mask, down=True)
            case "<":
                return self._step(mask, down=False)
            case ">>":
                return self._walk(mask, down=True)
            case "<<":
                return self._walk(mask, down=False)
            case "~":
                return self._beside(mask)
            case _:
                assert_never(operator)

    def _step(self, mask: int, *, down: bool) -> int:
        found = 0
        for node in nodes_of(mask):
            if down:
                for child in self.children[node]:
                    found |= 1 << child
            elif self.parents[node] >= 0:
                found |= 1 << self.parents[node]
        return found

    def _walk(self, mask: int, *, down: bool) -> int:
        found = 0
        frontier = mask
        while frontier:
            frontier = self._step(frontier, down=down) & ~found
            found |= frontier
        return found

    def _beside(self, mask: int) -> int:
        """Return all nodes with a sibling in ``mask``; nobody is a sibling of itself."""
        found = 0
        for group in self._siblings:
            inside = group & mask
            if inside:
                # One alone has all the others beside it; of two, each has the other.
                found |= group if inside & (inside - 1) else group & ~inside
        return found

    def _sibling_masks(self, subject: Subject) -> list[int]:
        groups: dict[object, int] = {}
        for i, parent in enumerate(self.parents):
            span = subject.spans[i]
            if parent >= 0:
                key: object = parent
            elif subject.raw:
                if parent != -1:
                    continue
                key = "root"
            else:
                key = (span.trace_id, span.parent_id)
            groups[key] = groups.get(key, 0) | 1 << i
        return list(groups.values())

    def nested_set(self) -> list[tuple[int, int, int]]:
        """Return left, right and the parent's left of each node; zeros where it takes no part.

        A root's parent is -1.
        """
        numbers = [(0, 0, 0)] * len(self.parents)
        counter = 0
        for root in (i for i, parent in enumerate(self.parents) if parent == -1):
            lefts: dict[int, int] = {}
            for node, leaving in self._tour(root):
                counter += 1
                if not leaving:
                    lefts[node] = counter
                    continue
                parent = self.parents[node]
                numbers[node] = (lefts[node], counter, lefts[parent] if parent >= 0 else -1)
        return numbers

    def _tour(self, root: int) -> Iterator[tuple[int, bool]]:
        """Yield each node below ``root`` twice: on the way in and on the way out."""
        stack = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            yield node, leaving
            if not leaving:
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(self.children[node]))


def tree_of(subject: Subject) -> Tree:
    """Return the subject's tree, built once."""
    return subject.cache.get("tree", lambda: Tree(subject))


def _connected(subject: Subject, parents: tuple[int, ...]) -> tuple[int, ...]:
    """Return the parents with -2 for every node that no root leads to."""
    same_id = Counter((span.trace_id, span.span_id) for span in subject.spans)
    if same_id and max(same_id.values()) > _MAX_SAME_ID:
        return (-2,) * len(parents)
    rooted: dict[int, bool] = {}
    for start in range(len(parents)):
        chain: list[int] = []
        node = start
        while node >= 0 and node not in rooted:
            rooted[node] = False  # until a root is found, so that a cycle ends here
            chain.append(node)
            node = parents[node]
        found = node == -1 or (node >= 0 and rooted[node])
        for member in chain:
            rooted[member] = found
    return tuple(parent if rooted[i] else -2 for i, parent in enumerate(parents))
