"""The fault campaign: the same seed does the same harm, and no changed figure passes."""

from __future__ import annotations

from pandapack.cli.chaos import VICTIMS, differences, faults_of

CALM = {"donations": 10, "duplicates": 3, "parcels": {"packed": 4}, "elapsed_s": 9.0}


def test_a_seed_always_plans_the_same_faults_and_spares_nobody() -> None:
    assert faults_of(7, 12) == faults_of(7, 12) != faults_of(8, 12)
    assert {fault.victim for fault in faults_of(7, len(VICTIMS))} == set(VICTIMS)


def test_times_and_more_duplicates_are_no_difference_and_everything_else_is() -> None:
    assert differences(CALM, {**CALM, "elapsed_s": 50.0, "duplicates": 5}) == []
    assert differences(CALM, {**CALM, "duplicates": 2}) == ["duplicates: 3 undisturbed, 2 with faults"]
    assert len(differences(CALM, {**CALM, "donations": 11, "parcels": {"packed": 3}})) == 2
