"""The story's plan: what is needed can be paid for, adds up to the published facts, and is the same each time."""

from __future__ import annotations

import itertools
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import chapters
from simulator.buyer import read_programme
from simulator.chapters import (
    JOINED,
    LAST_NEEDS,
    NOW_FROM,
    Chapter,
    chapter_bounds,
    chapters_of,
    need_of,
    reached_by,
    refunds_in,
    reserved_of,
)
from simulator.evaluator import surveyed
from simulator.routes import COUNTRIES
from simulator.years import BEGINS, ENDS, begin_of, years_of

PROGRAMME = read_programme()
SCALED = 2_600_000
Seeds = st.integers(0, 2**32)
Numbers = st.integers(1, 700_000)
ON_TOP = 1.03
"""What is put by for a round, of what it is planned to cost."""


def told(seed: int, donations: int) -> list[Chapter]:
    """The chapters of a story."""
    return chapters_of(years_of(seed, donations), PROGRAMME)


@given(donations=st.integers(1, 10**8))
def test_chapters_are_whole_months_and_one_begins_with_each_specification(donations: int) -> None:
    bounds = chapter_bounds(donations)
    assert (bounds[0], bounds[-1]) == (BEGINS, ENDS)
    assert NOW_FROM in bounds
    assert all(a < b for a, b in pairwise(bounds))
    assert all(day.day == 1 for day in bounds[:-1])


@settings(max_examples=30, deadline=None)
@given(seed=Seeds, donations=Numbers)
def test_each_chapters_needs_can_be_paid_by_what_was_given_by_its_end(seed: int, donations: int) -> None:
    stream = years_of(seed, donations)
    story, refunds = told(seed, donations), stream.refunds()
    assert [(one.first, one.upto) for one in story] == list(
        pairwise([0, *(chapter.upto for chapter in story)])
    ) and story[-1].upto == donations
    reserved_fen = 0
    for chapter in story:
        reserved_fen += sum(reserved_of(PROGRAMME, n.specification, n.country, n.parcels) for n in chapter.needs)
        back_fen = sum(one.amount_fen for one in refunds if one.at <= chapter.limit)
        assert reserved_fen <= (stream.fen(0, chapter.upto) if chapter.upto else 0) - back_fen


@settings(max_examples=30, deadline=None)
@given(seed=Seeds, donations=Numbers)
def test_each_need_is_of_a_country_that_has_joined_and_of_the_specification_in_force(seed: int, donations: int) -> None:
    numbers = itertools.count(1)
    for chapter in told(seed, donations):
        for need in chapter.needs:
            assert need.number == next(numbers)
            assert JOINED[need.country][0] <= chapter.begins
            assert (need.specification == chapters.FIRST_SPECIFICATION) == (chapter.begins < NOW_FROM)
            schools = need_of(seed, need, "love-parcel")["schools"]
            assert sum(school["parcels"] for school in schools) == need.parcels
            assert all(0 < school["parcels"] <= school["pupils"] for school in schools)
            assert len({school["school"] for school in schools}) == len(schools)


@settings(max_examples=6, deadline=None)
@given(seed=Seeds)
def test_at_the_usual_scale_the_plan_comes_to_the_published_pupils_countries_and_costs(seed: int) -> None:
    story = told(seed, SCALED)
    needs = [need for chapter in story for need in chapter.needs]
    reached = reached_by(seed, story)
    reserved_fen = sum(reserved_of(PROGRAMME, n.specification, n.country, n.parcels) for n in needs)
    assert 1_000 <= sum(one.pupils for one in reached.values()) <= 1_002
    assert set(reached) == set(COUNTRIES)
    assert abs(reserved_fen / ON_TOP - 11_170_000) < 0.01 * 11_170_000  # services come to a little less
    assert all(not chapter.needs for chapter in story if chapter.begins >= LAST_NEEDS)


@settings(max_examples=30, deadline=None)
@given(seed=Seeds, donations=st.integers(2_000, 300_000))
def test_every_refund_falls_into_one_chapter(seed: int, donations: int) -> None:
    refunds = years_of(seed, donations).refunds()
    assert [one for chapter in told(seed, donations) for one in refunds_in(refunds, chapter)] == refunds


@settings(max_examples=30, deadline=None)
@given(seed=Seeds, schools=st.integers(1, 40), pupils=st.integers(1, 400))
def test_no_more_pupils_answer_than_are_asked_and_none_says_yes_without_an_answer(
    seed: int, schools: int, pupils: int
) -> None:
    found = surveyed(seed, "MM", chapters.Reached(schools, pupils))
    assert 1 <= found["sample_schools"] <= found["frame_schools"] == schools
    assert found["interviewed"] <= found["sample_pupils"] <= found["frame_pupils"] == pupils
    assert all(one["numerator"] <= one["denominator"] == found["interviewed"] for one in found["indicators"])
    assert all(one["resolved"] <= one["received"] for one in found["complaints"])


@pytest.mark.parametrize("seed", range(8))
def test_pupils_say_what_was_published_of_them(seed: int) -> None:
    countries = [surveyed(seed, country, one) for country, one in reached_by(seed, told(seed, SCALED)).items()]
    shares = {"likes_parcel_very_much": 0.8, "knows_and_likes_china_better": 0.9}
    for indicator, least in (shares | {"items_help_study_and_life_very_much": 0.7}).items():
        asked = [one for country in countries for one in country["indicators"] if one["id"] == indicator]
        assert sum(one["numerator"] for one in asked) >= least * sum(one["denominator"] for one in asked)


def test_the_first_specification_ends_with_the_year_2019() -> None:
    versions = {one["id"]: one["effective_from"] for one in PROGRAMME["specifications"]}
    assert date.fromisoformat(versions[chapters.NOW_SPECIFICATION]) == NOW_FROM
    assert begin_of(NOW_FROM) > begin_of(BEGINS)
