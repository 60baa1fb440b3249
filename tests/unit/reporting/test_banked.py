"""Banked is what settlements said, added up, whatever came in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import DonationsBanked
from services.reporting.domain.banked import Banked, bank, together

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


def folded(events: list[DonationsBanked]) -> Banked:
    state = Banked()
    for event in events:
        state = bank(state, event).state
    return state


@given(EVENTS)
def test_what_is_banked_is_the_sum_of_what_was_said(events: list[DonationsBanked]) -> None:
    state = folded(events)
    assert (state.count, state.fen) == (sum(e.count for e in events), sum(e.fen for e in events))
    for day, cell in state.days.items():
        said = [event for event in events if event.day == day]
        assert cell == (sum(e.count for e in said), sum(e.fen for e in said))


@given(EVENTS, st.integers(0, 12))
def test_partitions_added_up_are_the_same_as_one(events: list[DonationsBanked], cut: int) -> None:
    parts = [part for part in (folded(events[:cut]), folded(events[cut:])) if part.programme]
    assert together(parts) == ({"love-parcel": folded(events)} if events else {})


def test_programmes_are_kept_apart() -> None:
    event = DonationsBanked(settlement="stl_1", programme="sports", day="2021-11-11", count=1, fen=5)
    parts = [folded([event]), folded([event.model_copy(update={"programme": "love-parcel"})])]
    assert {name: banked.fen for name, banked in together(parts).items()} == {"sports": 5, "love-parcel": 5}
