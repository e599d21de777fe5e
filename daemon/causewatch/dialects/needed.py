"""Which attributes dialects understand something by: where one is missing, something may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from causewatch.dialects.table import Dialect


def needed_keys(dialects: Iterable[Dialect]) -> Callable[[str], bool]:
    """Return what tells of an attribute's key whether some dialect reads it."""
    exact: set[str] = set()
    starts: set[str] = set()
    for dialect in dialects:
        conditions = [*dialect.detect, *(when for rule in dialect.kinds for when in rule.when)]
        exact.update(key for when in conditions for key in (when.key, when.equals_key))
        starts.update(when.prefix for when in conditions)
        sources = [source for rule in dialect.fields for source in rule.sources]
        exact.update(source.key for source in sources)
        starts.update(source.prefix for source in sources)
    exact.discard("")
    prefixes = tuple(sorted(start for start in starts if start))
    return lambda key: key in exact or key.startswith(prefixes)
