"""Reads an inbox without owning it: beside a running daemon, or long after it stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from causewatch.errors import InputError
from causewatch.inbox.batch import Batch
from causewatch.inbox.pack import CorruptError, unpack

_SELECT = "SELECT seq, signal, received_ns, raw_bytes, crc32, body FROM batch ORDER BY seq"


def stored_batches(path: Path, *, errors: list[InputError]) -> Iterator[Batch]:
    """Yield all batches of an inbox in order of arrival; what is damaged goes to ``errors``.

    Raises:
        InputError: there is no inbox at ``path``, or it cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no inbox here")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            for row in connection.execute(_SELECT):
                try:
                    yield unpack(row)
                except CorruptError as error:
                    errors.append(InputError(f"{path}: batch {row[0]} is damaged ({error})"))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InputError(f"{path}: {error}") from None
