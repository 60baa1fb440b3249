"""The pages in a real browser, beside a demonstration: in both languages, on a phone, without scripts, cut off."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.browsing import Browser, needs_chromium
from tests.system.demonstrated.demonstrations import DOCUMENT_WAIT_S, Demonstration
from tests.waiting import eventually

pytestmark = needs_chromium
PHONE = {"width": 390, "height": 844}
LANGUAGES = ("en", "zh")
PATHS = ("/", "/?as_of=0", "/data", "/verify")
MOMENT = {"en": r"\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d:\d\d", "zh": r"\d{4}年\d+月\d+日 \d\d:\d\d:\d\d"}
LOADED_AT = "2026-01-05T04:00:00Z"
CUT_OFF = {"en": "No update has come since 5 January 2026, 12:0", "zh": "自 2026年1月5日 12:0"}
"""What a page that was loaded then, and hears nothing, says in China's time."""
SIDEWAYS = """() => [...document.querySelectorAll("body *")].filter((one) =>
    ["auto", "scroll"].includes(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth)
  .map((one) => [one.tagName, one.tabIndex >= 0,
    one.matches("[aria-label]:not([aria-label='']), [aria-labelledby]")])"""
"""What of a page scrolls sideways: its element, whether it takes focus, whether it has a name."""


@pytest.fixture(scope="module")
def address(demonstration: Demonstration) -> str:
    """The public page's, once a parcel is packed: from then on no page opens itself anew."""
    url = demonstration.here("http://127.0.0.1:8100")

    def packed() -> Any:
        return httpx.get(f"{url}/v1/totals", trust_env=False, timeout=120).json()["parcels"]["packed"]

    eventually(packed, "a parcel is packed", wait_s=DOCUMENT_WAIT_S)
    return url


def at(path: str, language: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}lang={language}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_a_phone_nothing_hangs_over_and_what_scrolls_takes_focus_and_has_a_name(
    address: str, browser: Browser, language: str
) -> None:
    with browser.new_context(viewport=PHONE) as context:
        tab, found = context.new_page(), []
        for path in PATHS:
            tab.goto(address + at(path, language))
            tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            found += tab.evaluate(SIDEWAYS)
    assert ["DIV", True, True] in found, "the countries' table is wider than a phone"
    assert all(takes_focus and has_name for _, takes_focus, has_name in found), found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_log_without_entries_says_so_and_claims_nothing(address: str, browser: Browser, language: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(address + at("/?as_of=0", language))
        shown = tab.inner_text("body")
        assert ("no entry" if language == "en" else "还没有任何条目") in tab.inner_text(".hero .snapshot")
        assert tab.locator(".recount, .verdict, .unsealed, svg").count() == 0, "there is nothing to count again"
    assert not re.search("unknown|未知|%", shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_yet_sealed_is_a_figure_of_its_own(address: str, browser: Browser, language: str) -> None:
    size = httpx.get(f"{address}/v1/totals", trust_env=False, timeout=120).json()["snapshot"]["size"]
    totals = httpx.get(f"{address}/v1/totals", params={"as_of": size}, trust_env=False, timeout=120).json()
    fen, donations = totals["received_fen"] - totals["sealed_fen"], totals["donations"] - totals["sealed_donations"]
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(address + at(f"/?as_of={size}", language))
        shown = tab.inner_text(".unsealed .beside")
    yuan = f"{fen // 100:,}.{fen % 100:02d}"
    assert (f"{yuan} 元" if language == "zh" else f"¥{yuan}") in shown and f"{donations:,}" in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_to_check_it_oneself_is_three_commands_that_lead_somewhere(
    address: str, browser: Browser, language: str
) -> None:
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(address + at("/", language))
        commands = tab.locator(".yourself code").all_inner_texts()[:3]
        links = tab.locator(".yourself a").evaluate_all("(found) => found.map((one) => one.href)")
    recount, monitor, receipt = commands
    assert (recount, monitor) == (f"panda recount {address}", f"panda monitor {address} --once")
    assert receipt.splitlines()[0] == f"export PANDA_REPORTING_URL={address}"
    assert [httpx.get(link, trust_env=False, timeout=120).status_code for link in links] == [200, 200, 200]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_that_hears_nothing_says_since_when_and_listens_again(
    address: str, browser: Browser, language: str
) -> None:
    with browser.new_context() as context:
        tab = context.new_page()
        tab.clock.install(time=LOADED_AT)
        tab.route("**/v1/events", lambda route: route.fulfill(status=503))
        tab.goto(address + at("/", language))
        assert not tab.is_visible("[data-lost]")
        tab.clock.fast_forward(11_000)
        tab.wait_for_selector("[data-lost]", state="visible")
        assert CUT_OFF[language] in tab.inner_text("[data-lost]")
        assert len(re.findall(MOMENT[language], tab.inner_text("[data-lost]"))) == 2
        assert not tab.is_visible("[data-fresh]"), "what is not live does not say that it is"
        tab.unroute("**/v1/events")
        tab.clock.fast_forward(11_000)
        tab.wait_for_selector("[data-lost]", state="hidden")
        assert re.fullmatch(MOMENT[language], tab.inner_text("[data-fresh] time")), "as the server wrote it"


def test_without_scripts_the_language_changes_and_the_moment_stays(address: str, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(address + at("/?as_of=0", "en"))
        tab.click("[data-switch]")
        assert tab.url == address + at("/?as_of=0", "zh")
        tab.goto(f"{address}/")
        assert not tab.is_visible(".pulse"), "nothing moves on it"


def test_without_scripts_the_receipt_page_says_in_both_languages_what_to_do_instead(
    address: str, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{address}/verify")
        english, chinese = tab.locator("noscript .banner").all_inner_texts()
        assert "panda verify receipt.json" in english and "请使用" in chinese
        assert not tab.is_visible("#form") and not tab.is_visible("#switch")
