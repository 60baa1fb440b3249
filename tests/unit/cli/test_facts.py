"""What was published beside what was played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pandapack.cli.facts import donations_at, facts, published
from simulator.chapters import PUPILS_PUBLISHED
from simulator.years import DONATIONS_PUBLISHED

SHARED = Path(__file__).parents[4] / "shared" / "data" / "programme.json"
TOTALS = {
    "donations": 2_600_000,
    "received_fen": 12_799_800,
    "spent_fen": 11_100_000,
    "pupils_reached": 1_000,
    "countries": 11,
}
ASKED = 400


def indicators(yes: int = 380) -> list[dict[str, Any]]:
    """Rows of `/v1/totals/indicator`, of one country and of all."""
    return [
        {"indicator": name, "country": country, "numerator": yes, "denominator": ASKED}
        for name in published()["indicators"]
        for country in ("MM", None)
    ]


def held(rows: list[dict[str, Any]]) -> dict[str, bool]:
    return {row["fact"]: row["holds"] for row in rows}


def test_the_usual_story_holds_in_every_row() -> None:
    rows = facts(2_600_000, TOTALS, indicators())
    assert len(rows) == 8
    assert all(row["holds"] for row in rows)
    assert [row["scale"] for row in rows] == [0.001] * 4 + [1] * 4
    assert rows[-1]["played"] == 0.95


@pytest.mark.parametrize(
    ("fact", "figure", "value"),
    [
        ("spent_fen", "spent_fen", 11_211_001),
        ("spent_fen", "spent_fen", 10_988_999),
        ("beneficiaries", "pupils_reached", 989),
        ("countries", "countries", 10),
        ("raised_fen", "received_fen", 12_671_999),
    ],
)
def test_what_is_more_than_a_hundredth_off_does_not_hold_and_all_else_does(fact: str, figure: str, value: int) -> None:
    rows = facts(2_600_000, TOTALS | {figure: value}, indicators())
    assert [name for name, holds in held(rows).items() if not holds] == [fact]


def test_a_share_below_the_published_one_does_not_hold_nor_one_that_nobody_was_asked_for() -> None:
    assert not held(facts(2_600_000, TOTALS, indicators(yes=319)))["likes_parcel_very_much"]
    assert held(facts(2_600_000, TOTALS, indicators(yes=320)))["likes_parcel_very_much"]
    of_nobody = facts(2_600_000, TOTALS, [])
    assert [row["played"] for row in of_nobody[-3:]] == [None, None, None]
    suppressed = [row | {"numerator": None, "denominator": None} for row in indicators()]
    assert not any(held(facts(2_600_000, TOTALS, suppressed))[name] for name in published()["indicators"])


def test_a_scale_is_a_number_of_gifts() -> None:
    assert donations_at(1_000) == 2_600_000
    assert donations_at(10**12) == 1
    assert published()["totals"]["donations"] == DONATIONS_PUBLISHED
    assert published()["totals"]["beneficiaries"] == PUPILS_PUBLISHED


@pytest.mark.skipif(not SHARED.exists(), reason="what was published lies beside the project, and is not here")
def test_what_was_published_is_what_lies_beside_the_project() -> None:
    content = json.loads(SHARED.read_text())
    totals, indicators = content["totals"], content["evaluation"]["indicators"]
    assert published()["totals"] == {
        "donations": totals["donations_over"],
        "raised_fen": totals["raised_fen_over"],
        "spent_fen": totals["spent_fen"],
        "beneficiaries": totals["beneficiaries_over"],
        "countries": totals["countries"],
    }
    shares = {one["id"]: one["share_of_interviewed_pupils_over"] for one in indicators}
    assert published()["indicators"] == shares
