"""Fingerprints of a text, by which a part of it is known again in another text.

Winnowing, after Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for Document
Fingerprinting" (SIGMOD 2003): hash every k-gram, keep the smallest hash of every window. Two texts
that share a long enough passage then share a fingerprint, whatever stands around it, and few hashes
are kept.

As the paper advises, features that do not matter are taken out first: case, white space, and
punctuation, by which JSON, its Python spelling and a pretty-printed copy differ. Two changes serve
speed and scripts without blanks. A k-gram begins only where a word does (a copied passage keeps its
words), and a character of three or more UTF-8 bytes (Chinese, Japanese, Thai, ...) is a word. The
length of a k-gram is counted in bytes, since a script that says more in a character spends more
bytes on it.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate

GRAM_BYTES = 24
"""Four to five words of English, eight Chinese characters: shorter passages recur by chance, longer
ones miss results of one line."""
WINDOW_WORDS = 4
"""Of four k-grams in a row at least one is kept. So a shared passage of three words and
``GRAM_BYTES`` more is always found, for two fifths of the memory that all k-grams would take."""
MAX_TEXT_CHARS = 400_000
"""Of a longer text the beginning is fingerprinted: the rest is known by nothing."""
MAX_KEPT_CHARS = 4_096
"""What was found in texts up to here is kept: prompts and answers are said again and again."""
_WORD = re.compile(
    rb"(?:[0-9A-Za-z]|[\xc3-\xdf][\x80-\xbf])+|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_PLAIN = bytes(ord(chr(b).lower()) if chr(b).isalnum() and b < 128 else 32 for b in range(256))
"""Of a text of ASCII alone the words are found without a pattern, in a fraction of the time."""
_ESCAPE = re.compile(r"(?<!\\)\\++(?:u([0-9a-fA-F]{4})|[nrt])")
"""However often the text was encoded: each time doubles the backslashes."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def fingerprints(text: str) -> frozenset[int]:
    """Return the fingerprints of ``text``: 32-bit numbers, none for less than ``GRAM_BYTES``.

    Takes time linear in its length.
    """
    return _kept(text) if len(text) <= MAX_KEPT_CHARS else _found(text)


@lru_cache(maxsize=1024)
def _kept(text: str) -> frozenset[int]:
    return _found(text)


def _found(text: str) -> frozenset[int]:
    plain = unescaped(text[:MAX_TEXT_CHARS])
    words = (
        plain.encode().translate(_PLAIN).split()
        if plain.isascii()
        else _WORD.findall(plain.casefold().encode("utf-8", "surrogatepass"))
    )
    whole = b"".join(words)
    starts = [0, *accumulate(map(len, words))]
    del starts[bisect_right(starts, len(whole) - GRAM_BYTES) :]
    hashes = list(map(zlib.crc32, [whole[at : at + GRAM_BYTES] for at in starts]))
    if len(hashes) <= WINDOW_WORDS:
        return frozenset({min(hashes)}) if hashes else frozenset()
    # The smallest of each window of four, as the smaller of two smallest of two.
    pairs = list(map(min, hashes, hashes[1:]))
    return frozenset(map(min, pairs, pairs[2:]))


def unescaped(text: str) -> str:
    r"""Return ``text`` with JSON's escapes undone (``\n``, ``\u00e9``): it may quote JSON."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_plain, text)
    if _SURROGATE.search(plain):
        # Two escapes, one character.
        plain = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return plain


def _plain(match: re.Match[str]) -> str:
    code = match.group(1)
    return chr(int(code, 16)) if code else " "
