"""What programs write in place of structure that they could not turn into text."""

from __future__ import annotations

import re

MAX_AROUND_CHARS = 60
"""More text around a placeholder than that is a text about placeholders."""
MAX_TEXT_CHARS = 200_000
MAX_VALUE_CHARS = 2_000
"""A longer text is prose, in which placeholders are talked about."""
_BEFORE = ("", ":", "=", ",", ";", "[", "(", "{", "|", "-", '"', "'")
_AFTER = ("", ",", ";", "]", ")", "}", "|", '"', "'", "\n")

_PLACEHOLDER = re.compile(
    r"""\[object\ [A-Z]\w{2,30}\]                                  # JavaScript
      |(?<![\w\]])\[(?:Object|Array|Circular(?:\ \*\d{1,3})?|Getter)\](?!\()
      |(?<![\w\]])\[Function(?::\ \w{1,40})?\](?!\()
      |<[\w.]{1,160}(?:<locals>[\w.]{1,80})?\ (?:object|instance)\ at\ 0x[0-9a-fA-F]{4,16}>
      |<(?:coroutine|generator|function|bound\ method|async_generator)\ [^<>\n]{0,120}>
      |Promise\ \{[^{}\n]{0,30}\}
      |\#<[A-Z][\w:]{0,80}:?0x[0-9a-f]{6,16}[^<>\n]{0,40}>           # Ruby
      |\b(?:[a-z]\w{0,30}\.){2,8}[A-Z]\w{0,60}@[0-9a-f]{5,8}\b        # Java
      |\bSystem\.(?:Collections|Object|Threading|Text)[\w.]{0,60}(?:`\d)?(?:\[[^\]\n]{0,120}\])?
    """,
    re.VERBOSE,
)
_ELISION = re.compile(r"\{\s?(?:\.\.\.|\u2026)\s?\}")
_MAY_START = re.compile(r"[\[<@]|Promise|System\.")


def placeholders_in(text: str) -> list[str]:
    """Return the placeholders in a text."""
    text = text[:MAX_TEXT_CHARS]
    if not _MAY_START.search(text):
        return []
    return [found.group() for found in _PLACEHOLDER.finditer(text)]


def elisions_in(text: str) -> list[str]:
    """Return the braces that printers write for what lies too deep: in code they are common."""
    return _ELISION.findall(text[:MAX_TEXT_CHARS])


def isolated_in(text: str) -> list[str]:
    """Return the placeholders that stand where a value should: not those in a sentence."""
    found = []
    for placeholder in placeholders_in(text[:MAX_VALUE_CHARS]):
        before, _, after = text.partition(placeholder)
        if before.rstrip()[-1:] in _BEFORE and after.lstrip(" ")[:1] in _AFTER:
            found.append(placeholder)
    return found


def is_placeholder(text: str) -> bool:
    """Tell whether a text is a placeholder and next to nothing else, such as a label before it."""
    if len(text) > 2 * MAX_AROUND_CHARS + 200:
        return False
    found = placeholders_in(text)
    return bool(found) and len(text) - sum(map(len, found)) <= MAX_AROUND_CHARS
