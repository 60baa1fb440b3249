"""The handlers in memory: whatever the batches, repeats and partitions, the views tell the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.envelope import decode, encode
from pandapack.runtime.set_aside import PassedOver
from pandapack.runtime.store import SequenceGap
from services.reporting import store
from services.reporting.store.journal import SET_ASIDE, JournalAlarm
from tests.unit.reporting.history import PROGRAMME, TOTALS, FakeRecord, enveloped, programme, records
from tests.unit.reporting.world import World

ALL = records(enveloped(programme()))
JOURNALED = [record for record in ALL if record.topic != "donations.events"]
LEDGER = [record for record in ALL if record.topic == "donations.events"]


async def known() -> dict[str, Any]:
    """What the views tell where each event came once, by itself."""
    world = World()
    await world.consume(ALL)
    return await world.known()


async def test_the_whole_history_is_in_the_views() -> None:
    found = await known()
    own = [one for shard in found["shards"].values() for one in shard.values()]
    assert sum(one.count for one in own) == TOTALS["donations"]
    assert sum(one.fen_to for one in own) == TOTALS["received_fen"]
    assert found["applied_fen"] == {PROGRAMME: {"0": 1600, "1": 440}}
    assert [(name, len(one.orders), len(one.lots)) for name, one in found["rounds"].items()] == [
        ("R-000001", 2, 1),
        ("R-000002", 2, 1),
    ]
    assert {one.round for _, one in found["taken"]} == {"R-000001", "R-000002"}
    assert [(one.fen_from, one.fen_to) for _, one in found["released"]] == [(370, 410)]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
async def test_batches_redeliveries_and_the_order_of_partitions_change_nothing(data: st.DataObject) -> None:
    world = World()
    parts: dict[tuple[str, int], list[FakeRecord]] = {}
    for record in ALL:
        parts.setdefault((record.topic, record.partition), []).append(record)
    consumed = dict.fromkeys(parts, 0)
    while waiting := [partition for partition, upto in consumed.items() if upto < len(parts[partition])]:
        partition = data.draw(st.sampled_from(waiting))
        first = data.draw(st.integers(0, consumed[partition]))  # a rewind: what was consumed comes again
        last = data.draw(st.integers(consumed[partition] + 1, len(parts[partition])))
        await world.handlers.handle(parts[partition][first:last])
        consumed[partition] = last
    assert await world.known() == await known()


async def test_a_second_publication_is_dropped() -> None:
    world = World()
    offsets: dict[tuple[str, int], int] = {}
    twice = [*records(enveloped(programme()), offsets), *records(enveloped(programme()), offsets)]
    await world.consume(twice, batch=7)
    assert await world.known() == await known()


async def test_an_event_without_its_predecessor_stops_the_partition() -> None:
    world = World()
    second = next(record for record in JOURNALED if decode(record.value or b"").number == 2)
    with pytest.raises(JournalAlarm, match="event_missing"):
        await world.handlers.handle([second])


async def test_the_same_identity_with_other_content_is_an_alarm() -> None:
    world, first = World(), JOURNALED[0]
    await world.handlers.handle([first])
    other = replace(first, offset=first.offset + 1, value=(first.value or b"").replace(b"600", b"601", 1))
    with pytest.raises(JournalAlarm, match="identity_reused"):
        await world.handlers.handle([other])


async def test_an_event_that_was_set_aside_is_journaled_and_in_no_view_and_its_source_goes_on() -> None:
    world, fund = World(), [one for one in JOURNALED if one.value and b'"/procurement/funds/' in one.value]
    first, aside, behind, *_ = fund
    await world.consume([first])
    with pytest.raises(JournalAlarm, match="event_missing"):
        await world.consume([behind])
    await world.handlers.handle([PassedOver.of(aside), behind])
    rows = await world.stores.journal.behind(aside.topic, aside.partition, 0, limit=9)
    assert [row.get(SET_ASIDE, False) for row in rows] == [False, True, False]
    await world.handlers.handle([aside, behind])  # both come again after a start, and now it could be applied
    found = await world.known()
    assert found["applied_fen"] == {PROGRAMME: {"0": 600}}, "the fund applied shard 1 by what was set aside"
    assert set(found["rounds"]) == {"R-000001"}


async def test_what_was_journaled_before_a_view_failed_is_set_aside_in_the_journal_too() -> None:
    world, (first, *_) = World(), JOURNALED
    await world.consume([first])
    for _ in range(2):
        await world.handlers.handle([PassedOver.of(first)])
        (row,) = await world.stores.journal.behind(first.topic, first.partition, 0, limit=9)
        assert row[SET_ASIDE] is True
    again = replace(first, offset=first.offset + 5)
    await world.handlers.handle([PassedOver.of(again)])  # a second publication has no row
    assert len(await world.stores.journal.behind(first.topic, first.partition, 0, limit=9)) == 1


async def test_an_event_of_the_ledger_that_was_set_aside_is_archived_without_what_it_holds() -> None:
    world = World()
    await world.handlers.archive([PassedOver.of(LEDGER[0])])
    (row,) = await world.stores.archive.behind(LEDGER[0].topic, LEDGER[0].partition, 0, limit=9)
    assert row[SET_ASIDE] is True and bytes(decode(bytes(row["envelope"])).data) == b"{}"
    await world.handlers.handle([PassedOver.of(LEDGER[0])])
    assert (await world.known())["shards"] == {}


async def test_a_log_that_was_made_anew_is_an_alarm_and_not_silence() -> None:
    world = World()
    await world.consume(JOURNALED, batch=50)
    topic, partition = JOURNALED[-1].topic, JOURNALED[-1].partition
    fresh = enveloped([(f"/{topic.split('.')[0]}/rounds/R-9", programme()[2][1])])[0]
    with pytest.raises(JournalAlarm, match="log_is_another"):
        await world.handlers.handle([FakeRecord(topic, partition, 0, 1, encode(fresh))])


async def test_a_missing_page_of_a_shard_stops_the_shard() -> None:
    world = World()
    later = [record for record in LEDGER if decode(record.value or b"").number == 2]
    with pytest.raises(SequenceGap):
        await world.handlers.handle(later[:1])


async def test_merchants_are_counted_once_and_their_archive_names_none_of_them() -> None:
    world = World()
    for _ in range(2):
        await world.handlers.archive([record for record in LEDGER if record.partition == LEDGER[0].partition])
    days = [one async for one in store.merchants_on(world.stores.merchants, "2021-11-11")]
    assert {name: sums for day in days for name, sums in day.merchants.items()}["M0"] == (120, 600)
    rows = await world.stores.archive.events_of("/donations/shards/0", after=0, limit=10)
    assert [decode(row["envelope"]).number for row in rows] == [1, 2]
    assert all(b'"M0"' not in row["envelope"] for row in rows)
    assert PROGRAMME.encode() in rows[0]["envelope"]
