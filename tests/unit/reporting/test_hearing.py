"""The handlers in memory: whatever the batches, repeats and partitions, the figures are the same and the laws hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.envelope import decode, encode
from pandapack.runtime.store import CannotApply, HeardTooEarly
from services.reporting import store
from services.reporting.store.journal import JournalAlarm
from tests.unit.reporting.desk import Desk
from tests.unit.reporting.history import PROGRAMME, HeardRecord, enveloped, finished, programme, records

ALL = records(enveloped(programme()))
JOURNALED = [record for record in ALL if record.topic != "donations.events"]
FINISHED = [record for record in records(enveloped(finished())) if record.topic != "donations.events"]
LINES = [record for record in ALL if record.topic == "donations.events"]
EXPECTED: dict[str, Any] = {
    "donations": 431,
    "received_fen": 2047,
    "in_flight_fen": 7,
    "unallocated_fen": 2040 - 1010 + 40 - 1010,
    "reserved_fen": 40,
    "committed_fen": 0,
    "spent_fen": 1940,
    "rounds": 2,
    "orders": 4,
    "pupils_reached": 8,
    "countries": 1,
    "parcels": {
        "packed": 20,
        "warehouse": 10,
        "in_transit": 0,
        "accepted": 8,
        "rejected": 1,
        "damaged": 0,
        "lost": 1,
        "returned": 0,
    },
}


async def check(desk: Desk) -> None:
    shown = await desk.totals()
    assert {name: shown[name] for name in EXPECTED} == EXPECTED
    for law in await desk.laws():
        assert law.holds, (law.unbalanced, law.broken)


async def test_the_whole_history_gives_its_totals_and_all_laws_hold() -> None:
    desk = Desk()
    await desk.hear(ALL)
    await check(desk)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
async def test_batches_redeliveries_and_the_order_of_partitions_change_nothing(data: st.DataObject) -> None:
    desk = Desk()
    parts: dict[tuple[str, int], list[HeardRecord]] = {}
    for record in ALL:
        parts.setdefault((record.topic, record.partition), []).append(record)
    heard = dict.fromkeys(parts, 0)
    while unheard := [place for place, upto in heard.items() if upto < len(parts[place])]:
        place = data.draw(st.sampled_from(unheard))
        first = data.draw(st.integers(0, heard[place]))  # a rewind: what was heard comes again
        last = data.draw(st.integers(heard[place] + 1, len(parts[place])))
        await desk.hearer.take(parts[place][first:last])
        heard[place] = last
    await check(desk)


async def test_a_second_publication_is_dropped() -> None:
    desk = Desk()
    offsets: dict[tuple[str, int], int] = {}
    twice = [*records(enveloped(programme()), offsets), *records(enveloped(programme()), offsets)]
    await desk.hear(twice, batch=7)
    await check(desk)


def name_of(number: int) -> str:
    return decode(FINISHED[number].value or b"").key


LAST_WORDS = {"/procurement/rounds/R-000002#000000000006", "/procurement/funds/love-parcel#000000000006"}
"""Nothing follows from them: as long as they are missing, they look as if they were not said yet."""


@pytest.mark.parametrize("lost", [n for n in range(len(FINISHED)) if name_of(n) not in LAST_WORDS], ids=name_of)
async def test_a_lost_event_breaks_a_law_or_cannot_be_passed_over(lost: int) -> None:
    """Without the journal's own check, which would stop the partition in any case but a source's last event."""
    type, desk = decode(FINISHED[lost].value or b"").type, Desk()
    await desk.hear(LINES)
    try:
        for number, record in enumerate(FINISHED):
            if number != lost:
                await desk.hear_unjournaled(record)
    except (KeyError, CannotApply):
        return
    assert any(not law.holds for law in await desk.laws()) != (type in SAYS_NO_FIGURE)


@pytest.mark.parametrize("doubled", range(len(FINISHED)), ids=name_of)
async def test_a_doubled_event_breaks_a_law_or_is_said_of_a_way(doubled: int) -> None:
    """Without the journal, which would drop it."""
    desk, type = Desk(), decode(FINISHED[doubled].value or b"").type
    await desk.hear(LINES)
    for number, record in enumerate(FINISHED):
        await desk.hear_unjournaled(replace(record, offset=record.offset * 2))
        if number == doubled:
            await desk.hear_unjournaled(replace(record, offset=record.offset * 2 + 1))
    assert any(not law.holds for law in await desk.laws()) != (type in SAYS_NO_FIGURE | SAYS_THE_SAME_AGAIN)


SAYS_NO_FIGURE = {
    "procurement.OrderConfirmed",
    "procurement.OrderClosed",  # here without anything cancelled
    "logistics.ConsignmentOpened",
    "logistics.ConsignmentClosed",
    "logistics.ShipmentPlanned",
    "logistics.LegDeparted",
    "logistics.LegArrived",
    "logistics.CustomsHeld",
    "logistics.CustomsReleased",
    "logistics.ShipmentArrived",
    "logistics.ParcelsHandedOut",
}
"""They tell of a way or a headcount; no law has a term for them, and the journal's sequence is what guards them."""
SAYS_THE_SAME_AGAIN = {"procurement.OrderPaid"}
"""What an order paid is set, not added."""


async def test_an_event_without_its_predecessor_stops_the_partition() -> None:
    desk = Desk()
    second = next(record for record in JOURNALED if decode(record.value or b"").number == 2)
    with pytest.raises(JournalAlarm, match="event_missing"):
        await desk.hearer.take([second])


async def test_the_same_identity_with_other_content_is_an_alarm() -> None:
    desk, first = Desk(), JOURNALED[0]
    await desk.hearer.take([first])
    other = replace(first, offset=first.offset + 1, value=(first.value or b"").replace(b"600", b"601", 1))
    with pytest.raises(JournalAlarm, match="identity_reused"):
        await desk.hearer.take([other])


async def test_a_log_that_was_made_anew_is_an_alarm_and_not_silence() -> None:
    desk = Desk()
    await desk.hear(JOURNALED, batch=50)
    place = (JOURNALED[-1].topic, JOURNALED[-1].partition)
    fresh = enveloped([(f"/{place[0].split('.')[0]}/rounds/R-9", programme()[2][1])])[0]
    with pytest.raises(JournalAlarm, match="log_is_another"):
        await desk.hearer.take([HeardRecord(*place, 0, 1, encode(fresh))])


async def test_a_missing_page_of_a_line_stops_the_line() -> None:
    desk = Desk()
    later = [record for record in LINES if decode(record.value or b"").number == 2]
    with pytest.raises(HeardTooEarly):
        await desk.hearer.take(later[:1])


async def test_merchants_are_counted_once_and_their_archive_names_none_of_them() -> None:
    desk = Desk()
    for _ in range(2):
        await desk.hearer.take_archive([record for record in LINES if record.partition == LINES[0].partition])
    days = await store.merchants_on(desk.stores, "2021-11-11")
    assert {name: gifts for day in days for name, gifts in day.merchants.items()}["M0"] == (120, 600)
    rows = await desk.stores.archive.said_by("/donations/lines/0", after=0, limit=10)
    assert [decode(row["envelope"]).number for row in rows] == [1, 2]
    assert all(b'"M0"' not in row["envelope"] for row in rows)
    assert PROGRAMME.encode() in rows[0]["envelope"]
