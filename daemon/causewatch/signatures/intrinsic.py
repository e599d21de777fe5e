"""The intrinsics: what every span has, besides its attributes."""

from __future__ import annotations

from typing import Literal

import msgspec

StaticType = Literal[
    "attribute", "string", "int", "float", "duration", "bool", "status", "kind", "number"
]
"""``attribute`` is a value whose type is known at run time only; ``number`` a calculated one."""


class IntrinsicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one intrinsic before any span is seen.

    ``grows`` says that the value may change while spans of the run still arrive.
    """

    type: StaticType
    legacy: str = ""
    portable: bool = True
    grows: bool = False


INTRINSICS: dict[str, IntrinsicSpec] = {
    "span:id": IntrinsicSpec(type="string"),
    "span:parentID": IntrinsicSpec(type="string"),
    "span:name": IntrinsicSpec(type="string", legacy="name"),
    "span:kind": IntrinsicSpec(type="kind", legacy="kind"),
    "span:status": IntrinsicSpec(type="status", legacy="status"),
    "span:statusMessage": IntrinsicSpec(type="string", legacy="statusMessage"),
    "span:duration": IntrinsicSpec(type="duration", legacy="duration"),
    "span:childCount": IntrinsicSpec(type="int", grows=True),
    "span:start": IntrinsicSpec(type="int", portable=False),
    "span:end": IntrinsicSpec(type="int", portable=False),
    "trace:id": IntrinsicSpec(type="string"),
    "trace:duration": IntrinsicSpec(type="duration", legacy="traceDuration", grows=True),
    "trace:rootName": IntrinsicSpec(type="string", legacy="rootName", grows=True),
    "trace:rootService": IntrinsicSpec(type="string", legacy="rootServiceName", grows=True),
    "event:name": IntrinsicSpec(type="string"),
    "event:timeSinceStart": IntrinsicSpec(type="duration"),
    "link:traceID": IntrinsicSpec(type="string"),
    "link:spanID": IntrinsicSpec(type="string"),
    "instrumentation:name": IntrinsicSpec(type="string"),
    "instrumentation:version": IntrinsicSpec(type="string"),
    "nestedSetLeft": IntrinsicSpec(type="int", legacy="nestedSetLeft", grows=True),
    "nestedSetRight": IntrinsicSpec(type="int", legacy="nestedSetRight", grows=True),
    "nestedSetParent": IntrinsicSpec(type="int", legacy="nestedSetParent", grows=True),
}
"""Every intrinsic by its scoped name; the three nested-set numbers have no scope."""

LEGACY: dict[str, str] = {spec.legacy: name for name, spec in INTRINSICS.items() if spec.legacy}
"""The unscoped spelling of an intrinsic to its name."""

INTRINSIC_SCOPES: tuple[str, ...] = ("span", "trace", "event", "link", "instrumentation")
