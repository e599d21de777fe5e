"""``python -m causewatch`` is the command ``causewatch``."""

from __future__ import annotations

from causewatch.cli.main import main

main()
