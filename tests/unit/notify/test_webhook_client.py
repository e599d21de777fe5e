"""Webhooks behind TLS, mTLS and a token, against a server that asks for them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from causewatch.errors import UserError
from causewatch.notify.config import HttpClient, Links, WebhookConfig
from causewatch.notify.outcome import Outcome, Retry, Sent
from causewatch.notify.webhook.send import WebhookChannel
from notify_fixtures import VirtualClock
from receive_fixtures import Certificates, made_certificates
from webhook_fixtures import Hook, a_delivery, serving


@pytest.fixture(name="files", scope="module")
def _files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return made_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(name="hook")
def _hook(files: Certificates) -> Iterator[Hook]:
    """A webhook that wants to see a certificate of the authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.authority)
    context.load_cert_chain(files.server.cert_file, files.server.key_file)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(context) as hook:
        yield hook


def sent(url: str, client: HttpClient, *addresses: str) -> Outcome:
    """Send one message by such a client; the host has these addresses, where they are told."""
    config = WebhookConfig(url=url, client=client)
    found = WebhookChannel(
        "team", config, Links(), VirtualClock().now_ns, lambda host, _: addresses or (host,)
    )
    try:
        return found.send(a_delivery())
    finally:
        found.close()


def ours(files: Certificates, **rest: str) -> HttpClient:
    """Return a client that believes the authority and shows its certificate."""
    return HttpClient(
        ca_file=str(files.authority),
        cert_file=str(files.client_cert),
        key_file=str(files.client_key),
        **rest,
    )


def test_certificates_are_shown_and_checked(hook: Hook, files: Certificates) -> None:
    """Also where the name was looked up before: the certificate is that of the name."""
    assert sent(hook.url, ours(files)) == Sent()
    named = hook.url.replace("127.0.0.1", "localhost")
    assert sent(named, ours(files), "127.0.0.1") == Sent()
    assert [headers["host"].partition(":")[0] for _, headers, _ in hook.got] == [
        "127.0.0.1",
        "localhost",
    ]


def test_who_cannot_prove_its_name_gets_nothing(hook: Hook, files: Certificates) -> None:
    """An unknown authority, another name, or a client without a certificate."""
    other = hook.url.replace("127.0.0.1", "hooks.example")
    assert isinstance(sent(other, ours(files), "127.0.0.1"), Retry)
    assert isinstance(sent(hook.url, HttpClient()), Retry)
    assert sent(hook.url, HttpClient(ca_file=str(files.authority))) != Sent()
    assert hook.got == []


def test_a_token_is_sent_along(hook: Hook, files: Certificates) -> None:
    """And is in no representation of the configuration."""
    client = ours(files, bearer_token="opensesame")  # a made-up one
    assert sent(hook.url, client) == Sent()
    ((_, headers, _),) = hook.got
    assert headers["authorization"] == "Bearer opensesame"
    assert "opensesame" not in repr(WebhookConfig(url=hook.url, client=client)) + repr(client)


def test_files_that_cannot_be_used_are_named(files: Certificates, tmp_path: Path) -> None:
    """At the start, not at the first message."""
    for client in (
        HttpClient(ca_file=str(tmp_path / "missing.pem")),
        HttpClient(cert_file=str(files.client_cert), key_file=str(files.server.key_file)),
    ):
        with pytest.raises(UserError, match="TLS files of a webhook of receiver 'team'"):
            sent("https://127.0.0.1/", client)
