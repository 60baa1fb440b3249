"""What one process of a service knows any of them tells; one that is held is shown as it was seen last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.instances import FRESH_S, WRITE_PAUSE_S, Instances, memory_bytes, stops_of

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def instances(rows: MemoryRows, clock: FixedClock, seed: int) -> Instances:
    made = Instances(rows, clock, SeededChance(seed), service="donations", version="1")
    made.tells("stopped", lambda: [{"group": "g", "topic": "t", "partition": seed}])
    return made


async def test_each_process_tells_of_all_and_one_that_is_held_as_it_was_seen_last() -> None:
    rows, clock = MemoryRows("instances"), FixedClock(AT)
    one, other = instances(rows, clock, 1), instances(rows, clock, 2)
    await one.look()
    await other.look()
    await one.look()
    assert [row["instance"] for row in one.all] == [one.instance, other.instance]
    clock.at += timedelta(seconds=FRESH_S + WRITE_PAUSE_S)
    await one.look()
    own, held = one.all
    assert datetime.fromisoformat(own["seen_at"]) == clock.wall() and datetime.fromisoformat(held["seen_at"]) == AT
    assert one.fresh_others == [], "what a process said that is held since is not told as what is"
    assert (own["version"], own["memory_bytes"]) == ("1", memory_bytes()) or own["memory_bytes"] > 0


async def test_a_process_that_stops_in_order_takes_its_row_away() -> None:
    rows, clock = MemoryRows("instances"), FixedClock(AT)
    one, other = instances(rows, clock, 1), instances(rows, clock, 2)
    await one.look()
    await other.look()
    await other.stop()
    await one.look()
    assert [row["instance"] for row in one.all] == [one.instance]


async def test_a_row_that_has_expired_meanwhile_is_written_anew() -> None:
    clock = FixedClock(AT)
    one = instances(MemoryRows("instances"), clock, 1)
    await one.look()
    emptied = MemoryRows("instances")
    one._rows = emptied
    await one.look()
    assert await emptied.one(one.instance) is not None


def test_what_stopped_is_told_once_whichever_process_knows_it() -> None:
    mine = {"group": "g", "topic": "t", "partition": 1, "attempts": 7}
    before = {"group": "g", "topic": "t", "partition": 1, "attempts": 3}
    others = {"group": "g.archive", "topic": "t", "partition": 1, "attempts": 1}
    assert stops_of([mine], [{"stopped": [before, others]}]) == [mine, others]


def test_a_row_is_seen_often_enough_that_one_missed_writing_is_not_a_held_process() -> None:
    assert timedelta(seconds=FRESH_S) > 3 * timedelta(seconds=WRITE_PAUSE_S)
