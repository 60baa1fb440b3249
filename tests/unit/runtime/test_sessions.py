"""A session ends when it is ended: by log-out, with its key, by its time; and its cookie goes nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI, Request

from pandapack.runtime.auth import Keys, NewKey, Role
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.client_addresses import Proxies, TrueClients
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.http import install_problems
from pandapack.runtime.request_bounds import Bounds, RequestBounds
from pandapack.runtime.sessions import COOKIE, SESSION_S_MAX, Sessions, page_caller
from services.reporting.api.login import login_router
from tests.acts import acts_in_memory

NOW = datetime(2021, 11, 11, tzinfo=UTC)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Site:
    """The log-in pages before one page that only who is logged in sees."""

    def __init__(self, *, always_secure: bool = False, proxies: str = "") -> None:
        self.clock, chance, self.rows = FixedClock(NOW), SeededChance(1), MemoryRows("sessions")
        self.keys = Keys(MemoryRows("keys"), self.clock, chance)
        self.app = FastAPI()
        self.app.state.keys, self.app.state.acts = self.keys, acts_in_memory("reporting")
        self.app.state.sessions = Sessions(self.rows, self.keys, self.clock, chance, always_secure=always_secure)
        install_problems(self.app)
        self.app.include_router(login_router("somewhere/keys.json"))

        @self.app.get("/ops")
        async def get_ops(request: Request) -> str:
            caller = await page_caller(request)
            return "nobody" if caller is None else caller.name

        self.app.add_middleware(RequestBounds, of=self.app, bounds=Bounds())
        self.app.add_middleware(TrueClients, proxies=Proxies.named(proxies))

    def browser(self, scheme: str = "http") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=("10.0.0.9", 1))
        return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://here", headers=FORM)

    async def log_in(self, browser: httpx.AsyncClient, **headers: str) -> httpx.Response:
        key = await self.keys.add(NewKey(role=Role.OPERATOR, name="an operator"))
        return await browser.post("/login", content=f"key={key}", headers=headers)


async def test_a_log_out_ends_the_session_wherever_its_cookie_was_copied_to() -> None:
    site = Site()
    async with site.browser() as browser, site.browser() as thief:
        assert (await site.log_in(browser)).status_code == 303
        thief.cookies.set(COOKIE, browser.cookies[COOKIE])
        assert [(await one.get("/ops")).json() for one in (browser, thief)] == ["an operator"] * 2
        answer = await browser.post("/logout")
        assert answer.status_code == 303 and COOKIE not in browser.cookies
        assert (await thief.get("/ops")).json() == "nobody"


async def test_a_session_ends_with_the_key_that_opened_it() -> None:
    site = Site()
    async with site.browser() as browser:
        await site.log_in(browser)
        (row,) = await site.rows.find({})
        assert await site.keys.revoke(row["prefix"])
        assert (await browser.get("/ops")).json() == "nobody"


async def test_a_session_ends_by_itself_when_a_day_of_work_is_over() -> None:
    site = Site()
    async with site.browser() as browser:
        await site.log_in(browser)
        token = browser.cookies[COOKIE]
        for is_over in (False, True):
            site.clock.at = NOW + timedelta(seconds=SESSION_S_MAX - (not is_over))
            shown = await browser.get("/ops", headers={"Cookie": f"{COOKIE}={token}"})
            assert shown.json() == ("nobody" if is_over else "an operator")


async def test_what_is_kept_of_a_session_opens_none() -> None:
    site = Site()
    async with site.browser() as browser:
        await site.log_in(browser)
        (row,) = await site.rows.find({})
        assert browser.cookies[COOKIE] not in str(row)
        for stolen in (row["_id"], row["prefix"], "", "x" * 10_000, "\u00ff"):
            browser.cookies.clear()
            answer = await browser.get("/ops", headers=[(b"Cookie", f"{COOKIE}={stolen}".encode("latin-1"))])
            assert answer.json() == "nobody"


@pytest.mark.parametrize(
    ("scheme", "told", "proxies", "always", "is_secure"),
    [
        ("http", "https", "", False, False),
        ("http", "https", "10.0.0.0/8", False, True),
        ("http", "http", "10.0.0.0/8", False, False),
        ("https", "", "", False, True),
        ("http", "", "", True, True),
    ],
)
async def test_behind_tls_the_cookie_never_travels_without_it(
    scheme: str, told: str, proxies: str, always: bool, is_secure: bool
) -> None:
    site = Site(always_secure=always, proxies=proxies)
    async with site.browser(scheme) as browser:
        answer = await site.log_in(browser, **({"X-Forwarded-Proto": told} if told else {}))
    cookie = answer.headers["set-cookie"].lower()
    assert ("secure" in cookie) is is_secure
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie


@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_a_form_of_another_site_logs_nobody_in_or_out(path: str) -> None:
    site = Site()
    async with site.browser() as browser:
        await site.log_in(browser)
        key = await site.keys.add(NewKey(role=Role.OPERATOR, name="of a stranger"))
        answer = await browser.post(path, content=f"key={key}", headers={"Origin": "https://evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_foreign")
        assert (await browser.get("/ops")).json() == "an operator"
