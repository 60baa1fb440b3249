"""The log's owner where something is wrong, and where another is at it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from pandapack.contracts.tlog.tiles import Tile
from pandapack.decision import Refusal
from pandapack.runtime.signed_log import SignedRecord
from services.reporting.domain.public_log import LogHead, decode_record, edge_tile, encode_record, follow, record_behind
from services.reporting.store.public_log import LogContradicted
from services.reporting.work.log_owner import STAND_BY_S, LogStopped
from tests.simulation.log_owners import AT, Database, FaultyTopic, Process, World, published


def calm() -> World:
    return World(random.Random(7), chaos=False)


class Running:
    """A database with the first events of a history, a topic, and an owner."""

    def __init__(self, events: int = 40) -> None:
        self.world = calm()
        self.topic = FaultyTopic(self.world)
        self.database = Database(self.world, published(self.world.chance, events))
        self.first, self.second = self.process(), self.process()

    def process(self) -> Process:
        return Process(self.world, self.database, self.topic)

    async def feed(self, count: int = 1_000) -> None:
        for partition in self.database.lagging():
            await self.database.feed(partition, count)

    async def append_all(self, process: Process) -> None:
        self.world.clock.at += timedelta(minutes=2)
        while await process.owner.append():
            self.world.clock.at += timedelta(minutes=2)


async def test_what_is_appended_twice_over_is_appended_once() -> None:
    running = Running()
    await running.feed()
    await running.append_all(running.first)
    before = await running.database.kept.head()
    await running.append_all(running.first)
    assert before.size > 20 and await running.database.kept.head() == before


async def test_an_emptied_database_is_restored_from_the_topic_byte_for_byte() -> None:
    running = Running()
    await running.feed()
    await running.append_all(running.first)
    before = await running.database.kept.head()
    entries = await running.database.kept.entries(0, before.size)
    running.database.drop()
    anew = running.process()
    running.world.clock.at += timedelta(days=400)  # it is not ordered anew: then it would say another time
    await anew.owner.append()
    head = await running.database.kept.head()
    assert (head.edge, head.positions, head.at) == (before.edge, before.positions, before.at)
    assert await running.database.kept.entries(0, head.size) == entries


async def test_another_owner_stands_by_until_the_first_has_not_moved_for_a_while() -> None:
    running = Running()
    await running.feed(1)
    await running.append_all(running.first)
    await running.feed()
    records = len(running.topic.records)
    running.world.clock.at = (await running.database.kept.head()).moved_at + timedelta(seconds=1)
    assert await running.second.owner.append() is False and len(running.topic.records) == records
    running.world.clock.at += timedelta(seconds=STAND_BY_S)
    assert await running.second.owner.append() is True
    assert (await running.database.kept.head()).owner == running.second.name


async def test_an_owner_that_slept_takes_what_another_appended_meanwhile() -> None:
    running = Running()
    await running.feed(1)
    await running.append_all(running.first)
    await running.feed()
    running.world.clock.at += timedelta(minutes=1)
    await running.append_all(running.second)
    whole = await running.database.kept.head()
    await running.first.run()  # it still holds the head of then, and appends to it
    records = [decode_record(one.value or b"") for one in running.topic.records]
    assert records[-1].size < whole.size  # which nobody follows
    await running.append_all(running.second)
    assert (await running.database.kept.head()).edge == whole.edge


async def test_what_waits_for_its_cause_is_shown() -> None:
    running = Running()
    await running.feed(2)
    await running.append_all(running.first)
    assert running.first.owner.standing.blocked and all(one.lacking for one in running.first.owner.standing.blocked)
    await running.feed()
    await running.append_all(running.first)
    assert running.first.owner.standing.blocked == ()


async def stopped(running: Running, process: Process | None = None) -> str:
    with pytest.raises(LogStopped) as caught:
        await (process or running.process()).owner.append()
    return str(caught.value)


async def test_a_topic_that_lost_its_end_stops_the_log() -> None:
    running = Running()
    await running.feed()
    await running.append_all(running.first)
    head = await running.database.kept.head()
    await running.database.kept.move(replace(head, owner="", next_offset=head.next_offset + 3))
    assert "it lost some or was made anew" in await stopped(running)


async def test_a_topic_that_was_made_anew_stops_the_owner_that_goes_on() -> None:
    running = Running()
    await running.feed(1)
    await running.append_all(running.first)
    running.topic.records.clear()
    await running.feed()
    running.world.clock.at += timedelta(minutes=2)
    assert "made anew" in await stopped(running, running.first)


async def test_a_topic_of_which_nothing_is_believed_begins_no_second_log() -> None:
    running = Running()
    await running.feed()
    running.topic.records.append(SignedRecord(0, None))
    assert "is the trust file another one?" in await stopped(running)


async def test_a_record_that_cannot_be_read_stops_the_log() -> None:
    running = Running()
    running.topic.records.append(SignedRecord(0, b"{}"))
    assert "offset 0 cannot be read" in await stopped(running)


async def test_entries_that_are_kept_already_and_are_others_stop_the_log() -> None:
    running = Running()
    await running.feed()
    await running.database.kept.keep(0, [b"{}"], {})
    running.world.clock.at += timedelta(minutes=2)
    with pytest.raises(LogContradicted, match="entry 0 is kept already, and is another"):
        await running.process().owner.append()


@pytest.mark.parametrize(("size", "root", "code"), [(2, None, "log_gap"), (1, "00" * 32, "log_forked")])
def test_a_record_that_continues_another_log_is_refused(size: int, root: str | None, code: str) -> None:
    one = follow(LogHead(), 0, record_behind(LogHead(), AT, {"procurement/0": 1}, [b"{}"]))
    assert not isinstance(one, Refusal)
    record = record_behind(one.head, AT, {}, [b"{}"])
    read = decode_record(encode_record(record).replace(b'"size":1', b'"size":%d' % size))
    if root is not None:
        read = decode_record(encode_record(read).replace(read.root.encode(), root.encode()))
    refused = follow(one.head, 1, read)
    assert isinstance(refused, Refusal) and refused.code == code


def test_a_record_has_entries_byte_for_byte_and_no_time_before_the_last() -> None:
    head = replace(LogHead(), at=AT)
    record = record_behind(head, AT - timedelta(days=1), {"logistics/1": 7}, [b'{"a":"\xe7\x86\x8a","b":1}'])
    read = decode_record(encode_record(record))
    assert read.at == AT and [bytes(entry) for entry in read.entries] == [b'{"a":"\xe7\x86\x8a","b":1}']


def test_a_tile_of_the_edge_is_as_wide_as_asked_for_and_full_ones_are_kept() -> None:
    entries = [b"%d" % number for number in range(300)]
    followed = follow(LogHead(), 0, record_behind(LogHead(), AT, {}, entries))
    assert not isinstance(followed, Refusal)
    assert {(tile.level, tile.index) for tile in followed.tiles} == {(0, 0)}
    edge = edge_tile(followed.head, Tile(0, 1, 44))
    assert edge is not None and len(edge) == 44 * 32 and edge_tile(followed.head, Tile(0, 1, 40)) == edge[: 40 * 32]
    assert edge_tile(followed.head, Tile(0, 1, 45)) is None and edge_tile(followed.head, Tile(0, 2, 1)) is None
    assert edge_tile(followed.head, Tile(1, 0, 1)) is not None
