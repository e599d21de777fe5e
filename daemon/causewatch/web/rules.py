"""``GET /api/v1/rules``: how each rule is doing, in the words of Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causewatch.model.finding import AlertState
from causewatch.notify.times import iso

RuleKind = Literal["signature", "contract", "path", "novelty"]
RuleHealthWord: TypeAlias = Literal["unknown", "ok", "err"]
"""``unknown`` before the first look; ``err`` while the last try failed."""


class RuleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule is doing. Times are Unix ns, 0 is never."""

    id: str
    name: str
    kind: RuleKind
    place: str
    """File and line."""
    version: str
    """Digest of the rule's content."""
    state: AlertState = "inactive"
    """Of its most urgent alert."""
    active_alerts_count: int = 0
    health: RuleHealthWord = "unknown"
    last_error: str = ""
    """Why it failed last, as long as that is remembered."""
    last_error_at_ns: int = 0
    rests_until_ns: int = 0
    """It failed so often that it is asked of no run until then."""
    evaluations_count: int = 0
    """Runs that it was asked of since the daemon started."""


class GroupStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule group is doing; its signatures are evaluated together, so it has the duration."""

    name: str
    file: str
    interval_s: float
    limit: int = 0
    last_slot_ns: int = 0
    took_s: float | None = None
    """How long the last look took; ``None`` before the first one since the start."""
    failed_looks_count: int = 0
    """Looks in a row that failed as a whole: their runs wait."""
    last_error: str = ""
    """Why nothing could be made of the group, or of one run by all its rules."""
    rules: tuple[RuleStatus, ...] = ()


class RulesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in force."""

    revision: str
    sha256: str
    groups: tuple[GroupStatus, ...] = ()


def rules_routes(rules: Callable[[], RulesStatus]) -> tuple[Route, ...]:
    """Return the route of the rules."""

    def show(request: Request) -> Response:
        del request
        found = rules()
        content = {
            "revision": found.revision,
            "sha256": found.sha256,
            "groups": [_group_json(group) for group in found.groups],
        }
        return Response(msgspec.json.encode(content), media_type="application/json")

    return (Route("/api/v1/rules", show, methods=["GET"]),)


def _group_json(group: GroupStatus) -> dict[str, Any]:
    return {
        "name": group.name,
        "file": group.file,
        "interval": group.interval_s,
        "limit": group.limit,
        "lastEvaluation": iso(group.last_slot_ns),
        "evaluationTime": group.took_s,
        "failedLooks": group.failed_looks_count,
        "lastError": group.last_error,
        "rules": [_rule_json(rule, group) for rule in group.rules],
    }


def _rule_json(rule: RuleStatus, group: GroupStatus) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "type": rule.kind,
        "place": rule.place,
        "version": rule.version,
        "state": rule.state,
        "activeAlerts": rule.active_alerts_count,
        "health": rule.health,
        "lastError": rule.last_error,
        "lastErrorAt": iso(rule.last_error_at_ns),
        "restsUntil": iso(rule.rests_until_ns),
        "lastEvaluation": iso(group.last_slot_ns),
        "evaluations": rule.evaluations_count,
    }
