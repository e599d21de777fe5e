"""The shapes of what the API takes and answers, as JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_TIME: Schema = {"type": ["string", "null"], "format": "date-time", "description": "Null is never."}
_NAME: Schema = {"type": ["string", "null"]}
_ANY: Schema = {"type": "object"}
_LABELS: Schema = {"type": "object", "additionalProperties": _TEXT}
_COUNTS: Schema = {"type": "object", "additionalProperties": _COUNT}


def _one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def _many(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
    }


_ALERT_STATE = _one_of("inactive", "pending", "firing", "keep_firing", "resolved")
_MATCHER = _object(
    {"name": _TEXT, "value": _TEXT, "isRegex": _FLAG, "isEqual": _FLAG},
)
_ASKED_MATCHER = _object({"name": _TEXT, "value": _TEXT}, {"isRegex": _FLAG, "isEqual": _FLAG})
_FILE = {"loadedAt": _TIME, "problems": _many(_TEXT)}

SCHEMAS: dict[str, Schema] = {
    "Error": _object({"error": _TEXT}),
    "Incident": _object(
        {
            "id": _TEXT,
            "state": _one_of("open", "resolved"),
            "title": _TEXT,
            "severity": _TEXT,
            "revision": _COUNT,
            "cause": _ANY,
            "alerts": _many(_ref("Alert")),
            "runs": _many(_TEXT),
            "opened_at": _TIME,
            "updated_at": _TIME,
            "resolved_at": _TIME,
            "acknowledged_by": _NAME,
            "acknowledged_at": _TIME,
            "closed_by": _NAME,
        }
    ),
    "Explained": _object(
        {
            "incident": _ref("Incident"),
            "explain": {"type": ["object", "null"]},
            "explanation": _TEXT,
        }
    ),
    "Alert": _object(
        {
            "alertname": _TEXT,
            "rule": _TEXT,
            "state": _ALERT_STATE,
            "value": _NUMBER,
            "labels": _LABELS,
            "annotations": _LABELS,
            "active_at": _TIME,
            "fired_at": _TIME,
            "resolved_at": _TIME,
            "runs": _many(_TEXT),
            "revision": _TEXT,
        }
    ),
    "Silence": _object(
        {
            "id": _TEXT,
            "status": _object({"state": _one_of("pending", "active", "expired")}),
            "matchers": _many(_MATCHER),
            "startsAt": _TIME,
            "endsAt": _TIME,
            "updatedAt": _TIME,
            "createdBy": _TEXT,
            "comment": _TEXT,
        }
    ),
    "AskedSilence": _object(
        {
            "matchers": _many({"anyOf": [_ASKED_MATCHER, _TEXT]}),
            "endsAt": _TEXT,
            "createdBy": _TEXT,
            "comment": _TEXT,
        },
        {"startsAt": _TEXT},
    ),
    "AskedDeed": _object({"by": _TEXT}, {"comment": _TEXT}),
    "DeadLetter": _object(
        {
            "number": _COUNT,
            "message_id": _TEXT,
            "target": _TEXT,
            "incident": _TEXT,
            "title": _TEXT,
            "action": _TEXT,
            "attempts": _COUNT,
            "created_at": _TIME,
            "error": _TEXT,
            "possibly_sent": _FLAG,
        }
    ),
    "AskedReplay": _object(
        {}, {"numbers": _many({"type": "integer"}), "target": _TEXT, "all": _FLAG}
    ),
    "Rules": _object({"revision": _TEXT, "sha256": _TEXT, "groups": _many(_ref("Group"))}),
    "Group": _object(
        {
            "name": _TEXT,
            "file": _TEXT,
            "interval": _NUMBER,
            "limit": _COUNT,
            "lastEvaluation": _TIME,
            "evaluationTime": {"type": ["number", "null"], "description": "In seconds."},
            "failedLooks": _COUNT,
            "lastError": _TEXT,
            "rules": _many(_ref("Rule")),
        }
    ),
    "Rule": _object(
        {
            "id": _TEXT,
            "name": _TEXT,
            "type": _one_of("signature", "contract", "path", "novelty"),
            "place": _TEXT,
            "version": _TEXT,
            "state": _one_of("inactive", "pending", "firing", "keep_firing"),
            "activeAlerts": _COUNT,
            "health": _one_of("unknown", "ok", "err"),
            "lastError": _TEXT,
            "lastErrorAt": _TIME,
            "restsUntil": _TIME,
            "lastEvaluation": _TIME,
            "evaluations": _COUNT,
        }
    ),
    "Status": _object(
        {
            "version": _TEXT,
            "startedAt": _TIME,
            "config": _object(_FILE | {"restartNeeded": _many(_TEXT)}),
            "rules": _object(_FILE | {"revision": _TEXT, "sha256": _TEXT}),
            "ingest": _object({"lagBatches": _COUNT, "inboxBytes": _COUNT, "liveRuns": _COUNT}),
            "outbox": _COUNTS,
            "dialects": _COUNTS,
            "limits": _COUNTS,
        }
    ),
    "Reloaded": _object({"problems": _many(_TEXT), "revision": _TEXT}),
}
