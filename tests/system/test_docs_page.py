"""The page /docs in a real browser, on a real service: an operation can be tried, and nobody else is asked."""

from __future__ import annotations

import pytest

from pandapack.local.stack import Stack
from tests.browsing import Browser, needs_chromium

pytestmark = needs_chromium
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["wide", "phone"])
def test_an_operation_is_tried_with_a_key_under_the_strict_policy(
    whole: Stack, browser: Browser, size: dict[str, int]
) -> None:
    url = whole.addresses["reporting"]
    with browser.new_context(viewport=size) as context:
        tab = context.new_page()
        trouble: list[str] = []
        asked: set[str] = set()
        tab.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.on("request", lambda request: asked.add(request.url.partition("://")[2].partition("/")[0]))
        tab.goto(f"{url}/docs")
        tab.click("button.authorize")
        tab.fill(".auth-container input", whole.keys["operator"])
        tab.click(".auth-btn-wrapper .authorize")
        tab.click(".auth-btn-wrapper .btn-done")
        tab.click("#operations-keys-listed_v1_keys_get .opblock-summary-control")
        tab.click("#operations-keys-listed_v1_keys_get .try-out__btn")
        tab.click("#operations-keys-listed_v1_keys_get .execute")
        tab.wait_for_selector(".live-responses-table .response")
        assert tab.inner_text(".live-responses-table .response .response-col_status").split()[0] == "200"
        assert "operator" in tab.inner_text(".live-responses-table .response")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over the side"
        assert trouble == [] and {host for host in asked if host} == {url.partition("://")[2]}
