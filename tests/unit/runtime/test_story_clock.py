"""A story's clock: it goes from segment to segment, stands at each one's end, and never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from pandapack.runtime.clock import BusinessClock, StoryClock, segment_line, segment_of
from pandapack.runtime.settings import RuntimeSettings

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
BEGINS = datetime(2019, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_stretch_runs_at_its_rate_and_stands_at_its_limit() -> None:
    segment = BusinessClock(EPOCH, BEGINS, 86_400.0, BEGINS + 28 * DAY)
    assert segment.at(EPOCH + timedelta(seconds=3)) == BEGINS + 3 * DAY
    assert segment.at(EPOCH + timedelta(hours=1)) == segment.at(EPOCH + 3_650 * DAY) == BEGINS + 28 * DAY
    assert segment.wall_of(BEGINS + 3 * DAY) == EPOCH + timedelta(seconds=3)
    assert segment.wall_of(BEGINS + 300 * DAY) == EPOCH + timedelta(seconds=28)


def test_a_line_says_what_its_stretch_is() -> None:
    for limit in (None, BEGINS + DAY):
        segment = BusinessClock(EPOCH, BEGINS, 12.5, limit)
        assert segment_of(segment_line(segment)) == segment


def test_until_the_file_is_there_the_usual_clock_is_believed_and_then_the_last_stretch(tmp_path: Path) -> None:
    file = tmp_path / "clock.jsonl"
    clock = StoryClock(file, BusinessClock(EPOCH, BEGINS - DAY, 1e-9))
    assert clock.now() < BEGINS
    first = BusinessClock(EPOCH, BEGINS, 1.0, BEGINS + DAY)
    file.write_bytes(segment_line(first))
    assert clock.now() == BEGINS + DAY
    second = BusinessClock(EPOCH + DAY, BEGINS + DAY, 1.0, BEGINS + 3 * DAY)
    file.write_bytes(segment_line(first) + segment_line(second))
    assert clock.now() == BEGINS + 3 * DAY
    assert clock.wall_of(BEGINS + timedelta(hours=5)) == EPOCH + timedelta(hours=5)
    assert clock.wall_of(BEGINS + 2 * DAY) == EPOCH + 2 * DAY


@pytest.mark.parametrize("broken", [b"{", b"{}", b"[]", b'{"epoch": "soon"}', b""])
def test_what_cannot_be_read_changes_nothing(tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / "clock.jsonl"
    clock = StoryClock(file, BusinessClock(EPOCH, BEGINS, 1.0))
    segment = BusinessClock(EPOCH, BEGINS, 1.0, BEGINS + DAY)
    file.write_bytes(segment_line(segment))
    assert clock.now() == BEGINS + DAY
    file.write_bytes(broken)
    assert clock.now() == BEGINS + DAY
    file.unlink()
    assert clock.now() == BEGINS + DAY


def test_others_set_the_time_in_a_demonstration_alone(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="PANDA_DEMONSTRATION"):
        RuntimeSettings(clock_file=tmp_path / "clock.jsonl")
    told = RuntimeSettings(clock_file=tmp_path / "clock.jsonl", demonstration=True).clock()
    assert isinstance(told, StoryClock)
