"""``causewatch.yaml``: read strictly, all problems at once, secrets kept apart."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import msgspec

from causewatch.app.address import Address, parse_address
from causewatch.app.config_shape import CONFIG
from causewatch.app.forward_config import read_forward
from causewatch.app.git_config import GitConfig, read_git
from causewatch.app.judge_config import JudgeConfig, read_judge
from causewatch.app.links_config import read_trace_link
from causewatch.app.own_alerts_config import OwnAlertsConfig, read_own_alerts
from causewatch.app.receivers import read_receivers, read_slack_app
from causewatch.app.redaction_config import read_redaction
from causewatch.app.retention import RetentionLimits
from causewatch.app.routes import read_alerting
from causewatch.app.secret import read_secret
from causewatch.errors import Problem, ProblemsError
from causewatch.faults.tuning import DEFAULT_TUNING, Tuning
from causewatch.forward.destination import Destination
from causewatch.incidents.route import Route
from causewatch.model.judgement import FAULT_NAMES
from causewatch.model.limits import JoinBy, RunLimits, ScoreLimit
from causewatch.notify.config import Alerting, Receiver, SlackApp
from causewatch.receive.redaction import NO_REDACTION, Redaction
from causewatch.rules.dialect_file import is_dialect_node
from causewatch.rules.read import Section, read
from causewatch.rules.yaml import Entry, Items, Node, Problems, Scalar, Table, kind_of, parse
from causewatch.sampling.policy import Sampling
from causewatch.sampling.read import read_sampling

DEFAULT_PATH = Path("causewatch.yaml")
_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """TLS of the receivers."""

    cert_file: str
    key_file: str
    client_ca_file: str = ""


class Receive(msgspec.Struct, frozen=True, kw_only=True):
    """The OTLP receivers; an empty ``token`` means no authentication."""

    grpc: Address = Address(host="127.0.0.1", port=4317)
    http: Address = Address(host="127.0.0.1", port=4318)
    max_message_mib: int = 64
    token: str = ""
    tls: Tls | None = None
    redaction: Redaction = NO_REDACTION

    def __repr__(self) -> str:
        """Name the addresses, never the token."""
        return f"Receive(grpc={self.grpc}, http={self.http})"


class Web(msgspec.Struct, frozen=True, kw_only=True):
    """Pages, API and metrics."""

    listen: Address = Address(host="127.0.0.1", port=9319)
    external_url: str = ""
    token: str = ""

    def __repr__(self) -> str:
        """Name the address, never the token."""
        return f"Web(listen={self.listen})"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A daemon's configuration, checked."""

    rule_paths: tuple[Path, ...] = ()
    rules_git: GitConfig | None = None
    reload_interval_s: float = 30.0
    dialect_paths: tuple[Path, ...] = ()
    receive: Receive = Receive()
    web: Web = Web()
    runs: RunLimits = RunLimits()
    store_path: Path = Path("causewatch-data")
    retention: RetentionLimits = RetentionLimits()
    trace_url: str = ""
    scores: tuple[ScoreLimit, ...] = ()
    faults: Tuning = DEFAULT_TUNING
    judge: JudgeConfig | None = None
    alerting: Alerting = Alerting()
    own_alerts: OwnAlertsConfig = OwnAlertsConfig()
    slack: SlackApp | None = None
    forward: tuple[Destination, ...] = ()
    sampling: Sampling | None = None

    @property
    def route(self) -> Route | None:
        """Return the routing tree."""
        return self.alerting.route

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """Return whom to tell, in the order of the file."""
        return tuple(self.alerting.receivers.values())


def load_config(path: Path, env: Mapping[str, str] = os.environ) -> Config:
    """Read a configuration file. Relative paths in it are relative to its folder.

    Raises:
        ProblemsError: with every problem of the file.
    """
    problems = Problems()
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = Problem(
            file=str(path), line=1, column=1, check="unreadable", message=str(error.strerror)
        )
        raise ProblemsError([problem]) from None
    node = parse(str(path), content, problems)
    config = Config()
    if node is not None:
        section = read(_with_env(node, env, problems), CONFIG, problems)
        if section is not None:
            config = _config(section, path.parent, problems)
    if len(problems) > 0:
        raise ProblemsError(list(problems))
    return config


def is_config_file(path: Path) -> bool:
    """Tell by its top-level keys whether a YAML file is a daemon's configuration."""
    rule_keys = {"groups", "contracts", "paths", "trust", "rule_files", "tests"}
    try:
        node = parse(str(path), path.read_bytes(), Problems())
    except OSError:
        return False
    if not isinstance(node, Table) or is_dialect_node(node):
        return False
    keys = {entry.key for entry in node.entries}
    return bool(keys & {key.name for key in CONFIG.keys}) and not keys & rule_keys


def _with_env(node: Node, env: Mapping[str, str], problems: Problems) -> Node:
    """Replace ``${env:NAME}`` in scalar values, after parsing: a value can never become a key."""
    match node:
        case Table():
            entries = [
                msgspec.structs.replace(entry, value=_with_env(entry.value, env, problems))
                for entry in node.entries
            ]
            return Table(place=node.place, entries=tuple[Entry, ...](entries))
        case Items():
            nodes = tuple(_with_env(item, env, problems) for item in node.nodes)
            return Items(place=node.place, nodes=nodes)
        case Scalar():
            return _scalar_with_env(node, env, problems)


def _scalar_with_env(node: Scalar, env: Mapping[str, str], problems: Problems) -> Scalar:
    names = _ENV.findall(node.text)
    if not names:
        return node
    for name in names:
        if name not in env:
            message = f"the environment variable {name} is not set"
            problems.add(node.place, "env", message)
            return Scalar(place=node.place, text="", kind="broken")
    text = _ENV.sub(lambda found: env[found[1]], node.text)
    return Scalar(place=node.place, text=text, kind=kind_of(text))


def _config(section: Section, folder: Path, problems: Problems) -> Config:
    default = Config()
    rules = section.section("rules")
    store = section.section("store")
    receivers = read_receivers(section, folder, problems)
    receive = _receive(section.section("receive"), folder, problems)
    return Config(
        rule_paths=_paths(rules, folder),
        rules_git=read_git(rules, folder, problems),
        dialect_paths=_paths(section.section("dialects"), folder),
        reload_interval_s=rules.seconds("reload_interval", 30.0) if rules else 30.0,
        receive=receive,
        web=_web(section.section("web"), folder, problems),
        runs=_runs(section.section("runs")),
        store_path=folder / store.text("path", str(default.store_path))
        if store
        else default.store_path,
        retention=_retention(store.section("retention") if store else None, problems),
        trace_url=read_trace_link(section, problems),
        scores=_scores(section, problems),
        faults=_faults(section.section("faults")),
        judge=read_judge(section, folder, problems),
        alerting=read_alerting(section, receivers, problems),
        own_alerts=read_own_alerts(section, problems),
        slack=read_slack_app(section, folder, problems),
        forward=read_forward(section, folder, (receive.grpc, receive.http), problems),
        sampling=read_sampling(section.section("sampling"), problems),
    )


def _retention(section: Section | None, problems: Problems) -> RetentionLimits:
    default = RetentionLimits()
    if section is None:
        return default
    inbox_mib = section.integer("inbox_mib", default.inbox_mib)
    state_mib = section.integer("state_mib", default.state_mib)
    if section.is_good("size_gib"):
        if section.has("inbox_mib") or section.has("state_mib"):
            message = "give either `size_gib`, or `inbox_mib` and `state_mib`"
            problems.add(section.key_place("size_gib"), "value", message)
        size_mib = int(section.number("size_gib") * 1024)
        inbox_mib, state_mib = size_mib * 4 // 5, size_mib // 5
    age_s = section.seconds("age", default.age_s)
    return RetentionLimits(
        age_s=age_s,
        anomalous_age_s=section.seconds("anomalous_age", max(age_s, default.anomalous_age_s)),
        inbox_mib=inbox_mib,
        state_mib=state_mib,
    )


def _paths(section: Section | None, folder: Path) -> tuple[Path, ...]:
    return tuple(folder / path for path in section.texts("paths")) if section else ()


def _faults(section: Section | None) -> Tuning:
    default = DEFAULT_TUNING
    if section is None:
        return default
    off = section.texts("off")
    return Tuning(
        off=frozenset(name for name in FAULT_NAMES if name in off),
        min_repeats=section.integer("min_repeats", default.min_repeats),
        min_passes=section.integer("min_passes", default.min_passes),
        min_history_results=section.integer("min_history_results", default.min_history_results),
        stale_after_s=section.seconds("stale_after", default.stale_after_s),
        min_score=section.number("min_score", default.min_score),
    )


def _scores(section: Section, problems: Problems) -> tuple[ScoreLimit, ...]:
    found: list[ScoreLimit] = []
    for entry in section.sections("evaluations"):
        limits = {
            key: entry.number(key) for key in ("min_score", "max_score") if entry.is_good(key)
        }
        if entry.ok and not limits:
            problems.add(entry.place, "value", "give `min_score`, `max_score`, or both")
        found.append(ScoreLimit(name=entry.text("name"), **limits))
    return tuple(found)


def _runs(section: Section | None) -> RunLimits:
    limits = RunLimits()
    if section is None:
        return limits
    return RunLimits(
        quiet_s=section.seconds("quiet", limits.quiet_s),
        quiet_without_root_s=section.seconds("quiet_without_root", limits.quiet_without_root_s),
        max_age_s=section.seconds("max_age", limits.max_age_s),
        late_s=section.seconds("late", limits.late_s),
        max_live_mib=section.integer("max_live_mib", limits.max_live_mib),
        max_run_mib=section.integer("max_run_mib", limits.max_run_mib),
        join=_joins(section) if section.value("join") is not None else limits.join,
    )


def _joins(section: Section) -> tuple[JoinBy, ...]:
    return tuple(name for name in get_args(JoinBy) if name in section.texts("join"))


def _receive(section: Section | None, folder: Path, problems: Problems) -> Receive:
    default = Receive()
    if section is None:
        return default
    token, is_open = _auth(section, folder, problems)
    guarded = bool(token) or is_open
    return Receive(
        grpc=_listen(section, "grpc", default.grpc, problems, guarded=guarded),
        http=_listen(section, "http", default.http, problems, guarded=guarded),
        max_message_mib=section.integer("max_message_mib", default.max_message_mib),
        token=token,
        tls=_tls(section.section("tls"), folder),
        redaction=read_redaction(section, problems),
    )


def _web(section: Section | None, folder: Path, problems: Problems) -> Web:
    default = Web()
    if section is None:
        return default
    token, is_open = _auth(section, folder, problems)
    guarded = bool(token) or is_open
    return Web(
        listen=_listen(section, "listen", default.listen, problems, guarded=guarded),
        external_url=section.text("external_url").rstrip("/"),
        token=token,
    )


def _tls(section: Section | None, folder: Path) -> Tls | None:
    if section is None or not section.ok:
        return None
    client_ca = section.text("client_ca_file")
    return Tls(
        cert_file=str(folder / section.text("cert_file")),
        key_file=str(folder / section.text("key_file")),
        client_ca_file=str(folder / client_ca) if client_ca else "",
    )


def _listen(
    section: Section, key: str, default: Address, problems: Problems, *, guarded: bool
) -> Address:
    """Read an address; one beyond loopback needs authentication, or ``auth: none`` in writing."""
    if not section.is_good(key):
        return default
    listen = parse_address(section.text(key))
    if listen is None:
        message = f"{key!r} must be an address such as 127.0.0.1:4317, not {section.text(key)!r}"
        problems.add(section.place_of(key), "value", message)
        return default
    if not listen.is_loopback and not guarded:
        message = (
            f"{section.text(key)} is reachable from other machines: set `auth`, or write "
            "`auth: none` beside it if that is meant"
        )
        problems.add(section.place_of(key), "auth", message)
    return listen


def _auth(section: Section, folder: Path, problems: Problems) -> tuple[str, bool]:
    """Return the bearer token (empty if none) and whether ``auth: none`` is written."""
    if section.value("auth") == "none":
        return "", True
    auth = section.section("auth")
    if auth is None:
        return "", False
    return read_secret(auth, "bearer_token", folder, problems), False
