"""The three years of a seed: exact counts and sums, festivals, and refunds of gifts that were given."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.donations import SHANGHAI
from simulator.merchants import DAILY_FROM, SETTLED_DONATIONS_MAX, months_before, settled_periods, sums_of
from simulator.years import BEGINS, DAYS, ENDS, FESTIVALS, REFUND_DAYS, YearsStream, begin_of, day_counts, years_of

MANY = 2_600_000
Seeds = st.integers(0, 2**32)
Numbers = st.integers(1, 200_000)


@settings(max_examples=40)
@given(seed=Seeds, donations=st.integers(1, 10**9))
def test_the_days_have_exactly_as_many_gifts_as_the_story(seed: int, donations: int) -> None:
    counts = day_counts(seed, donations)
    assert len(counts) == DAYS
    assert int(counts.sum()) == donations and int(counts.min()) >= 0


@settings(max_examples=40)
@given(seed=Seeds)
def test_every_festival_is_the_highest_day_for_weeks(seed: int) -> None:
    counts = day_counts(seed, MANY)
    for number in range(DAYS):
        day = BEGINS + timedelta(days=number)
        if (day.month, day.day) in FESTIVALS:
            around = counts[max(0, number - 14) : number + 15]
            assert int(counts[number]) == int(around.max()) > 2 * int(np.median(around))


@settings(max_examples=10)
@given(seed=Seeds)
def test_the_years_grow(seed: int) -> None:
    stream = years_of(seed, MANY)
    years = [(date(year, 4, 1), date(year + 1, 1, 1)) for year in (2019, 2020, 2021)]
    by_year = [stream.before(ends) - stream.before(begins) for begins, ends in years]
    assert by_year == sorted(by_year)


@settings(max_examples=10)
@given(seed=Seeds)
def test_the_gifts_of_the_usual_scale_sum_up_to_a_thousandth_of_what_was_raised(seed: int) -> None:
    assert years_of(seed, MANY).fen(0, MANY) == 12_799_800


@settings(max_examples=40)
@given(seed=Seeds, donations=Numbers, data=st.data())
def test_gifts_follow_each_other_within_the_three_years(seed: int, donations: int, data: st.DataObject) -> None:
    stream = years_of(seed, donations)
    first = data.draw(st.integers(0, donations - 1))
    seconds = stream.seconds(np.arange(first, min(donations, first + 2_000), dtype=np.int64))
    assert all(a <= b for a, b in pairwise(seconds.tolist()))
    at = [datetime.fromisoformat(stream.donation(k).at) for k in (0, first, donations - 1)]
    assert begin_of(BEGINS) <= min(at) and max(at) < begin_of(ENDS)


@settings(max_examples=20)
@given(seed=Seeds, donations=st.integers(2_000, 60_000))
def test_refunds_take_back_what_was_given_days_before_and_no_more(seed: int, donations: int) -> None:
    stream = years_of(seed, donations)
    refunds = stream.refunds()
    assert len({one.reversal for one in refunds}) == len(refunds)
    assert [one.at for one in refunds] == sorted(one.at for one in refunds)
    for one in refunds:
        given = stream.donation(one.k)
        days = (one.at - datetime.fromisoformat(given.at)) / timedelta(days=1)
        assert (one.donation, one.merchant, one.day) == (given.id, given.merchant, given.at[:10])
        assert 0 < one.amount_fen <= given.amount_fen
        assert REFUND_DAYS[0] - 1 <= days <= REFUND_DAYS[1]


@settings(max_examples=20)
@given(seed=Seeds, donations=st.integers(1, 20_000))
def test_settled_sums_are_what_the_gifts_sum_up_to_less_what_was_taken_back(seed: int, donations: int) -> None:
    stream = years_of(seed, donations)
    refunds, first, upto = stream.refunds(), date(2019, 6, 1), date(2019, 9, 15)
    sums = sums_of(stream, refunds, first, upto, begin_of(upto))
    assert {(one["merchant"], one["day"]): (one["count"], one["fen"]) for one in sums} == _by_hand(stream, first, upto)


def test_of_a_long_chapter_the_last_two_months_are_settled_and_of_a_month_all_of_it() -> None:
    assert months_before(date(2020, 1, 1), 2) == date(2019, 11, 1)
    assert months_before(date(2022, 3, 23), 2) == date(2022, 1, 1)
    assert months_before(date(2019, 3, 1), 2) < BEGINS


@settings(max_examples=10)
@given(seed=Seeds, donations=st.sampled_from((1_000, 2_600_000, 40_000_000)))
def test_each_day_is_settled_once_and_the_last_days_each_by_itself(seed: int, donations: int) -> None:
    periods = list(settled_periods(years_of(seed, donations), date(2022, 1, 1), date(2022, 3, 23)))
    assert [since for since, _ in periods] == [date(2022, 1, 1), *(upto for _, upto in periods[:-1])]
    assert periods[-1][1] == date(2022, 3, 23)
    assert all(upto - since == timedelta(days=1) for since, upto in periods if since >= DAILY_FROM)
    if donations < SETTLED_DONATIONS_MAX:
        assert periods[:3] == [
            (date(2022, 1, 1), date(2022, 2, 1)),
            (date(2022, 2, 1), date(2022, 3, 1)),
            (date(2022, 3, 1), DAILY_FROM),
        ]


def _by_hand(stream: YearsStream, first: date, upto: date) -> dict[tuple[str, str], tuple[int, int]]:
    taken = {one.k: one.amount_fen for one in stream.refunds() if one.at <= datetime(2019, 9, 15, tzinfo=SHANGHAI)}
    cells: dict[tuple[str, str], tuple[int, int]] = {}
    for k in range(stream.before(first), stream.before(upto)):
        given = stream.donation(k)
        left = given.amount_fen - taken.get(k, 0)
        if left:
            count, fen = cells.get((given.merchant, given.at[:10]), (0, 0))
            cells[given.merchant, given.at[:10]] = (count + 1, fen + left)
    return cells
