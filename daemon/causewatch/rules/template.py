"""Annotation templates: ``{{ $labels.x | filter }}``. No loops, no code, a cap on the output.

Variables: ``$labels.NAME``, ``$value``, ``$workflow``, ``$category``, ``$deviation`` (of a path,
as a sentence), and the steps ``$origin``, ``$propagator`` and ``$symptom``, by themselves
or with ``.name``, ``.agent``, ``.kind``, ``.span_id``, ``.trace_id``. Filters: ``upper``,
``lower``, ``trim``, ``quote``, ``truncate N``, ``default "text"``. What is unknown renders as the
empty string.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from causewatch.model.finding import Alert, Cause, StepRef
from causewatch.rules.read import did_you_mean

MAX_OUTPUT_BYTES = 4096
MAX_EXPRESSIONS = 100

_STEPS = ("origin", "propagator", "symptom")
_STEP_FIELDS = ("name", "agent", "kind", "span_id", "trace_id")
_PLAIN = ("value", "workflow", "category", "deviation")
_VARIABLES = ("labels", *_PLAIN, *_STEPS)
_FILTERS = {"upper": "", "lower": "", "trim": "", "quote": "", "truncate": "N", "default": "text"}
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?\Z")
_FILTER = re.compile(r"""([A-Za-z_]\w*)(?:\s+(?:(\d{1,4})|"([^"]*)"|'([^']*)'))?\Z""")
_PIPE = re.compile(r"""\|(?=(?:[^"']|"[^"]*"|'[^']*')*\Z)""")


class TemplateError(Exception):
    """A template that cannot be read.

    Attributes:
        offset: where in the text, from 0.
        check: ``template``, or ``unsupported`` for what a later version knows.
    """

    def __init__(self, message: str, offset: int, check: str = "template") -> None:
        super().__init__(message)
        self.offset = offset
        self.check = check


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """One filter with its argument, empty where it takes none."""

    name: str
    argument: str = ""


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """``{{ $variable.field | filter }}``."""

    variable: str
    field: str = ""
    filters: tuple[Filter, ...] = ()


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed text: literal parts and expressions in turn."""

    parts: tuple[str | Expression, ...]

    def render(self, alert: Alert) -> str:
        """Return the text for an alert, at most ``MAX_OUTPUT_BYTES`` UTF-8 bytes."""
        texts = (p if isinstance(p, str) else _rendered(p, alert) for p in self.parts)
        return _capped("".join(texts))


def parse(text: str, labels: Collection[str]) -> tuple[Template, tuple[TemplateError, ...]]:
    """Return the template of ``text`` and everything wrong with it.

    Args:
        text: the annotation as written.
        labels: the names of the labels that alerts of this rule have.
    """
    parts: list[str | Expression] = []
    errors: list[TemplateError] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        end = text.find("}}", start)
        if end < 0:
            errors.append(TemplateError("'{{' without '}}'", start))
            break
        parts.append(text[at:start])
        try:
            parts.append(_expression(text[start + 2 : end], start + 2, labels))
        except TemplateError as error:
            errors.append(error)
        at = end + 2
    parts.append(text[at:])
    if len(parts) > 2 * MAX_EXPRESSIONS:
        errors.append(TemplateError(f"more than {MAX_EXPRESSIONS} expressions", 0))
    return Template(parts=tuple(part for part in parts if part)), tuple(errors)


def _expression(text: str, offset: int, labels: Collection[str]) -> Expression:
    first, *rest = _split(text, offset)
    variable, field = _variable(*first, labels)
    return Expression(variable=variable, field=field, filters=tuple(_filter(*f) for f in rest))


def _split(text: str, offset: int) -> list[tuple[str, int]]:
    """Return the parts between pipes without spaces around them, each with its offset."""
    found = []
    at = 0
    for part in _PIPE.split(text):
        lead = len(part) - len(part.lstrip())
        found.append((part.strip(), offset + at + lead))
        at += len(part) + 1
    return found


def _variable(text: str, offset: int, labels: Collection[str]) -> tuple[str, str]:
    found = _VARIABLE.match(text)
    if found is None:
        raise TemplateError(f"expected a variable such as $labels.x, not {text!r}", offset)
    name, field = found[1], found[2] or ""
    if name not in _VARIABLES:
        known = did_you_mean(name, _VARIABLES) or f"; known are {', '.join(_VARIABLES)}"
        raise TemplateError(f"unknown variable ${name}{known}", offset)
    _check_field(name, field, offset, labels)
    return name, field


def _check_field(name: str, field: str, offset: int, labels: Collection[str]) -> None:
    if name == "labels":
        known: Collection[str] = labels
        if not field:
            raise TemplateError("$labels needs a name: $labels.x", offset)
    elif name in _STEPS:
        known = ("", *_STEP_FIELDS)
    else:
        known = ("",)
    if field not in known:
        words = sorted(word for word in known if word)
        hint = did_you_mean(field, words) or (f"; known are {', '.join(words)}" if words else "")
        what = "no label" if name == "labels" else f"${name} has no field"
        raise TemplateError(f"{what} {field!r}{hint}", offset + len(name) + 2)


def _filter(text: str, offset: int) -> Filter:
    found = _FILTER.match(text)
    if found is None:
        raise TemplateError(f"expected a filter, not {text!r}", offset)
    name, number = found[1], found[2]
    argument = next((group for group in found.groups()[1:] if group is not None), None)
    if name not in _FILTERS:
        known = did_you_mean(name, tuple(_FILTERS)) or f"; known are {', '.join(_FILTERS)}"
        raise TemplateError(f"unknown filter {name!r}{known}", offset)
    wanted = _FILTERS[name]
    if (wanted != "") != (argument is not None) or (wanted == "N" and number is None):
        form = {"": name, "N": f"{name} 80", "text": f'{name} "none"'}[wanted]
        raise TemplateError(f"write this filter as {form}", offset)
    return Filter(name=name, argument=argument or "")


def _rendered(expression: Expression, alert: Alert) -> str:
    text = _value(expression, alert)
    for filter_ in expression.filters:
        text = _filtered(filter_, text)
    return text


def _value(expression: Expression, alert: Alert) -> str:
    cause = alert.cause
    match expression.variable:
        case "labels":
            return alert.labels.get(expression.field, "")
        case "value":
            return f"{alert.value:g}" if alert.value < 1e6 else f"{alert.value:.0f}"
        case "workflow":
            return cause.workflow
        case "category":
            return cause.category
        case "deviation":
            return _deviation(alert)
        case _:
            return _of_step(_step(expression.variable, cause), expression.field)


def _deviation(alert: Alert) -> str:
    """Return what a path's alert is about; the alerts of other rules have no deviation."""
    is_path = alert.rule_id.partition("/")[2].startswith("path:")
    return alert.evidence[0] if is_path and alert.evidence else ""


def _step(variable: str, cause: Cause) -> StepRef | None:
    match variable:
        case "origin":
            return cause.origin
        case "propagator":
            return cause.propagators[0] if cause.propagators else None
        case _:
            return cause.symptom


def _of_step(step: StepRef | None, field: str) -> str:
    if step is None:
        return ""
    if field:
        return str(getattr(step, field))
    return f"{step.name} ({step.agent})" if step.agent and step.agent != step.name else step.name


def _filtered(filter_: Filter, text: str) -> str:
    match filter_.name:
        case "upper":
            return text.upper()
        case "lower":
            return text.lower()
        case "trim":
            return text.strip()
        case "quote":
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case "truncate":
            most = int(filter_.argument)
            return text if len(text) <= most else text[: max(0, most - 1)] + "…"[:most]
        case _:
            return text or filter_.argument


def _capped(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= MAX_OUTPUT_BYTES:
        return text
    mark = "…"
    kept = encoded[: MAX_OUTPUT_BYTES - len(mark.encode())]
    return kept.decode("utf-8", "ignore") + mark
