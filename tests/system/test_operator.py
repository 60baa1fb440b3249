"""An operator finds one poisoned record among two thousand gifts and has it counted: by the page, in the terminal."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pandapack.cli.drills.ground import Ground
from pandapack.cli.drills.kinds import PLATFORM
from tests.browsing import Browser, needs_chromium

AMONG = 2_000
SPOILED, MENDED = '"amount_fen": "many"', '"amount_fen": 7'


def poison(ground: Ground) -> dict[str, Any]:
    """Gifts are pushed, and past the door comes one more without a mark, whose amount nobody can read; its row."""
    ground.push(ground.give(AMONG))
    ground.settle()
    (row,) = ground.give(1)
    ground.fen += 7 - row["amount_fen"]
    row["amount_fen"] = 7
    text = json.dumps(row).replace(MENDED, SPOILED)
    with ThreadPoolExecutor(1) as thread:  # a browser's loop runs in this one
        thread.submit(ground.write, "donations.pushed", 0, b"0", text.encode(), ()).result()
    ground.until(lambda: _waiting(ground), "the record is among the dead letters")
    return row


def _waiting(ground: Ground) -> list[dict[str, Any]]:
    found = ground.look("donations", "operator", "/v1/dead-letters/groups") or {"items": []}
    return [one for one in found["items"] if one["open"]]


def _is_noted(ground: Ground, reason: str) -> bool:
    found = ground.look("reporting", "operator", "/v1/audit-log?role=operator") or {"items": []}
    return any(one["why"] == reason for one in found["items"])


@needs_chromium
def test_who_knows_only_the_page_finds_it_reads_why_looks_ahead_replays_and_finds_the_act(
    ground: Ground, browser: Browser
) -> None:
    before = ground.donations
    poison(ground)
    base = ground.stack.addresses["reporting"]
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    tab: Any = context.new_page()
    tab.goto(f"{base}/ops")
    tab.fill("input[name=key]", ground.stack.keys["operator"])
    tab.click("main form button")
    tab.wait_for_selector("#needs a[href*='/ops/dead-letters'], #dead_letters table")
    tab.click("#dead_letters th[scope=row] a")
    tab.click("#list th[scope=row] a")
    assert SPOILED in tab.inner_text("#letter"), "the record as it came"
    assert tab.inner_text("#letter .lead"), "why it was not taken"

    tab.fill("#mend textarea", tab.input_value("#mend textarea").replace(SPOILED, MENDED))
    tab.fill("#mend input[name=platform]", PLATFORM)
    tab.click("#mend form[action$=previews] button")
    price = tab.inner_text("#told .price")
    assert "1 " in price and "0.07" in price
    assert ground.totals()["donations"] == before + AMONG, "nothing is sent by looking ahead"

    tab.fill("#told input[name=reason]", "the amount was told by the shop")
    tab.click("#told form[action$=replays] button")
    tab.wait_for_selector("#told")
    ground.settle()
    assert ground.differences() == []
    ground.until(lambda: _is_noted(ground, "the amount was told by the shop"), "the audit log has the act")
    tab.goto(f"{base}/ops")
    assert "the amount was told by the shop" in tab.inner_text("#trail")
    assert _waiting(ground) == []
    context.close()


def test_the_same_from_the_terminal(ground: Ground) -> None:
    row = poison(ground)
    (group,) = ground.panda("dlq", "groups")["items"]
    (one,) = ground.panda("dlq", "list", "--group", group["group"])["items"]
    address = one["address"]
    assert SPOILED in ground.panda("dlq", "show", address)["text"]
    looked = ground.panda("dlq", "preview", address, "--platform", PLATFORM, allowed=(0, 1))
    assert (looked["donations"], looked["still_fail"]["rows"]) == (0, 1), "as it is, nobody can read its amount"

    file = ground.stack.layout.data_dir.resolve().parent / "mended.json"
    file.write_text(json.dumps(row))
    mended = (address, "--platform", PLATFORM, "--edited", str(file))
    looked = ground.panda("dlq", "preview", *mended)
    assert (looked["donations"], looked["fen"], looked["still_fail"]["rows"]) == (1, 7, 0)
    ground.panda("dlq", "replay", *mended, "--reason", "read from the shop's books")
    ground.settle()
    assert ground.differences() == []
    ground.until(lambda: _is_noted(ground, "read from the shop's books"), "the audit log has the act")
    assert any(one["why"] == "read from the shop's books" for one in ground.panda("audit-log")["items"])
