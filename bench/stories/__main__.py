"""Write made-up runs and their labels to files.

Usage: python -m bench.stories --seed 1 --runs 600 --out runs.jsonl --labels labels.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.stories.make import make


def main(argv: Sequence[str] | None = None) -> int:
    """Write the runs, one OTLP/JSON request a line, and a label for each."""
    parser = argparse.ArgumentParser(prog="python -m bench.stories")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    given = parser.parse_args(argv)
    encode = msgspec.json.Encoder().encode
    with given.out.open("w", encoding="utf-8") as runs, given.labels.open("wb") as labels:
        for request, label in make(given.seed, given.runs):
            runs.write(json.dumps(request, ensure_ascii=False) + "\n")
            labels.write(encode(label) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
