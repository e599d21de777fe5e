"""Which address a webhook is sent to: never the one where a cloud hands out its credentials.

The name of a host is resolved here, once an attempt, and the connection goes to that address: a
name that is answered otherwise a moment later (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

import httpx

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
METADATA = frozenset(map(ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")))
"""Metadata services of clouds that lie outside of the link-local range."""
_PORTS = {"http": 80, "https": 443}


class RefusedAddressError(Exception):
    """A host has no address that a message may go to."""


def refusal_of(address: IPv4Address | IPv6Address) -> str:
    """Return why nothing is sent to an address, empty where it may be: private ones may."""
    plain = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    if plain.is_link_local:
        return "link-local"
    if plain in METADATA:
        return "a cloud's metadata service"
    if plain.is_multicast:
        return "multicast"
    if plain.is_unspecified:
        return "no host's"
    return ""


def literal_refusal(url: str) -> str:
    """Return why nothing is sent to a URL whose host is an address; empty where nothing is said."""
    try:
        address = ip_address(httpx.URL(url).host)
    except (ValueError, httpx.InvalidURL):
        return ""
    return refusal_of(address)


def look_up(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver knows.

    Raises:
        OSError: it knows none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is no name of a host") from error
    return [str(place[0]) for *_, place in found]


def address_of(url: httpx.URL, resolve: Resolve = look_up) -> str:
    """Return the address to connect to, empty where that is not ours to say.

    A proxy looks the name up itself, and what is neither http nor https is refused by the client.

    Raises:
        RefusedAddressError: all addresses of the host are such that nothing is sent to them.
        OSError: the name cannot be resolved.
    """
    if url.scheme not in _PORTS:
        return ""
    if url.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(url.host):
        return ""
    found = resolve(url.host, url.port or _PORTS[url.scheme])
    # A scope, as in fe80::1%eth0, is no part of the address.
    addresses = [ip_address(each.partition("%")[0]) for each in found]
    reasons = {refusal_of(address): None for address in addresses}
    allowed = next((address for address in addresses if not refusal_of(address)), None)
    if allowed is None:
        why = ", ".join(reasons) or "none"
        raise RefusedAddressError(f"nothing is sent to {url.host}: its address is {why}")
    return str(allowed)
