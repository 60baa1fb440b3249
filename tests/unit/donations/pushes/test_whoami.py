"""`GET /v1/whoami`: a key is told whose it is, what it may, and a time that can be sent as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from pandapack.runtime.auth import Keys, Mode, NewKey, Role
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import BusinessClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.http import install_problems
from pandapack.runtime.store import Command, Store
from services.donations.platforms.domain.platforms import Terms, register
from services.donations.platforms.store.platforms import PLATFORMS, Platforms
from services.donations.platforms.store.secrets import SecretSealer
from services.donations.pushes.api.whoami import whoami_router
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.validation.domain.text_lines import TextLines
from tests.unit.donations.donation_lines import line_with

PLAYED = BusinessClock(epoch=datetime.now(UTC), start=datetime(2020, 1, 1, tzinfo=UTC), rate=60)
TERMS = Terms(name="Shop", lines_a_second=7, signature_demanded=True)


class WhoAmIApi:
    """The route with keys and platforms in memory, under a clock that plays 2020."""

    def __init__(self) -> None:
        chance, sealer = SeededChance(1), SecretSealer("", SeededChance(2))
        self.documents = Store(PLATFORMS, MemoryDocuments("platforms"), clock=PLAYED, chance=chance)
        self.keys = Keys(MemoryRows("keys"), PLAYED, chance)
        self.sealed = sealer.seal(b"s" * 32, "shop")
        self._app = FastAPI()
        self._app.state.keys = self.keys
        install_problems(self._app)
        self._app.include_router(whoami_router(Platforms(self.documents, sealer), PLAYED, accept_days=35))

    async def register_shop(self) -> str:
        """The key of the registered platform `shop`."""
        await self.documents.change(
            "shop",
            lambda state: register(state, terms=TERMS, sealed=self.sealed, at=PLAYED.wall()),
            Command("register", "digest"),
        )
        return await self.key_of("shop")

    async def key_of(self, owner: str = "", role: Role = Role.PLATFORM) -> str:
        return await self.keys.add(NewKey(role=role, name="the till"), owner)

    async def ask(self, key: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://here") as client:
            return await client.get("/v1/whoami", headers=headers)


async def told(api: WhoAmIApi, key: str) -> dict[str, Any]:
    answer = await api.ask(key)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_platform_is_told_its_name_its_mode_its_signing_and_its_limits() -> None:
    api = WhoAmIApi()
    me = await told(api, await api.register_shop())
    assert (me["platform"], me["role"], me["name"], me["mode"]) == ("shop", "platform", "the till", "live")
    assert (me["signing"]["demanded"], me["signing"]["live_secrets"], me["signing"]["tolerance_s"]) == (True, 1, 300)
    assert me["limits"] == {
        "lines_a_second": 7,
        "lines_a_push_max": 10_000,
        "body_bytes_max": 5 * 1024 * 1024,
        "body_read_s_max": 30,
        "age_days_max": 35,
        "ahead_s_max": 600,
        "amount_fen_max": 100_000_000,
        "name_characters_max": 64,
    }


async def test_a_test_key_shows_its_mode_in_its_text_and_is_told_it() -> None:
    api = WhoAmIApi()
    live = await api.register_shop()
    test = await api.keys.add(NewKey(role=Role.PLATFORM, name="trial"), "shop", Mode.TEST)
    assert test.startswith("panda_platform_test_") and not live.startswith("panda_platform_test_")
    told_by_key = [(await told(api, key))["mode"] for key in (live, test)]
    assert told_by_key == [key["mode"] for key in await api.keys.listed()] == ["live", "test"]


async def test_either_key_is_told_by_how_many_secrets_of_its_own_mode_a_signature_may_be_right() -> None:
    api = WhoAmIApi()
    live = await api.register_shop()
    test = await api.keys.add(NewKey(role=Role.PLATFORM, name="trial"), "shop", Mode.TEST)
    assert [(await told(api, key))["signing"]["live_secrets"] for key in (live, test)] == [1, 0]


async def test_the_time_that_is_told_can_be_sent_as_it_is_whatever_year_is_played() -> None:
    api = WhoAmIApi()
    me = await told(api, await api.key_of())
    assert me["at"].startswith("2020-") and me["at"].endswith("+08:00")
    at, now = datetime.fromisoformat(me["at"]), datetime.fromisoformat(me["now"])
    assert timedelta() <= now - at < timedelta(seconds=1)
    push = PushSorter(1).sort(TextLines(line_with(at=me["at"])), "shop", now=PLAYED.now(), accept_days=35)
    assert (push.accepted, push.failures) == (1, [])


async def test_a_signature_is_measured_by_wall_time_also_where_another_year_is_played() -> None:
    api = WhoAmIApi()
    before = int(PLAYED.wall().timestamp())
    me = await told(api, await api.key_of())
    assert before <= me["signing"]["timestamp"] <= PLAYED.wall().timestamp()


async def test_a_key_of_no_platform_is_told_so_whatever_its_role() -> None:
    api = WhoAmIApi()
    for role, owner in ((Role.PLATFORM, ""), (Role.OPERATOR, ""), (Role.MERCHANT, "shop:M00001")):
        me = await told(api, await api.key_of(owner, role))
        assert (me["role"], me["platform"], me["limits"]["lines_a_second"]) == (role, None, None)
        assert (me["signing"]["demanded"], me["signing"]["live_secrets"]) == (False, 0)


async def test_nobody_and_a_platform_that_is_gone_are_told_nothing() -> None:
    api = WhoAmIApi()
    nobody, gone = await api.ask(None), await api.ask(await api.key_of("gone"))
    assert (nobody.status_code, nobody.json()["code"]) == (401, "key_unknown")
    assert (gone.status_code, gone.json()["code"]) == (403, "platform_unregistered")
