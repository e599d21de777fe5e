"""Whom to mention, from the configuration alone, as Slack's markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_USER = re.compile(r"@?([UW][A-Z0-9]{5,})")
_GROUP = re.compile(r"@?(S[A-Z0-9]{5,})")
_BROADCAST = frozenset({"here", "channel", "everyone"})
_HANDLE = re.compile(r"[A-Za-z0-9._\-]{1,80}")


def mention(name: str, groups: Mapping[str, str]) -> str:
    """Return the markup that mentions ``name``; a handle nobody knows stays plain text.

    ``groups`` maps the handles of user groups to their ids.
    """
    if found := _USER.fullmatch(name):
        return f"<@{found.group(1)}>"
    if found := _GROUP.fullmatch(name):
        return f"<!subteam^{found.group(1)}>"
    handle = name.removeprefix("@")
    if handle in _BROADCAST:
        return f"<!{handle}>"
    if handle in groups:
        return f"<!subteam^{groups[handle]}>"
    return f"@{handle}" if _HANDLE.fullmatch(handle) else ""


def unresolved(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the handles whose group id has to be asked of Slack."""
    return tuple(name.removeprefix("@") for name in names if mention(name, {}).startswith("@"))
