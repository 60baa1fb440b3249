"""Surveys by HTTP: an evaluator's own, told once, of pupils whom parcels reached."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.logistics import SurveyReported
from tests.service.logistics.depot import AT, EVALUATOR, OTHER_EVALUATOR, PARTNER, Depot, departed, proof
from tests.unit.logistics.reports_of import ROUND, SCHOOLS

BY, BY_ANOTHER, SCHOOL = f"evaluator@{EVALUATOR}", f"evaluator@{OTHER_EVALUATOR}", f"school@{PARTNER}"


def body(**changes: Any) -> dict[str, Any]:
    """The body of a survey of all pupils that the depot's round reaches."""
    country = {
        "country": "KH",
        "frame_schools": 1,
        "frame_pupils": 6,
        "sample_schools": 1,
        "sample_pupils": 6,
        "interviewed": 5,
        "indicators": [{"id": "quality_good", "numerator": 4, "denominator": 5}],
        "complaints": [{"kind": "late", "received": 1, "resolved": 0}],
        **changes,
    }
    days = {"from": "2021-04-01", "to": "2021-05-01"}
    return {"survey": "survey-1", "programme": "love-parcel", **days, "countries": [country]}


async def handed_out() -> Depot:
    """Six parcels reached six pupils of one school."""
    depot = await departed()
    await depot.post(SCHOOL, f"/consignments/{ROUND}/deliveries", proof(accepted=range(1, 7)))
    handout = {"handout": "H-1", "school": SCHOOLS[0].school, "parcels": 6, "girls": 3, "boys": 3, "at": AT}
    await depot.post(SCHOOL, f"/consignments/{ROUND}/handouts", handout)
    await depot.come_to_rest()
    return depot


async def test_a_survey_is_reported_once_and_read_by_its_evaluator_and_by_staff() -> None:
    depot = await handed_out()
    answer = await depot.send(BY, "POST", "/surveys", body())
    assert answer.status_code == 201 and answer.json() == {"survey": "survey-1", "countries": 1, "interviewed": 5}
    (event,) = [one for one in await depot.come_to_rest() if isinstance(one, SurveyReported)]
    assert event.party == EVALUATOR
    for who in (BY, "auditor", "operator"):
        shown = await depot.get(who, "/surveys/survey-1")
        assert shown == {**body(), "evaluator": EVALUATOR}
        assert (await depot.get(who, "/surveys"))["items"] == [shown]
    assert (await depot.post(BY, "/surveys", body()))["interviewed"] == 5
    again = await depot.come_to_rest()
    assert [event.TYPE for event in again] == ["logistics.OperatorActed"], "the same again is no second survey"


async def test_of_anothers_survey_an_evaluator_is_told_what_it_is_told_of_none() -> None:
    depot = await handed_out()
    await depot.post(BY, "/surveys", body())
    others, none = [await depot.send(BY_ANOTHER, "GET", f"/surveys/survey-{number}") for number in (1, 2)]
    assert others.status_code == none.status_code == 404
    assert others.json()["detail"].replace("survey-1", "survey-2") == none.json()["detail"]
    assert (await depot.get(BY_ANOTHER, "/surveys"))["items"] == []


async def test_who_delivers_or_works_here_reports_no_survey() -> None:
    depot = await handed_out()
    for who, code in (
        (SCHOOL, "role_not_allowed"),
        ("auditor", "role_not_allowed"),
        ("operator", "survey_not_independent"),
    ):
        answer = await depot.send(who, "POST", "/surveys", body())
        assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_a_survey_is_held_against_what_the_rounds_reached() -> None:
    depot = await departed()
    unserved = await depot.send(BY, "POST", "/surveys", body())
    assert (unserved.status_code, unserved.json()["code"]) == (422, "survey_country_unserved")
    depot = await handed_out()
    for changes in ({"frame_pupils": 7}, {"frame_schools": 2}):
        beyond = await depot.send(BY, "POST", "/surveys", body(**changes))
        assert (beyond.status_code, beyond.json()["code"]) == (422, "frame_beyond_reached")
    answer = await depot.send(BY, "POST", "/surveys", {**body(), "from": "2021-02-30"})
    assert answer.status_code == 422
