from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.finding import Alert, Cause, StepRef
from causewatch.rules.template import MAX_EXPRESSIONS, MAX_OUTPUT_BYTES, parse


def step(name: str, agent: str = "") -> StepRef:
    """Return a step with made-up ids."""
    return StepRef(trace_id="t" * 32, span_id="s" * 16, name=name, agent=agent, kind="tool")


CAUSE = Cause(
    category="truncation",
    workflow="helpdesk",
    origin=step("lookup", "finder"),
    propagators=(step("draft", "writer"), step("mail", "sender")),
    symptom=step("sender", "sender"),
)


def alert(*, cause: Cause = CAUSE, value: float = 3.0, **labels: str) -> Alert:
    """Return a firing alert."""
    return Alert(
        rule_id="g/A",
        rule_version="v",
        alertname="A",
        labels=labels,
        state="firing",
        value=value,
        cause=cause,
    )


def rendered(text: str, shown: Alert) -> str:
    """Return a template's text; it must have no errors."""
    template, errors = parse(text, ("tool", "alertname"))
    assert errors == ()
    return template.render(shown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain } text {", "plain } text {"),
        ("{{ $labels.tool }}", "web|search"),
        ("{{$labels.tool}}!", "web|search!"),
        ("in {{ $value }} runs", "in 3 runs"),
        ("{{ $labels.alertname }}", ""),
        ("{{ $origin }}", "lookup (finder)"),
        ("{{ $origin.agent }}/{{ $origin.kind }}", "finder/tool"),
        ("{{ $propagator }}", "draft (writer)"),
        ("{{ $symptom }}", "sender"),
        ("{{ $origin.trace_id }}", "t" * 32),
        ("{{ $workflow }}: {{ $category }}", "helpdesk: truncation"),
        ("{{ $labels.tool | upper }}", "WEB|SEARCH"),
        ("{{ $labels.tool | upper | lower | quote }}", '"web|search"'),
        ("{{ $labels.tool | truncate 4 }}", "web…"),
        ("{{ $labels.tool | truncate 0 }}", ""),
        ("{{ $labels.tool | truncate 80 }}", "web|search"),
        ('{{ $labels.alertname | default "no|ne" }}', "no|ne"),
        ("{{ $labels.tool | default 'none' | trim }}", "web|search"),
    ],
)
def test_expressions_render(text: str, expected: str) -> None:
    """Each variable, field and filter gives what the docs say."""
    assert rendered(text, alert(tool="web|search")) == expected


def test_what_is_not_known_renders_as_nothing() -> None:
    """An alert without a cause leaves gaps, not errors."""
    text = "[{{ $origin }}{{ $propagator.name }}{{ $symptom.agent }}{{ $labels.tool }}]"
    assert rendered(text, alert(cause=Cause())) == "[]"


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (999999.0, "999999"), (12345678.0, "12345678"), (0.0, "0")]
)
def test_the_value_is_a_plain_count(value: float, text: str) -> None:
    """Runs are counted in whole numbers, without exponents."""
    assert rendered("{{ $value }}", alert(value=value)) == text


@pytest.mark.parametrize(
    ("text", "offset", "check", "message"),
    [
        ("a {{ $labels.tol }}", 13, "template", "no label 'tol'; did you mean 'tool'?"),
        ("{{ $labels.zz }}", 11, "template", "no label 'zz'; known are alertname, tool"),
        ("{{ $labels }}", 3, "template", "$labels needs a name: $labels.x"),
        ("{{ $lables.tool }}", 3, "template", "unknown variable $lables; did you mean 'labels'?"),
        ("{{ $origin.payload }}", 11, "template", ("$origin has no field 'payload'; known are"
         " agent, kind, name, span_id, trace_id")),
        ("{{ $value.x }}", 10, "template", "$value has no field 'x'"),
        ("{{ labels.tool }}", 3, "template", ("expected a variable such as $labels.x, not"
         " 'labels.tool'")),
        ("{{ }}", 3, "template", "expected a variable such as $labels.x, not ''"),
        ("{{ range .Alerts }}", 3, "template", ("expected a variable such as $labels.x, not"
         " 'range .Alerts'")),
        ("{{ $value | uper }}", 12, "template", "unknown filter 'uper'; did you mean 'upper'?"),
        ("{{ $value | shell }}", 12, "template", ("unknown filter 'shell'; known are upper, lower,"
         " trim, quote, truncate, default")),
        ("{{ $value | truncate }}", 12, "template", "write this filter as truncate 80"),
        ("{{ $value | truncate 'x' }}", 12, "template", "write this filter as truncate 80"),
        ("{{ $value | upper 3 }}", 12, "template", "write this filter as upper"),
        ("{{ $value | default }}", 12, "template", 'write this filter as default "none"'),
        ("{{ $value | }}", 12, "template", "expected a filter, not ''"),
        ("x {{ $value", 2, "template", "'{{' without '}}'"),
        ("{{ $deviation.node }}", 14, "template", "$deviation has no field 'node'"),
    ],
)  # fmt: skip
def test_mistakes_are_found_at_load(text: str, offset: int, check: str, message: str) -> None:
    """Nothing is left to go wrong when an alert fires."""
    _, errors = parse(text, ("tool", "alertname"))
    assert [(error.offset, error.check, str(error)) for error in errors] == [
        (offset, check, message)
    ]


def test_all_mistakes_of_one_text_are_found() -> None:
    """The first bad expression does not hide the second."""
    _, errors = parse("{{ $a }} {{ $value }} {{ $b }}", ())
    assert [error.offset for error in errors] == [3, 25]


def test_the_output_is_capped_in_bytes() -> None:
    """Long labels cannot blow up a message, and no character is cut in half."""
    text = rendered("{{ $labels.tool }}" * 3, alert(tool="é" * 1000))
    assert len(text.encode()) <= MAX_OUTPUT_BYTES
    assert text.endswith("é…")


def test_the_number_of_expressions_is_limited() -> None:
    """A template of thousands of expressions is a mistake."""
    _, errors = parse("{{ $value }}," * (MAX_EXPRESSIONS + 1), ())
    assert [str(error) for error in errors] == [f"more than {MAX_EXPRESSIONS} expressions"]


def test_values_are_never_read_as_templates() -> None:
    """What a label holds is text, even when it looks like an expression."""
    assert rendered("{{ $labels.tool }}", alert(tool="{{ $value }}")) == "{{ $value }}"


@given(st.text())
def test_any_text_is_a_template_or_an_error(text: str) -> None:
    """Odd input never raises, and text without braces comes back as it is."""
    template, errors = parse(text, ("tool",))
    if "{{" not in text:
        assert errors == ()
        assert (
            len(text.encode("utf-8", "replace")) > MAX_OUTPUT_BYTES
            or template.render(alert()) == text
        )
