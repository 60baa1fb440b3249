"""Banked is what settlements published, added up, whatever came in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import DonationsBanked
from services.reporting.domain.banked import (
    BankedDonations,
    BankedMerchants,
    bank,
    bank_merchants,
    banked_of_day,
    unnamed_in,
)
from services.reporting.domain.figures import sums_by_name
from services.reporting.work.merchants import merchants_behind
from tests.unit.reporting.history import SourceEvent, donations, enveloped, records
from tests.unit.reporting.view_totals import Views, banked_beside, banked_columns, banked_fen, by_day
from tests.unit.reporting.world import World, views_of

EVENTS = st.lists(
    st.builds(
        DonationsBanked,
        settlement=st.sampled_from(["stl_1", "stl_2"]),
        programme=st.just("love-parcel"),
        day=st.sampled_from(["2021-11-11", "2021-11-12"]),
        count=st.integers(1, 1_000),
        fen=st.integers(1, 10_000),
    ),
    max_size=12,
)


def folded(events: list[DonationsBanked]) -> BankedDonations:
    state = BankedDonations()
    for event in events:
        state = bank(state, event).state
    return state


def views_with(parts: list[BankedDonations]) -> Views:
    return Views(shards=(), money=(), items=(), parcels=(), banked=parts)


@given(EVENTS)
def test_what_is_banked_is_the_sum_of_what_was_published(events: list[DonationsBanked]) -> None:
    state = folded(events)
    assert (state.count, state.fen) == (sum(e.count for e in events), sum(e.fen for e in events))
    for day, cell in state.days.items():
        own = [event for event in events if event.day == day]
        assert cell == (sum(e.count for e in own), sum(e.fen for e in own))


@given(EVENTS, st.integers(0, 12))
def test_partitions_added_up_are_the_same_as_one(events: list[DonationsBanked], cut: int) -> None:
    parts, whole = [folded(events[:cut]), folded(events[cut:])], folded(events)
    assert {part.programme for part in parts if part.programme} == ({whole.programme} if events else set())
    assert sum(part.count for part in parts) == whole.count
    assert banked_fen(views_with(parts)) == banked_fen(views_with(parts), "love-parcel") == whole.fen
    assert sums_by_name({}, (part.days for part in parts)) == whole.days


def test_programmes_are_kept_apart() -> None:
    event = DonationsBanked(settlement="stl_1", programme="sports", day="2021-11-11", count=1, fen=5)
    parts = [folded([event]), folded([event.model_copy(update={"programme": "love-parcel"})])]
    assert [banked_fen(views_with(parts), name) for name in ("sports", "love-parcel")] == [5, 5]


DAY = "2021-11-11"


def told(merchants: dict[str, tuple[int, int]], count: int = 0, fen: int = 0) -> DonationsBanked:
    count, fen = (sum(cell[at] for cell in merchants.values()) + more for at, more in ((0, count), (1, fen)))
    return DonationsBanked(settlement="stl_1", programme="sports", day=DAY, count=count, fen=fen, merchants=merchants)


def test_where_an_event_does_not_tell_of_merchants_nothing_is_claimed_of_any_of_them() -> None:
    state = bank_merchants(BankedMerchants(), DAY, {"p:M1": (1, 5)}).state
    assert banked_of_day([state]).of("p:M1") == (1, 5)
    state = bank_merchants(state, DAY, {}, unnamed_in(told({}, count=2, fen=9))).state
    assert state.unnamed == (2, 9)
    assert banked_columns(banked_of_day([state]).of("p:M1")) == {"banked_count": None, "banked_fen": None}


async def test_days_and_merchants_show_what_is_banked_beside_what_was_received() -> None:
    settled = told({"M0": (1, 5)}).model_copy(update={"programme": "love-parcel"})
    source: SourceEvent = ("/donations/settlements/stl_1", settled)
    world = World()
    events = records(enveloped([donations(0, 1, 0, [5, 7]), source]))
    for _ in range(2):  # and the same events once more
        await world.consume(events)
        for one in events:
            await world.handlers.archive([one])
    views = await views_of(world.stores)
    assert by_day(views) == [{"day": DAY, "count": 2, "fen": 12, "banked_count": 1, "banked_fen": 5}]
    assert by_day(views, "sports") == []
    assert banked_beside(views) == {"banked_fen": 5, "banked_by_programme": {"love-parcel": 5}}
    rows = await merchants_behind(world.stores.merchants, world.stores.banked_merchants, DAY, "", 10)
    assert {name: banked for name, (_, banked) in rows.items() if banked != (0, 0)} == {"M0": (1, 5)}


async def test_of_a_days_settlements_a_document_remembers_where_the_log_is_and_not_which_they_were() -> None:
    world = World()
    many: list[SourceEvent] = [(f"/donations/settlements/stl_{number}", told({"M1": (1, 5)})) for number in range(50)]
    for _ in range(2):
        for one in records(enveloped(many)):
            await world.handlers.archive([one])
    views = await views_of(world.stores)
    assert banked_fen(views) == 250
    for kept in (world.stores.banked.documents, world.stores.banked_merchants.documents):
        for document in await kept.find({}):
            assert set(document.inbox) <= {f"donations/{number}" for number in range(4)}
