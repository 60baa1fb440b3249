"""Banked is what settlements published, added up, whatever came in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import DonationsBanked
from services.reporting.domain.banked import BankedDonations, bank
from services.reporting.domain.figures import sums_by_name
from services.reporting.domain.totals import Views, banked_fen

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


def views_of(parts: list[BankedDonations]) -> Views:
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
    assert banked_fen(views_of(parts)) == banked_fen(views_of(parts), "love-parcel") == whole.fen
    assert sums_by_name({}, (part.days for part in parts)) == whole.days


def test_programmes_are_kept_apart() -> None:
    event = DonationsBanked(settlement="stl_1", programme="sports", day="2021-11-11", count=1, fen=5)
    parts = [folded([event]), folded([event.model_copy(update={"programme": "love-parcel"})])]
    assert [banked_fen(views_of(parts), name) for name in ("sports", "love-parcel")] == [5, 5]
