"""Keeps a receiver from being flooded: so many messages an interval, and a digest of the rest.

Theory of operation: a destination with a ``limit`` is told of that many new incidents within a
``group_interval``; those that page somebody have a limit of their own, so that a hundred tickets do
not hide a page. What is past it is noted as held back, like what is silenced, and a review (every
few seconds) tells one digest of all that waits. While more wait than fit they stay in the digest;
as soon as the rest of them fits, each is told by itself, and the digest is resolved. Reminders take
of the same limit, and wait for room. What a destination was told of late, and its open digest, are
remembered in the store, in the transaction that tells.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from causewatch.incidents.route import Route
from causewatch.incidents.severity import rank
from causewatch.model.incident import Incident
from causewatch.notify.config import Alerting, Target, targets_of
from causewatch.notify.decide import NS_PER_S, PAGING, decide
from causewatch.notify.digest import Crowd, digest_of
from causewatch.notify.put import put
from causewatch.store.port import Store

LIMITED = "past the limit of its receiver; a digest counts it"
_KEY = "storm "


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that waits for room, and what tells it when there is some."""

    incident: Incident
    route: Route
    tell: Callable[[], int]
    """Queues its message; returns the number of rows."""


class _Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What one destination was told of late. Times are Unix ns, oldest first."""

    told_ns: tuple[int, ...] = ()
    paged_ns: tuple[int, ...] = ()
    digest: Incident | None = None
    gone_count: int = 0
    interval_s: float = 60.0


class Storms:
    """The flows of all destinations during one transaction."""

    def __init__(self, store: Store, now_ns: int) -> None:
        self._store = store
        self._now_ns = now_ns
        self._flows: dict[str, _Flow] = {}
        self._waiting: dict[str, list[Waiting]] = {}

    def takes(self, target: Target, route: Route, incident: Incident) -> bool:
        """Return whether there is room for one more message, which then takes it."""
        if not target.limit:
            return True
        flow, pages = self._flow(target), _pages(incident)
        times = flow.paged_ns if pages else flow.told_ns
        if self._room(target, route, times) < 1:
            return False
        times = (*times, self._now_ns)[-target.limit :]
        change = {"paged_ns" if pages else "told_ns": times}
        self._put(target, msgspec.structs.replace(flow, **change))
        return True

    def missed(self, target: Target, route: Route) -> None:
        """Count an incident that was over before anybody heard of it."""
        flow = self._flow(target)
        self._put(
            target,
            msgspec.structs.replace(
                flow, gone_count=flow.gone_count + 1, interval_s=route.group_interval_s
            ),
        )

    def wait(self, target: Target, waiting: Waiting) -> None:
        """Let an open incident wait for room."""
        self._waiting.setdefault(target.name, []).append(waiting)

    def settle(self, alerting: Alerting) -> int:
        """Tell what fits by now, and digests of what does not; return the number of rows."""
        targets = [t for receiver in alerting.receivers.values() for t in targets_of(receiver)]
        return sum(self._settle(target) for target in targets)

    def _settle(self, target: Target) -> int:
        waiting = self._waiting.get(target.name, [])
        rows, left = 0, []
        for is_page in (True, False):
            some = [each for each in waiting if _pages(each.incident) == is_page]
            if self._fit(target, some, is_page=is_page):
                for each in some:
                    self.takes(target, each.route, each.incident)
                    rows += each.tell()
            else:
                left += some
        return rows + self._digest(target, left)

    def _fit(self, target: Target, some: list[Waiting], *, is_page: bool) -> bool:
        if not target.limit or not some:
            return True
        flow = self._flow(target)
        times = flow.paged_ns if is_page else flow.told_ns
        return len(some) <= self._room(target, some[0].route, times)

    def _digest(self, target: Target, left: list[Waiting]) -> int:
        """Tell of what still waits; on its own it changes at most once an interval."""
        flow = self._flow(target)
        interval_s = left[0].route.group_interval_s if left else flow.interval_s
        crowd = Crowd(
            waiting=tuple(each.incident for each in left),
            gone_count=flow.gone_count,
            interval_s=interval_s,
        )
        change = digest_of(crowd, target, flow.digest, now_ns=self._now_ns)
        if change is None:
            return 0
        digest = change.incident
        decision = decide(
            change,
            target,
            self._store.told(digest.id, target.name),
            now_ns=self._now_ns,
            group_interval_s=interval_s,
        )
        is_over = digest.state == "resolved"
        self._put(
            target,
            msgspec.structs.replace(
                flow,
                digest=None if is_over else digest,
                gone_count=0 if is_over else flow.gone_count,
                interval_s=interval_s,
            ),
        )
        return put(self._store, decision)

    def _room(self, target: Target, route: Route, times: tuple[int, ...]) -> int:
        """Return how many more messages fit now; a time to come is of a clock that stepped back."""
        since_ns = self._now_ns - int(route.group_interval_s * NS_PER_S)
        return target.limit - sum(since_ns < at_ns <= self._now_ns for at_ns in times)

    def _flow(self, target: Target) -> _Flow:
        found = self._flows.get(target.name)
        if found is None:
            text = self._store.meta(_KEY + target.name)
            found = msgspec.json.decode(text, type=_Flow) if text else _Flow()
            self._flows[target.name] = found
        return found

    def _put(self, target: Target, flow: _Flow) -> None:
        self._flows[target.name] = flow
        self._store.put_meta(_KEY + target.name, msgspec.json.encode(flow).decode())


def _pages(incident: Incident) -> bool:
    return rank(incident.severity) >= rank(PAGING)
