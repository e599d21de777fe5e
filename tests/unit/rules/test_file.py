from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.errors import ProblemsError
from causewatch.faults.trust import Trust
from causewatch.rules.bundle import Bundle, Group, Rule
from causewatch.rules.file import check_files, digest_of, load
from causewatch.rules.yaml import MAX_FILE_BYTES
from rules_fixtures import bundle_of

GOOD = """\
groups:
- name: shop
  interval: 1m
  limit: 10
  labels: {team: no, since: 2026-01-02}
  rules:
  - alert: LostRows
    signature: |
      { span.causewatch.fault = "truncated" } as source
        -[flow]->> { span.causewatch.step = "agent" } as victim
    by: [source.span.causewatch.tool, victim:name, {svc: victim.resource.service.name}]
    window: 15m
    min_runs: 3
    for: 30s
    keep_firing_for: 1h
    labels: {severity: page}
    annotations:
      summary: "{{ $labels.source_tool }} in {{ $value }}, {{ $labels.team | upper }}"
    examples:
    - {traces: fixtures/lost.jsonl, expect: match}
contracts:
- contract: brief
  from: planner
  to: "find*"
  schema_file: schemas/brief.json
  sent: {schema: {required: [goal]}}
  compare: {mode: exact, ignore: [/trace]}
  redact: [/goal]
  labels: {severity: page}
  failures: {schema: ticket, missing: {severity: 010}}
- contract: lookup
  group: shop
  tool: "order_*"
  result: {schema_file: ../order.yaml}
  window: 2m
trust:
- {tool: "policy_*", level: trusted}
- {agent: "*", level: untrusted}
"""
FILES = {
    "team/a.yaml": GOOD.encode(),
    "team/schemas/brief.json": b'{"type": "object", "$ref": "parts.json#/x"}',
    "team/schemas/parts.json": b'{"x": {"required": ["goal"]}}',
    "order.yaml": b"type: object\n",
    "team/a_test.yaml": b"nonsense: 1\n",
    "notes.json": b"not json at all",
}


def good() -> Bundle:
    """Return the bundle of the good files."""
    return load(FILES)


def group_named(bundle: Bundle, name: str) -> Group:
    """Return the group of a name."""
    (group,) = [group for group in bundle.groups if group.name == name]
    return group


def problems_of(text: str, **files: str) -> list[str]:
    """Return the problems of ``a.yaml`` beside other files, without the name ``a.yaml``."""
    others = {name.replace("__", "."): content.encode() for name, content in files.items()}
    found = check_files({"a.yaml": text.encode(), **others})
    return [str(problem).removeprefix("a.yaml:") for problem in found]


def test_a_group_is_loaded_with_its_defaults_and_its_labels_as_written() -> None:
    """Durations are seconds; `no` and a date stay text."""
    group = group_named(good(), "shop")
    assert (group.file, group.key, group.interval_s, group.limit) == ("team/a.yaml", "shop", 60, 10)
    assert group.labels == {"team": "no", "since": "2026-01-02"}
    assert [rule.rule_id for rule in group] == ["shop/LostRows", "shop/contract:lookup"]


def test_a_rule_is_loaded() -> None:
    """Every key of a rule arrives as a value."""
    (rule,) = group_named(good(), "shop").rules
    assert (rule.window_s, rule.min_runs, rule.for_s, rule.keep_firing_for_s) == (900, 3, 30, 3600)
    assert rule.labels == {"team": "no", "since": "2026-01-02", "severity": "page"}
    assert rule.finding_labels == ("source_tool", "victim_name", "svc")
    assert rule.signature.names == ("source", "victim")
    assert [(e.traces, e.expect) for e in rule.examples] == [("team/fixtures/lost.jsonl", "match")]
    assert list(rule.annotations) == ["summary"]
    assert (rule.place.line, rule.place.column) == (7, 5)
    assert rule.alert_labels({"svc": "s", "stale": "x"}) == {
        **rule.labels,
        "source_tool": "",
        "victim_name": "",
        "svc": "s",
        "alertname": "LostRows",
    }


def test_a_rule_with_the_least_gets_the_documented_defaults() -> None:
    """Interval 30s, window 5m, one run, no waiting, no labels."""
    text = "groups: [{name: g, rules: [{alert: A, signature: '{ true }'}]}]"
    (group,) = bundle_of(text).groups
    (rule,) = group.rules
    assert (group.interval_s, group.limit) == (30, 0)
    assert (rule.window_s, rule.min_runs, rule.for_s, rule.keep_firing_for_s) == (300, 1, 0, 0)
    assert rule.alert_labels({}) == {"alertname": "A"}


def test_a_contract_is_loaded_into_the_default_group() -> None:
    """The default group is named after the file; severities come from failures, then labels."""
    group = group_named(good(), "a")
    (rule,) = group.contracts
    spec = rule.contract.spec
    assert (rule.rule_id, rule.alertname, rule.name) == (
        "a/contract:brief",
        "ContractViolated",
        "brief",
    )
    assert (spec.from_, spec.to, spec.redact) == ("planner", "find*", ("/goal",))
    assert spec.compare is not None
    assert (spec.compare.mode, spec.compare.ignore) == ("exact", ("/trace",))
    assert spec.severity_of("schema") == "ticket"
    assert spec.severity_of("missing") == "010"
    assert spec.severity_of("truncation") == "page"
    assert rule.contract.rule_id == rule.rule_id
    assert len(rule.contract.sent) == 2
    assert len(rule.contract.received) == 1
    assert not rule.contract.received[0].is_valid({})
    assert rule.contract.received[0].is_valid({"goal": 1})


def test_a_contract_joins_a_group_of_its_file() -> None:
    """A step contract has a result schema, here from a YAML file that is no rule file."""
    (rule,) = group_named(good(), "shop").contracts
    assert rule.labels["team"] == "no"
    assert rule.contract.spec.tool == "order_*"
    assert rule.contract.result.is_valid({})
    assert not rule.contract.result.is_valid([])
    assert rule.window_s == 120


def test_the_bundle_knows_its_files_its_contracts_and_whom_to_trust() -> None:
    """Test files, schema files and stray files are no rule files."""
    bundle = good()
    assert bundle.files == ("team/a.yaml",)
    assert [contract.spec.name for contract in bundle.contracts] == ["lookup", "brief"]
    assert bundle.trust == (
        Trust(kind="tool", glob="policy_*", level="trusted"),
        Trust(kind="agent", glob="*", level="untrusted"),
    )


def test_no_files_and_empty_files_are_an_empty_bundle() -> None:
    """A folder without rules is no error."""
    assert load({}).groups == ()
    assert load({"a.yaml": b"", "b.yml": b"# later\n", "c.yaml": b"~"}).groups == ()


def test_the_digest_is_of_names_and_contents() -> None:
    """Equal files have equal digests, whatever their order; anything else has not."""
    files = {"a": b"x", "b": b"y"}
    assert digest_of(files) == digest_of({"b": b"y", "a": b"x"})
    others = [{"a": b"xb", "": b"y"}, {"a": b"x", "b": b"z"}, {"a": b"x", "c": b"y"}, {"a": b"x"}]
    assert digest_of(files) not in {digest_of(other) for other in others}
    assert good().sha256 == digest_of(FILES)


@pytest.mark.parametrize(
    "prefix", ["rules/", "/etc/causewatch/my rules/", "../", "../../x y/", "a/../b/", "é/"]
)
def test_files_may_be_named_from_any_folder(prefix: str) -> None:
    """Where the rules root is changes no id, no version, and no reference between files."""
    moved = load({prefix + name: content for name, content in FILES.items()})
    for before, after in zip(good().groups, moved.groups, strict=True):
        assert (after.name, after.key) == (before.name, before.key)
        assert [(r.rule_id, r.version) for r in after] == [(r.rule_id, r.version) for r in before]
    assert not group_named(moved, "a").contracts[0].contract.received[0].is_valid({})


def test_default_groups_of_one_name_are_kept_apart() -> None:
    """Two files of one name in two folders have two default groups, with keys of their own."""
    one, two = contract("from: a\nschema: {}"), contract("from: b\nschema: {}")
    two = two.replace("contract: c", "contract: d")
    groups = load({"x/a.yaml": one.encode(), "y/a.yaml": two.encode()}).groups
    assert [(group.name, group.key) for group in groups] == [
        ("a", "x/a.yaml;a"),
        ("a", "y/a.yaml;a"),
    ]


def version(name: str, **changed: bytes) -> str:
    """Return the version of a rule, with some files replaced."""
    bundle = load({**FILES, **changed})
    rules = {rule.rule_id: rule for group in bundle.groups for rule in group}
    return rules[name].version


def test_a_version_changes_with_the_content_and_only_with_it() -> None:
    """Comments and other rules leave a rule's version alone; its schemas do not."""
    brief, lookup = "a/contract:brief", "shop/contract:lookup"
    commented = {"team/a.yaml": b"# hello\n" + GOOD.encode()}
    parts = {"team/schemas/parts.json": b'{"x": {"required": ["gaol"]}}'}
    labels = {"team/a.yaml": GOOD.replace("team: no", "team: x").encode()}
    for name in (brief, lookup, "shop/LostRows"):
        assert version(name) == version(name, **commented)
    assert version(brief) != version(brief, **parts)
    assert version(lookup) == version(lookup, **parts)
    assert version("shop/LostRows") != version("shop/LostRows", **labels)


RULE = "groups:\n- name: g\n  rules:\n  - alert: A\n    signature: '{ true } as a'\n"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("- x\n", ["1:1: error: a rule file must be a mapping, not a list [value]"]),
        (
            "paths:\n- path: p\n",
            [
                ("2:3: error: the path demands nothing: give it expect, required, forbidden or"
                 " novelty [missing-key]")
            ],
        ),
        (
            "grops: []\n",
            ["1:1: error: a rule file has no key 'grops'; did you mean 'groups'? [unknown-key]"],
        ),
        (
            "receivers: []\n",
            [
                ("1:1: error: a rule file has no key 'receivers'; known are groups, contracts,"
                 " trust, paths [unknown-key]")
            ],
        ),
        (
            "groups:\n- name: g\n- name: h\n- name: g\n",
            ["4:9: error: the group 'g' is already in line 2 [duplicate-group]"],
        ),
        ("groups:\n- rules: []\n", ["2:3: error: a group needs the key 'name' [missing-key]"]),
        (
            "groups:\n- name: g\n  rules:\n  - labels: {}\n",
            [
                "4:5: error: a rule needs the key 'alert' [missing-key]",
                "4:5: error: a rule needs the key 'signature' [missing-key]",
            ],
        ),
        (
            RULE + "  - alert: A\n    signature: '{ x }'\n",
            [
                ("6:12: error: the rule 'A' with the same labels is already in line 4"
                " [duplicate-rule]"),
                ("7:19: error: unknown word `x`; an attribute needs its scope; expected `.x` or"
                " `span.x` [signature]"),
            ],
        ),
        (
            RULE + "    annotations: {s: 'a {{ $labels.zone }}'}\n",
            ["6:36: error: no label 'zone'; known are alertname [template]"],
        ),
        (
            RULE + "    annotations:\n      s: |\n        ok\n        a {{ $deviatoin }}\n",
            [
                ("9:14: error: unknown variable $deviatoin; did you mean 'deviation'?"
                " [template]")
            ],
        ),
        (
            RULE + "    examples: [{traces: ../x.jsonl, expect: match}]\n",
            ["6:25: error: the path leads out of the rules root [path]"],
        ),
        (
            RULE + "    labels: {9a: x, alertname: y, __b: z}\n",
            [
                ("6:14: error: '9a' is no label name: letters, digits and _ only, no digit first"
                " [label]"),
                "6:21: error: the label 'alertname' is set by causewatch [label]",
                "6:35: error: label names that start with __ are reserved, such as '__b' [label]",
            ],
        ),
        (
            RULE + "    backfill: 1h\n",
            [
                ("6:5: error: 'backfill' is not supported by this version of causewatch"
                " [unsupported]")
            ],
        ),
        (
            RULE.replace("alert: A", "alert: 'contract:x'"),
            ["4:5: error: the alert name 'contract:x' is taken [duplicate-rule]"],
        ),
        (
            RULE.replace("'{ true } as a'", "'{ true } | rate()'"),
            ["5:17: error: a metrics query has no matches; a rule needs a search [unsupported]"],
        ),
        (
            RULE
            + "trust:\n- {tool: a, agent: b, level: trusted}\n- {level: trusted}\n- {tool: x}\n",
            [
                "7:3: error: a trust entry names exactly one of tool, retrieval and agent [value]",
                "8:3: error: a trust entry names exactly one of tool, retrieval and agent [value]",
                "9:3: error: a trust entry needs the key 'level' [missing-key]",
            ],
        ),
    ],
)  # fmt: skip
def test_mistakes_in_groups_are_told_with_their_place(text: str, problems: list[str]) -> None:
    """Line and column are those of the key or value at fault, or of the item that lacks one."""
    assert problems_of(text) == problems


@pytest.mark.parametrize(
    ("by", "problem"),
    [
        ("[b.span.x]", "6:10: error: the signature names nothing 'b'; named are a [label]"),
        ("[span.x]", ("6:10: error: 'span.x' must start with a name of the signature; named are a"
         " [label]")),
        ("[parent.span.x]", ("6:10: error: 'parent.span.x' must start with a name of the signature;"
         " named are a [label]")),
        ("[a.x]", ("6:10: error: `a.` needs a scope; expected a.span.x, a.resource.x, span.x or .x"
         " [label]")),
        ("[a.span.x, a.span.x]", ("6:20: error: the label 'a_x' is already made from 'a.span.x'"
         " [label]")),
        ("[a.span.x.y, a.span.x-y]", ("6:22: error: the label 'a_x_y' is already made from"
         " 'a.span.x.y' [label]")),
        ("[{team: a.span.x}]", "6:11: error: the label 'team' is already set by the rule [label]"),
        ("[{alertname: a.span.x}]", ("6:11: error: the label 'alertname' is already set by the rule"
         " [label]")),
        ("[{a-b: a.span.x}]", ("6:11: error: 'a-b' is no label name: letters, digits and _ only, no"
         " digit first [label]")),
        ("[a.span.x + 1]", "6:19: error: unexpected `+`; expected the end [label]"),
        ("a.span.x", "6:9: error: 'by' must be a list, not 'a.span.x' [value]"),
        ("[[a.span.x]]", "6:10: error: an item of 'by' must be a mapping, not a list [value]"),
    ],
)  # fmt: skip
def test_mistakes_in_by_are_told_with_their_place(by: str, problem: str) -> None:
    """What `by` names must exist, and no label may hide another."""
    text = RULE + f"    by: {by}\n    labels: {{team: t}}\n"
    assert problems_of(text) == [problem]


@pytest.mark.parametrize(
    ("entry", "label"),
    [
        ("a.span.causewatch.tool", "a_tool"),
        ("a.span.causewatch.handoff.to", "a_handoff_to"),
        ("a.resource.service.name", "a_service_name"),
        ("a.span.gen_ai.agent.name", "a_gen_ai_agent_name"),
        ("a:name", "a_name"),
        ('a.span."odd key"', "a_odd_key"),
        ("{team: a.span.x}", "team"),
        ("' a.span.x '", "a_x"),
    ],
)
def test_labels_are_named_after_binding_and_attribute(entry: str, label: str) -> None:
    """The label is the binding, an underscore, and the attribute without its causewatch prefix."""
    (group,) = bundle_of(RULE + f"    by:\n    - {entry}\n").groups
    assert [by.label for by in group.rules[0].by] == [label]


def contract(text: str) -> str:
    """Return a file with one contract; each line of the text is a key."""
    return "contracts:\n- contract: c\n" + "".join(f"  {line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "schema: {}",
            [("2:3: error: a contract needs from and to, or one of tool, retrieval and agent"
             " [missing-key]")],
        ),
        (
            "tool: a\nagent: b\nresult: {schema: {}}",
            [("4:3: error: a contract binds handoffs or one kind of step: 'agent' is one too many"
             " [contract]")],
        ),
        (
            "from: a\ntool: b\nschema: {}",
            [("3:3: error: a contract binds handoffs or one kind of step: 'from' is one too many"
             " [contract]")],
        ),
        (
            "tool: a\nschema: {}",
            ["4:3: error: 'schema' is for contracts of handoffs; write 'result' here [contract]"],
        ),
        (
            "from: a\nresult: {schema: {}}",
            ["4:3: error: 'result' is for contracts of steps; write 'schema' here [contract]"],
        ),
        (
            "from: a\nto: b",
            [("2:3: error: the contract demands nothing: give it schema, schema_file, sent,"
             " received, compare, order or failures.missing.after [missing-key]")],
        ),
        (
            "tool: a",
            [("2:3: error: the contract demands nothing: give it arguments or result"
             " [missing-key]")],
        ),
        (
            "tool: a\nresult: {}",
            [("4:11: error: result is empty: it has schema, schema_file, min_items, max_age and"
             " min_score [missing-key]")],
        ),
        (
            "from: a\nsent: {}",
            ["4:9: error: sent is empty: it has schema and schema_file [missing-key]"],
        ),
        (
            "from: a\nschema: {}\nschema_file: b.json",
            ["5:3: error: schema and schema_file exclude each other [contract]"],
        ),
        (
            "from: a\nschema_file: gone.json",
            ["4:16: error: no file 'gone.json' under the rules root [schema]"],
        ),
        (
            "from: a\nschema_file: ../../etc/x.json",
            ["4:16: error: the path leads out of the rules root [path]"],
        ),
        (
            "from: a\nschema_file: /etc/x.json",
            ["4:16: error: the path leads out of the rules root [path]"],
        ),
        (
            "from: a\nschema_file: http://x/y.json",
            ["4:16: error: the path leads out of the rules root [path]"],
        ),
        (
            "from: a\nschema: {type: object, properties: {x: {type: strng}}}",
            ["4:43: error: 'strng' is not valid under any of the given schemas [schema]"],
        ),
        (
            "from: a\nschema: 3",
            ["4:11: error: a schema is a mapping, true or false [schema]"],
        ),
        (
            "from: a\nschema: {}\ngroup: shop",
            ["5:10: error: this file has no group 'shop' [value]"],
        ),
        (
            "from: a\ncompare: {mode: subst, ignore: [/x], max_lost_ratio: 2}",
            [
                ("4:19: error: 'mode' must be one of canonical, exact, subset, semantic, not"
                 " 'subst'; did you mean 'subset'? [value]"),
                "4:56: error: 'max_lost_ratio' must be at most 1, not 2 [value]",
            ],
        ),
        (
            "from: a\ncompare: {mode: canonical, judge: true}",
            ["4:30: error: a judge of meaning is heard in mode semantic only [value]"],
        ),
        (
            "from: a\ncompare: {mode: subset, ignore: [x]}",
            ["4:36: error: a JSON pointer starts with a slash: write /x [value]"],
        ),
        (
            "tool: a\nresult: {min_items: 0, max_age: {limit: 24}, min_score: high}",
            [
                "4:23: error: 'min_items' must be at least 1, not 0 [value]",
                "4:35: error: an age limit needs the key 'pointer' [missing-key]",
                "4:43: error: 'limit' needs a unit: write 24s, 24m or 24h [unit]",
                "4:59: error: 'min_score' must be a number, not 'high' [value]",
            ],
        ),
        (
            ("tool: a\nresult: {min_items: {pointer: rows, count: 1},"
             " min_score: {pointer: s, limit: 1}, max_age: {pointer: t, limit: 1d}}"),
            [
                "4:33: error: a JSON pointer starts with a slash: write /rows [value]",
                "4:71: error: a JSON pointer starts with a slash: write /s [value]",
                "4:104: error: a JSON pointer starts with a slash: write /t [value]",
            ],
        ),
        (
            "from: a\norder: {key: step}",
            ["4:16: error: a JSON pointer starts with a slash: write /step [value]"],
        ),
        (
            "from: a\norder: casual",
            [("4:10: error: 'order' must be one of causal, not 'casual'; did you mean 'causal'?"
             " [value]")],
        ),
        (
            "tool: a\norder: causal\nresult: {min_items: 1}",
            ["4:3: error: 'order' is for contracts of handoffs; write 'result' here [contract]"],
        ),
        (
            "from: a\nschema: {}\narguments: {schema: {}}",
            ["5:3: error: 'arguments' is for contracts of steps; write 'schema' here [contract]"],
        ),
        (
            "tool: a\narguments: {schema: {type: text}}",
            ["4:24: error: 'text' is not valid under any of the given schemas [schema]"],
        ),
        (
            "from: a\nschema: {}\nfailures: {shcema: page, delta: {severity: x, after: 2m}}",
            [
                ("5:14: error: a failures mapping has no key 'shcema'; did you mean 'schema'?"
                " [unknown-key]"),
                "5:49: error: a failure has no key 'after'; known are severity [unknown-key]",
            ],
        ),
        (
            "from: a\nschema: {}\nlabels: {violation: x}",
            ["5:12: error: the label 'violation' is set by causewatch [label]"],
        ),
        (
            "from: a\nschema: {}\nannotations: {s: '{{ $labels.violation }} {{ $labels.tool }}'}",
            ["5:56: error: no label 'tool'; did you mean 'to'? [template]"],
        ),
    ],
)  # fmt: skip
def test_mistakes_in_contracts_are_told_with_their_place(text: str, problems: list[str]) -> None:
    """What a contract cannot mean, or this version cannot do, is refused, never ignored."""
    assert problems_of(contract(text)) == problems


def test_a_mistake_in_a_schema_file_is_told_in_that_file() -> None:
    """The place is that of the bad keyword, not of the contract that uses the file."""
    text = contract("from: a\nschema_file: s.json")
    assert problems_of(text, s__json='{\n  "type": "objct"\n}') == [
        "s.json:2:3: error: 'objct' is not valid under any of the given schemas [schema]"
    ]
    assert problems_of(text, s__json='{\n  "type": object\n}') == [
        "s.json:2:11: error: this is not JSON: Expecting value [schema]"
    ]
    assert problems_of(text, s__json='{"a": 1, "a": 2}')[0].startswith("s.json:1:10: error: dup")
    assert problems_of(text, s__json='{"maximum": NaN}') == [
        "s.json:1:1: error: this is not JSON: NaN is no JSON [schema]"
    ]
    assert problems_of(text, s__json="null") == ["4:16: error: 's.json' holds no schema [schema]"]
    assert problems_of(text, s__json="[" * 100_000)[0].startswith("s.json:1:1: error: this is not")
    big = problems_of(text, s__json='"' + "x" * MAX_FILE_BYTES + '"')
    assert big == ["s.json:1:1: error: a schema file has at most 1048576 bytes [limit]"]


def test_a_bad_yaml_schema_is_reported_once_and_not_as_a_rule_file() -> None:
    """A YAML file that a contract names as its schema is a schema, wherever it lies."""
    text = contract("from: a\nschema_file: s.yaml")
    assert problems_of(text, s__yaml="type: object\n") == []
    assert problems_of(text, s__yaml="type: [\n") == [
        "s.yaml:2:1: error: while parsing a flow node: did not find expected node content [yaml]"
    ]
    assert problems_of("", s__yaml="$schema: x\ntype: object\n") == []


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        ("gone.json", "is none of the schemas in the rules directory"),
        ("http://127.0.0.1:9/x.json", "is none of the schemas in the rules directory"),
        ("file:///etc/hostname", "is none of the schemas in the rules directory"),
        ("../../x.json", "is none of the schemas in the rules directory"),
    ],
)
def test_references_out_of_the_rules_root_are_refused(reference: str, part: str) -> None:
    """Nothing is fetched, and no file is read that was not given."""
    (problem,) = problems_of(contract(f"from: a\nschema: {{$ref: '{reference}'}}"))
    assert part in problem
    assert problem.startswith("4:")


def test_references_between_files_may_go_in_circles() -> None:
    """Schemas may refer to each other."""
    text = contract("from: a\nschema_file: x.json")
    files = {"x__json": '{"$ref": "y.json"}', "y__json": '{"items": {"$ref": "x.json"}}'}
    assert problems_of(text, **files) == []


def test_a_mistake_in_a_file_that_is_referred_to_is_told_in_that_file() -> None:
    """The contract that refers to it is not blamed as well."""
    text = contract("from: a\nschema: {$ref: x.json}")
    expected = "Expecting property name enclosed in double quotes"
    assert problems_of(text, x__json="{\n") == [
        f"x.json:2:1: error: this is not JSON: {expected} [schema]"
    ]
    deep = '{"a":' * 100 + "1" + "}" * 100
    assert problems_of(text, x__json=deep) == [
        "x.json:1:1: error: nested more than 64 deep [limit]"
    ]


@pytest.mark.parametrize(
    "part", ["9" * 250, "-" + "9" * 40, "1e308", '"\\U0001f600"', "{}", "[null, [true]]"]
)
def test_odd_values_in_schemas_have_a_version_too(part: str) -> None:
    """A number past 64 bits is no reason to fail: it is digested as it is written."""
    (group,) = bundle_of(contract(f"from: a\nschema: {{const: {part}}}")).groups
    (other,) = bundle_of(contract("from: a\nschema: {const: 8}")).groups
    assert group.contracts[0].version != other.contracts[0].version


def test_two_contracts_of_one_name_are_an_error_at_the_second() -> None:
    """In one file or in two, whatever their groups."""
    one = contract("from: a\nschema: {}")
    two = (
        "groups: [{name: g}]\n" + one + "- {contract: c, group: g, tool: t, result: {schema: {}}}\n"
    )
    assert problems_of(two) == [
        "6:14: error: the contract 'c' is already in line 3 [duplicate-contract]"
    ]
    assert problems_of(one, b__yaml=one) == [
        "b.yaml:2:13: error: the contract 'c' is already in a.yaml, line 2 [duplicate-contract]"
    ]


def test_rules_of_one_name_with_other_labels_have_ids_of_their_own() -> None:
    """Both load; the first keeps the plain id."""
    (group,) = bundle_of(
        RULE + "  - alert: A\n    signature: '{ true }'\n    labels: {s: x}\n"
    ).groups
    first, second = (rule.rule_id for rule in group.rules)
    assert first == "g/A"
    assert second.startswith("g/A#")


def test_groups_of_one_name_in_two_files_are_two_groups() -> None:
    """As in Prometheus, file and name tell groups apart; then both are in the rules' ids."""
    files = {"a.yaml": RULE.encode(), "b.yaml": RULE.encode()}
    assert [group.key for group in load(files).groups] == ["a.yaml;g", "b.yaml;g"]
    ids = {rule.rule_id for group in load(files).groups for rule in group}
    assert ids == {"a.yaml;g/A", "b.yaml;g/A"}


def test_all_problems_of_all_files_are_reported_at_once_in_order() -> None:
    """The error carries every problem, by file, line and column; its text shows them."""
    files = {
        "b.yaml": b"groups:\n- name: g\n  interval: 30\n  rules:\n  - alert: A\n    fro: 1m\n",
        "a.yaml": b"x: 1\ny: 2\n",
        "c.yml": b"a: [\n",
    }
    with pytest.raises(ProblemsError) as caught:
        load(files)
    places = [(p.file, p.line, p.column, p.check) for p in caught.value.problems]
    assert places == [
        ("a.yaml", 1, 1, "unknown-key"),
        ("a.yaml", 2, 1, "unknown-key"),
        ("b.yaml", 3, 13, "unit"),
        ("b.yaml", 5, 5, "missing-key"),
        ("b.yaml", 6, 5, "unknown-key"),
        ("c.yml", 2, 1, "yaml"),
    ]
    assert str(caught.value).count("\n") == 5
    assert caught.value.exit_code == 1
    assert check_files(files) == caught.value.problems


def test_signature_errors_are_placed_within_the_block() -> None:
    """Line and column of the file, not of the signature."""
    text = RULE.replace("'{ true } as a'", "|\n      { true }\n        -[flwo]-> { true }")
    (problem,) = problems_of(text)
    assert problem.startswith("7:11: error: ")
    assert problem.endswith("[signature]")


def test_a_warning_does_not_stop_the_load() -> None:
    """Mixed && and || are worth a word, but mean something."""
    text = RULE.replace("{ true } as a", "{ true } && { true } || { true }")
    (problem,) = problems_of(text)
    assert problem.startswith("5:38: warning: ")
    assert len(bundle_of(text).groups) == 1


def test_rule_ids_have_one_owner() -> None:
    """A slash in a group's name cannot make two rules share an id."""
    text = (
        "groups:\n- name: a\n  rules: [{alert: b/X, signature: '{ true }'}]\n"
        "- name: a/b\n  rules: [{alert: X, signature: '{ true }'}]\n"
    )
    ids = [rule.rule_id for group in bundle_of(text).groups for rule in group]
    assert ids == ["a/b/X", "a%2Fb/X"]
    assert all(isinstance(rule, Rule) for group in bundle_of(text).groups for rule in group)


@given(st.binary(max_size=200), st.text(max_size=200))
def test_no_content_makes_the_check_raise(content: bytes, text: str) -> None:
    """Whatever a file holds, the answer is a list of problems."""
    check_files({"a.yaml": content, "b.yaml": text.encode("utf-8", "replace")})


@given(st.data())
def test_no_damaged_rule_file_makes_the_check_raise(data: st.DataObject) -> None:
    """A good file with a piece cut out or doubled is reported, not tripped over."""
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    insert = data.draw(st.sampled_from(["", "{", "[", "'", "|", "\n", ": ", "- ", "*a", "~", "{}"]))
    damaged = GOOD[:start] + insert + GOOD[end:]
    check_files({**FILES, "team/a.yaml": damaged.encode()})
