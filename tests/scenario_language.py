"""The language of ``tests/scenarios``: what a file says, before anything is run.

``docs/explain/testing.md`` tells how to write one. Here text becomes values, each with the line it
came from; ``scenario_spans`` turns runs into spans, ``scenario_play`` asks and compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from textwrap import dedent
from typing import Any, Literal, get_args

import msgspec

DialectName = Literal["genai", "openinference"]
SpanWord = Literal[
    "workflow", "agent", "model", "tool", "call", "retrieval", "handoff", "guardrail", "span"
]
ActionWord = Literal["eval", "contract", "path", "explain", "rules", "at"]

DIALECTS: tuple[DialectName, ...] = get_args(DialectName)
SPAN_WORDS: tuple[SpanWord, ...] = get_args(SpanWord)
ACTIONS: tuple[ActionWord, ...] = get_args(ActionWord)
FLAGS = frozenset({"continues", "unheard", "unseen", "hidden", "returns", "bare"})
"""Words in a span's line that need nothing after them."""

_NAMED = frozenset(SPAN_WORDS) - {"model"}
_PROPERTY = re.compile(r"(\^?[A-Za-z_][\w.\-/]*)=(?![>=])")
_TIMES = re.compile(r"(?:@(\d+))?(?:\+(\d+))?(?=\s|$)")
_WORD = re.compile(r"\S+")
_JSON = json.JSONDecoder()


class ScenarioError(Exception):
    """A scenario file that cannot be read, with its place."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One line and the lines indented below it, as they stand."""

    line: int
    text: str
    body: tuple[tuple[int, str], ...] = ()

    @property
    def block(self) -> str:
        """Return the lines below as one text without their common indentation."""
        return dedent("\n".join(text for _, text in self.body)) + "\n"


class SpanLine(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a run as it was written."""

    line: int
    id: str
    word: SpanWord
    name: str = ""
    texts: tuple[str, ...] = ()
    given: Any = msgspec.UNSET
    """Arguments of a call, the query of a retrieval."""
    gives: Any = msgspec.UNSET
    calls: tuple[tuple[str, Any], ...] = ()
    flags: frozenset[str] = frozenset()
    properties: tuple[tuple[str, Any], ...] = ()
    start_ms: int | None = None
    length_ms: int | None = None
    children: tuple[SpanLine, ...] = ()


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A run: its spans, and what its telemetry does with content."""

    line: int
    name: str
    spans: tuple[SpanLine, ...]
    content: bool = True
    cut_chars: int = 0
    """An attribute length limit of the SDK; 0 is none."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One question, and what is expected of its answer."""

    line: int
    word: ActionWord
    text: str
    block: str
    expects: tuple[Statement, ...]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One claim: a run, questions, answers."""

    file: str
    line: int
    title: str
    trace: Trace | None
    """The run that questions are about."""
    traces: dict[str, Trace]
    """All runs the case may let arrive, by name."""
    actions: tuple[Action, ...]
    dialect: DialectName

    @property
    def id(self) -> str:
        """Return the case's name for people: file, line, title, dialect."""
        return f"{self.file}:{self.line} {self.title} [{self.dialect}]"


class _Inside(msgspec.Struct, kw_only=True):
    """A case while it is read."""

    traces: dict[str, Trace]
    chosen: Trace | None
    dialects: tuple[DialectName, ...]
    actions: list[Action] = msgspec.field(default_factory=list)


def read_cases(text: str, file: str) -> tuple[Case, ...]:
    """Return the cases of a scenario file, one for each dialect it is told in.

    Raises:
        ScenarioError: at the first line that is not of the language.
    """
    return tuple(_Reader(file).cases(text))


class _Reader:
    """Reads one file; what stands before a case (runs, the dialect) holds for all after it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.traces: dict[str, Trace] = {}
        self.dialects: tuple[DialectName, ...] = ("genai",)
        self.titles: dict[str, int] = {}

    def cases(self, text: str) -> Iterator[Case]:
        lines = [(number, line.rstrip()) for number, line in enumerate(text.splitlines(), start=1)]
        for statement in self.statements(lines):
            word, _, rest = statement.text.partition(" ")
            if word == "trace":
                self.keep(self.trace(statement), self.traces)
            elif word == "dialect":
                self.dialects = self.dialect(statement.line, rest)
            elif word == "case":
                yield from self.case(statement, rest.strip())
            else:
                raise self.error(statement.line, f"{word!r} is none of trace, dialect, case")

    def error(self, line: int, message: str) -> ScenarioError:
        return ScenarioError(self.file, line, message)

    def statements(self, lines: Sequence[tuple[int, str]]) -> list[Statement]:
        """Return the statements of the outermost indentation, each with its body."""
        found: list[tuple[int, str, list[tuple[int, str]]]] = []
        margin: int | None = None
        for number, text in lines:
            bare = text.strip()
            indent = len(text) - len(text.lstrip())
            if not bare or bare.startswith("#"):
                if found and bare:
                    found[-1][2].append((number, text))
                continue
            margin = indent if margin is None else margin
            if indent > margin:
                found[-1][2].append((number, text))
            elif indent < margin:
                raise self.error(number, "this line stands further left than the ones before it")
            else:
                found.append((number, bare, []))
        return [Statement(line=n, text=text, body=tuple(body)) for n, text, body in found]

    def keep(self, trace: Trace, traces: dict[str, Trace]) -> None:
        known = traces.get(trace.name)
        if known is not None:
            message = f"the trace {trace.name!r} is already in line {known.line}"
            raise self.error(trace.line, message)
        traces[trace.name] = trace

    def dialect(self, line: int, text: str) -> tuple[DialectName, ...]:
        words = text.split()
        if words == ["both"]:
            return DIALECTS
        if len(words) != 1 or words[0] not in DIALECTS:
            raise self.error(line, f"a dialect is one of {', '.join(DIALECTS)}, both")
        return (next(name for name in DIALECTS if name == words[0]),)

    def case(self, statement: Statement, title: str) -> Iterator[Case]:
        if not title:
            raise self.error(statement.line, "a case needs the claim that it proves")
        if title in self.titles:
            message = f"the same title stands in line {self.titles[title]}"
            raise self.error(statement.line, message)
        self.titles[title] = statement.line
        found = self.inside(statement)
        if not any(action.expects for action in found.actions):
            raise self.error(statement.line, "a case that expects nothing cannot fail")
        for dialect in found.dialects:
            yield Case(
                file=self.file,
                line=statement.line,
                title=title,
                trace=found.chosen,
                traces=found.traces,
                actions=tuple(found.actions),
                dialect=dialect,
            )

    def inside(self, statement: Statement) -> _Inside:
        """Read the lines of a case; what it says of runs and dialects holds for itself only."""
        chosen = next(reversed(self.traces.values()), None)
        found = _Inside(traces=dict(self.traces), chosen=chosen, dialects=self.dialects)
        for inner in self.statements(statement.body):
            word, _, rest = inner.text.partition(" ")
            if word == "trace":
                found.chosen = self.trace(inner)
                self.keep(found.chosen, found.traces)
            elif word == "on":
                found.chosen = self.named(inner.line, rest, found.traces)
            elif word == "dialect":
                found.dialects = self.dialect(inner.line, rest)
            elif word == "expect":
                self.expect(inner, rest, found.actions)
            elif (action := next((each for each in ACTIONS if each == word), None)) is not None:
                found.actions.append(self.action(inner, action, rest))
            else:
                raise self.error(inner.line, f"{word!r} begins no line of a case")
        return found

    def named(self, line: int, name: str, traces: dict[str, Trace]) -> Trace:
        if name not in traces:
            raise self.error(line, f"no trace is called {name!r}; known are {sorted(traces)}")
        return traces[name]

    def action(self, statement: Statement, word: ActionWord, rest: str) -> Action:
        text = rest
        if word == "eval":
            lines = [rest, *(t.strip() for _, t in statement.body if t.strip()[:1] != "#")]
            text = "\n".join(line for line in lines if line)
        elif statement.body and word in {"explain", "at"}:
            raise self.error(statement.body[0][0], f"nothing stands below {word!r}")
        return Action(line=statement.line, word=word, text=text, block=statement.block, expects=())

    def expect(self, statement: Statement, rest: str, actions: list[Action]) -> None:
        if not actions:
            raise self.error(statement.line, "nothing was asked before this is expected")
        wanted = msgspec.structs.replace(statement, text=rest)
        last = actions[-1]
        actions[-1] = msgspec.structs.replace(last, expects=(*last.expects, wanted))

    def trace(self, statement: Statement) -> Trace:
        _, *words = statement.text.split()
        name = words.pop(0) if words and "=" not in words[0] else "run"
        options = {"content": "on", "cut": "0"}
        for word in words:
            key, _, value = word.partition("=")
            if key not in options:
                raise self.error(statement.line, f"{key!r} is none of {', '.join(options)}")
            options[key] = value
        if options["content"] not in {"on", "off"} or not options["cut"].isdecimal():
            raise self.error(statement.line, "content is on or off, cut a number of characters")
        spans = tuple(self.spans(statement.body))
        if not spans:
            raise self.error(statement.line, f"the trace {name!r} has no spans")
        self.unique(spans, {})
        return Trace(
            line=statement.line, name=name, spans=spans, content=options["content"] == "on",
            cut_chars=int(options["cut"]),
        )  # fmt: skip

    def unique(self, spans: Iterable[SpanLine], seen: dict[str, int]) -> None:
        for span in spans:
            if span.id in seen:
                raise self.error(
                    span.line, f"the id {span.id!r} is already in line {seen[span.id]}"
                )
            seen[span.id] = span.line
            self.unique(span.children, seen)

    def spans(self, lines: Sequence[tuple[int, str]]) -> Iterator[SpanLine]:
        """Yield the spans of these lines; what is indented below one is its children."""
        for statement in self.statements(lines):
            more = list(takewhile(lambda each: each[1].strip().startswith("|"), statement.body))
            below = statement.body[len(more) :]
            text = " ".join([statement.text, *(each.strip()[1:].strip() for _, each in more)])
            line = _SpanReader(self, statement.line, text).span()
            yield msgspec.structs.replace(line, children=tuple(self.spans(below)))


class _SpanReader:
    """Reads the words of one span's line from left to right."""

    def __init__(self, reader: _Reader, line: int, text: str) -> None:
        self.reader = reader
        self.line = line
        self.text = text
        self.at = 0

    def error(self, message: str) -> ScenarioError:
        return self.reader.error(self.line, message)

    def span(self) -> SpanLine:
        name, word = self.word("an id"), self.word("a kind")
        if word not in SPAN_WORDS:
            raise self.error(f"{word!r} is no kind of span; kinds are {', '.join(SPAN_WORDS)}")
        fields: dict[str, Any] = {"line": self.line, "id": name, "word": word}
        if word in _NAMED:
            fields["name"] = self.word(f"the {word}'s name")
        texts: list[str] = []
        calls: list[tuple[str, Any]] = []
        flags: set[str] = set()
        properties: list[tuple[str, Any]] = []
        while self.skip():
            self.part(fields, texts, calls, flags, properties)
        return SpanLine(
            **fields, texts=tuple(texts), calls=tuple(calls), flags=frozenset(flags),
            properties=tuple(properties),
        )  # fmt: skip

    def part(  # one place for each kind of word
        self,
        fields: dict[str, Any],
        texts: list[str],
        calls: list[tuple[str, Any]],
        flags: set[str],
        properties: list[tuple[str, Any]],
    ) -> None:
        """Read one word and what belongs to it."""
        rest = self.text[self.at :]
        if rest.startswith("=>"):
            self.at += 2
            fields["gives"] = self.value()
        elif rest.startswith("->"):
            self.at += 2
            name = self.word("the name of a tool")
            calls.append((name, self.value() if self.skip() and self.is_json() else {}))
        elif rest.startswith("| "):
            self.at += 1  # a bar only parts what belongs together
        elif rest[0] in "@+" and (times := _TIMES.match(rest)):
            self.at += times.end()
            fields["start_ms"] = int(times[1]) if times[1] else None
            fields["length_ms"] = int(times[2]) if times[2] else None
        elif found := _PROPERTY.match(rest):
            self.at += found.end()
            properties.append((found[1], self.value()))
        elif self.is_json():
            value = self.value()
            if isinstance(value, str) and fields["word"] in {"agent", "model"}:
                texts.append(value)
            else:
                fields["given"] = value
        elif (flag := self.word("a word")) in FLAGS:
            flags.add(flag)
        else:
            known = ", ".join(sorted(FLAGS))
            raise self.error(f"{flag!r} means nothing here; it may be text, JSON or {known}")

    def skip(self) -> bool:
        """Skip blanks, and tell whether anything is left."""
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1
        return self.at < len(self.text)

    def is_json(self) -> bool:
        return self.text[self.at] in '{["'

    def word(self, what: str) -> str:
        self.skip()
        found = _WORD.match(self.text, self.at)
        if found is None:
            raise self.error(f"{what} is missing")
        self.at = found.end()
        return found[0]

    def value(self) -> Any:
        """Read JSON, else one bare word, which is text."""
        if not self.skip():
            raise self.error("a value is missing")
        try:
            value, self.at = _JSON.raw_decode(self.text, self.at)
        except ValueError as error:
            if self.is_json():
                raise self.error(
                    f"no JSON from column {self.at + 1} of its text: {error}"
                ) from None
            return self.word("a value")
        if self.at < len(self.text) and self.text[self.at] != " ":
            # 2026-03-04 begins as a number and is none.
            self.at -= len(json.dumps(value)) if not isinstance(value, dict | list | str) else 0
            return self.word("a value")
        return value
