"""``causewatch.yaml``: what it means, and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from causewatch.app.address import Address
from causewatch.app.config import Config, Receive, Web, is_config_file, load_config
from causewatch.errors import ProblemsError
from causewatch.faults.tuning import Tuning
from causewatch.incidents.matcher import Matcher
from causewatch.model.limits import ScoreLimit

FULL = """\
rules: {paths: [rules, /etc/more], reload_interval: 5s}
receive:
  grpc: "127.0.0.1:14317"
  http: "127.0.0.1:14318"
  max_message_mib: 16
  auth: {bearer_token: "${env:OTLP_TOKEN}"}
  tls: {cert_file: tls/crt, key_file: tls/key}
web: {listen: "127.0.0.1:19319", external_url: "https://causewatch.example.com/"}
runs:
  {quiet: 2s, quiet_without_root: 20s, max_age: 10m, late: 30m, max_live_mib: 64, join: [a2a, link]}
store: {path: data, retention: {age: 7d}}
links: {trace: "https://tempo.example.com/{{ $trace_id }}"}
route:
  receiver: everyone
  routes:
  - {receiver: ai-oncall, matchers: ['severity="page"', 'team=~"ai.*"'], continue: true}
receivers:
- name: everyone
  webhook_configs: [{url: "https://hooks.example.com/x", secret_file: hook, send_resolved: false}]
- name: ai-oncall
  slack_configs: [{bot_token_file: token, channel: "#agents", mention: {page: ["@here"]}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the secrets that FULL names."""
    (tmp_path / "hook").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", encoding="utf-8")
    (tmp_path / "token").write_text(" xoxb-1 \n", encoding="utf-8")
    return tmp_path


def loaded(folder: Path, text: str, **env: str) -> Config:
    """Load a configuration text."""
    path = folder / "causewatch.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, env)


def problems_of(folder: Path, text: str) -> list[str]:
    """Return the problems of a configuration text as ``line:column: message``."""
    with pytest.raises(ProblemsError) as caught:
        loaded(folder, text)
    return [f"{p.line}:{p.column}: {p.message}" for p in caught.value.problems]


def test_every_key_is_read(folder: Path) -> None:
    """Paths are relative to the file, secrets come from files and the environment, stripped."""
    config = loaded(folder, FULL, OTLP_TOKEN="otlp-1")
    assert config.rule_paths == (folder / "rules", Path("/etc/more"))
    assert config.reload_interval_s == 5
    assert config.receive.grpc == Address(host="127.0.0.1", port=14317)
    assert config.receive.token == "otlp-1"
    assert config.receive.tls is not None
    assert config.receive.tls.cert_file == str(folder / "tls/crt")
    assert config.web.external_url == "https://causewatch.example.com"
    assert (config.runs.quiet_s, config.runs.max_age_s) == (2, 600)
    assert config.runs.join == ("link", "a2a")
    assert config.store_path == folder / "data"
    assert config.retention.age_s == 7 * 86400
    assert config.receivers[1].slack[0].bot_token == "xoxb-1"
    assert config.receivers[1].slack[0].mention == {"page": ("@here",)}
    assert config.receivers[0].webhooks[0].send_resolved is False


def test_the_route_tree_reads_as_in_alertmanager(folder: Path) -> None:
    """Matchers are parsed, and a route without a receiver inherits its parent's."""
    route = loaded(folder, FULL, OTLP_TOKEN="x").route
    assert route is not None
    assert route.receiver == "everyone"
    assert route.routes[0].continue_ is True
    assert route.routes[0].matchers == (
        Matcher(name="severity", op="=", value="page"),
        Matcher(name="team", op="=~", value="ai.*"),
    )


def test_an_empty_file_gives_the_defaults(folder: Path) -> None:
    """All keys are optional; every listener is on loopback."""
    config = loaded(folder, "")
    assert config.receive == Receive()
    assert config.web == Web()
    assert config.receive.grpc.is_loopback
    assert config.runs.join == ("link", "session", "a2a", "history")
    assert config.route is None


@pytest.mark.parametrize("join", ["[]", "[link]"])
def test_joins_can_be_switched_off(folder: Path, join: str) -> None:
    """Only what is listed joins traces to runs; nothing at all may be."""
    runs = loaded(folder, f"runs: {{join: {join}}}").runs
    assert list(runs.join) == join.strip("[]").split()


def test_limits_of_evaluations_are_read_in_order(folder: Path) -> None:
    """Names are globs; a limit may stand on either side, or on both."""
    text = "evaluations:\n- {name: 'faith*', min_score: 0.7}\n- {name: '*', max_score: -0.5}\n"
    assert loaded(folder, text).scores == (
        ScoreLimit(name="faith*", min_score=0.7),
        ScoreLimit(name="*", max_score=-0.5),
    )


def test_detectors_are_tuned(folder: Path) -> None:
    """Which faults are looked for, and their numbers; what is not given keeps its default."""
    text = (
        "faults: {off: [low_score, stale], min_repeats: 5, min_passes: 6, min_history_results: 9,"
        " stale_after: 12h, min_score: 0.4}"
    )
    assert loaded(folder, text).faults == Tuning(
        off=frozenset({"low_score", "stale"}),
        min_repeats=5,
        min_passes=6,
        min_history_results=9,
        stale_after_s=43_200.0,
        min_score=0.4,
    )
    assert loaded(folder, "faults: {}").faults == loaded(folder, "").faults == Tuning()


def test_one_receiver_needs_no_route(folder: Path) -> None:
    """The only receiver is told of everything."""
    route = loaded(folder, "receivers: [{name: a, webhook_configs: [{url: 'https://x'}]}]").route
    assert route is not None
    assert route.receiver == "a"


WRONG = [
    ("rulez: {}", ["1:1: a configuration has no key 'rulez'; did you mean 'rules'?"]),
    ("runs: {quiet: 10}", ["1:15: 'quiet' needs a unit: write 10s, 10m or 10h"]),
    ("receive: {grpc: nowhere}", ["1:17: 'grpc' must be an address such as 127.0.0.1:4317"]),
    ("receive: {grpc: '0.0.0.0:4317'}", ["1:17: 0.0.0.0:4317 is reachable from other machines"]),
    ("web: {listen: ':9319'}", ["1:15: :9319 is reachable from other machines"]),
    ("web: {auth: {bearer_token: '${env:NO}'}}", ["the environment variable NO is not set"]),
    ("web: {auth: {bearer_token_file: gone}}", ["cannot be read: No such file or directory"]),
    ("receivers: [{name: a}, {name: a}]", ["a second receiver 'a'"]),
    (
        "receivers: [{name: pager, fallback: pagr}]",
        ["1:37: there is no receiver 'pagr'; did you mean 'pager'?"],
    ),
    (
        (
            "receivers: [{name: a, webhook_configs: [{url: https://x.example,"
            " http_config: {tls_config: {cert_file: a.pem}}}]}]"
        ),
        ["give `cert_file` and `key_file`, or neither"],
    ),
    (
        (
            "receivers: [{name: a, webhook_configs: [{url: https://x.example,"
            " http_config: {tls_config: {insecure_skip_verify: true}}}]}]"
        ),
        ["give `ca_file`: a server is always checked"],
    ),
    (
        (
            "receivers: [{name: a, webhook_configs: [{url: https://x.example,"
            " http_config: {authorization: {credentials_file: missing}}}]}]"
        ),
        ["missing cannot be read: No such file or directory"],
    ),
    (
        "receivers: [{name: a, fallback: b}, {name: b, fallback: a}]",
        ["the fallbacks lead back to it: a -> b -> a"],
    ),
    ("receivers: [{name: a}, {name: b}]", ["several receivers need a `route`"]),
    ("receivers: [{name: a}]\nroute: {receiver: aa}", ["there is no receiver 'aa'; did you mean"]),
    ("faults: {off: [lowscore]}", ["lowscore"]),
    ("faults: {min_repeats: 1}", ["min_repeats"]),
    ("faults: {min_score: 2}", ["min_score"]),
    ("faults: {stale_after: 4}", ["needs a unit"]),
    ("faults: {max_repeats: 4}", ["a faults section has no key 'max_repeats'"]),
    ("evaluations: [{name: a}]", ["1:15: give `min_score`, `max_score`, or both"]),
    ("evaluations: [{min_score: 1}]", ["name"]),
    (
        "receivers: [{name: a, slack_configs: [{channel: '#x'}]}]",
        ["Slack takes either a bot token or an incoming webhook's URL"],
    ),
    (
        "receivers: [{name: a, slack_configs: [{webhook_url: 'https://x', picture: true}]}]",
        ["an incoming webhook takes no pictures"],
    ),
    (
        "receivers: [{name: a}]\nroute: {receiver: a, routes: [{matchers: ['severity']}]}",
        ["a matcher looks like"],
    ),
    (
        "receivers: [{name: a}]\nroute: {receiver: a, routes: [{matchers: ['a=~\"(\"']}]}",
        ["is not a regular expression"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_is_wrong_is_said_at_its_place(folder: Path, text: str, expected: list[str]) -> None:
    """Each mistake gets a message a person can act on; none is passed over."""
    found = problems_of(folder, text)
    for message in expected:
        assert any(message in line for line in found), found


@pytest.mark.parametrize(
    "text",
    [
        "web: {listen: '0.0.0.0:9319', auth: {bearer_token: '${env:NO}'}}",
        "web: {listen: '0.0.0.0:9319', auth: {bearer_token_file: gone}}",
        "receivers: [{name: a, slack_configs: [{channel: '#x', bot_token: '${env:NO}'}]}]",
        "receivers: [{name: a, slack_configs: [{channel: '#x', bot_token_file: gone}]}]",
        "receivers: [{name: a, webhook_configs: [{url: '${env:NO}'}]}]",
    ],
)
def test_a_secret_that_cannot_be_read_is_one_problem(folder: Path, text: str) -> None:
    """What follows from it (no authentication, no token) is not reported beside it."""
    assert len(problems_of(folder, text)) == 1


def test_a_secret_file_is_named(folder: Path) -> None:
    """Whoever mends it need not look up which file is meant."""
    found = problems_of(folder, "web: {auth: {bearer_token_file: gone}}")
    assert "gone cannot be read" in found[0]


def test_all_problems_are_reported_at_once(folder: Path) -> None:
    """One run of the check shows everything there is to mend."""
    assert len(problems_of(folder, "runs: {quiet: 1, late: 2}\nrulez: 1\nforward: 1")) == 4


@pytest.mark.parametrize("text", ["receive: {grpc: '0.0.0.0:4317', auth: none}"])
def test_open_listeners_are_allowed_in_writing(folder: Path, text: str) -> None:
    """``auth: none`` says that an open listener is meant."""
    assert not loaded(folder, text).receive.grpc.is_loopback


def test_a_value_from_the_environment_never_becomes_a_key(folder: Path) -> None:
    """Substitution happens after parsing: a newline in a variable stays inside of its value."""
    config = loaded(folder, "web: {external_url: '${env:URL}'}", URL="x\nrules: {paths: [/evil]}")
    assert config.rule_paths == ()


def test_configuration_files_are_told_from_rule_files(folder: Path) -> None:
    """``causewatch check`` takes both, and knows which is which by its keys."""
    for text, expected in [("web: {}", True), ("groups: []", False), ("a: 1", False), ("", False)]:
        path = folder / "some.yaml"
        path.write_text(text, encoding="utf-8")
        assert is_config_file(path) is expected


def test_secrets_do_not_show_in_a_repr(folder: Path) -> None:
    """A configuration in a log line or a traceback names places, never tokens."""
    config = loaded(folder, FULL, OTLP_TOKEN="otlp-1")
    shown = repr(config)
    assert "xoxb-1" not in shown
    assert "whsec_" not in shown
    assert "otlp-1" not in shown


def test_dialect_files_are_named_and_told_from_configurations(tmp_path: Path) -> None:
    """``dialects`` is a section here and a list in a dialect file."""
    path = tmp_path / "causewatch.yaml"
    path.write_text("dialects: {paths: [mine, /etc/dialects]}", encoding="utf-8")
    assert load_config(path).dialect_paths == (tmp_path / "mine", Path("/etc/dialects"))
    assert is_config_file(path)
    path.write_text("dialects: []", encoding="utf-8")
    assert not is_config_file(path)
