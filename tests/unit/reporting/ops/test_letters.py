"""Dead letters on the operations page: groups, a group, a letter; seen, looked ahead for, and dealt with, by forms."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI, Request

from pandapack.runtime.auth import Role
from pandapack.runtime.chance import SystemChance
from services.reporting.api import ops, ops_letters, ops_parts
from services.reporting.settings import Settings
from services.reporting.work.neighbours import Neighbours
from tests.unit.reporting.ops.site import Site
from tests.unit.reporting.rendered import plain

AT = "2021-11-11T00:00:02+00:00"
ADDRESS, GROUP, JOB = "donations.pushed/3/17/0", "9f2c1d0b7a64", "dlr_79fdc0bef558f4fe2f6b8d22"
LETTER: dict[str, Any] = {
    "address": ADDRESS,
    "at": AT,
    "status": "open",
    "group": GROUP,
    "platform": "shop",
    "kind": "donation",
    "cause": "amount_fen_invalid",
    "pointer": "/amount_fen",
    "reason": "",
    "message": {"en": "amount_fen is a whole number", "zh": "amount_fen 为整数"},
    "release": "0.1.0",
    "text": '{"id": "<b>", "amount_fen": -5}',
    "fault": {"from": 28, "to": 30},
    "raw": "eyJpZCI6ICI8Yj4iLCAiYW1vdW50X2ZlbiI6IC01fQ==",
    "rows": None,
    "size_bytes": None,
    "replays": [],
    "discarded": None,
    "good": {"text": '{"id": "1"}', "of_sender": True},
}
FOUND: dict[str, Any] = {
    "group": GROUP,
    "status": "open",
    "cause": "amount_fen_invalid",
    "pointer": "/amount_fen",
    "sender": "shop",
    "kind": "donation",
    "release": "0.1.0",
    "message": LETTER["message"],
    "count": 1218,
    "open": 1218,
    "replayed": 0,
    "discarded": 0,
    "first_at": AT,
    "last_at": AT,
    "reopened": 1,
    "reopened_at": AT,
    "first": ADDRESS,
    "replays": [],
}
PREVIEW = {
    "dead_letters": 1218,
    "letters_truncated": False,
    "rows": 1218,
    "donations": 1204,
    "fen": 6020,
    "reversals": 0,
    "reversed_fen": 0,
    "already_counted": 11,
    "conflicts": 0,
    "parked": 0,
    "turned_down": 0,
    "not_looked_up": 0,
    "still_fail": {"dead_letters": 3, "rows": 3},
    "refused": [],
}
REPLAY = {
    "id": JOB,
    "doing": "replay",
    "state": "running",
    "is_over": False,
    "by": "op",
    "reason": "mended",
    "dead_letters": 1218,
    "letters_done": 100,
    "accepted": 100,
    "refused_rows": 0,
    "refused": [],
}


class MadeBook:
    """Donations, as far as letters go: what it answers, and what it was told to do."""

    def __init__(self, app: FastAPI) -> None:
        self.done: list[tuple[str, Any, str]] = []
        self.group, self.dead_letter = dict(FOUND), dict(LETTER)

        async def act(request: Request) -> dict[str, Any]:
            body, path = await request.json(), request.url.path.removeprefix("/v1/dead-letters/")
            self.done.append((path, body, request.headers["Idempotency-Key"]))
            return PREVIEW if path == "previews" else REPLAY

        app.add_api_route("/v1/dead-letters/groups", self.groups)
        app.add_api_route("/v1/dead-letters/groups/{group}", self.one_group)
        app.add_api_route("/v1/dead-letters/replays/{id}", lambda: REPLAY)
        app.add_api_route("/v1/dead-letters", self.dead_letters)
        app.add_api_route("/v1/dead-letters/{rest:path}", act, methods=["POST"])
        app.add_api_route("/v1/dead-letters/{address:path}", self.one_letter)

    async def groups(self) -> dict[str, Any]:
        return {"items": [self.group], "next": None}

    async def one_group(self, group: str) -> dict[str, Any]:
        return self.group

    async def dead_letters(self) -> dict[str, Any]:
        return {"items": [self.dead_letter], "next": None}

    async def one_letter(self, address: str) -> dict[str, Any]:
        return self.dead_letter


class LetterSite(Site):
    """The operations page, and a desk behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.book = MadeBook(self.donations)
        neighbours = Neighbours(Settings())
        neighbours.urls["donations"] = "http://donations"
        neighbours._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.donations))
        self.app.state.neighbours = neighbours
        self.app.include_router(ops_letters.letters_pages_router(SystemChance(), is_demonstration=False))


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LetterSite]:
    """The page with this part alone."""
    monkeypatch.setattr(ops, "NAMES", ("dead_letters",))
    parts = {"pipeline": ops_parts.PARTS["pipeline"], "dead_letters": ops_letters.letters_part}
    monkeypatch.setattr(ops_parts, "PARTS", parts)
    made = LetterSite()
    await made.forwarding.start()
    yield made
    await made.forwarding.stop()


async def page(browser: httpx.AsyncClient, path: str, lang: str = "en") -> str:
    answer = await browser.get(path, params={"lang": lang})
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def form_at(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that leads there, and what stands in its text area."""
    form = next(one for one in re.findall(r"<form.*?</form>", html, re.DOTALL) if f'action="{action}"' in one)
    hidden = {
        unescape(name): unescape(value) for name, value in re.findall(r'hidden" name="(.+?)" value="(.*?)"', form)
    }
    area = re.search(r'<textarea name="(\w+)".*?>\n?(.*?)</textarea>', form, re.DOTALL)
    return hidden | ({area[1]: unescape(area[2])} if area else {})


async def sent(browser: httpx.AsyncClient, html: str, path: str, **typed: str) -> str:
    """The page that follows once a form was filled in and sent."""
    action = f"/ops/act/donations/v1/dead-letters/{path}"
    answer = await browser.post(action, content=urlencode(form_at(html, action) | typed))
    assert answer.status_code == 303, answer.text
    return (await browser.get(answer.headers["location"])).text


async def test_the_operations_page_shows_groups_that_wait_with_the_way_to_each(site: LetterSite) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        html = await page(browser, "/ops")
        shown = plain(html)
        assert "Dead letters 1,218" in shown and "amount_fen is a whole number" in shown and "came back" in shown
        assert f'href="/ops/dead-letters/{GROUP}?lang=en"' in html
        assert "没有等待" not in plain(await page(browser, "/ops", "zh"))
        site.book.group |= {"open": 0, "replayed": 1218, "status": "replayed"}
        assert "No dead letter waits for a person" in plain(await page(browser, "/ops"))


async def test_a_letter_shows_its_fault_at_its_place_and_a_good_one_beside_it(site: LetterSite) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        html = await page(browser, f"/ops/dead-letters/{GROUP}/{ADDRESS}")
        assert "<mark>-5</mark>" in html and "&lt;b&gt;" in html and "<b>" not in html
        assert "The sender&#39;s last one that counts" in html or "sender's last one" in plain(html)
        chinese = plain(await page(browser, f"/ops/dead-letters/{GROUP}/{ADDRESS}", "zh"))
        assert "同一发送方最近计入的一笔" in chinese and "amount_fen 为整数" in chinese


async def test_a_group_is_looked_ahead_for_and_then_replayed_from_below_what_it_would_do(site: LetterSite) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        previewed = await sent(browser, await page(browser, f"/ops/dead-letters/{GROUP}"), "previews")
        shown = plain(previewed)
        assert "1,204 gifts" in shown and "3 still fail" in shown and "11 already counted" in shown
        replayed = await sent(browser, previewed, "replays", reason="mended")
        (_, preview, _), (path, body, key) = site.book.done
        assert (preview, path) == ({"group": GROUP}, "replays")
        assert body == {"group": GROUP, "reason": "mended"} and key
        assert "100 of 1,218 letters" in plain(replayed) and "audit" in plain(replayed).lower()
        stopped = f"replays/{JOB}/stop"
        await sent(browser, replayed, stopped, reason="too fast")
        assert site.book.done[-1][:2] == (stopped, {"reason": "too fast"})


async def test_a_letter_is_edited_looked_ahead_for_and_replayed_as_it_was_edited(site: LetterSite) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        html = await page(browser, f"/ops/dead-letters/{GROUP}/{ADDRESS}")
        assert form_at(html, "/ops/act/donations/v1/dead-letters/previews")["edited"] == LETTER["text"]
        previewed = await sent(browser, html, "previews", edited='{"id": "1", "amount_fen": 5}')
        await sent(browser, previewed, "replays", reason="mended")
        edited = {ADDRESS: '{"id": "1", "amount_fen": 5}'}
        assert site.book.done[0][1] == {"addresses": [ADDRESS], "edited": edited}
        assert site.book.done[1][1] == {"addresses": [ADDRESS], "edited": edited, "reason": "mended"}


async def test_a_group_is_given_up_and_taken_back(site: LetterSite) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        await sent(browser, await page(browser, f"/ops/dead-letters/{GROUP}"), "discards", reason="a test")
        site.book.group |= {"open": 0, "discarded": 1218, "status": "discarded"}
        await sent(browser, await page(browser, f"/ops/dead-letters/{GROUP}"), "discards", reason="counted after all")
        given_up, back = (body for _, body, _ in site.book.done)
        assert given_up == {"group": GROUP, "reason": "a test"}
        assert back == {"group": GROUP, "reason": "counted after all", "take_back": True}


async def test_what_is_not_all_text_is_not_edited_and_what_nobody_vouches_for_wants_a_platform(
    site: LetterSite,
) -> None:
    site.book.dead_letter |= {"raw": "/w==", "text": "�", "fault": None, "rows": 1, "platform": None}
    site.book.group |= {"sender": "unvouched"}
    async with site.browser() as browser:
        await site.log_in(browser)
        html = await page(browser, f"/ops/dead-letters/{GROUP}/{ADDRESS}")
    assert "<textarea" not in html and 'name="platform" required' in html


async def test_an_auditor_reads_and_has_no_buttons_and_nobody_else_reads(site: LetterSite) -> None:
    async with site.browser() as browser:
        closed = await browser.get(f"/ops/dead-letters/{GROUP}")
        assert (closed.status_code, closed.headers["location"]) == (303, "/login?next=/ops")
        await site.log_in(browser, Role.AUDITOR)
        html = await page(browser, f"/ops/dead-letters/{GROUP}")
    assert "1,218" in html and "/ops/act/" not in html


async def test_a_group_that_there_is_not_is_said_to_be_none(site: LetterSite) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        assert (await browser.get("/ops/dead-letters/NONE")).status_code == 422
