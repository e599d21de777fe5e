"""Writes learned path templates as a rule file for people to review."""

from __future__ import annotations

import re
from collections.abc import Sequence

from causewatch.paths.format import format_model, format_name, format_node
from causewatch.paths.lesson import LearnedNode, Lesson, Seen

MAX_SEEN_SHOWN = 12
MAX_COMMENT_CHARS = 100
_PLAIN = re.compile(r"[A-Za-z0-9_(-][A-Za-z0-9_ (){}|&,*+?>./-]*\Z")
_NAME = re.compile(r"[^a-z0-9]+")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off"}


def path_file(lessons: Sequence[Lesson]) -> str:
    """Return a rule file with one path for each lesson; what speaks for a line stands above it."""
    lines = [
        "# Learned from good runs. Read it, tighten what you know better, loosen what may change;",
        "# then add what must come before what (required), and what never after what (forbidden).",
        "paths:" if lessons else "paths: []",
    ]
    names: set[str] = set()
    for lesson in lessons:
        lines += _path(lesson, _free_name(lesson.workflow, names))
    return "\n".join(lines) + "\n"


def _free_name(workflow: str, taken: set[str]) -> str:
    stem = _NAME.sub("-", workflow.lower()).strip("-")[:60] or "path"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    return name


def _path(lesson: Lesson, name: str) -> list[str]:
    lines = [
        f"- path: {_scalar(name)}",
        f"  workflow: {_scalar(_escaped(lesson.workflow))}  # {_times(lesson.runs_count, 'run')}",
        "  expect:",
    ]
    for node in lesson.nodes:
        lines += [f"    {comment}" for comment in _comments(node)]
        lines.append(
            f"    {_scalar(format_node(node.pattern))}: {_scalar(format_model(node.model))}"
        )
    return lines


def _comments(node: LearnedNode) -> list[str]:
    """Return what speaks for a line: in how many runs, and how often each child was there."""
    visits = f", {node.visits_count:,} times" if node.visits_count != node.runs_count else ""
    words = [f"{_times(node.runs_count, 'run')}{visits}:"]
    shown = node.seen[:MAX_SEEN_SHOWN]
    words += [f"{_seen(seen, node.visits_count)}," for seen in shown]
    if len(node.seen) > len(shown):
        words.append(f"and {len(node.seen) - len(shown)} more")
    if not node.seen:
        words.append("nothing below it")
    if node.misfits_count:
        words.append(
            f"held out, {node.misfits_count} of {node.visits_count:,} did not fit the rest"
        )
    lines = ["#"]
    for word in words:
        if len(lines[-1]) + len(word) >= MAX_COMMENT_CHARS:
            lines.append("#  ")
        lines[-1] += f" {word}"
    lines[-1] = lines[-1].rstrip(",")
    return lines


def _seen(seen: Seen, total: int) -> str:
    arrow = "-> " if seen.name.is_handoff else ""
    name = re.sub(r"[^ -~\w]", "?", format_name(seen.name.pattern))
    share = "always" if seen.visits_count == total else f"in {seen.visits_count:,}"
    span = f"{seen.least}" if seen.least == seen.most else f"{seen.least} to {seen.most}"
    often = "" if (seen.least, seen.most) == (1, 1) else f" ({span} times)"
    return f"{arrow}{name} {share}{often}"


def _times(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _escaped(name: str) -> str:
    """Return a workflow's name as a glob of exactly that name."""
    # A name of blanks alone would read as none at all.
    return re.sub(r"([*?\[])" if name.strip() else r"(.)", r"[\1]", name, flags=re.DOTALL)


def _scalar(text: str) -> str:
    """Return text as a YAML scalar that reads back as it is."""
    is_number = bool(re.fullmatch(r"[-+.0-9eE_]+", text))
    is_marked = text.startswith("- ") or text != text.strip()
    if _PLAIN.match(text) and not is_number and not is_marked and text.lower() not in _WORDS:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return f'"{_UNSAFE.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    """Return a character as YAML's double quotes write it; JSON's pairs are none of YAML's."""
    return f"\\U{ord(found[0]):08x}"
