"""Names the identity of rules: ids that survive a reload, and digests that notice a change."""

from __future__ import annotations

import hashlib

from causewatch.model.value import Value, canonical_bytes

VERSION_CHARS = 16


def rule_id_of(group_key: str, name: str) -> str:
    """Return ``group/name``. Slashes within the group are escaped: ids have one owner."""
    return f"{group_key.replace('%', '%25').replace('/', '%2F')}/{name}"


def version_of(content: Value) -> str:
    """Return a short digest of a rule's canonical content."""
    try:
        written = canonical_bytes(content)
    except (ValueError, OverflowError):
        # Lone surrogates and integers past 64 bits have no JSON bytes; their digest is as good.
        written = repr(content).encode("utf-8", "backslashreplace")
    return hashlib.sha256(written).hexdigest()[:VERSION_CHARS]
