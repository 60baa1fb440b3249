"""Surveys: what independent evaluators found. Each sees its own, staff see all and report none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from pandapack.contracts.logistics import (
    ComplaintCount,
    ComplaintKind,
    Indicator,
    IndicatorCount,
    SurveyedCountry,
)
from pandapack.runtime.auth import STAFF_ROLES, Caller, Role, needs
from pandapack.runtime.http import answer_to, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, Name, filters_of, page
from pandapack.runtime.parties import Act, acting
from services.logistics.api.bodies import Body
from services.logistics.domain import survey
from services.logistics.domain.survey import COUNTRIES_MAX, PUPILS_MAX, Survey
from services.logistics.domain.times import Now
from services.logistics.store import Stores, find_surveys
from services.logistics.work import report_survey

Reader = Annotated[Caller, Depends(needs(*STAFF_ROLES, Role.EVALUATOR))]
Evaluating = Annotated[Act, Depends(acting(Role.EVALUATOR))]

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Some = Annotated[int, Field(ge=1, le=PUPILS_MAX, strict=True)]
Count = Annotated[int, Field(ge=0, le=PUPILS_MAX, strict=True)]


def _calendar(day: str) -> str:
    """Raises ValueError, which makes a refusal of it, for a day that no calendar has."""
    date.fromisoformat(day)
    return day


Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_calendar)]
"""`2021-11-11`, in Asia/Shanghai."""


class IndicatorBody(Body):
    """Of `denominator` pupils who answered, `numerator` said yes."""

    id: Indicator
    numerator: Count
    denominator: Some


class ComplaintBody(Body):
    """Complaints of a kind, and how many of them are resolved."""

    kind: ComplaintKind
    received: Count
    resolved: Count


class SurveyedCountryBody(Body):
    """A country: the frame (whom it could have been), the sample, who was interviewed, and what they said."""

    country: Country
    frame_schools: Some
    frame_pupils: Some
    sample_schools: Some
    sample_pupils: Some
    interviewed: Count
    indicators: Annotated[tuple[IndicatorBody, ...], Field(max_length=len(Indicator))] = ()
    complaints: Annotated[tuple[ComplaintBody, ...], Field(max_length=len(ComplaintKind))] = ()

    def asked(self) -> SurveyedCountry:
        """The country as the contract has it."""
        indicators = tuple(
            IndicatorCount(indicator=one.id, numerator=one.numerator, denominator=one.denominator)
            for one in self.indicators
        )
        complaints = tuple(ComplaintCount(**one.model_dump()) for one in self.complaints)
        counts = self.model_dump(exclude={"indicators", "complaints"})
        return SurveyedCountry(**counts, indicators=indicators, complaints=complaints)


class SurveyBody(Body):
    """A survey, whole: it is told once. `from` and `to` are the days on which pupils were asked, both included."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    survey: Name
    programme: Name
    first_day: Annotated[Day, Field(alias="from")]
    last_day: Annotated[Day, Field(alias="to")]
    countries: Annotated[tuple[SurveyedCountryBody, ...], Field(max_length=COUNTRIES_MAX)]

    def found(self) -> Survey:
        """The survey as the domain has it; not yet anybody's."""
        return Survey(
            survey=self.survey,
            programme=self.programme,
            first_day=self.first_day,
            last_day=self.last_day,
            countries=tuple(one.asked() for one in self.countries),
        )


def shown_survey(state: Survey) -> dict[str, Any]:
    """A survey as JSON, in the words in which it came, and whose it is."""
    return {
        "survey": state.survey,
        "programme": state.programme,
        "from": state.first_day,
        "to": state.last_day,
        "evaluator": state.party,
        "countries": [_shown_country(one) for one in state.countries],
    }


def _shown_country(one: SurveyedCountry) -> dict[str, Any]:
    asked = one.model_dump(mode="json", exclude={"indicators"})
    indicators = [
        {"id": count.indicator.value, "numerator": count.numerator, "denominator": count.denominator}
        for count in one.indicators
    ]
    return {**asked, "indicators": indicators}


def surveys_router(stores: Stores, now: Callable[[], Now]) -> APIRouter:
    """`/surveys`."""
    router = APIRouter(prefix="/surveys", tags=["surveys"])

    @router.get("")
    async def get_surveys(
        *, reader: Reader, programme: Name | None = None, after: After = "", limit: Limit = PAGE_DEFAULT
    ) -> dict[str, Any]:
        """Surveys, by id: an evaluator's own, all for staff."""
        own = {} if reader.is_staff else {"state.party": reader.owner}
        where = filters_of(programme=programme) | own
        return page(await find_surveys(stores.surveys, where, after=after, limit=limit + 1), limit, shown_survey)

    @router.get("/{survey_id}")
    async def get_survey(survey_id: Name, reader: Reader) -> dict[str, Any]:
        """A survey as it was reported."""
        known = await stores.surveys.get(survey_id)
        if known is None or not survey.is_partys(known, reader.acts_for):
            raise problem_of(survey.unknown_survey(survey_id))
        return shown_survey(known)

    @router.post("", status_code=201, openapi_extra=COMMAND)
    async def post_survey(body: SurveyBody, act: Evaluating) -> JSONResponse:
        """An evaluator tells what it found, once: what cannot be true of pupils whom parcels reached is refused."""
        return answer_to(await report_survey(stores, body.found(), act, now()), status=201)

    return router
