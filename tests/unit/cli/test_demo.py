"""What a demonstration that waits for its end makes of a standstill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pandapack.cli import demo
from pandapack.cli.demo import Standstill, layout_of
from pandapack.cli.demo_display import FIGURES
from pandapack.local.errors import ChildFailed

PULSE = {"pushed": 10, "accepted": 10, "refused": 0, "phase": "delivering"}


def totals(**figures: Any) -> dict[str, Any]:
    return dict.fromkeys(FIGURES, 0) | {"behind_s": 1.5} | figures


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(demo.time, "monotonic", lambda: now[0])
    return now


def test_where_nothing_moves_any_more_it_is_told_in_which_phase_and_with_the_ends_of_all_logs(
    clock: list[float], tmp_path: Path
) -> None:
    (tmp_path / "logistics.log").write_text("partition_stopped\n")
    standstill = Standstill(tmp_path)
    standstill.look(PULSE, totals(rounds=2))
    clock[0] = demo.STANDSTILL_S_MAX
    standstill.look(PULSE, totals(rounds=2))
    clock[0] += 1
    with pytest.raises(ChildFailed, match="delivering") as told:
        standstill.look(PULSE, totals(rounds=2, behind_s=200.0))  # how fresh figures are is no figure that moves
    assert "logistics.log:\npartition_stopped" in told.value.mend


@pytest.mark.parametrize(
    "moved", [(PULSE, totals(rounds=3)), (PULSE | {"pushed": 11}, totals(rounds=2)), (PULSE, None)]
)
def test_whatever_moves_begins_the_time_anew(
    clock: list[float], tmp_path: Path, moved: tuple[dict[str, Any], dict[str, Any] | None]
) -> None:
    standstill = Standstill(tmp_path)
    standstill.look(PULSE, totals(rounds=2))
    clock[0] = demo.STANDSTILL_S_MAX + 1
    standstill.look(*moved)
    clock[0] += demo.STANDSTILL_S_MAX
    standstill.look(*moved)


def test_a_demonstrations_pages_say_that_it_is_one(tmp_path: Path) -> None:
    assert layout_of(tmp_path).service_env["PANDA_DEMONSTRATION"] == "true"
