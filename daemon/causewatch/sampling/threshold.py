"""Thresholds and randomness of 56 bits: probabilities that whoever samples agrees on.

A run is kept where its randomness is not below the threshold. The randomness is the last 56 bits of
the trace id, or ``rv`` of the trace state; so what is kept at some probability is kept at every
higher one too, here and in every other process. Source: OpenTelemetry specification, trace state
handling and probability sampling
(https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).
"""

from __future__ import annotations

import hashlib
import math
import re
from fractions import Fraction

ALWAYS = 0
NEVER = 1 << 56
"""More than any randomness: not a threshold of the specification, and never written."""
_DIGITS = 14
_PRECISION_DIGITS = 4
"""What the specification recommends; more for small probabilities."""
_HEX = re.compile(r"[0-9a-f]+\Z")


def threshold_of(probability: float) -> int:
    """Return the threshold that keeps so large a share, from 0 to 1, to four digits or more.

    A probability above 0 never becomes 0.
    """
    if probability <= 0:
        return NEVER
    if probability >= 1:
        return ALWAYS
    # Each leading f of a threshold tells nothing yet: small probabilities get digits for them.
    exponent = math.frexp(probability)[1]
    digits = min(_DIGITS, _PRECISION_DIGITS + max(0, -exponent) // 4)
    unit = 1 << 4 * (_DIGITS - digits)
    rejected = (1 - Fraction(probability)) * NEVER / unit
    return min(math.floor(rejected + Fraction(1, 2)) * unit, NEVER - 1)


def probability_of(threshold: int) -> float:
    """Return the share, from 0 to 1, that a threshold keeps."""
    return (NEVER - threshold) / NEVER


def randomness_of(trace_id: str, explicit: int | None = None) -> int:
    """Return what is compared with thresholds: ``explicit``, else the end of the trace id.

    An id that is no hexadecimal number (OTLP has none such) is hashed, the same in every process.
    """
    if explicit is not None:
        return explicit
    tail = trace_id[-_DIGITS:]
    if len(tail) == _DIGITS and tail.isascii() and tail.isalnum():
        # Quicker than a pattern: what is left to go wrong are letters past f.
        try:
            return int(tail, 16)
        except ValueError:
            return _hashed(trace_id)
    return _hashed(trace_id)


def _hashed(trace_id: str) -> int:
    digest = hashlib.blake2b(trace_id.encode(errors="surrogatepass"), digest_size=7)
    return int.from_bytes(digest.digest(), "big")


def th_of(threshold: int) -> str:
    """Return a threshold below ``NEVER`` as the value of ``th``: no zeros at the end."""
    return f"{threshold:014x}".rstrip("0") or "0"


def read_th(text: str) -> int | None:
    """Return the threshold that a value of ``th`` means, ``None`` where it is none."""
    text = text.lower()
    if not 1 <= len(text) <= _DIGITS or not _HEX.match(text):
        return None
    return int(text.ljust(_DIGITS, "0"), 16)


def read_rv(text: str) -> int | None:
    """Return the randomness that a value of ``rv`` means, ``None`` where it is none."""
    text = text.lower()
    return int(text, 16) if len(text) == _DIGITS and _HEX.match(text) else None
