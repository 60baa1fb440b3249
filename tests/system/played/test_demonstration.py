"""`panda demo` as its users run it: one seed tells one story to its end, also beside others."""

from __future__ import annotations

import json
from pathlib import Path

from pandapack.cli.demo_display import LAWS
from tests.system.playing import DONATIONS, Json, figures


def test_a_story_to_its_end_is_one_object_of_figures_that_hold_and_leaves_nothing(told: Path) -> None:
    outcome = json.loads(told.read_text())
    assert outcome["donations"] == DONATIONS and all(outcome[law] for law in LAWS)
    assert {row["fact"]: row["holds"] for row in outcome["facts"]}["donations"]


def test_one_seed_tells_one_story_also_beside_another_demonstration(outcome: Json, campaign: Json) -> None:
    assert figures(outcome) == figures(campaign["undisturbed"])
    assert all(outcome[law] for law in LAWS)


def test_all_that_can_be_funded_comes_to_its_end(outcome: Json) -> None:
    parcels = outcome["parcels"]
    assert (outcome["donations"], outcome["duplicates"]) == (DONATIONS, 3 * DONATIONS // 100)
    assert (outcome["reserved_fen"], outcome["committed_fen"]) == (0, 0)
    assert outcome["received_fen"] == sum(outcome[f"{part}_fen"] for part in ("unallocated", "spent", "reversed"))
    assert outcome["reversed_fen"] > 0
    assert outcome["rounds"] == outcome["countries"] == 2
    assert parcels["packed"] == sum(count for state, count in parcels.items() if state != "packed") > 20
    assert parcels["warehouse"] == parcels["in_transit"] == 0
    assert outcome["pupils_reached"] == parcels["accepted"] > 0


def test_what_was_published_stands_beside_what_reporting_shows(outcome: Json) -> None:
    rows = {row["fact"]: row for row in outcome["facts"]}
    shown = {"donations": "donations", "raised_fen": "received_fen", "spent_fen": "spent_fen"}
    assert all(rows[fact]["played"] == outcome[figure] for fact, figure in shown.items())
    assert rows["donations"]["holds"] and rows["raised_fen"]["holds"]
    assert not rows["countries"]["holds"]  # two rounds reach two countries, and a story of this size has no more
    share = rows["items_help_study_and_life_very_much"]
    assert (share["published"], share["scale"]) == (0.7, 1)
    assert share["holds"] == (share["played"] is not None and share["played"] >= 0.7)  # of few pupils none is shown
