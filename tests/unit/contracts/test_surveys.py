"""What the public sees of surveys: no cell of few, none that a difference would give, and intervals that are exact."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.logistics import (
    ComplaintCount,
    ComplaintKind,
    Indicator,
    IndicatorCount,
    SurveyedCountry,
    SurveyReported,
)
from pandapack.contracts.public_log import surveyed
from pandapack.contracts.public_log.fold.books import Books
from pandapack.contracts.public_log.fold.fold import read
from pandapack.contracts.public_log.fold.surveys import complaint_rows, indicator_rows, wilson_per_mille
from pandapack.contracts.public_log.suppression import CELL_MIN
from tests.unit.contracts.public_log_samples import sample_of, written
from tests.unit.contracts.test_public_fold import Account

Json = dict[str, Any]
LIKES, QUALITY = Indicator.LIKES_PARCEL_VERY_MUCH, Indicator.QUALITY_GOOD
Z = 1.96


def answered(indicator: Indicator, yes: int, no: int) -> IndicatorCount:
    return IndicatorCount(indicator=indicator, numerator=yes, denominator=yes + no)


def country(name: str, *answers: IndicatorCount, complaints: tuple[ComplaintCount, ...] = ()) -> SurveyedCountry:
    asked = max((one.denominator for one in answers), default=0)
    frame = {"frame_schools": 9, "frame_pupils": 900, "sample_schools": 5, "sample_pupils": 100}
    return SurveyedCountry(country=name, **frame, interviewed=asked, indicators=answers, complaints=complaints)


def survey(*countries: SurveyedCountry) -> SurveyReported:
    days = {"first_day": "2021-01-01", "last_day": "2021-02-01"}
    return SurveyReported(survey="s", programme="p", **days, countries=countries, party="e")


def cells(event: SurveyReported, indicator: Indicator) -> dict[str | None, tuple[int, int] | None]:
    """Country, or None for those together → yes and no, as they are shown."""
    return {
        row["country"]: None if row["numerator"] is None else (row["numerator"], row["denominator"] - row["numerator"])
        for row in surveyed.indicators(event)
        if row["indicator"] == indicator
    }


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        ({"MM": (31, 6)}, {"MM": (31, 6)}),
        ({"MM": (31, 4)}, {"MM": None}),
        ({"MM": (31, 0)}, {"MM": None}),
        ({"MM": (31, 4), "NP": (20, 3)}, {"MM": None, "NP": None, None: (51, 7)}),
        ({"MM": (31, 4), "NP": (20, 9), "KH": (20, 7)}, {"MM": None, "KH": None, "NP": (20, 9), None: (51, 11)}),
    ],
)
def test_a_country_of_few_answers_stands_with_the_smallest_that_could_be_shown(
    answers: dict[str, tuple[int, int]], shown: dict[str | None, tuple[int, int] | None]
) -> None:
    assert cells(survey(*(country(name, answered(LIKES, *counts)) for name, counts in answers.items())), LIKES) == shown


few = st.integers(0, 12)
surveys_of = st.dictionaries(st.sampled_from(("KH", "LA", "MM", "NP", "ET")), st.tuples(few, few), max_size=5)


@given(surveys_of)
def test_no_figure_that_is_shown_and_no_difference_of_them_is_of_few(answers: dict[str, tuple[int, int]]) -> None:
    answers = {name: counts for name, counts in answers.items() if sum(counts)}
    shown = cells(survey(*(country(name, answered(LIKES, *counts)) for name, counts in answers.items())), LIKES)
    told = [counts for counts in shown.values() if counts is not None]
    assert all(min(counts) >= CELL_MIN for counts in told)
    hidden = [name for name, counts in shown.items() if counts is None]
    if told:
        whole = tuple(sum(column) for column in zip(*answers.values(), strict=True))
        assert whole == tuple(sum(column) for column in zip(*told, strict=True)), "nothing of it is lost"
    # All that anybody can compute of those who are hidden is what they have together: two of them, or none is told.
    assert len(hidden) != 1 or not told
    assert (None in shown) is (bool(hidden) and bool(told))


@given(surveys_of)
def test_of_those_who_stand_together_no_bound_tells_what_one_said(answers: dict[str, tuple[int, int]]) -> None:
    answers = {name: counts for name, counts in answers.items() if sum(counts)}
    shown = cells(survey(*(country(name, answered(LIKES, *counts)) for name, counts in answers.items())), LIKES)
    if (rest := shown.get(None)) is None:
        return
    hidden = {name: sum(answers[name]) for name, counts in shown.items() if name is not None and counts is None}
    for asked in hidden.values():  # even for one who knows how many were asked in each
        least, most = max(0, rest[0] - (sum(hidden.values()) - asked)), min(asked, rest[0])
        assert least < most


complaint = st.builds(
    lambda kind, received, resolved: ComplaintCount(kind=kind, received=received, resolved=min(received, resolved)),
    st.sampled_from(ComplaintKind),
    few,
    few,
)


@given(st.lists(complaint, max_size=6, unique_by=lambda one: one.kind))
def test_no_complaint_of_few_is_told_nor_what_became_of_few(complaints: list[ComplaintCount]) -> None:
    event = survey(country("MM", complaints=tuple(complaints)))
    rows = [row for row in surveyed.complaints(event) if row["received"] is not None]
    resolved = surveyed.complaints_resolved(event)
    assert all(row["received"] >= CELL_MIN for row in rows)
    assert not rows or sum(row["received"] for row in rows) == sum(one.received for one in complaints)
    told = [(row["received"], row["resolved"]) for row in rows if row["resolved"] is not None]
    assert len(told) in (0, len(rows)), "told of each, or of none: a difference is what a kind is"
    if resolved is not None:
        told.append((sum(row["received"] for row in rows), resolved))
    assert all(count == 0 or count >= CELL_MIN for whole, part in told for count in (part, whole - part))


def test_in_a_sample_of_few_schools_their_number_is_not_told() -> None:
    event = survey(country("MM", answered(LIKES, 9, 9)).model_copy(update={"sample_schools": 4}))
    assert surveyed.schools("frame_schools")(event) is surveyed.schools("sample_schools")(event) is None


def test_the_rows_have_all_that_is_shown_and_name_what_is_not() -> None:
    (entry,) = written(sample_of("logistics.SurveyReported"))
    books = Account([entry]).books
    rows = {(row["indicator"], row["country"]): row for row in indicator_rows(books)}
    assert list(rows) == sorted(rows, key=lambda key: (key[0], key[1] or ""))
    whole, hidden, shown = (rows[LIKES.value, name] for name in (None, "KH", "MM"))
    assert (whole["numerator"], whole["denominator"], whole["interviewed"], whole["suppressed"]) == (69, 83, 84, False)
    assert (whole["share_per_mille"], whole["low_per_mille"], whole["high_per_mille"]) == (831, 736, 897)
    assert hidden == {**dict.fromkeys(hidden), "indicator": LIKES, "country": "KH", "surveys": 0, "suppressed": True}
    assert (shown["numerator"], shown["interviewed"], shown["surveys"]) == (31, 37, 1)
    kinds = {row["kind"]: row for row in complaint_rows(books)}
    assert (kinds[None]["complaints_received"], kinds[None]["complaints_resolved"], kinds[None]["suppressed"]) == (
        15,
        None,
        False,
    )
    assert kinds["late"]["suppressed"] and kinds["item_missing"]["complaints_received"] is None


def test_two_surveys_are_added_up_and_another_programme_has_none() -> None:
    (entry,) = written(sample_of("logistics.SurveyReported"))
    books = Account([entry, entry]).books
    whole = next(row for row in indicator_rows(books) if row["country"] is None)
    assert (whole["numerator"], whole["surveys"], read(entry)["type"]) == (138, 2, "logistics.SurveyReported")
    assert indicator_rows(books, "another") == complaint_rows(books, "another") == indicator_rows(Books()) == []


def wilson(k: int, n: int) -> tuple[float, float]:
    """In floating point, as textbooks write it."""
    share = k / n
    middle = share + Z * Z / (2 * n)
    half = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return (middle - half) / (1 + Z * Z / n), (middle + half) / (1 + Z * Z / n)


@given(st.integers(1, 10_000_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_is_wilsons_rounded_outwards(sample: tuple[int, int]) -> None:
    k, n = sample
    low, high = wilson_per_mille(k, n)
    exact_low, exact_high = (1_000 * bound for bound in wilson(k, n))
    tiny = 1e-6
    assert floor(exact_low - tiny) <= low <= max(0, floor(exact_low + tiny))
    assert ceil(exact_high - tiny) <= high <= ceil(exact_high + tiny)
    assert 0 <= low <= 1_000 * k / n <= high <= 1_000


@pytest.mark.parametrize(("k", "n", "interval"), [(0, 1, (0, 794)), (1, 1, (206, 1_000)), (31, 37, (688, 924))])
def test_an_interval_of_a_small_sample_is_wide(k: int, n: int, interval: tuple[int, int]) -> None:
    assert wilson_per_mille(k, n) == interval
