"""The page /verify in a real browser, on the real reporting service: it proves, it finds lies, and it asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from pandapack.contracts.proof import WORDS, Conclusion, Outcome, canonical, verify
from pandapack.contracts.receipts import CONCLUSIONS, UNWITNESSED, WORDS_2
from pandapack.contracts.receipts import verify as verify_receipt
from pandapack.contracts.tlog.cosignature import WitnessKey, WitnessPolicy
from pandapack.contracts.tlog.encoding import to_base64
from pandapack.contracts.tlog.note import key_id
from pandapack.contracts.trusted_keys import parse_keys
from pandapack.local.stack import Stack
from tests.browsing import Browser, needs_chromium
from tests.receipts import CASES, KEY, ORIGIN, RAW, WITNESSED
from tests.receipts import RECEIPT as LOGGED
from tests.unit.contracts.test_proof import LIES, SIGNER, STRANGER, receipt_of, signed_anew

pytestmark = needs_chromium
RECEIPT = receipt_of(11, 6, 2, 5)
_POINT = bytes([1, *bytes(31)])
SMALL = f"{ORIGIN}+{key_id(ORIGIN, 1, _POINT).hex()}+{to_base64(bytes([1]) + _POINT)}"
"""A key under which anybody's signature holds."""


@pytest.fixture(scope="module")
def url(whole: Stack) -> str:
    return whole.addresses["reporting"]


@pytest.fixture
def page(url: str, browser: Browser) -> Iterator[Any]:
    """The page, loaded, and then without any network."""
    with browser.new_context(locale="en-GB") as context:
        tab = context.new_page()
        tab.trouble = []
        tab.on("console", lambda message: tab.trouble.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: tab.trouble.append(str(error)))
        tab.goto(f"{url}/verify")
        context.set_offline(True)
        yield tab


def checked(
    page: Any, raw: bytes, key: str = SIGNER.public, witnesses: Sequence[str] = (), quorum: str = ""
) -> dict[str, str]:
    """Pastes a receipt, and reads each step's outcome."""
    page.evaluate("document.getElementById('verdict').textContent = ''")
    page.evaluate("(text) => { document.getElementById('receipt').value = text; }", raw.decode())
    page.fill("#key", key)
    page.fill("#witness", "\n".join(witnesses))
    page.fill("#quorum", quorum)
    page.click("button[type=submit]")
    page.wait_for_function("document.getElementById('verdict').textContent !== ''")
    outcomes: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#steps li')].map((li) => [li.dataset.step, li.className]))"
    )
    return outcomes


@pytest.fixture
def reader(page: Any) -> Iterator[Any]:
    """The page, for many receipts one after the other."""
    yield page
    assert page.trouble == [], "nothing broke, and the strict content policy refused nothing"


def test_the_browser_and_python_agree_on_receipts_of_the_log_and_on_every_forgery_of_them(reader: Any) -> None:
    for case in CASES:
        policy = WitnessPolicy(tuple(map(WitnessKey.parse, case.witnesses)), case.quorum)
        steps = verify_receipt(case.raw, parse_keys(case.keys), policy).steps
        quorum = str(case.quorum) if case.witnesses else ""
        found = checked(reader, case.raw, case.keys, case.witnesses, quorum)
        assert found == {step.name: step.outcome.value for step in steps}, case.name


def test_without_a_key_the_page_says_what_can_be_said_in_both_languages(reader: Any) -> None:
    checked(reader, RAW, "")
    english, chinese = CONCLUSIONS[Conclusion.NO_KEY]
    assert reader.inner_text("#verdict") == english
    assert reader.get_attribute("#verdict", "class") == "unkeyed"
    reader.click("#switch")
    assert reader.inner_text("#verdict") == chinese
    assert reader.locator("#steps li").all_inner_texts() == [
        *(zh for name, (_, zh) in WORDS_2.items() if name != "witnesses"),
        UNWITNESSED[1],
    ]


def test_a_receipt_of_the_log_shows_its_gift_its_entry_and_its_checkpoint(reader: Any) -> None:
    assert set(checked(reader, RAW, KEY, WITNESSED, "2").values()) == {Outcome.OK.value}
    assert reader.inner_text("#verdict") == CONCLUSIONS[Conclusion.PROVEN][0]
    facts = reader.inner_text("#facts")
    assert all(part in facts for part in (LOGGED.donation.id, str(LOGGED.entry.index), ORIGIN, "signed-at 2031-05-04"))
    assert reader.locator("#tree li").count() == 1 + len(LOGGED.page.proof)
    assert reader.locator("#steps li").all_inner_texts() == [en for en, _ in WORDS_2.values()]


TROUBLES: list[tuple[str, Sequence[str], str, str]] = [
    ("no key", (), "", "bad_keys"),
    (f"{KEY}\n{KEY}", (), "", "bad_keys"),
    (f"{KEY} until 07", (), "", "bad_keys"),
    (f"{KEY[:-4]}AAA=", (), "", "bad_keys"),
    (SMALL, (), "", "bad_keys"),
    (WITNESSED[0], (), "", "bad_keys"),
    (KEY, (KEY,), "", "bad_witnesses"),
    (KEY, (WITNESSED[0], WITNESSED[0]), "", "bad_witnesses"),
    (KEY, WITNESSED, "4", "bad_witnesses"),
    (KEY, (), "1", "bad_witnesses"),
]


def test_what_is_no_key_is_said_and_nothing_is_checked(reader: Any) -> None:
    for key, witnesses, quorum, trouble in TROUBLES:
        assert checked(reader, RAW, key, witnesses, quorum) == {}
        assert reader.get_attribute("#verdict", "class") == trouble, (key, witnesses, quorum)


def by_python(raw: bytes, key: str | None = SIGNER.public) -> dict[str, str]:
    return {step.name: step.outcome.value for step in verify(raw, key).steps}


def test_the_browser_and_python_agree_on_the_truth_and_on_every_lie(page: Any) -> None:
    early = receipt_of(5, 3, with_root=False)
    altered = canonical(
        msgspec.structs.replace(RECEIPT, position=msgspec.structs.replace(RECEIPT.position, fen_from=7))
    )
    lies = [signed_anew(RECEIPT, **changes) for _, changes, _ in LIES]
    lies.append(canonical(RECEIPT).replace(b'"amount_fen":', b'"amount_fen":9,"amount_fen":', 1))
    for raw in (canonical(RECEIPT), canonical(early), altered, b"{}", b"no receipt", *lies):
        assert checked(page, raw) == by_python(raw), raw
    assert checked(page, canonical(RECEIPT), STRANGER.public) == by_python(canonical(RECEIPT), STRANGER.public)
    assert checked(page, canonical(RECEIPT), "") == by_python(canonical(RECEIPT), None)
    both = f"{STRANGER.public}\n{SIGNER.public}"
    assert set(checked(page, canonical(RECEIPT), both).values()) == {Outcome.OK.value}
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


TAPPED = f"/v1/receipts/{LOGGED.donation.merchant.replace(':', '/')}/{LOGGED.donation.id}?day=2031-05-04"
PENDING = b'{"state":"page_open","en":"Not yet.","zh":"\xe5\xb0\x9a\xe6\x97\xa0\xe3\x80\x82"}'
OTHER = TAPPED.replace(LOGGED.donation.id, "another")
TAPS: list[tuple[str, str, int, bytes, str, str]] = [
    ("the truth", TAPPED, 200, RAW, "ok", "with the key that this site itself names"),
    ("a changed receipt", TAPPED, 200, RAW.replace(b'"amount_fen":', b'"amount_fen":9', 1), "failed", "NOT proven"),
    ("no receipt", TAPPED, 200, b"<p>Trust us.</p>", "failed", "NOT proven"),
    ("another gift's receipt", OTHER, 200, RAW, "tap_other", "another gift"),
    ("a gift that is not yet proven", TAPPED, 200, PENDING, "unkeyed", "Not yet."),
    ("an unknown gift", TAPPED, 404, b"{}", "tap_unknown", "no such gift"),
    ("a site that does not answer", TAPPED, 503, b"{}", "tap_silent", "does not answer"),
    ("another site", f"https://elsewhere.example{TAPPED}", 200, RAW, "tap_refused", "not one of this site's"),
    (
        "another site without a scheme",
        f"//elsewhere.example{TAPPED}",
        200,
        RAW,
        "tap_refused",
        "not one of this site's",
    ),
    ("another path", "/v1/totals", 200, RAW, "tap_refused", "not one of this site's"),
    ("a path that leaves its place", "/v1/receipts/../totals", 200, RAW, "tap_refused", "not one of this site's"),
    ("no address", "https://", 200, RAW, "tap_refused", "not one of this site's"),
]


def listen_and_answer(tab: Any, asked: list[str], status: int, body: bytes) -> None:
    """Notes what a page asks for; a receipt is answered with this, and the log's key with the one that holds."""
    tab.on("request", lambda request: asked.append(request.url))
    tab.route("**/v1/**", lambda route: route.fulfill(status=status, body=body))
    tab.route("**/log/key", lambda route: route.fulfill(body=f"{KEY}\n"))


def test_one_tap_checks_a_receipt_of_this_site_and_of_no_other(url: str, browser: Browser) -> None:
    for name, address, status, body, verdict, told in TAPS:
        with browser.new_context(locale="en-GB") as context:
            tab, asked = context.new_page(), list[str]()
            listen_and_answer(tab, asked, status, body)
            tab.goto(f"{url}/verify?{urlencode({'receipt': address})}")
            tab.wait_for_selector(f"#verdict.{verdict}")
            assert told in tab.inner_text("#verdict"), name
            assert all(one.startswith(url) for one in asked), name
            assert any("/v1/" in one for one in asked) == (verdict != "tap_refused"), name


def test_a_key_that_the_reader_enters_after_a_tap_is_the_readers_own(url: str, browser: Browser) -> None:
    with browser.new_context(locale="zh-CN") as context:
        tab = context.new_page()
        listen_and_answer(tab, [], 200, RAW)
        tab.goto(f"{url}/verify?{urlencode({'receipt': TAPPED})}")
        tab.wait_for_selector("#verdict.ok")
        assert "本站自己给出的密钥" in tab.inner_text("#verdict")
        tab.fill("#key", KEY)
        tab.click("button[type=submit]")
        tab.wait_for_function("document.getElementById('verdict').textContent === '验证通过。'")
