"""What the configuration says of addresses, in the words of the parts that listen."""

from __future__ import annotations

from pathlib import Path

from causewatch.app.address import Address
from causewatch.app.config import Config, Receive
from causewatch.notify.config import Links
from causewatch.receive.limits import Listen, ReceiverAuth, ReceiverTls


def links_of(config: Config) -> Links:
    """Return where links in messages and pages lead."""
    return Links(external_url=external_url(config), trace_url=config.trace_url)


def external_url(config: Config) -> str:
    """Return the address that people reach the pages by; empty where that is not known."""
    if config.web.external_url:
        return config.web.external_url
    scheme_and_host = f"http://{config.web.listen}"
    return scheme_and_host if config.web.listen.is_loopback else ""


def listen_of(receive: Receive, address: Address) -> Listen:
    """Return how one of the receivers listens."""
    tls = receive.tls
    return Listen(
        address=str(address),
        auth=ReceiverAuth(tokens=(receive.token,)) if receive.token else None,
        tls=ReceiverTls(
            cert_file=Path(tls.cert_file),
            key_file=Path(tls.key_file),
            client_ca_file=Path(tls.client_ca_file) if tls.client_ca_file else None,
        )
        if tls
        else None,
    )
