"""Finds the payload among the arguments of a call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_OWN = frozenset({"self", "cls"})


class PayloadOf:
    """Picks one argument of a function's calls: the named one, else the first that is its own.

    Raises:
        ValueError: at once, where the function has no such argument.
    """

    def __init__(self, function: Callable[..., Any], argument: str | None) -> None:
        self._signature = inspect.signature(function)
        names = [name for name in self._signature.parameters if name not in _OWN]
        if not names or (argument is not None and argument not in names):
            wanted = f"argument {argument!r}" if argument else "argument that could be the payload"
            raise ValueError(f"{getattr(function, '__name__', function)!s}() has no {wanted}")
        self._name = argument or names[0]

    def __call__(self, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        """Return the payload of one call; a default counts as given."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments[self._name]
