"""The page /docs in a real browser, on a real service: an operation can be tried, and nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.running import Running, running
from tests.stack import Servers, new_namespace
from tests.system.test_verify_page import CHROMIUM, FLAGS, playwright

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no /usr/bin/chromium to drive")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def reporting(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With its pages' strict policy on every answer."""
    with running("reporting", stack, new_namespace(), tmp_path_factory.mktemp("reporting")) as service:
        yield service


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["wide", "phone"])
def test_an_operation_is_tried_with_a_key_under_the_strict_policy(reporting: Running, size: dict[str, int]) -> None:
    with playwright.sync_playwright() as drive:
        browser = drive.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab: Any = browser.new_context(viewport=size).new_page()
        trouble: list[str] = []
        asked: set[str] = set()
        tab.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.on("request", lambda request: asked.add(request.url.partition("://")[2].partition("/")[0]))
        tab.goto(f"{reporting.url}/docs")
        tab.click("button.authorize")
        tab.fill(".auth-container input", reporting.keys["operator"])
        tab.click(".auth-btn-wrapper .authorize")
        tab.click(".auth-btn-wrapper .btn-done")
        tab.click("#operations-keys-listed_v1_keys_get .opblock-summary-control")
        tab.click("#operations-keys-listed_v1_keys_get .try-out__btn")
        tab.click("#operations-keys-listed_v1_keys_get .execute")
        tab.wait_for_selector(".live-responses-table .response")
        assert tab.inner_text(".live-responses-table .response .response-col_status").split()[0] == "200"
        assert "operator" in tab.inner_text(".live-responses-table .response")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over the side"
        assert trouble == [] and {host for host in asked if host} == {reporting.url.partition("://")[2]}
        browser.close()
