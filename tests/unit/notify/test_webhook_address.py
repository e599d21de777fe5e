"""Where a webhook may lead: the server-side request forgery that a configuration must not help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import httpx
import pytest

from causewatch.notify.config import Links, Receiver, WebhookConfig
from causewatch.notify.outcome import Dead, Retry, Sent
from causewatch.notify.problems import problems_of
from causewatch.notify.webhook.address import RefusedAddressError, address_of, look_up, refusal_of
from causewatch.notify.webhook.send import WebhookChannel
from notify_fixtures import VirtualClock, route_to
from webhook_fixtures import Hook, a_delivery, serving

REFUSED = [
    ("169.254.169.254", "link-local"),
    ("fe80::1", "link-local"),
    ("::ffff:169.254.169.254", "link-local"),
    ("2002:a9fe:a9fe::1", "link-local"),
    ("100.100.100.200", "metadata"),
    ("192.0.0.192", "metadata"),
    ("fd00:ec2::254", "metadata"),
    ("224.0.0.1", "multicast"),
    ("0.0.0.0", "no host's"),  # noqa: S104  # an address to be refused
    ("::", "no host's"),
]


@pytest.fixture(name="hook")
def _hook() -> Iterator[Hook]:
    with serving() as hook:
        yield hook


def channel(url: str, *addresses: str) -> WebhookChannel:
    """Return a webhook whose host has these addresses."""

    def resolve(_host: str, _port: int) -> Sequence[str]:
        if not addresses:
            raise OSError("Name or service not known")
        return addresses

    clock = VirtualClock()
    return WebhookChannel("team", WebhookConfig(url=url), Links(), clock.now_ns, resolve)


@pytest.mark.parametrize(("address", "reason"), REFUSED)
def test_an_address_that_hands_out_credentials_is_refused(address: str, reason: str) -> None:
    """However it is written; and a host that has only such ones."""
    assert reason in refusal_of(ip_address(address))
    with pytest.raises(RefusedAddressError, match=reason):
        address_of(httpx.URL("http://hooks.example.com/x"), lambda _host, _port: [address])
    outcome = channel("http://hooks.example.com/x", address).send(a_delivery())
    assert isinstance(outcome, Dead)
    assert reason in outcome.reason


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "fd12::1", "8.8.8.8"])
def test_hosts_of_ones_own_network_are_told(address: str) -> None:
    """Most webhooks of an on-call team are in it."""
    found = address_of(httpx.URL("https://hooks/x"), lambda _host, _port: ["169.254.0.1", address])
    assert found == address


@pytest.mark.parametrize("address", ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:a9fe:a9fe]"])
def test_an_address_in_the_configuration_is_refused_at_once(address: str) -> None:
    """Before anything is sent."""
    receiver = Receiver(name="team", webhooks=(WebhookConfig(url=f"http://{address}/x"),))
    (found,) = problems_of(route_to(), {"team": receiver})
    assert "nothing is sent to a webhook whose address is" in found


def test_the_connection_goes_where_the_name_led(hook: Hook) -> None:
    """The request still names the host; nobody asks the resolver a second time."""
    asked = channel(hook.url.replace("127.0.0.1", "hooks.invalid"), "127.0.0.1")
    assert asked.send(a_delivery()) == Sent()
    ((path, headers, _),) = hook.got
    assert path == "/hook"
    assert headers["host"] == f"hooks.invalid:{hook.server_address[1]}"
    asked.close()


def test_a_name_that_is_not_known_is_tried_again() -> None:
    """Name servers fail, too; what is no name at all is an error of the same kind."""
    outcome = channel("http://hooks.invalid/x").send(a_delivery())
    assert isinstance(outcome, Retry)
    assert "Name or service not known" in outcome.reason
    with pytest.raises(OSError, match="no name of a host"):
        look_up("a" * 70 + ".example", 80)


def test_through_a_proxy_the_name_goes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy looks it up, and may refuse it."""
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert not address_of(httpx.URL("http://out.example/"), lambda _host, _port: ["8.8.8.8"])
    inside = address_of(httpx.URL("http://inside.example/"), lambda _host, _port: ["10.0.0.1"])
    assert inside == "10.0.0.1"
