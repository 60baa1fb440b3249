"""The play's clock: the services read what it tells, and players wait for moments of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pandapack.runtime import clock as services
from simulator.story_clock import StoryClock, wall

BEGINS = datetime(2019, 2, 1, tzinfo=UTC)
ENDS = datetime(2019, 3, 1, tzinfo=UTC)
AT_ONCE_S = 1e-9


def of_services(file: Path) -> services.StoryClock:
    """The clock as services have it."""
    return services.StoryClock(file, services.BusinessClock(wall(), BEGINS - timedelta(days=1)))


def test_services_stand_where_the_play_stands(tmp_path: Path) -> None:
    file = tmp_path / "clock.jsonl"
    played, read = StoryClock(file, BEGINS), of_services(file)
    assert read.now() < BEGINS
    played.play_to(ENDS, AT_ONCE_S)
    assert played.now() == read.now() == ENDS
    played.play_to(ENDS + timedelta(days=31), AT_ONCE_S)
    assert played.now() == read.now() == ENDS + timedelta(days=31)


def test_at_the_storys_end_services_have_wall_time(tmp_path: Path) -> None:
    file = tmp_path / "clock.jsonl"
    played, read = StoryClock(file, BEGINS), of_services(file)
    played.play_to(ENDS, AT_ONCE_S)
    before = wall()
    played.jump_to_now()
    assert before <= read.now() <= wall()


def test_a_chapter_that_goes_nowhere_stands(tmp_path: Path) -> None:
    played = StoryClock(tmp_path / "clock.jsonl", BEGINS)
    played.play_to(BEGINS, AT_ONCE_S)
    assert played.now() == BEGINS == of_services(tmp_path / "clock.jsonl").now()


async def test_who_waits_for_a_moment_is_woken_by_the_chapter_that_it_lies_in_or_by_the_end(tmp_path: Path) -> None:
    played = StoryClock(tmp_path / "clock.jsonl", BEGINS)
    await played.until(BEGINS)
    in_march = asyncio.ensure_future(played.until(ENDS + timedelta(days=3)))
    in_may = asyncio.ensure_future(played.until(ENDS + timedelta(days=70)))
    played.play_to(ENDS, AT_ONCE_S)
    await asyncio.sleep(0)
    assert not in_march.done()
    played.play_to(ENDS + timedelta(days=31), AT_ONCE_S)
    await in_march
    assert not in_may.done()
    played.end_waits()
    await in_may
