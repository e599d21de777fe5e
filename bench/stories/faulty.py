"""Every fault that can be planted, with the topologies in which it can happen."""

from __future__ import annotations

from collections.abc import Callable

from bench.stories import mishandled, spoiled
from bench.stories.kit import Kit
from bench.stories.plot import Plot
from bench.stories.topology import ANY, HANDED

Maker = Callable[[Kit], Plot]

FAULTS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "error_envelope": (spoiled.error_envelope, ANY),
    "error_text": (spoiled.error_text, ANY),
    "empty_made_up": (spoiled.empty_made_up, ANY),
    "missing_fields": (spoiled.missing_fields, ANY),
    "truncated_result": (spoiled.truncated_result, ANY),
    "partial_page": (spoiled.partial_page, ANY),
    "stale_cache": (spoiled.stale_cache, ANY),
    "stale_read": (spoiled.stale_read, ANY),
    "out_of_order": (spoiled.out_of_order, ANY),
    "loop": (spoiled.loop, ANY),
    "poisoned_text": (spoiled.poisoned_text, ANY),
    "poisoned_note": (spoiled.poisoned_note, ANY),
    "poisoned_page": (spoiled.poisoned_page, ANY),
    "poisoned_errand": (spoiled.poisoned_errand, ANY),
    "cut_json": (mishandled.cut_json, HANDED),
    "cut_task": (mishandled.cut_task, ("delegate", "nested")),
    "drift_in_task": (mishandled.drift_in_task, ("delegate", "nested")),
    "number_drift": (mishandled.number_drift, HANDED),
    "swapped_ids": (mishandled.swapped_ids, HANDED),
    "invented_argument": (mishandled.invented_argument, HANDED),
    "failed_write": (mishandled.failed_write, ANY),
    "skipped_step": (mishandled.skipped_step, HANDED),
    "cut_handoff": (mishandled.cut_handoff, HANDED),
    "marked_cut": (mishandled.marked_cut, HANDED),
    "flattened": (mishandled.flattened, HANDED),
    "flattened_result": (mishandled.flattened_result, ANY),
    "drift_in_code": (mishandled.drift_in_code, HANDED),
    "lost_branch": (mishandled.lost_branch, ("fan_out",)),
    "branch_failed": (mishandled.branch_failed, ("fan_out",)),
    "ping_pong": (mishandled.ping_pong, ("transfer", "chat")),
}
"""Each fault with the topologies in which it can happen."""

IN_HANDOFF = frozenset({"cut_handoff", "marked_cut", "cut_json", "flattened", "drift_in_code"})
"""Those in which code changes what reaches an agent: visible only where that is recorded."""
