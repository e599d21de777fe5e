"""Test outcomes as JUnit XML, the form that CI systems show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from causewatch.app.testing import Outcome
    from causewatch.errors import Problem

# What XML 1.0 cannot hold even escaped; texts of recorded runs may have it.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(outcomes: Sequence[Outcome], problems: Sequence[Problem] = ()) -> bytes:
    """Return one suite for each file; a file that cannot be used is a test that errs."""
    root = ET.Element("testsuites", name="causewatch test")
    suites: dict[str, ET.Element] = {}
    for problem in problems:
        case = ET.SubElement(_suite(root, suites, problem.file), "testcase")
        case.attrib |= {"classname": _plain(problem.file), "name": problem.check}
        ET.SubElement(case, "error", message=_plain(problem.message)).text = _plain(str(problem))
    for outcome in outcomes:
        _add(_suite(root, suites, outcome.file), outcome)
    for suite in (*suites.values(), root):
        _count(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(root: ET.Element, suites: dict[str, ET.Element], file: str) -> ET.Element:
    if file not in suites:
        suites[file] = ET.SubElement(root, "testsuite", name=_plain(file))
    return suites[file]


def _add(suite: ET.Element, outcome: Outcome) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_plain(outcome.file),
        name=_plain(f"{outcome.test}: {outcome.kind} {outcome.about}"),
        file=_plain(outcome.file),
        line=str(outcome.line),
        time=f"{outcome.duration_s:.3f}",
    )
    if outcome.status == "passed":
        return
    tag = "failure" if outcome.status == "failed" else "error"
    first = outcome.differences[0] if outcome.differences else ""
    text = "\n".join((f"{outcome.file}:{outcome.line}:{outcome.column}", *outcome.differences))
    ET.SubElement(case, tag, message=_plain(first)).text = _plain(text)


def _count(suite: ET.Element) -> None:
    """Write the counts that readers expect on a suite, and on the whole."""
    cases = list(suite.iter("testcase"))
    suite.set("tests", str(len(cases)))
    for tag in ("failure", "error"):
        suite.set(f"{tag}s", str(sum(1 for case in cases if case.find(tag) is not None)))
    took_s = sum(float(case.get("time", "0")) for case in cases)
    suite.set("time", f"{took_s:.3f}")


def _plain(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
