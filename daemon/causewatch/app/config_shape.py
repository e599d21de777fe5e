"""The keys of ``causewatch.yaml``, as data: the reader, the docs and the JSON Schema use them."""

from __future__ import annotations

from causewatch.app.alert_shape import ALERTING
from causewatch.app.forward_shape import FORWARD
from causewatch.app.git_config import GIT
from causewatch.app.own_alerts_config import OWN_ALERTS
from causewatch.app.redaction_shape import DROP_ATTRIBUTES, REDACT
from causewatch.model.judgement import FAULT_NAMES
from causewatch.notify.backends import BACKENDS
from causewatch.rules.shape import (
    Choice,
    Duration,
    Either,
    Integer,
    Key,
    ListOf,
    Number,
    Shape,
    Text,
)
from causewatch.sampling.keys import SAMPLING

_AUTH = Either(
    scalar=Choice(words=("none",)),
    full=Shape(
        name="auth section",
        keys=(
            Key(
                name="bearer_token_file",
                kind=Text(not_empty=True),
                doc="File with the token that clients send as `Authorization: Bearer`.",
            ),
            Key(
                name="bearer_token",
                kind=Text(not_empty=True),
                doc="The token itself; write `${env:NAME}` to keep it out of the file.",
            ),
        ),
    ),
)
_AUTH_DOC = "`none`, or a bearer token. A listener beyond loopback needs one of the two in writing."

_RULES = Shape(
    name="rules section",
    keys=(
        Key(
            name="paths",
            kind=ListOf(item=Text(not_empty=True)),
            doc="Rule files, or folders of them. Default: the shipped rule pack.",
        ),
        Key(
            name="reload_interval",
            kind=Duration(not_zero=True),
            doc="How often the files are compared with what is loaded. Default 30s.",
        ),
        GIT,
    ),
)

_RECEIVE = Shape(
    name="receive section",
    keys=(
        Key(name="grpc", kind=Text(), doc="Address of OTLP/gRPC. Default `127.0.0.1:4317`."),
        Key(name="http", kind=Text(), doc="Address of OTLP/HTTP. Default `127.0.0.1:4318`."),
        Key(
            name="max_message_mib",
            kind=Integer(minimum=1, maximum=1024),
            doc="Largest request, uncompressed, in MiB. Default 64.",
        ),
        Key(name="auth", kind=_AUTH, doc=_AUTH_DOC),
        Key(
            name="tls",
            kind=Shape(
                name="tls section",
                keys=(
                    Key(name="cert_file", kind=Text(), doc="Certificate (PEM).", required=True),
                    Key(name="key_file", kind=Text(), doc="Private key (PEM).", required=True),
                    Key(
                        name="client_ca_file",
                        kind=Text(),
                        doc="CA that clients' certificates must come from (mTLS).",
                    ),
                ),
            ),
            doc="TLS of both receivers.",
        ),
        REDACT,
        DROP_ATTRIBUTES,
    ),
)

_WEB = Shape(
    name="web section",
    keys=(
        Key(
            name="listen",
            kind=Text(),
            doc="Address of pages, API and metrics. Default `127.0.0.1:9319`.",
        ),
        Key(
            name="external_url",
            kind=Text(),
            doc="The address people reach it by, used in links. Default: the listen address.",
        ),
        Key(name="auth", kind=_AUTH, doc=_AUTH_DOC),
    ),
)

_RUNS = Shape(
    name="runs section",
    keys=(
        Key(
            name="quiet",
            kind=Duration(not_zero=True),
            doc="A run with a root is complete after this time without a new span. Default 10s.",
        ),
        Key(
            name="quiet_without_root",
            kind=Duration(not_zero=True),
            doc="The same for a run whose root has not arrived. Default 60s.",
        ),
        Key(
            name="max_age",
            kind=Duration(not_zero=True),
            doc="A run is judged at this age even if spans still arrive. Default 30m.",
        ),
        Key(
            name="late",
            kind=Duration(not_zero=True),
            doc="Spans that arrive this long after completion reopen the run. Default 1h.",
        ),
        Key(
            name="max_live_mib",
            kind=Integer(minimum=1, maximum=1 << 20),
            doc="Memory for live runs in MiB; what is beyond waits in the inbox. Default 224.",
        ),
        Key(
            name="max_run_mib",
            kind=Integer(minimum=1, maximum=1 << 20),
            doc="How much of one run is taken in, in MiB: a run is judged in memory, at four to"
            " five times its size. Of a larger one the spans that came first are judged, as"
            " `evicted`; the others are left out, with a counter, but stored. Default 128.",
        ),
        Key(
            name="join",
            kind=ListOf(item=Choice(words=("link", "session", "a2a", "history"))),
            doc="What joins several traces to one run. Default: all four.",
        ),
    ),
)

_STORE = Shape(
    name="store section",
    keys=(
        Key(name="path", kind=Text(not_empty=True), doc="Folder of the databases."),
        Key(
            name="retention",
            kind=Shape(
                name="retention section",
                keys=(
                    Key(
                        name="age",
                        kind=Duration(not_zero=True),
                        doc="Runs, findings and batches older than this are deleted. Default 14d.",
                    ),
                    Key(
                        name="anomalous_age",
                        kind=Duration(not_zero=True),
                        doc="The same for runs that are not healthy, with their spans. Default 90d."
                        " What an open incident is about stays until it is resolved.",
                    ),
                    Key(
                        name="inbox_mib",
                        kind=Integer(minimum=64, maximum=1 << 24),
                        doc="Room for stored batches, compressed, in MiB: near it the oldest are"
                        " deleted early, at it new ones are refused. Default 8192.",
                    ),
                    Key(
                        name="state_mib",
                        kind=Integer(minimum=16, maximum=1 << 24),
                        doc="Room for runs, findings, incidents and messages, in MiB: near it the"
                        " oldest are deleted early, healthy runs first. Default 2048.",
                    ),
                    Key(
                        name="size_gib",
                        kind=Number(minimum=0.125, maximum=1 << 14),
                        doc="Room for both, in GiB, in place of `inbox_mib` and `state_mib`: four"
                        " fifths are for batches.",
                    ),
                ),
            ),
            doc="How long things are kept.",
        ),
    ),
)

_LOWEST = -1e9
_EVALUATION = Shape(
    name="evaluation limit",
    keys=(
        Key(
            name="name",
            kind=Text(not_empty=True),
            doc="Glob over the names of evaluations; the first entry that matches decides.",
            required=True,
        ),
        Key(name="min_score", kind=Number(minimum=_LOWEST), doc="A lower score is bad."),
        Key(name="max_score", kind=Number(minimum=_LOWEST), doc="A higher score is bad."),
    ),
)

_DIALECTS = Shape(
    name="dialects section",
    keys=(
        Key(
            name="paths",
            kind=ListOf(item=Text(not_empty=True)),
            doc="Dialect files, or folders of them. They are read when the daemon starts.",
        ),
    ),
)

_FAULTS = Shape(
    name="faults section",
    keys=(
        Key(
            name="off",
            kind=ListOf(item=Choice(words=FAULT_NAMES)),
            doc="Faults that are not looked for, such as `[low_score]`.",
        ),
        Key(
            name="min_repeats",
            kind=Integer(minimum=3, maximum=1_000),
            doc="`repeated_call`: so many equal calls with equal results are a loop. Default 3.",
        ),
        Key(
            name="min_passes",
            kind=Integer(minimum=4, maximum=1_000),
            doc="`ping_pong`: so many handoffs to and fro with nothing new are a loop. Default 4.",
        ),
        Key(
            name="min_history_results",
            kind=Integer(minimum=2, maximum=100),
            doc="`missing_shape`: so many results tell what a tool always returns. Default 5.",
        ),
        Key(
            name="stale_after",
            kind=Duration(not_zero=True),
            doc="`stale`: a snapshot older than this on the day that the run was told is out of"
            " date. Default 4d.",
        ),
        Key(
            name="min_score",
            kind=Number(minimum=0, maximum=1),
            doc="`low_score`: retrieved documents that all score less fit badly. Default 0.2.",
        ),
    ),
)

_JUDGE = Shape(
    name="judge section",
    keys=(
        Key(
            name="url",
            kind=Text(not_empty=True),
            required=True,
            doc="Base address of an OpenAI-compatible endpoint, such as `https://host/v1`.",
        ),
        Key(name="model", kind=Text(not_empty=True), required=True, doc="Name of the model."),
        Key(name="api_key_file", kind=Text(not_empty=True), doc="File with the API key."),
        Key(name="api_key", kind=Text(not_empty=True), doc="The key; write `${env:NAME}`."),
        Key(
            name="kind",
            kind=Choice(words=("embedding", "chat")),
            doc="How alike embeddings are, or what a chat model says. Default `embedding`.",
        ),
        Key(
            name="threshold",
            kind=Number(minimum=0, maximum=1),
            doc="The least share of the meaning that must be kept. Default 0.8.",
        ),
        Key(
            name="timeout",
            kind=Duration(not_zero=True),
            doc="How long one answer may take; judging waits for it. Default 2s.",
        ),
        Key(
            name="budget_per_hour",
            kind=Integer(minimum=0, maximum=1_000_000),
            doc="At most so many questions an hour. Default 100.",
        ),
        Key(
            name="cache_size",
            kind=Integer(minimum=0, maximum=1_000_000),
            doc="So many answers are kept, by the digests of both sides. Default 10000.",
        ),
    ),
)

_TRACE_LINK = Shape(
    name="trace link",
    keys=(
        Key(
            name="backend",
            kind=Choice(words=tuple(BACKENDS)),
            doc="Which backend.",
            required=True,
        ),
        Key(
            name="url",
            kind=Text(not_empty=True),
            doc="Where it is; not needed for the hosted Langfuse, LangSmith, Weave, Honeycomb and"
            " Datadog (the first region of each).",
        ),
        Key(
            name="project",
            kind=Text(not_empty=True),
            doc="Langfuse, LangSmith: id of the project; Weave: its name.",
        ),
        Key(
            name="organization",
            kind=Text(not_empty=True),
            doc="LangSmith: the id after `/o/` in its addresses; Weave: the entity; Honeycomb: the"
            " team.",
        ),
        Key(name="environment", kind=Text(not_empty=True), doc="Honeycomb: the environment."),
        Key(name="dataset", kind=Text(not_empty=True), doc="Honeycomb: the dataset."),
        Key(
            name="datasource",
            kind=Text(not_empty=True),
            doc="Tempo: uid of the data source in Grafana, whose address `url` is.",
        ),
    ),
)

CONFIG = Shape(
    name="configuration",
    keys=(
        Key(name="rules", kind=_RULES, doc="Where rule files are."),
        Key(name="dialects", kind=_DIALECTS, doc="Span dialects of your own."),
        Key(name="receive", kind=_RECEIVE, doc="The OTLP receivers."),
        Key(name="web", kind=_WEB, doc="Pages, API and metrics."),
        Key(name="runs", kind=_RUNS, doc="When runs are complete."),
        Key(name="faults", kind=_FAULTS, doc="What is looked for on steps, and how much of it."),
        Key(
            name="judge",
            kind=_JUDGE,
            doc="A judge of meaning for contracts with `compare: {mode: semantic, judge: true}`."
            " Off unless given; it sees what these handoffs carried, but for what they redact.",
        ),
        Key(name="store", kind=_STORE, doc="What is kept, and where."),
        Key(
            name="links",
            kind=Shape(
                name="links section",
                keys=(
                    Key(
                        name="trace",
                        kind=Either(scalar=Text(not_empty=True), full=_TRACE_LINK),
                        doc="URL of a trace in your backend, in which `{{ $trace_id }}`,"
                        " `{{ $span_id }}` and `{{ $run_id }}` are replaced; or a backend by name.",
                    ),
                ),
            ),
            doc="Links shown in messages.",
        ),
        Key(
            name="evaluations",
            kind=ListOf(item=_EVALUATION),
            doc="Which scores of evaluations mean that a run ended wrong.",
        ),
        *ALERTING,
        OWN_ALERTS,
        Key(name="forward", kind=ListOf(item=FORWARD), doc="Where judged runs go on to."),
        Key(name="sampling", kind=SAMPLING, doc="Which judged runs are forwarded."),
    ),
)
