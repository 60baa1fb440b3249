"""The operations page: who sees it, what it tells, and what is done on it is done with the key of who does it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest

from pandapack.runtime.auth import Role
from pandapack.runtime.sessions import COOKIE
from services.reporting.api.ops_events import OpsNews
from tests.unit.reporting.ops.site import OFFSET, STOP, TOPIC, Site
from tests.unit.reporting.rendered import plain

RETRY = f"/ops/act/donations/v1/partitions/{TOPIC}/2/retry"
SET_ASIDE = f"/ops/act/donations/v1/partitions/{TOPIC}/2/records/{OFFSET}/set-aside"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.forwarding.start()
    yield made
    await made.forwarding.stop()


async def act(browser: httpx.AsyncClient, address: str, **fields: str) -> httpx.Response:
    return await browser.post(address, content=urlencode({"_back": "/ops?lang=en", **fields}))


async def shown(browser: httpx.AsyncClient, answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return plain((await browser.get(answer.headers["location"])).text)


async def test_whoever_is_not_logged_in_is_led_to_the_log_in_page_and_a_key_of_another_role_is_told_so(
    site: Site,
) -> None:
    async with site.browser() as browser:
        closed = await browser.get("/ops")
        assert (closed.status_code, closed.headers["location"]) == (303, "/login?next=/ops")
        refused = await site.log_in(browser, Role.BUYER)
        assert refused.status_code == 401 and "That key is one of another role" in refused.text
        assert COOKIE not in browser.cookies
        undone = await act(browser, RETRY)
        assert undone.headers["location"] == "/login?next=/ops" and site.repairs.done == []


async def test_each_matter_has_its_words_its_command_its_page_and_its_buttons_in_both_languages(site: Site) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        english = (await browser.get("/ops", params={"lang": "en"})).text
        chinese = (await browser.get("/ops", params={"lang": "zh"})).text
    assert "<b>no JSON" not in english, "what came from outside is no HTML"
    read = plain(english)
    assert f"donations: {TOPIC}, partition 2 stands before record {OFFSET} (tried 7 times)" in read
    assert "since 11 November 2021, 19:00:00" in read and "what it holds up is unknown" in read
    assert f"panda partition retry {TOPIC}/2 --service donations" in read
    assert "docs/operations/poisoned-document.md" in read and "Try again now" in read
    for page, lang in ((english, "en"), (chinese, "zh")):
        assert f'<a href="/ops/runbooks/poisoned-document?lang={lang}"><code>docs/operations/' in page
        assert page.count(f'<a href="/ops/runbooks?lang={lang}">') == 2, "above and below"
    assert "No answer from logistics: whether anything waits there is unknown." in read
    assert f"{TOPIC} 第 2 分区停在第 {OFFSET} 条记录之前" in plain(chinese) and "立即重试" in chinese
    assert "物流没有回答" in plain(chinese)


async def test_what_is_not_known_is_said_to_be_unknown_and_no_nought_stands_for_it(site: Site) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        page = plain((await browser.get("/ops", params={"lang": "en"})).text)
    assert "How soon a gift is public: unknown" in page
    assert "Which processes run is unknown" in page
    flow = page[page.index("Gifts in") : page.index("Refused") + 20]
    assert flow.count("unknown") == 6


async def test_a_part_that_fails_says_so_and_the_others_are_shown(site: Site) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        page = (await browser.get("/ops", params={"lang": "en"})).text
    lost = page[page.index('<section id="dead_letters"') :]
    assert "This part cannot be read at the moment" in lost[: lost.index("</section>")]
    assert "Try again now" in page


async def test_a_button_is_done_by_the_owner_with_the_key_of_who_pressed_it_and_the_page_tells_it(site: Site) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        page = await shown(browser, await act(browser, RETRY))
    assert site.repairs.done == [("retry", f"{TOPIC}/2", None)]
    assert "Done: Try again now" in page


async def test_a_record_is_passed_over_in_two_steps_of_which_the_first_changes_nothing(site: Site) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        tried = await act(browser, SET_ASIDE, reason="it was made by a test", dry_run="true")
        page = (await browser.get(tried.headers["location"])).text
        assert [done[0] for done in site.repairs.done] == ["tried"]
        assert "Tried, nothing was changed" in page and "Money will not be conserved without this record" in page
        form = page[page.index('id="told"') : page.index("</form>", page.index('id="told"'))]
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
        assert fields["breaks"] == "money" and "dry_run" not in fields
        assert "Done: Pass over" in await shown(browser, await act(browser, SET_ASIDE, **fields))
    assert [done[0] for done in site.repairs.done] == ["tried", "passed_over"]
    passing = site.repairs.done[1][2]
    assert passing.by.startswith("the operator (") and passing.reason == "it was made by a test"
    assert passing.breaks == "money"


async def test_an_auditor_sees_the_page_without_buttons_and_the_owner_refuses_what_is_sent_all_the_same(
    site: Site,
) -> None:
    async with site.browser() as browser:
        assert (await site.log_in(browser, Role.AUDITOR)).status_code == 303
        page = (await browser.get("/ops", params={"lang": "en"})).text
        assert "/ops/act/" not in page and "This key reads, and does nothing." in plain(page)
        told = await shown(browser, await act(browser, RETRY))
    assert site.repairs.done == []
    assert "Not done: Try again now" in told and "role_not_allowed" in told


async def test_a_form_of_another_sites_page_is_refused_before_anything_is_done(site: Site) -> None:
    headers = [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    async with site.browser() as browser:
        await site.log_in(browser)
        for foreign in [*headers, {"Sec-Fetch-Site": "same-site"}]:
            answer = await browser.post(RETRY, content="_back=/ops", headers=foreign)
            assert (answer.status_code, answer.json()["code"]) == (403, "origin_foreign")
        cookie = (await site.log_in(browser)).headers["set-cookie"]
    assert site.repairs.done == [] and "samesite=strict" in cookie.lower() and "httponly" in cookie.lower()


async def test_what_is_not_on_the_list_is_not_forwarded(site: Site) -> None:
    async with site.browser() as browser:
        await site.log_in(browser)
        for path in ("donations/v1/keys", "elsewhere/v1/silences", f"donations/v1/partitions/{TOPIC}/2"):
            answer = await browser.post(f"/ops/act/{path}", content="role=operator&name=x")
            assert (answer.status_code, answer.json()["code"]) == (404, "act_unknown")
        broken = await browser.post("/ops/act/donations/v1/shards/1/resume", content="wanted=many")
        assert (broken.status_code, broken.json()["code"]) == (422, "form_invalid")


async def test_an_owner_that_does_not_answer_is_told_and_the_page_stays(site: Site) -> None:
    async def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    await site.forwarding.stop()
    site.forwarding._transport = httpx.MockTransport(gone)
    await site.forwarding.start()
    async with site.browser() as browser:
        await site.log_in(browser)
        told = await shown(browser, await act(browser, RETRY))
    assert "Not done" in told and "the donations service does not answer" in told


async def test_neither_the_cookie_nor_the_row_is_a_key_and_with_the_key_its_session_acts_no_more(site: Site) -> None:
    key = await site.key(Role.OPERATOR)
    async with site.browser() as browser:
        await browser.post("/login", content=f"key={key}")
        (row,) = await site.sessions.find({})
        token = browser.cookies[COOKIE]
        assert key not in repr(row) and key.encode() not in bytes(row["sealed"]) and token not in repr(row)
        assert await site.keys.caller(token) is None
        await site.keys.revoke(row["prefix"])
        assert (await act(browser, RETRY)).headers["location"] == "/login?next=/ops"
    assert site.repairs.done == []


async def test_a_row_that_was_put_under_another_session_opens_no_key(site: Site) -> None:
    async with site.browser() as browser, site.browser() as other:
        await site.log_in(browser)
        (first,) = await site.sessions.find({})
        await site.log_in(other)
        second = next(row for row in await site.sessions.find({}) if row["_id"] != first["_id"])
        await site.sessions.set(second["_id"], {"sealed": first["sealed"], "prefix": first["prefix"]})
        assert (await act(other, RETRY)).headers["location"] == "/login?next=/ops"
        assert (await act(browser, RETRY)).headers["location"].startswith("/ops?")


async def test_needs_are_read_by_key_and_name_what_is_unknown(site: Site) -> None:
    async with site.browser() as browser:
        assert (await browser.get("/v1/needs")).status_code == 401
        for role, status in ((Role.BUYER, 403), (Role.AUDITOR, 200), (Role.OPERATOR, 200)):
            answer = await browser.get("/v1/needs", headers={"Authorization": f"Bearer {await site.key(role)}"})
            assert answer.status_code == status
    told = answer.json()
    assert told["unknown"] == ["logistics"] and told["more"] == []
    (item,) = told["items"]
    assert set(item["what"]) == {"en", "zh"} and item["reason"] == STOP["reason"]
    assert item["act"] == {
        "name": "retry",
        "label": {"en": "Try again now", "zh": "立即重试"},
        "method": "POST",
        "action": RETRY,
        "fields": {},
        "wants_reason": False,
        "dry_run_first": False,
    }


async def test_the_stream_beats_where_nothing_is_new_and_ends_with_the_process(site: Site) -> None:
    stream = site.news.events("me", "")
    assert (await anext(stream)).startswith(b"retry:")
    first = (await anext(stream)).decode()
    id = re.findall("id: (.+)", first)[0]
    assert first.startswith("event: changed")
    site.news.end()
    assert [one async for one in stream] == []
    site.pipeline.complete_to += timedelta(seconds=2)  # the time goes on, and nothing has happened
    site.news = OpsNews(cast(Any, site.pipeline), cast(Any, site.needs))
    again = site.news.events("me", id)
    await anext(again)
    assert (await anext(again)).startswith(b"event: beat")
    site.news.end()
    assert [one async for one in again] == []


async def test_the_stream_is_for_readers_of_operations_by_key_or_by_session(site: Site) -> None:
    site.news.end()  # so that a stream that is opened ends
    async with site.browser() as browser:
        assert (await browser.get("/v1/ops/events")).status_code == 401
        buyer = {"Authorization": f"Bearer {await site.key(Role.BUYER)}"}
        assert (await browser.get("/v1/ops/events", headers=buyer)).status_code == 403
        auditor = {"Authorization": f"Bearer {await site.key(Role.AUDITOR)}"}
        assert (await browser.get("/v1/ops/events", headers=auditor)).status_code == 200
        await site.log_in(browser)
        answer = await browser.get("/v1/ops/events")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
