"""How large path templates may be: every limit is met as an error when rules are loaded."""

from __future__ import annotations

MAX_DEPTH = 16
"""Levels of parentheses."""
MAX_NAMES_COUNT = 200
"""Names in one content model."""
MAX_COUNT = 1_000
"""The largest m or n of ``{m,n}``; the product of counts within counts stays below it, too."""
MAX_INNER_COUNT = 100
"""The same within another repetition, where it is open which round a child belongs to."""
MAX_ANY_ORDER_PARTS_COUNT = 32
"""Parts of one ``&``."""
MAX_SHARED_PARTS_COUNT = 8
"""Parts of one ``&`` that a child of one name could belong to: each doubles what has to be tried.
"""
MAX_ALTERNATIVES_COUNT = 1_000
"""Readings of the children so far that are kept side by side; a node with more is not judged."""
MAX_TRIES_COUNT = 300_000
"""Children tried for one node, in all orders of those that overlap: some 700 at one time. A node
with more is judged by their order of start, and where that is not right, not at all."""
MAX_DEVIATIONS_COUNT = 100
"""Deviations told of one run by one template."""
