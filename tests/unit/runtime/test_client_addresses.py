"""Whoever calls may write anything into X-Forwarded-For: it counts as far as a proxy of ours wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.runtime.client_addresses import PROXIES_PASSED_MAX, Proxies, TrueClients, holder, holder_of
from pandapack.runtime.errors import Misconfigured

OURS = Proxies.named("10.0.0.0/8, 192.0.2.7,fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "1.1.1.1,198.51.100.1,192.0.2.7", "198.51.100.1"),
        ("10.1.2.3", "10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "nonsense", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1, nonsense", "10.1.2.3"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("::ffff:10.1.2.3", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", "198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_not_trusted(peer: str, forwarded: str, client: str) -> None:
    assert OURS.client(peer, forwarded) == client


def test_no_more_addresses_are_looked_at_than_there_can_be_proxies() -> None:
    forwarded = ",".join(["198.51.100.1", *["10.0.0.1"] * PROXIES_PASSED_MAX])
    assert OURS.client("10.1.2.3", forwarded) == "10.0.0.1"


def test_nobody_is_trusted_unless_the_settings_name_somebody() -> None:
    assert Proxies.named("").client("127.0.0.1", "198.51.100.1") == "127.0.0.1"


@pytest.mark.parametrize("setting", ["proxy.example", "10.0.0.0/33", "*"])
def test_a_setting_that_names_no_address_is_refused(setting: str) -> None:
    with pytest.raises(Misconfigured, match="PANDA_TRUSTED_PROXIES"):
        Proxies.named(setting)


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("198.51.100.1", "198.51.100.2", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_an_ipv6_network_holds_one_share(one: str, other: str, are_one: bool) -> None:
    assert (holder_of(one) == holder_of(other)) is are_one


async def seen_of(peer: str, *headers: tuple[bytes, bytes]) -> tuple[str, str]:
    """Whom an application sees, and by which scheme."""
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": list(headers)}
    await TrueClients(app, OURS)(scope, app, app)  # type: ignore[arg-type]
    return holder(seen), seen["scheme"]


async def test_rotating_x_forwarded_for_makes_no_new_client_of_whoever_is_no_proxy() -> None:
    told = [(b"x-forwarded-for", f"198.51.100.{n}".encode()) for n in range(100)]
    assert {await seen_of("127.0.0.1", one, (b"x-forwarded-proto", b"https")) for one in told} == {
        ("127.0.0.1", "http")
    }


async def test_behind_a_proxy_readers_are_told_apart_whatever_they_wrote_themselves_and_tls_is_known() -> None:
    headers = (
        (b"x-forwarded-for", b"9.9.9.9"),
        (b"x-forwarded-for", b"198.51.100.1"),
        (b"x-forwarded-proto", b"http, https"),
    )
    assert await seen_of("10.0.0.9", *headers) == ("198.51.100.1", "https")
    assert await seen_of("10.0.0.9", (b"x-forwarded-proto", b"gopher")) == ("10.0.0.9", "http")
