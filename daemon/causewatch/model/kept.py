"""Properties that are found out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, overload

Owner = TypeVar("Owner")
Found = TypeVar("Found")


class kept(Generic[Owner, Found]):  # noqa: N801  # written as the decorator that it is
    """A property whose value is found out when it is first asked for, and kept with its object.

    As ``functools.cached_property``, which before Python 3.12 takes a lock each time: a run asks a
    hundred times, always from one thread.
    """

    def __init__(self, find: Callable[[Owner], Found]) -> None:
        self._find = find
        self._name = find.__name__
        self.__doc__ = find.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> kept[Owner, Found]: ...

    @overload
    def __get__(self, instance: Owner, owner: type[Owner]) -> Found: ...

    def __get__(self, instance: Owner | None, owner: type[Owner]) -> Found | kept[Owner, Found]:
        """Return the value; from then on it is an attribute of ``instance``."""
        if instance is None:
            return self
        found = self._find(instance)
        instance.__dict__[self._name] = found
        return found
