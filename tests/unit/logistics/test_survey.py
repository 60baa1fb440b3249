"""A survey that cannot be true is refused, in words; whatever is taken, is possible."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.logistics import (
    ComplaintCount,
    ComplaintKind,
    Indicator,
    IndicatorCount,
    ParcelsDelivered,
    ParcelsHandedOut,
    SurveyedCountry,
    SurveyReported,
)
from pandapack.decision import Decision, Refusal, RefusalKind
from services.logistics.domain import reached, survey
from services.logistics.domain.reached import CountryReached, Reached
from services.logistics.domain.survey import Survey
from services.logistics.domain.times import Now

ID, EVALUATOR = "love-parcel-2022", "demo-evaluator"
NOW = Now(datetime(2022, 3, 22, 12, tzinfo=UTC), timedelta(hours=26))
REACHED = {"MM": CountryReached(accepted=120, pupils=110, schools=12)}
LIKES, COMPLETE = Indicator.LIKES_PARCEL_VERY_MUCH, Indicator.RECEIVED_COMPLETE


def asked(**changes: Any) -> SurveyedCountry:
    whole = SurveyedCountry(
        country="MM",
        frame_schools=12,
        frame_pupils=110,
        sample_schools=6,
        sample_pupils=40,
        interviewed=37,
        indicators=(IndicatorCount(indicator=LIKES, numerator=31, denominator=37),),
        complaints=(ComplaintCount(kind=ComplaintKind.ITEM_MISSING, received=3, resolved=2),),
    )
    return whole.model_copy(update=changes)


def found(*countries: SurveyedCountry, first_day: str = "2019-02-01", last_day: str = "2022-03-22") -> Survey:
    return Survey(
        survey=ID, programme="love-parcel", first_day=first_day, last_day=last_day, countries=countries or (asked(),)
    )


def report(told: Survey, *, state: Survey | None = None, by: str | None = EVALUATOR) -> Decision[Survey] | Refusal:
    return survey.report(state or Survey(survey=ID), told, by, REACHED, NOW)


def taken(told: Survey) -> Survey:
    decision = report(told)
    assert isinstance(decision, Decision), decision
    return decision.state


def test_a_survey_is_taken_whole_and_told_in_one_event() -> None:
    decision = report(found())
    assert isinstance(decision, Decision)
    (event,) = decision.events
    assert isinstance(event, SurveyReported)
    assert (event.survey, event.party, event.countries) == (ID, EVALUATOR, (asked(),))
    assert decision.answer == {"survey": ID, "countries": 1, "interviewed": 37}


def test_the_same_survey_again_changes_nothing_and_is_answered_alike() -> None:
    state = taken(found())
    again = report(found(), state=state)
    assert isinstance(again, Decision) and (again.state, again.events) == (state, ())
    assert again.answer == {"survey": ID, "countries": 1, "interviewed": 37}


def test_a_name_is_one_surveys_of_one_evaluator() -> None:
    state = taken(found())
    for other in (report(found(asked(interviewed=38)), state=state), report(found(), state=state, by="another")):
        assert isinstance(other, Refusal) and (other.code, other.kind) == ("survey_known", RefusalKind.CONFLICT)


def test_staff_are_who_is_evaluated_and_report_no_survey() -> None:
    refusal = report(found(), by=None)
    assert isinstance(refusal, Refusal) and (refusal.code, refusal.kind) == (
        "survey_not_independent",
        RefusalKind.FORBIDDEN,
    )


@dataclass(frozen=True)
class Impossible:
    code: str
    told: Survey


def answered(numerator: int, denominator: int) -> SurveyedCountry:
    return asked(indicators=(IndicatorCount(indicator=LIKES, numerator=numerator, denominator=denominator),))


LATE = ComplaintCount(kind=ComplaintKind.LATE, received=2, resolved=3)
IMPOSSIBLE = (
    Impossible("survey_empty", found(asked(indicators=(), complaints=()))),
    Impossible("survey_empty", found().model_copy(update={"countries": ()})),
    Impossible("survey_period_invalid", found(first_day="2022-03-23", last_day="2022-03-22")),
    Impossible("survey_period_invalid", found(last_day="2022-03-24")),
    Impossible("survey_country_twice", found(asked(), asked())),
    Impossible("survey_indicator_twice", found(asked(indicators=asked().indicators * 2))),
    Impossible("survey_complaint_twice", found(asked(complaints=asked().complaints * 2))),
    Impossible("survey_country_unserved", found(asked(country="NP"))),
    Impossible("frame_beyond_reached", found(asked(frame_schools=13))),
    Impossible("frame_beyond_reached", found(asked(frame_pupils=111))),
    Impossible("sample_beyond_frame", found(asked(sample_schools=13, frame_schools=12))),
    Impossible("sample_beyond_frame", found(asked(sample_pupils=111))),
    Impossible("interviewed_beyond_sample", found(asked(interviewed=41))),
    Impossible("denominator_beyond_interviewed", found(answered(31, 38))),
    Impossible("numerator_beyond_denominator", found(answered(37, 36))),
    Impossible("resolved_beyond_received", found(asked(complaints=(LATE,)))),
)


@pytest.mark.parametrize("one", IMPOSSIBLE, ids=lambda one: one.code)
def test_what_cannot_be_true_is_refused_in_words_that_say_where(one: Impossible) -> None:
    refusal = report(one.told)
    assert isinstance(refusal, Refusal) and (refusal.code, refusal.kind) == (one.code, RefusalKind.INVALID)
    assert ID in refusal.detail and ": " in refusal.detail


counts = st.integers(0, 14)
countries = st.builds(
    SurveyedCountry,
    country=st.sampled_from(("MM", "NP")),
    frame_schools=st.integers(1, 14),
    frame_pupils=st.integers(1, 120),
    sample_schools=st.integers(1, 14),
    sample_pupils=counts,
    interviewed=counts,
    indicators=st.lists(
        st.builds(IndicatorCount, indicator=st.sampled_from((LIKES, COMPLETE)), numerator=counts, denominator=counts),
        max_size=2,
    ).map(tuple),
    complaints=st.lists(
        st.builds(ComplaintCount, kind=st.sampled_from(ComplaintKind), received=counts, resolved=counts), max_size=2
    ).map(tuple),
)


@given(st.lists(countries, max_size=2))
def test_no_impossible_survey_passes(told: list[SurveyedCountry]) -> None:
    decision = report(found().model_copy(update={"countries": tuple(told)}))
    if isinstance(decision, Refusal):
        return
    names = [one.country for one in told]
    assert names == ["MM"]
    for one in told:
        assert one.sample_schools <= one.frame_schools <= REACHED["MM"].schools
        assert one.interviewed <= one.sample_pupils <= one.frame_pupils <= REACHED["MM"].pupils
        assert one.indicators or one.complaints
        assert all(count.numerator <= count.denominator <= one.interviewed for count in one.indicators)
        assert all(count.resolved <= count.received for count in one.complaints)
        assert len({count.indicator for count in one.indicators}) == len(one.indicators)
        assert len({count.kind for count in one.complaints}) == len(one.complaints)


def delivered(school: str, accepted: tuple[int, ...], rejected: tuple[int, ...] = ()) -> ParcelsDelivered:
    return ParcelsDelivered(
        round="R-1",
        programme="love-parcel",
        country="MM",
        school=school,
        district="D",
        delivery="P",
        accepted=accepted,
        rejected=rejected,
        at="2021-05-01T08:00:00+00:00",
        document="0" * 64,
    )


def test_what_a_round_reached_is_added_up_and_a_school_counts_once() -> None:
    state = Reached(round="R-1")
    for event in (delivered("S1", (1, 2)), delivered("S2", (3,)), delivered("S1", (4,)), delivered("S3", (), (5,))):
        state = reached.deliver(state, event).state
    handout = ParcelsHandedOut(
        round="R-1",
        programme="love-parcel",
        country="MM",
        school="S1",
        district="D",
        handout="H",
        parcels=3,
        girls=2,
        boys=2,
        at="2021-05-01T08:00:00+00:00",
    )
    state = reached.hand_out(state, handout).state
    assert (state.accepted, state.pupils, state.schools, state.country) == (4, 3, ("S1", "S2"), "MM")
    assert reached.together([state, state]) == CountryReached(accepted=8, pupils=6, schools=2)
    assert reached.together([]) == CountryReached()
