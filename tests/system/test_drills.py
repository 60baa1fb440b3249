"""What `panda drill` rehearses shows in the terminal, on `/ops`, in metrics and as an alert, until it is over."""

from __future__ import annotations

import pytest

from pandapack.cli.drill import run
from pandapack.cli.drills.ground import Ground
from pandapack.cli.drills.kinds import DRILLS


@pytest.mark.parametrize("kind", DRILLS)
def test_a_stop_is_seen_on_every_surface_mended_by_its_runbook_and_seen_no_more(ground: Ground, kind: str) -> None:
    report = run(ground, DRILLS[kind])
    assert set(report["surfaces_s"]) == {"status", "ops", "metrics", "alerts"}
    assert report["differences"] == []
