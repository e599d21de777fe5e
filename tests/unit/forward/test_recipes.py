"""Each recipe of the docs, as written: it loads, and its requests look as they are wanted."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest

from causewatch.app.config import load_config
from causewatch.forward.destination import Destination
from causewatch.forward.exporter import exporter_of, host_and_port
from causewatch.forward.outcome import Delivered
from forward_fixtures import T0_NS
from otlp_fixtures import traces_body

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "forward-runs.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### ([^\n]+)\n.*?^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
ENV = {
    name: f"the {name}"
    for name in (
        "DD_API_KEY", "ELASTIC_API_KEY", "HONEYCOMB_API_KEY", "LANGFUSE_AUTH",
        "LANGSMITH_API_KEY", "WANDB_API_KEY",
    )
}  # fmt: skip


class Wanted(NamedTuple):
    """What a backend's own documentation asks for."""

    host: str
    port: int
    is_tls: bool
    path: str = ""
    """Empty for gRPC."""
    headers: tuple[tuple[str, str], ...] = ()


WANTED = {
    "Grafana Tempo": Wanted("tempo", 4317, is_tls=False),
    "Jaeger": Wanted("jaeger", 4317, is_tls=False),
    "Arize Phoenix": Wanted("phoenix", 6006, is_tls=False, path="/v1/traces"),
    "Langfuse": Wanted(
        "cloud.langfuse.com",
        443,
        is_tls=True,
        path="/api/public/otel/v1/traces",
        headers=(
            ("authorization", "Basic the LANGFUSE_AUTH"),
            ("x-langfuse-ingestion-version", "4"),
        ),
    ),
    "LangSmith": Wanted(
        "api.smith.langchain.com",
        443,
        is_tls=True,
        path="/otel/v1/traces",
        headers=(("x-api-key", "the LANGSMITH_API_KEY"), ("langsmith-project", "agents")),
    ),
    "W&B Weave": Wanted(
        "trace.wandb.ai",
        443,
        is_tls=True,
        path="/otel/v1/traces",
        headers=(("wandb-api-key", "the WANDB_API_KEY"), ("project_id", "my-team/agents")),
    ),
    "Honeycomb": Wanted(
        "api.honeycomb.io",
        443,
        is_tls=True,
        headers=(("x-honeycomb-team", "the HONEYCOMB_API_KEY"),),
    ),
    "Datadog": Wanted(
        "otlp.datadoghq.com",
        443,
        is_tls=True,
        path="/v1/traces",
        headers=(("dd-api-key", "the DD_API_KEY"), ("dd-otlp-source", "llmobs")),
    ),
    "Elastic": Wanted(
        "my-deployment.ingest.us-east-1.aws.elastic.cloud",
        443,
        is_tls=True,
        path="/v1/traces",
        headers=(("authorization", "ApiKey the ELASTIC_API_KEY"),),
    ),
}


def recipe(name: str, folder: Path) -> Destination:
    """Return the destination of a recipe, by the real reader of configurations."""
    path = folder / "causewatch.yaml"
    path.write_text(RECIPES[name], encoding="utf-8")
    (found,) = load_config(path, ENV).forward
    return found


class Heard(NamedTuple):
    """One request as a server saw it."""

    path: str
    headers: dict[str, str]


@pytest.fixture
def server() -> Iterator[tuple[str, list[Heard]]]:
    """Yield the URL of a server on loopback that takes everything, and what it heard."""
    heard: list[Heard] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            heard.append(Heard(self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    found = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}", heard
    found.shutdown()
    thread.join()
    found.server_close()


def test_every_backend_has_its_recipe() -> None:
    """The nine that are asked for, each with what its documentation wants."""
    assert set(RECIPES) == set(WANTED)


@pytest.mark.parametrize("name", WANTED)
def test_a_recipe_names_the_right_place(name: str, tmp_path: Path) -> None:
    """Host, port, TLS, protocol and headers."""
    found, wanted = recipe(name, tmp_path), WANTED[name]
    assert host_and_port(found.endpoint) == (wanted.host, wanted.port)
    assert urlsplit(found.endpoint).scheme == ("https" if wanted.is_tls else "http")
    assert found.protocol == ("http" if wanted.path else "grpc")
    given = {key.lower(): value for key, value in found.headers.items()}
    assert given == dict(wanted.headers)


@pytest.mark.parametrize("name", [name for name, wanted in WANTED.items() if wanted.path])
def test_a_recipe_sends_what_is_wanted(
    name: str, tmp_path: Path, server: tuple[str, list[Heard]]
) -> None:
    """Against a server on loopback instead: the path, and every header."""
    url, heard = server
    found = recipe(name, tmp_path)
    local = msgspec.structs.replace(found, endpoint=url + urlsplit(found.endpoint).path)
    exporter = exporter_of(local, lambda: T0_NS)
    assert exporter.send(traces_body(1)) == Delivered()
    exporter.close()
    ((path, headers),) = heard
    assert path == WANTED[name].path
    assert headers.items() >= dict(WANTED[name].headers).items()
    assert headers["content-type"] == "application/x-protobuf"
