"""A short fault campaign, as its users run it: whatever is struck, the figures at the end are the same."""

from __future__ import annotations

from pandapack.cli.chaos import plan_faults
from pandapack.cli.demo_display import LAWS
from tests.system.playing import FAULTS, SEED, Json, figures


def test_a_campaign_changes_no_figure_and_the_audit_agrees(campaign: Json) -> None:
    assert campaign["differences"] == []
    calm, disturbed = figures(campaign["undisturbed"]), figures(campaign["outcome"])
    # A push whose answer was lost is pushed again: its rows are found as duplicates, and count once.
    assert disturbed.pop("duplicates") >= calm.pop("duplicates")
    assert disturbed == calm
    assert all(disturbed[law] for law in LAWS)


def test_a_campaign_reports_who_was_struck_when_and_how_long_it_was_away(campaign: Json) -> None:
    struck, planned = campaign["faults"], plan_faults(SEED, FAULTS)
    assert campaign["planned"] == FAULTS
    # On a very slow machine the end may come before the last fault, and is reported so.
    assert len(struck) >= FAULTS - 1
    assert [fault["victim"] for fault in struck] == [fault.victim for fault in planned[: len(struck)]]
    assert all(fault["ready_again_s"] >= fault["pause_s"] for fault in struck)
    moments_s = [fault["at_s"] for fault in struck]
    assert moments_s == sorted(moments_s)
