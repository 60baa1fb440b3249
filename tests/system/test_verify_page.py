"""The page /verify in a real browser, on the real reporting service: it proves, it finds lies, and it asks nobody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pandapack.contracts.proof import WORDS, Outcome, canonical, verify
from tests.service.running import Running, running
from tests.stack import Servers, new_namespace
from tests.unit.contracts.test_proof import LIES, SIGNER, STRANGER, receipt_of, signed_anew

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no /usr/bin/chromium to drive")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RECEIPT = receipt_of(11, 6, 2, 5)


@pytest.fixture(scope="module")
def reporting(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("reporting", stack, new_namespace(), tmp_path_factory.mktemp("reporting")) as service:
        yield service


@pytest.fixture
def page(reporting: Running) -> Iterator[Any]:
    """The page, loaded, and then without any network."""
    with playwright.sync_playwright() as drive:
        browser = drive.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(locale="en-GB")
        tab = context.new_page()
        tab.trouble = []
        tab.on("console", lambda message: tab.trouble.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: tab.trouble.append(str(error)))
        tab.goto(f"{reporting.url}/verify")
        context.set_offline(True)
        yield tab
        browser.close()


def checked(page: Any, raw: bytes, key: str = SIGNER.public) -> dict[str, str]:
    """Pastes a receipt, and reads each step's outcome."""
    page.evaluate("document.getElementById('verdict').textContent = ''")
    page.fill("#receipt", raw.decode())
    page.fill("#key", key)
    page.click("button[type=submit]")
    page.wait_for_function("document.getElementById('verdict').textContent !== ''")
    outcomes: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#steps li')].map((li) => [li.dataset.step, li.className]))"
    )
    return outcomes


def by_python(raw: bytes, key: str = SIGNER.public) -> dict[str, str]:
    return {step.name: step.outcome.value for step in verify(raw, key).steps}


def test_the_browser_and_python_agree_on_the_truth_and_on_every_lie(page: Any) -> None:
    early = receipt_of(5, 3, with_root=False)
    altered = canonical(
        msgspec.structs.replace(RECEIPT, position=msgspec.structs.replace(RECEIPT.position, fen_from=7))
    )
    lies = [signed_anew(RECEIPT, **changes) for _, changes, _ in LIES]
    for raw in (canonical(RECEIPT), canonical(early), altered, b"{}", b"no receipt", *lies):
        assert checked(page, raw) == by_python(raw), raw
    assert checked(page, canonical(RECEIPT), STRANGER.public) == by_python(canonical(RECEIPT), STRANGER.public)
    assert page.trouble == [], "nothing broke, and the strict content policy refused nothing"


def test_a_proven_receipt_shows_its_donation_and_every_hash_in_two_languages(page: Any) -> None:
    assert set(checked(page, canonical(RECEIPT)).values()) == {Outcome.OK.value}
    assert page.inner_text("#verdict") == "Proven."
    assert RECEIPT.donation.id in page.inner_text("#facts")
    assert page.locator("#tree li").count() == 1 + len(RECEIPT.seal.proof)
    assert RECEIPT.seal.root in page.locator("#tree li").last.text_content()
    page.click("#switch")
    assert page.inner_text("#verdict") == "验证通过。"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    shown = page.locator("#steps li").all_inner_texts()
    assert shown == [zh for name, (_, zh) in WORDS.items() if name != "root"]


def test_a_chosen_file_is_checked(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_bytes(canonical(RECEIPT))
    page.fill("#key", SIGNER.public)
    page.set_input_files("#file", str(file))
    page.wait_for_selector("#verdict.ok")


def test_a_browser_without_ed25519_tells_it_and_does_not_call_it_proven(page: Any) -> None:
    page.evaluate(
        "crypto.subtle.importKey = () => Promise.reject(new DOMException('unknown', 'NotSupportedError')); null"
    )
    outcomes = checked(page, canonical(RECEIPT))
    assert {outcomes[name] for name in ("signature", "root_signature")} == {"unable"}
    assert "cannot check Ed25519" in page.inner_text("#verdict")
