"""A short fault campaign, as its users run it: whatever is struck, the figures at the end are the same."""

from __future__ import annotations

from pandapack.cli.chaos import faults_of
from pandapack.cli.demo import LAWS
from tests.system.playing import FAULTS, SEED, Played, figures


def test_a_campaign_changes_no_figure_and_the_audit_agrees(played: Played) -> None:
    campaign = played.campaign
    assert campaign["differences"] == []
    calm, disturbed = figures(campaign["undisturbed"]), figures(campaign["outcome"])
    # A push whose answer was lost is pushed again: its rows are found as duplicates, and count once.
    assert disturbed.pop("duplicates") >= calm.pop("duplicates")
    assert disturbed == calm
    assert all(disturbed[law] for law in LAWS)


def test_a_campaign_tells_who_was_struck_when_and_how_long_it_was_away(played: Played) -> None:
    told, planned = played.campaign["faults"], faults_of(SEED, FAULTS)
    assert played.campaign["planned"] == FAULTS
    # On a very slow machine the end may come before the last fault, and is told so.
    assert len(told) >= FAULTS - 1
    assert [fault["victim"] for fault in told] == [fault.victim for fault in planned[: len(told)]]
    assert all(fault["ready_again_s"] >= fault["pause_s"] for fault in told)
    moments_s = [fault["at_s"] for fault in told]
    assert moments_s == sorted(moments_s)
