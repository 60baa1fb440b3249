"""Donations: what is read of an event agrees with the contract, and a day's merchants survive being stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import DayPart, DonationsRecorded, ProgrammeInterval
from pandapack.decision import Decision, Refusal
from services.reporting.domain import donations
from services.reporting.domain.donations import DayMerchants, ShardDonations

SAMPLE = Path(__file__).parents[1] / "contracts" / "samples" / "donations.DonationsRecorded.json"
amounts = st.lists(st.integers(1, 9), min_size=1, max_size=20)


def recorded(fen_from: int, amounts_fen: list[int]) -> DonationsRecorded:
    """Donations to one programme, dealt to two days and three merchants."""
    fen = sum(amounts_fen)
    interval = ProgrammeInterval(programme="p", fen_from=fen_from, fen_to=fen_from + fen, count=len(amounts_fen))
    days = []
    for day in (0, 1):
        own = amounts_fen[day::2]
        merchants = {f"M{n}": (len(own[n::3]), sum(own[n::3])) for n in range(3) if own[n::3]}
        days.append(
            DayPart(programme="p", day=f"2021-11-0{day + 1}", count=len(own), fen=sum(own), merchants=merchants)
        )
    return DonationsRecorded(
        shard=3, page=0, count=len(amounts_fen), intervals=(interval,), days=tuple(days), duplicates=2
    )


def read(event: DonationsRecorded) -> donations.DonationsDelta:
    return donations.delta_of(event.model_dump_json().encode())


def test_both_readers_read_the_golden_sample_as_the_contract_does() -> None:
    data = SAMPLE.read_bytes()
    event, delta, merchants = (
        DonationsRecorded.model_validate_json(data),
        donations.delta_of(data),
        donations.merchants_delta_of(data),
    )
    assert (delta.shard, delta.duplicates, delta.conflicts, delta.refused) == (
        event.shard,
        event.duplicates,
        event.conflicts,
        event.refused,
    )
    assert [(i.programme, i.fen_from, i.fen_to, i.count) for i in delta.intervals] == [
        (i.programme, i.fen_from, i.fen_to, i.count) for i in event.intervals
    ]
    assert [(d.programme, d.day, d.count, d.fen) for d in delta.days] == [
        (d.programme, d.day, d.count, d.fen) for d in event.days
    ]
    assert [(d.day, d.merchants) for d in merchants.days] == [(d.day, d.merchants) for d in event.days]


@given(st.lists(amounts, min_size=1, max_size=6))
def test_a_shard_adds_up_to_its_donations(pages: list[list[int]]) -> None:
    state, fen = ShardDonations(), 0
    for page in pages:
        decision = donations.record(state, read(recorded(fen, page)))
        assert isinstance(decision, Decision)
        state, fen = decision.state, fen + sum(page)
    known = state.programmes["p"]
    assert (known.count, known.fen_to) == (sum(len(page) for page in pages), fen)
    assert (sum(c for c, _ in known.days.values()), sum(f for _, f in known.days.values())) == (known.count, fen)
    assert state.duplicates == 2 * len(pages)


@pytest.mark.parametrize("fen_from", [0, 4, 6, 10])
def test_donations_that_do_not_begin_where_the_fen_line_ends_are_refused(fen_from: int) -> None:
    decision = donations.record(ShardDonations(), read(recorded(0, [2, 3])))
    assert isinstance(decision, Decision)
    refusal = donations.record(decision.state, read(recorded(fen_from, [1])))
    assert isinstance(refusal, Refusal) and refusal.code == "fen_line_gap"


@given(st.dictionaries(st.text("ABCxyz019._:-", min_size=1, max_size=64), st.tuples(st.integers(0), st.integers(0))))
def test_merchants_survive_being_stored(merchants: dict[str, tuple[int, int]]) -> None:
    merchants = {name: (count % 2**63, fen % 2**63) for name, (count, fen) in merchants.items()}
    state = DayMerchants(shard=1, day="2021-11-01", merchants=merchants)
    stored = state.model_dump(mode="json")
    assert isinstance(stored["merchants"], str)
    assert DayMerchants.model_validate(stored) == state


@given(st.lists(amounts, min_size=1, max_size=4))
def test_merchants_add_up_to_the_days(pages: list[list[int]]) -> None:
    days = dict[str, DayMerchants]()
    for page in pages:
        delta = donations.merchants_delta_of(recorded(0, page).model_dump_json().encode())
        for day, more in donations.merchants_by_day(delta).items():
            days[day] = donations.grow_merchants(days.get(day, DayMerchants()), 0, day, more).state
    cells = [cell for state in days.values() for cell in state.merchants.values()]
    assert sum(fen for _, fen in cells) == sum(sum(page) for page in pages)
    assert sum(count for count, _ in cells) == sum(len(page) for page in pages)
