"""Views that grow with what people do: each document stays within its budget, whatever comes and however much."""

from __future__ import annotations

from pandapack.contracts.procurement import FenInterval, FundReversed
from pandapack.runtime.budgets import document_bytes
from pandapack.runtime.documents import Update
from pandapack.runtime.store import Store
from services.reporting.domain.funded_intervals import LOG_PART_EVENTS, FundedIntervals, TakenInterval
from services.reporting.store import FUNDED_INTERVALS, buckets_named
from tests.unit.reporting.history import PROGRAMME, SourceEvent, enveloped, records
from tests.unit.reporting.world import World

FUND = f"/procurement/funds/{PROGRAMME}"


def measured(state: FundedIntervals) -> int:
    return document_bytes(Update({"procurement/0": 2**40}, state.model_dump(mode="json"), 0, (), ()))


async def most_measured(store: Store[FundedIntervals]) -> int:
    return max(measured(state) for _, state in await store.find({}))


async def test_reversals_of_a_fen_each_fill_no_document_and_all_of_them_are_found() -> None:
    count = 3 * LOG_PART_EVENTS
    reversals: list[SourceEvent] = [
        (
            FUND,
            FundReversed(
                programme=PROGRAMME,
                reversed_fen=1,
                intervals=(FenInterval(shard=0, fen_from=fen, fen_to=fen + 1),),
                owed_fen=0,
            ),
        )
        for fen in range(count)
    ]
    world = World()
    for _ in range(2):
        await world.consume(records(enveloped(reversals)), batch=256)
    found = await buckets_named(world.stores.funded_intervals, [f"{PROGRAMME}/0/0"])
    assert sum(len(state.taken) for state in found) == count
    assert max(len(state.taken) for state in found) <= LOG_PART_EVENTS
    assert await most_measured(world.stores.funded_intervals) < FUNDED_INTERVALS.budget.document_bytes_max // 20


def test_a_document_has_room_for_thirty_pieces_of_each_of_its_events() -> None:
    far = 2**53 - 1
    piece = TakenInterval(fen_from=far, fen_to=far, round="LONGCODE-999999", ordinal=999_999)
    state = FundedIntervals(bucket="p" * 64 + "/1023/99999999", taken=(piece,) * 30 * LOG_PART_EVENTS)
    assert measured(state) < FUNDED_INTERVALS.budget.document_bytes_max
