"""How a body lies in a row: zstd-compressed, with a checksum by which damage is found."""

from __future__ import annotations

import zlib
from typing import Any, Literal, TypeAlias

import zstandard

from causewatch.inbox.batch import Batch

CorruptReason: TypeAlias = Literal["signal", "compression", "size", "checksum", "page"]
"""Why a stored row cannot be read back; ``page`` is what SQLite itself reports."""

# A fifth to a third less time than zstd's level 1, for rows larger by a tenth: what repeats in
# requests is long (messages that are sent again with each step of an agent): short matches are not
# worth their search.
_PARAMETERS = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_FAST,
    window_log=18,
    hash_log=14,
    chain_log=10,
    search_log=1,
    min_match=7,
    target_length=1,
)


class CorruptError(Exception):
    """A stored row cannot be read back."""

    def __init__(self, reason: CorruptReason) -> None:
        super().__init__(reason)
        self.reason: CorruptReason = reason


class Packer:
    """Packs bodies; for use by one thread at a time."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(compression_params=_PARAMETERS)

    def pack(self, body: bytes) -> tuple[bytes, int]:
        """Return what to store of ``body``, and the checksum of that."""
        packed = self._compressor.compress(body)
        return packed, zlib.crc32(packed)


def unpack(row: tuple[Any, ...]) -> Batch:
    """Return the batch in a row of sequence number, signal, time, raw size, checksum and body.

    Raises:
        CorruptError: the row is not what was stored.
    """
    seq, signal, received_ns, raw_bytes, crc32, packed = row
    if signal not in ("traces", "logs"):
        raise CorruptError("signal")
    try:
        # The frame's own size is checked first: a damaged one may ask for any amount of memory.
        if zstandard.frame_content_size(packed) != raw_bytes:
            raise CorruptError("size")
        body = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError as error:
        raise CorruptError("compression") from error
    # Up to format 1 the checksum was that of the body, which takes ten times as long.
    if crc32 != zlib.crc32(packed) and crc32 != zlib.crc32(body):
        raise CorruptError("checksum")
    return Batch(seq=seq, signal=signal, received_ns=received_ns, body=body)
