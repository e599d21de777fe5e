"""Rewrites the signatures of a rule file in one layout; everything else stays as it was written."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import yaml

from causewatch.errors import ProblemsError
from causewatch.rules.yaml import Place, Problems, parse
from causewatch.signatures.error import SignatureError
from causewatch.signatures.layout import layout
from causewatch.signatures.parser import parse as parse_signature

_KEYS = frozenset({"signature"})


class _Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Characters ``start`` to ``end`` become ``text``."""

    start: int
    end: int
    text: str


def rewritten(file: str, content: bytes) -> bytes:
    """Return a rule file with every ``signature:`` laid out as ``causewatch fmt`` does.

    Raises:
        ProblemsError: when the file is no good YAML, or a signature cannot be read; with all of
            them. Nothing is rewritten then.
    """
    problems = Problems()
    if parse(file, content, problems) is None and len(problems) == 0:
        return content
    if len(problems) > 0:
        raise ProblemsError(list(problems))
    text = content.decode("utf-8-sig")
    edits: list[_Edit] = []
    for key, value in _signatures(yaml.compose(text, Loader=yaml.CSafeLoader)):
        edit = _edit(file, text, key, value, problems)
        if edit is not None:
            edits.append(edit)
    if len(problems) > 0:
        raise ProblemsError(list(problems))
    for edit in reversed(edits):
        text = text[: edit.start] + edit.text + text[edit.end :]
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    return mark + text.encode()


def _signatures(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.ScalarNode]]:
    """Yield key and value of each signature, in the order in which they stand in the file."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _signatures(item)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in _KEYS and isinstance(value, yaml.ScalarNode):
                yield key, value
            else:
                yield from _signatures(value)


def _edit(
    file: str, text: str, key: yaml.ScalarNode, value: yaml.ScalarNode, problems: Problems
) -> _Edit | None:
    """Return what to change so that a signature stands there laid out, or ``None``."""
    try:
        laid_out = layout(parse_signature(value.value))
    except SignatureError as error:
        mark = value.start_mark
        place = Place(file=file, line=mark.line + 1, column=mark.column + 1)
        problems.add(place, "signature", error.render())
        return None
    if laid_out == value.value.strip("\n"):
        return None
    start = value.start_mark.index
    if value.style in {"|", ">"}:
        start, end = _block_lines(text, key, value)
    else:
        end = value.end_mark.index
    if "\n" not in laid_out and value.style not in {"|", ">"}:
        return _Edit(start=start, end=end, text=_quoted(laid_out))
    indent = " " * (key.start_mark.column + 2)
    lines = "\n".join(indent + line for line in laid_out.split("\n"))
    head = "" if value.style in {"|", ">"} else "|\n"
    return _Edit(start=start, end=end, text=head + lines)


def _block_lines(text: str, key: yaml.ScalarNode, value: yaml.ScalarNode) -> tuple[int, int]:
    """Return where the lines of a block scalar start and end, behind its header and last line."""
    start = text.index("\n", value.start_mark.index) + 1
    end = position = start
    while position < len(text):
        stop = text.find("\n", position)
        stop = len(text) if stop < 0 else stop
        line = text[position:stop]
        indent_chars = len(line) - len(line.lstrip(" "))
        if line.strip() and indent_chars <= key.start_mark.column:
            break
        end = stop if line.strip() else end
        position = stop + 1
    return start, end


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
