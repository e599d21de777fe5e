"""Secrets of the configuration: written as ``${env:NAME}``, or kept in a file of their own."""

from __future__ import annotations

from pathlib import Path

from causewatch.rules.read import Section
from causewatch.rules.yaml import Problems

UNREADABLE = "https://unreadable.invalid"
"""Stands in for a secret that has a problem: what follows from its absence is not said beside."""


def read_secret(section: Section, key: str, folder: Path, problems: Problems) -> str:
    """Return a secret given as ``key``, or in the file named by ``key_file``, stripped.

    One that cannot be read is a problem, and ``UNREADABLE`` stands in for it.
    """
    file_key = f"{key}_file"
    if section.is_good(key) and section.is_good(file_key):
        problems.add(
            section.key_place(file_key), "value", f"give {key!r} or {file_key!r}, not both"
        )
    if any(section.has(name) and not section.is_good(name) for name in (key, file_key)):
        return UNREADABLE
    if not section.is_good(file_key):
        return section.text(key).strip()
    shown = section.text(file_key)
    try:
        found = (folder / section.text(file_key)).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        problems.add(section.place_of(file_key), "secret", f"{shown} cannot be read: {reason}")
        return UNREADABLE
    if not found:
        problems.add(section.place_of(file_key), "secret", f"{shown} is empty")
    return found
