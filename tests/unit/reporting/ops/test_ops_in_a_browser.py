"""The operations page in a real browser: it follows what happens, says since when it hears nothing, and its forms work
without a script."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from pandapack.local.ports import LOOPBACK, free_port
from pandapack.runtime.auth import Role
from services.reporting.api.static import mount_static
from services.reporting.domain.needs.matters import needs_of
from services.reporting.domain.needs.stops import stopped_partitions
from tests.browsing import NAMED_HOST, Browser, needs_chromium
from tests.unit.reporting.ops.site import STOP, TOPIC, Site
from tests.unit.reporting.test_page_in_a_browser import answers
from tests.waiting import eventually

pytestmark = needs_chromium
SILENCE = 15_000
"""Milliseconds: more than the page waits before it says that it hears nothing."""


class Served:
    """A site on a port, and an operator's key to it."""

    def __init__(self, site: Site, url: str, key: str) -> None:
        self.site, self.url, self.key = site, url, key

    def stands_still(self, *partitions: int) -> None:
        """Of donations, these partitions alone."""
        stops = stopped_partitions("donations", [{**STOP, "partition": one} for one in partitions])
        self.site.needs.told = needs_of(stops)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    port, ended, begun = free_port(), threading.Event(), threading.Event()
    url, found = f"http://{LOOPBACK}:{port}", list[Served]()

    async def serve() -> None:
        site = Site()
        await site.forwarding.start()
        mount_static(site.app)
        found.append(Served(site, url, await site.key(Role.OPERATOR)))
        begun.set()
        server = uvicorn.Server(uvicorn.Config(site.app, LOOPBACK, port, log_level="critical"))
        running = asyncio.create_task(server.serve())
        await asyncio.to_thread(ended.wait)
        site.news.end()
        server.should_exit = True
        await running
        await site.forwarding.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        begun.wait()
        eventually(lambda: answers(url), "the pages are served")
        yield found[0]
    finally:
        ended.set()
        thread.join()


def logged_in(served: Served, context: Any) -> Any:
    """A tab on the operations page, whose clock the test moves."""
    tab = context.new_page()
    tab.clock.install()
    tab.goto(f"{served.url}/login?lang=en&next=/ops%3Flang%3Den")
    tab.fill("input[name=key]", served.key)
    tab.click("section.login button")
    tab.wait_for_selector("#needs")
    return tab


def test_what_happens_shows_without_a_reload_and_goes_away_by_itself(served: Served, browser: Browser) -> None:
    served.stands_still(2)
    with browser.new_context() as context:
        tab = logged_in(served, context)
        assert "partition 2 stands" in tab.inner_text("#needs") and "partition 3" not in tab.inner_text("#needs")
        tab.evaluate("document.body.dataset.mark = 'the same page'")
        served.stands_still(2, 3)
        eventually(lambda: moved(tab) and "partition 3 stands" in tab.inner_text("#needs"), "the second is shown")
        served.stands_still()
        eventually(lambda: moved(tab) and "Nothing needs a person" in tab.inner_text("#needs"), "both are gone")
        assert tab.evaluate("document.body.dataset.mark") == "the same page"


def moved(tab: Any) -> bool:
    tab.clock.run_for(1_000)
    return True


def test_a_silent_server_is_told_since_when_and_one_request_waits_for_it(served: Served, browser: Browser) -> None:
    with browser.new_context() as context:
        tab = logged_in(served, context)
        banner = tab.locator("[data-lost]")
        assert not banner.is_visible()
        held, given_up = list[Any](), list[str]()

        def hold(route: Any) -> None:
            held.append(route)  # answered never

        tab.on("requestfailed", lambda one: given_up.append(one.url) if "/ops?" in one.url else None)
        tab.route("**/ops?*", hold)
        tab.route("**/v1/ops/events", hold)
        for _ in range(SILENCE // 1_000):
            tab.clock.run_for(1_000)
        eventually(lambda: moved(tab) and banner.is_visible(), "the page says that it is stale")
        assert "Stale since" in banner.inner_text()
        asked = [one for one in held if "/v1/" not in one.request.url]
        assert 1 <= len(asked) <= len(given_up) + 1, "requests do not pile up"
        tab.unroute_all()
        eventually(lambda: moved(tab) and not banner.is_visible(), "it is heard again")


def test_whoever_types_a_reason_is_not_interrupted(served: Served, browser: Browser) -> None:
    served.stands_still(2)
    with browser.new_context() as context:
        tab = logged_in(served, context)
        tab.fill("#needs input[name=reason]", "half a sentence")
        tab.locator("#needs input[name=reason]").blur()
        reads = list[str]()
        tab.on("response", lambda one: reads.append(one.url) if "/ops?" in one.url else None)
        served.stands_still(2, 3)
        eventually(lambda: moved(tab) and len(reads) > 1, "the page was read again")
        assert tab.input_value("#needs input[name=reason]") == "half a sentence"


def test_the_forms_work_without_a_script_and_the_page_tells_what_came_of_them(served: Served, browser: Browser) -> None:
    served.stands_still(2)
    done = len(served.site.repairs.done)
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{served.url}/login?lang=zh&next=/ops%3Flang%3Dzh")
        tab.fill("input[name=key]", served.key)
        tab.click("section.login button")
        tab.click("#needs form.act:not(.second) button")
        assert "已完成：立即重试" in tab.inner_text("#told")
        tab.fill("#needs form.second input[name=reason]", "测试记录")
        tab.click("#needs form.second button")
        assert "什么都没有改变" in tab.inner_text("#told")
        tab.click("#told form button")
        assert "已完成" in tab.inner_text("#told")
    names = [name for name, *_ in served.site.repairs.done[done:]]
    assert names == ["retry", "tried", "passed_over"]
    assert served.site.repairs.done[-1][2].reason == "测试记录" and TOPIC in served.site.repairs.done[-1][1]


def test_the_forms_work_by_plain_http_and_a_name_where_a_browser_says_its_origin_alone(
    served: Served, browser: Browser
) -> None:
    served.stands_still(2)
    done, url = len(served.site.repairs.done), served.url.replace(LOOPBACK, NAMED_HOST)
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{url}/login?lang=en&next=/ops%3Flang%3Den")
        assert not tab.evaluate("isSecureContext")
        tab.fill("input[name=key]", served.key)
        with tab.expect_request(lambda one: one.method == "POST") as posted:
            tab.click("section.login button")
        told = posted.value.all_headers()
        assert (told.get("sec-fetch-site"), told["origin"]) == (None, url)
        tab.click("#needs form.act:not(.second) button")
        assert "Done: Try again now" in tab.inner_text("#told")
    assert [name for name, *_ in served.site.repairs.done[done:]] == ["retry"]


@pytest.mark.parametrize("referrer", ["no-referrer", "same-origin", "unsafe-url"])
def test_another_sites_form_is_refused_by_plain_http_whatever_that_site_tells_of_itself(
    served: Served, browser: Browser, referrer: str
) -> None:
    action = f"{served.url.replace(LOOPBACK, NAMED_HOST)}/login"
    form = (
        f'<meta name="referrer" content="{referrer}"><form method="post" action="{action}"><button>Win</button></form>'
    )
    with browser.new_context() as context:
        tab = context.new_page()
        tab.route("http://elsewhere.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
        tab.goto("http://elsewhere.test/")
        with tab.expect_navigation():
            tab.click("button")
        assert "origin_foreign" in tab.inner_text("body")


def test_the_whole_page_is_reached_by_the_keyboard_and_fits_a_phone(served: Served, browser: Browser) -> None:
    served.stands_still(2)
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        tab = logged_in(served, context)
        assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")
        tab.locator("#needs form.act:not(.second) button").focus()
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#told")
        assert tab.evaluate("document.activeElement.id") == "told"
