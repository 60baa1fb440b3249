"""The fault campaign: the same seed does the same harm, and no changed figure passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pandapack.cli.chaos import FAULTS, PAUSE_S, SERVERS, VICTIMS, chaos, differences, plan_faults, victims_of
from pandapack.cli.demo_display import LAWS
from pandapack.cli.failures import EXIT_USAGE
from pandapack.local.layout import SERVICES, Layout

CALM = {
    "donations": 10,
    "duplicates": 3,
    "parcels": {"packed": 4},
    "elapsed_s": 9.0,
    **dict.fromkeys(LAWS, True),
}


def test_a_seed_always_plans_the_same_faults_and_spares_nobody() -> None:
    assert plan_faults(7, 12) == plan_faults(7, 12) != plan_faults(8, 12)
    planned = plan_faults(7, FAULTS)
    assert {fault.victim for fault in planned if not fault.pause_s} == set(VICTIMS)


def test_some_faults_hold_a_victim_still_for_a_bounded_time_instead_of_killing_it() -> None:
    pauses = [fault for fault in plan_faults(7, FAULTS) if fault.pause_s]
    assert pauses
    assert all(PAUSE_S[0] <= fault.pause_s <= PAUSE_S[1] for fault in pauses)


def test_existing_servers_are_never_struck(tmp_path: Path) -> None:
    assert victims_of(Layout(data_dir=tmp_path)) == VICTIMS
    elsewhere = Layout(data_dir=tmp_path, kafka="kafka:9092", mongo="mongodb://mongo")
    assert victims_of(elsewhere) == SERVICES
    struck = {fault.victim for fault in plan_faults(7, 30, victims_of(elsewhere))}
    assert struck.isdisjoint(SERVERS)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps(CALM | {"donations": 11})])
def test_an_undisturbed_run_that_is_none_or_of_another_story_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calm.json"
    file.write_text(text)
    app = typer.Typer()
    app.command()(chaos)
    refused = CliRunner().invoke(app, ["--donations", "10", "--undisturbed", str(file)])
    assert refused.exit_code == EXIT_USAGE and str(file) in refused.output


def test_times_and_more_duplicates_are_no_difference_and_everything_else_is() -> None:
    assert differences(CALM, {**CALM, "elapsed_s": 50.0, "duplicates": 5}) == []
    assert differences(CALM, {**CALM, "duplicates": 2}) == ["duplicates: 3 undisturbed, 2 with faults"]
    assert len(differences(CALM, {**CALM, "donations": 11, "parcels": {"packed": 3}})) == 2


@pytest.mark.parametrize("law", LAWS)
def test_a_law_that_is_broken_in_either_run_is_a_difference(law: str) -> None:
    broken = {**CALM, law: False}
    assert differences(CALM, broken) == [f"{law}: broken with faults"]
    assert differences(broken, CALM) == [f"{law}: broken undisturbed"]
