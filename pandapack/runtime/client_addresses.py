"""Whose address a request comes from: its connection's, or what a proxy that is named in the settings says of it.

Whoever calls may write anything into X-Forwarded-For: it counts only as far as a proxy of ours has written it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from pandapack.runtime.errors import Misconfigured

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PROXIES_PASSED_MAX = 16
"""Addresses of X-Forwarded-For that are looked at, from the right: nobody stands behind more proxies of ours."""
HOUSEHOLD_BITS = 64
"""Of an IPv6 address: whoever has one has all that begin so, and would be millions of clients."""


class Proxies:
    """The proxies that are believed, by address or network."""

    def __init__(self, *networks: IPv4Network | IPv6Network) -> None:
        self._networks = networks

    @classmethod
    def named(cls, setting: str) -> Proxies:
        """Addresses and networks with commas between them. Raises Misconfigured for what is neither."""
        try:
            return cls(*(ip_network(one.strip(), strict=False) for one in setting.split(",") if one.strip()))
        except ValueError as error:
            detail = f"PANDA_TRUSTED_PROXIES: {error}; expected addresses or networks such as 10.0.0.7,10.1.0.0/16"
            raise Misconfigured(detail) from error

    def trusts(self, address: str) -> bool:
        """Whether what this address says of others is believed."""
        if not self._networks:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)

    def client(self, peer: str, forwarded: str) -> str:
        """The address of who asks: of those that X-Forwarded-For (`forwarded`) tells, the rightmost not trusted.

        What stands left of it was written by nobody whom we know.
        """
        client = peer
        for told in reversed(forwarded.split(",")[-PROXIES_PASSED_MAX:]):
            if not self.trusts(client) or not _is_address(told.strip()):
                break
            client = told.strip()
        return client


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def holder_of(address: str) -> str:
    """As whom an address holds its share: an IPv6 address as its network."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or IPv6Network((found, HOUSEHOLD_BITS), strict=False))


def holder(scope: Scope) -> str:
    """As whom a request's client holds its share, and is limited. Behind `TrueClients` that is who really asks."""
    client = scope.get("client")
    return holder_of(client[0]) if client else ""


class TrueClients:
    """ASGI middleware: a request's client and scheme are those that a trusted proxy tells, or else its connection's."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], proxies: Proxies) -> None:
        self._app, self._proxies = app, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if peer and scope["type"] == "http" and self._proxies.trusts(peer[0]):
            told = {b"x-forwarded-for": b"", b"x-forwarded-proto": b""}
            for name, value in scope["headers"]:
                if name in told:
                    told[name] = value if not told[name] else told[name] + b"," + value
            scope["client"] = (self._proxies.client(peer[0], told[b"x-forwarded-for"].decode("latin-1")), 0)
            scheme = told[b"x-forwarded-proto"].decode("latin-1").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                scope["scheme"] = scheme
        await self._app(scope, receive, send)
