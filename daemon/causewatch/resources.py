"""Where shipped rules and schemas are: in the wheel, or in an editable install's checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the path of a shipped folder or file, such as ``rules`` or ``schemas/rules.json``.

    Raises:
        FileNotFoundError: when this installation does not carry it.
    """
    for root in (_PACKAGE / "_shipped", _PACKAGE.parent.parent):
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"{name} is missing from this installation of causewatch")
