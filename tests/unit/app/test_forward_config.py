"""The ``forward`` section: what it means, and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from causewatch.app.config import Config, load_config
from causewatch.errors import ProblemsError
from causewatch.forward.destination import ClientTls, Destination, Filter
from causewatch.model.judgement import RunVerdictName
from causewatch.sampling.policy import Always, Named, Sampling, VerdictIs

FULL = """\
forward:
- name: tempo
  endpoint: http://tempo:4317
- name: cloud-1
  endpoint: " https://otlp.example.com/otel "
  protocol: http
  headers: {authorization: "Bearer ${env:TOKEN}", X-Team: {value_file: team}, x-b: {value: b}}
  tls: {ca_file: ca.pem, cert_file: /etc/crt.pem, key_file: key.pem}
  compression: none
  filter: {verdict: [corrupted, unverifiable], workflow: [billing-*], service: [desk]}
  sampled: false
  mode: unmodified
  queue_mib: 64
  max_age: 2h
  max_request_mib: 1
  timeout: 5s
"""


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


def test_every_key_is_read(tmp_path: Path) -> None:
    """Files are relative to the configuration's folder; secrets come from files and the env."""
    (tmp_path / "team").write_text("agents\n", encoding="utf-8")
    tempo, cloud = loaded(tmp_path, FULL, TOKEN="s3cret").forward
    assert tempo == Destination(name="tempo", endpoint="http://tempo:4317")
    assert cloud == Destination(
        name="cloud-1",
        endpoint="https://otlp.example.com/otel",
        protocol="http",
        headers={"authorization": "Bearer s3cret", "X-Team": "agents", "x-b": "b"},
        tls=ClientTls(
            ca_file=str(tmp_path / "ca.pem"),
            cert_file="/etc/crt.pem",
            key_file=str(tmp_path / "key.pem"),
        ),
        compression="none",
        filter=Filter(
            verdicts=("corrupted", "unverifiable"), workflows=("billing-*",), services=("desk",)
        ),
        sampled=False,
        mode="unmodified",
        queue_mib=64,
        max_age_s=7200,
        max_request_mib=1,
        timeout_s=5,
    )


def test_headers_are_never_shown(tmp_path: Path) -> None:
    """They are secrets more often than not."""
    (tmp_path / "team").write_text("agents\n", encoding="utf-8")
    config = loaded(tmp_path, FULL, TOKEN="s3cret")
    assert "s3cret" not in repr(config)


def test_nothing_is_forwarded_unless_told(tmp_path: Path) -> None:
    """The default."""
    assert loaded(tmp_path, "forward: []").forward == loaded(tmp_path, "").forward == ()


def entry(**keys: str) -> str:
    """Return a section with one destination."""
    given = {"name": "a", "endpoint": "http://tempo:4317", **keys}
    return "forward:\n- " + "\n  ".join(f"{key}: {value}" for key, value in given.items())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("forward: [{name: a}]", "1:11: a destination needs the key 'endpoint'"),
        (
            "forward: {name: a}",
            "1:10: 'forward' must be a list, not a mapping",
        ),
        (entry(name="../a"), "2:9: a name has letters, digits, `-` and `_`, at most 64"),
        (
            entry(endpoint="tempo:4317"),
            "3:13: an address such as http://tempo:4317 or https://host/path is asked for",
        ),
        (
            entry(endpoint="http://tempo:99999"),
            "3:13: an address such as http://tempo:4317 or https://host/path is asked for",
        ),
        (
            entry(protocl="grpc"),
            "4:3: a destination has no key 'protocl'; did you mean 'protocol'?",
        ),
        (
            entry(protocol="htpp"),
            "4:13: 'protocol' must be one of grpc, http, not 'htpp'; did you mean 'http'?",
        ),
        (
            entry(filter="{verdict: [corupted]}"),
            "4:22: an item of 'verdict' must be one of healthy, corrupted, unverifiable, not 'cor",
        ),
        (entry(headers='{"a b": c}'), "4:12: 'a b' cannot be set as a header"),
        (entry(headers="{Content-Type: c}"), "4:12: 'Content-Type' cannot be set as a header"),
        (
            entry(headers='{a: "s3cret\\nx: y"}'),
            "4:12: the value of header 'a' has characters that no header may have",
        ),
        (entry(headers="{a: {value_file: none}}"), "4:29: none cannot be read: "),
        (entry(headers="{a: {}}"), "4:16: header 'a' needs a value"),
        (entry(tls="{cert_file: a}"), "4:8: give `cert_file` and `key_file`, or neither"),
        (entry(max_age="0s"), "4:12: 'max_age' must be longer than 0s"),
    ],
)
def test_problems_say_where_and_what(tmp_path: Path, text: str, wanted: str) -> None:
    """One line each, with the place in the file; no value of a header is among them."""
    (found,) = problems_of(tmp_path, text)
    assert found.startswith(wanted)
    assert "s3cret" not in found


def test_a_second_destination_of_one_name_is_refused(tmp_path: Path) -> None:
    """Its queue would be the first one's, also on file systems that do not tell case apart."""
    text = "forward:\n- {name: a, endpoint: 'http://x'}\n- {name: A, endpoint: 'http://y'}\n"
    assert problems_of(tmp_path, text) == ["3:10: a second destination 'A'"]


@pytest.mark.parametrize(
    ("receive", "endpoint"),
    [
        ("", "http://127.0.0.1:4317"),
        ("", "http://localhost:4318/v1/traces"),
        ("receive: {grpc: '0.0.0.0:9000', auth: none}", "http://[::1]:9000"),
        ("receive: {http: '127.0.0.1:443'}", "https://localhost"),
        ("receive: {http: '10.0.0.7:80', auth: none}", "http://10.0.0.7"),
    ],
)
def test_our_own_receiver_is_no_destination(tmp_path: Path, receive: str, endpoint: str) -> None:
    """Runs would come back for ever; ``causewatch check`` says so before the start."""
    text = f"{receive}\n{entry(endpoint=endpoint)}"
    (problem,) = problems_of(tmp_path, text)
    assert "this is our own receiver at" in problem


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:14317", "http://tempo:4317"])
def test_another_receiver_is(tmp_path: Path, endpoint: str) -> None:
    """Another port here, or our port elsewhere."""
    assert loaded(tmp_path, entry(endpoint=endpoint)).forward[0].endpoint == endpoint


SAMPLED = """\
sampling:
  policies:
  - {name: all, type: always_sample}
forward:
- name: a
  endpoint: http://a:4317
  sampling:
    policies:
    - {name: bad, type: verdict, verdict: {verdicts: [corrupted]}}
- {name: b, endpoint: "http://b:4317"}
"""


def test_policies_are_shared_or_a_destinations_own(tmp_path: Path) -> None:
    """Both have the same shape."""
    config = loaded(tmp_path, SAMPLED)
    assert config.sampling == Sampling(keeps=(Named(name="all", policy=Always()),))
    verdicts = frozenset[RunVerdictName]({"corrupted"})
    own = Sampling(keeps=(Named(name="bad", policy=VerdictIs(verdicts=verdicts)),))
    assert [one.sampling for one in config.forward] == [own, None]
    assert loaded(tmp_path, "forward: []").sampling is None


def test_policies_that_would_do_nothing_are_a_mistake(tmp_path: Path) -> None:
    """As is whatever else is wrong in them, with its place."""
    text = SAMPLED.replace("  sampling:\n", "  sampled: false\n  sampling:\n")
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("7:12: `sampled: false` leaves the policies")
    (problem,) = problems_of(tmp_path, SAMPLED.replace("type: verdict", "type: verdikt"))
    assert problem.startswith("9:25:")
    assert "did you mean 'verdict'?" in problem
