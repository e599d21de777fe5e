"""Listen addresses such as ``127.0.0.1:4317``."""

from __future__ import annotations

import ipaddress

import msgspec

MAX_PORT = 65535


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A host and a port; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Return ``host:port``, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address | None:
    """Return the address written as ``host:port`` (``:4317`` is every interface), or ``None``."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > MAX_PORT:
        return None
    host = host.removeprefix("[").removesuffix("]")
    return Address(host=host or "0.0.0.0", port=int(port))  # noqa: S104  # what Go's ":4317" means
