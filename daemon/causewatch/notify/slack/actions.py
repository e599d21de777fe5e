"""What people ask for by the buttons of a message. Pure: a payload in, a wish or nothing out.

Payloads come from Slack over a connection that we opened with our own token, and name the user who
pressed the button; who may ask for something is a list in the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from causewatch.incidents.title import one_line
from causewatch.model.incident import Incident
from causewatch.notify.config import DIGEST_KEY

ACKNOWLEDGE = "causewatch_acknowledge"
SILENCE = "causewatch_silence"
LENGTHS_S: Mapping[str, int] = {
    "1 hour": 3600, "4 hours": 4 * 3600, "1 day": 86_400, "1 week": 7 * 86_400,
}  # fmt: skip
MAX_ACTIONS_COUNT = 10
"""Of one payload; Slack sends one."""
MAX_NAME_CHARS = 60
_INCIDENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_USER_ID = re.compile(r"[A-Z0-9]{1,32}")


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody takes care of an incident."""

    incident_id: str
    by: str


class SilenceLike(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants to hear nothing of an incident, and of its like, for ``length_s``."""

    incident_id: str
    by: str
    length_s: int


class NotAllowed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asked who may not; ``user_id`` is what the configuration would name."""

    by: str
    user_id: str


Wish: TypeAlias = Acknowledge | SilenceLike | NotAllowed


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """A wish, a key that tells it from others, and where an answer to whoever asked goes."""

    wish: Wish
    key: str
    response_url: str


def buttons(incident: Incident) -> Iterator[dict[str, Any]]:
    """Yield the elements with which people answer a message; none where there is nothing to do."""
    if incident.state != "open" or incident.key == DIGEST_KEY:
        return
    if not incident.acknowledged_by:
        yield {
            "type": "button",
            "text": _plain("Acknowledge"),
            "action_id": ACKNOWLEDGE,
            "value": incident.id,
        }
    yield {
        "type": "static_select",
        "placeholder": _plain("Silence for…"),
        "action_id": SILENCE,
        "options": [
            {"text": _plain(name), "value": f"{seconds} {incident.id}"}
            for name, seconds in LENGTHS_S.items()
        ],
    }


def pressed(payload: object, allowed: Collection[str]) -> tuple[Pressed, ...]:
    """Return what a payload of Slack asks for; nothing where it is not about our buttons.

    Args:
        payload: of an ``interactive`` request, of any shape.
        allowed: ids of the users who may ask for something.
    """
    if not isinstance(payload, Mapping) or payload.get("type") != "block_actions":
        return ()
    actions = payload.get("actions")
    user = payload.get("user")
    if not isinstance(actions, list) or not isinstance(user, Mapping):
        return ()
    user_id = user.get("id")
    if not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id):
        return ()
    by = _name(user, user_id)
    url = payload.get("response_url")
    found = []
    for action in actions[:MAX_ACTIONS_COUNT]:
        wish = _wish(action, by)
        if wish is not None:
            known: Wish = wish if user_id in allowed else NotAllowed(by=by, user_id=user_id)
            key = f"{user_id} {action.get('action_id')} {action.get('action_ts')}"
            url = url if isinstance(url, str) else ""
            found.append(Pressed(wish=known, key=key, response_url=url))
    return tuple(found)


def _wish(action: object, by: str) -> Acknowledge | SilenceLike | None:
    match action:
        case {"action_id": "causewatch_acknowledge", "value": str(value)} if _is_id(value):
            return Acknowledge(incident_id=value, by=by)
        case {"action_id": "causewatch_silence", "selected_option": {"value": str(value)}}:
            seconds, _, incident_id = value.partition(" ")
            length_s = next((s for s in LENGTHS_S.values() if str(s) == seconds), None)
            if length_s is None or not _is_id(incident_id):
                return None
            return SilenceLike(incident_id=incident_id, by=by, length_s=length_s)
        case _:
            return None


def length_name(length_s: int) -> str:
    """Return how a length is called in the menu."""
    return next(name for name, seconds in LENGTHS_S.items() if seconds == length_s)


def _name(user: Mapping[str, Any], user_id: str) -> str:
    """Return who it is, as people know them, with the id that cannot be changed at will."""
    name = user.get("username") or user.get("name")
    shown = one_line(name, MAX_NAME_CHARS) if isinstance(name, str) else ""
    return f"{shown} (Slack {user_id})" if shown else f"Slack user {user_id}"


def _is_id(text: str) -> bool:
    return _INCIDENT_ID.fullmatch(text) is not None


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
