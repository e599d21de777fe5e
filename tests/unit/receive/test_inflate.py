from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from causewatch.receive.inflate import BombError, Encoding, InflateError, inflate

MIB = 1024 * 1024
PACKERS: dict[Encoding, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
}
PACKED: list[Encoding] = ["gzip", "deflate", "zstd"]


@given(st.binary(max_size=2000), st.integers(1, 3))
def test_whatever_is_packed_is_unpacked(body: bytes, member_count: int) -> None:
    """One member or several, exactly at the limit, in each encoding."""
    for encoding in PACKED:
        packed = PACKERS[encoding](body) * member_count
        limit_bytes = len(body) * member_count
        assert inflate(packed, encoding, limit_bytes=limit_bytes) == body * member_count


@pytest.mark.parametrize("encoding", PACKERS)
def test_one_byte_past_the_limit_is_too_much(encoding: Encoding) -> None:
    """The limit is exact in each encoding."""
    pack = PACKERS[encoding]
    assert inflate(pack(b"x" * 100), encoding, limit_bytes=100) == b"x" * 100
    with pytest.raises(BombError):
        inflate(pack(b"x" * 101), encoding, limit_bytes=100)


@pytest.mark.parametrize("encoding", PACKED)
def test_a_bomb_costs_no_more_than_the_limit(encoding: Encoding) -> None:
    """Half a megabyte that unpacks to 500 MiB is stopped at 1 MiB, not after."""
    bomb = PACKERS[encoding](bytes(500 * MIB))
    tracemalloc.start()
    with pytest.raises(BombError):
        inflate(bomb, encoding, limit_bytes=MIB)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8 * MIB


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_fail(body: bytes) -> None:
    """Any bytes unpack, or are refused: nothing else ever leaves."""
    for encoding in PACKED:
        try:
            inflate(body, encoding, limit_bytes=1000)
        except (InflateError, BombError):
            continue


def zstd_stream(body: bytes) -> bytes:
    """Return a frame whose header does not tell its size, as streaming senders write it."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize("cut", [1, 8, 12, 60])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.compress),
        ("zstd", zstd_stream),
    ],
)
def test_a_cut_body_is_refused(
    encoding: Encoding, pack: Callable[[bytes], bytes], cut: int
) -> None:
    """Half a request is never taken for a whole one."""
    packed = pack(bytes(range(256)))
    assert inflate(packed, encoding, limit_bytes=1000) == bytes(range(256))
    with pytest.raises(InflateError):
        inflate(packed[:-cut], encoding, limit_bytes=1000)
