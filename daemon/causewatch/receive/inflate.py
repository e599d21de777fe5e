"""Compressed bodies, unpacked only as far as they may reach."""

from __future__ import annotations

import io
import zlib
from typing import Literal, TypeAlias, assert_never

import zstandard

Encoding: TypeAlias = Literal["identity", "gzip", "deflate", "zstd"]

# What zlib calls window bits also says which header to expect. "deflate" in HTTP is the zlib
# format (RFC 9110, 8.4.1.2), not the bare stream.
_GZIP_WINDOW_BITS, _ZLIB_WINDOW_BITS = 31, 15
_MAX_ZSTD_WINDOW_BYTES = 128 * 1024 * 1024


class InflateError(Exception):
    """The bytes are not what their encoding says."""


class BombError(Exception):
    """The bytes unpack to more than the limit."""


def inflate(body: bytes, encoding: Encoding, *, limit_bytes: int) -> bytes:
    """Return ``body`` unpacked.

    Raises:
        InflateError: it is damaged, or of another encoding.
        BombError: it unpacks to more than ``limit_bytes``; no more than that is ever held.
    """
    match encoding:
        case "identity":
            plain = body
        case "gzip":
            plain = _unzlib(body, limit_bytes + 1, _GZIP_WINDOW_BITS)
        case "deflate":
            plain = _unzlib(body, limit_bytes + 1, _ZLIB_WINDOW_BITS)
        case "zstd":
            plain = _unzstd(body, limit_bytes + 1)
        case _:
            assert_never(encoding)
    if len(plain) > limit_bytes:
        raise BombError
    return plain


def _unzlib(body: bytes, max_bytes: int, window_bits: int) -> bytes:
    """Return at most ``max_bytes`` of all members of a gzip or zlib stream."""
    out = bytearray()
    rest = body
    try:
        while len(out) < max_bytes:
            member = zlib.decompressobj(window_bits)
            out += member.decompress(rest, max_bytes - len(out))
            if not member.eof:
                if len(out) < max_bytes:
                    raise InflateError("the compressed body ends too early")
                break
            rest = member.unused_data
            if not rest:
                break
    except zlib.error as error:
        raise InflateError(f"not what content-encoding says: {error}") from error
    return bytes(out)


def _unzstd(body: bytes, max_bytes: int) -> bytes:
    """Return at most ``max_bytes`` of all frames of a zstd stream."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW_BYTES)
    try:
        with decompressor.stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            plain = reader.read(max_bytes)
        if len(plain) < max_bytes and not _is_whole(decompressor, body, len(plain)):
            raise InflateError("the zstd body ends too early")
    except zstandard.ZstdError as error:
        raise InflateError(f"not zstd: {error}") from error
    return plain


def _is_whole(decompressor: zstandard.ZstdDecompressor, body: bytes, plain_bytes: int) -> bool:
    """Return whether the last frame of ``body`` ends; the stream reader takes a cut for an end.

    Only safe once ``body`` is known to be no bomb, as this unpacks frames whole.
    """
    if zstandard.frame_content_size(body) == plain_bytes:
        return True
    rest = body
    while rest:
        frame = decompressor.decompressobj()
        frame.decompress(rest)
        if not frame.eof:
            return False
        rest = frame.unused_data
    return True
