"""The public page in a real browser: its days by slider, link and form, and its sections where no script runs."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from pandapack.local.ports import LOOPBACK, free_port
from services.reporting.api.static import mount_static
from tests.browsing import Browser, needs_chromium
from tests.unit.contracts.test_public_fold import entries
from tests.unit.reporting.history import programme
from tests.unit.reporting.rendered import app_of
from tests.unit.reporting.test_public_sections import published
from tests.waiting import eventually

pytestmark = needs_chromium
EARLIER, LATER = b'"at":"2021-11-09T02:00:00Z"', b'"at":"2021-11-11T02:00:00Z"'
BEFORE = 3
"""Entries of two days before: the publication, and the first gifts."""


def log() -> list[bytes]:
    """The history, of which the first entries are of 9 November, and all others of the 11th."""
    found = entries([published(), *programme()])
    assert all(LATER in entry for entry in found)
    return [entry.replace(LATER, EARLIER) if n < BEFORE else entry for n, entry in enumerate(found)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    port, ended = free_port(), threading.Event()
    url = f"http://{LOOPBACK}:{port}"

    async def serve() -> None:
        app = await app_of(log=log())
        mount_static(app)
        server = uvicorn.Server(uvicorn.Config(app, LOOPBACK, port, log_level="critical"))
        running = asyncio.create_task(server.serve())
        await asyncio.to_thread(ended.wait)
        server.should_exit = True
        await running

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        eventually(lambda: answers(url), "the pages are served")
        yield url
    finally:
        ended.set()
        thread.join()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/static/page.css", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


CHART = """() => document.querySelector("main").insertAdjacentHTML("beforeend", `<figure class="chart" id="made">
<figcaption>A sentence</figcaption><div class="plot"><svg viewBox="0 0 720 300" width="720" height="300"></svg></div>
<p class="chart-source">A source</p><p class="chart-links"><a href="/">SVG</a></p></figure>`)"""
"""As a page has it; none is drawn here."""


def quiet(context: Any) -> Any:
    """A tab whose page hears nothing: there is no stream here."""
    tab = context.new_page()
    tab.route("**/v1/events", lambda route: route.fulfill(status=503))
    return tab


def test_the_slider_takes_the_whole_page_to_another_day_and_back_leads_back(address: str, browser: Browser) -> None:
    with browser.new_context() as context:
        tab = quiet(context)
        tab.goto(f"{address}/?lang=en")
        now = tab.inner_text("h1")
        assert tab.inner_text("[data-slid]") == "now" and tab.locator(".banner.past").count() == 0
        tab.focus("#slider")
        tab.keyboard.press("Home")
        tab.wait_for_url("**/?lang=en&as_of=2021-11-09#when")
        tab.wait_for_selector(".banner.past")
        assert "You are looking at the past" in tab.inner_text(".banner.past")
        assert tab.title() == "Panda Pack · as known on 9 November 2021" and tab.inner_text("h1") != now
        assert tab.inner_text("[data-slid]") == tab.get_attribute("#slider", "aria-valuetext") == "9 November 2021"
        assert tab.evaluate("document.activeElement.id") == "slider", "the keyboard stays where it was"
        assert "as_of=2021-11-09" in str(tab.get_attribute("[data-switch]", "href"))
        tab.go_back()
        tab.wait_for_selector(".banner.past", state="detached")
        assert (tab.inner_text("h1"), tab.inner_text("[data-slid]")) == (now, "now")
        tab.go_forward()
        tab.click(".banner.past a[data-travel]")
        tab.wait_for_url(f"{address}/?lang=en")
        tab.wait_for_selector(".banner.past", state="detached")


def test_a_festival_is_a_link_and_the_slider_stands_at_its_day(address: str, browser: Browser) -> None:
    with browser.new_context() as context:
        tab = quiet(context)
        tab.goto(f"{address}/?lang=zh")
        assert tab.locator("#festivals option").count() == tab.locator(".festivals a").count() == 1
        tab.click(".festivals a")
        tab.wait_for_selector(".festivals a[aria-current]")
        assert "as_of=2021-11-11" in tab.url and tab.get_attribute("#slider", "value") == "2", "the third day of three"
        assert "您看到的是过去" in tab.inner_text(".banner.past")


@pytest.mark.parametrize(("lang", "past"), [("en", "You are looking at the past"), ("zh", "您看到的是过去")])
def test_without_scripts_every_section_is_there_and_a_form_leads_to_another_day(
    address: str, browser: Browser, lang: str, past: str
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        tab = quiet(context)
        tab.goto(f"{address}/?lang={lang}")
        shown = tab.locator("main > section").evaluate_all("(found) => found.map((one) => one.id)")
        wanted = ["follow", "journey", "cost", "where", "when", "contents", "books"]
        assert [name for name in shown if name in wanted] == wanted
        assert not tab.is_visible("#slider"), "it would do nothing"
        tab.locator("details.kind summary").first.click()
        assert tab.is_visible("details.kind[open] tbody tr")
        tab.click("th a[data-travel] >> nth=1")
        assert "sort=rounds" in tab.url and tab.locator('th[aria-sort="descending"]').count() == 1
        tab.fill("#as-of", "2021-11-09")
        tab.click("form.as-of button")
        assert "as_of=2021-11-09" in tab.url and "sort=rounds" in tab.url and past in tab.inner_text(".banner.past")
        tab.click(".banner.past a >> nth=0")
        assert "as_of" not in tab.url and tab.locator(".banner.past").count() == 0


def test_a_page_that_falls_behind_while_it_is_open_says_so(address: str, browser: Browser) -> None:
    with browser.new_context() as context:
        tab = quiet(context)
        tab.goto(f"{address}/?lang=en")
        totals = httpx.get(f"{address}/v1/totals", trust_env=False).json()
        tab.evaluate("(totals) => show(totals)", {**totals, "behind_s": 2.0, "complete_to": "2021-11-11T02:00:00Z"})
        assert not tab.is_visible("[data-stale]")
        tab.evaluate("(totals) => show(totals)", {**totals, "behind_s": 31.04, "complete_to": "2021-11-11T02:00:00Z"})
        told = tab.inner_text("[data-stale=late]")
        assert "11 November 2021, 10:00:00" in told and "31.0 s behind" in told
        tab.evaluate("(totals) => show(totals)", {**totals, "behind_s": None})
        assert tab.is_visible("[data-stale=unknown]") and not tab.is_visible("[data-stale=late]")


@pytest.mark.parametrize(("lang", "known"), [("en", "Complete to 11 November 2021"), ("zh", "数据截至 2021年11月11日")])
def test_nothing_is_said_to_be_complete_to_a_time_that_is_not_known(
    address: str, browser: Browser, lang: str, known: str
) -> None:
    with browser.new_context() as context:
        tab = quiet(context)
        tab.goto(f"{address}/?lang={lang}")
        totals = httpx.get(f"{address}/v1/totals", trust_env=False).json()
        # In one turn: the page itself looks every second how long it has heard nothing.
        seen = """([totals, since]) => {
            show(totals); told(since);
            const [fresh, lost, stale] = ["[data-fresh]", "[data-lost]", "[data-stale=unknown]"].map(
                (one) => document.querySelector(one));
            return { fresh: fresh.checkVisibility() ? fresh.innerText : null,
                     lost: lost.checkVisibility() ? lost.innerText : null, stale: stale.checkVisibility() };
        }"""
        unknown = {**totals, "complete_to": None, "behind_s": None}
        assert tab.evaluate(seen, [unknown, None]) == {"fresh": None, "lost": None, "stale": True}
        lost = tab.evaluate(seen, [unknown, 1_636_596_000_000])["lost"]
        assert not re.search("unknown|未知", lost) and lost.count("2021") == 1
        shown = tab.evaluate(seen, [{**totals, "complete_to": "2021-11-11T02:00:00Z", "behind_s": 1.0}, None])
        assert shown["fresh"].startswith(known) and shown["lost"] is None


def test_a_wide_page_has_what_a_chart_says_beside_it_and_a_narrow_one_above_it(address: str, browser: Browser) -> None:
    for width, is_beside in ((1_280, True), (1_080, True), (820, False), (390, False)):
        with browser.new_context(viewport={"width": width, "height": 800}) as context:
            tab = quiet(context)
            tab.goto(f"{address}/?lang=en")
            tab.evaluate(CHART)
            sentence, drawn = (tab.locator(f"#made {one}").bounding_box() for one in ("figcaption", ".plot"))
            assert (drawn["x"] >= sentence["x"] + sentence["width"]) is is_beside
            assert (drawn["y"] >= sentence["y"] + sentence["height"]) is not is_beside
            column = tab.locator("main").evaluate("(node) => node.clientWidth - 48")
            assert not is_beside or drawn["x"] + drawn["width"] - sentence["x"] == pytest.approx(column, abs=1)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
