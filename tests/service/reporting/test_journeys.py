"""A journey on a real MongoDB: found by any id, for operators and auditors alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.reporting.conftest import Reporting, _reporting
from tests.stack import Servers
from tests.unit.reporting.history import TOTALS, enveloped, programme, records


@pytest.fixture(scope="module")
def reporting(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    with _reporting(stack, tmp_path_factory.mktemp("journeys"), {}) as service:
        service.publish(records(enveloped(programme())))
        service.await_totals(TOTALS)
        yield service


@pytest.mark.parametrize(
    "id", ["R-000001", "R-000001-0007", "SH-R-000001", "O-R-000001-goods", "P-R-000001", "S-2", "N-NP"]
)
def test_any_id_is_found_by_an_operator(reporting: Reporting, id: str) -> None:
    with reporting.service.client("operator") as operator:
        answer = operator.get(f"/v1/journeys/any/{id}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["events"]


def test_a_journey_is_shown_to_nobody_without_a_key(reporting: Reporting) -> None:
    assert reporting.get("/v1/journeys/round/R-000001").status_code == 401
    assert reporting.get("/ops/journey/round/R-000001").headers["location"].startswith("/login")


def test_an_unknown_id_is_refused_with_a_way_to_mend_it(reporting: Reporting) -> None:
    with reporting.service.client("operator") as operator:
        answer = operator.get("/v1/journeys/round/R-009999")
    assert (answer.status_code, answer.json()["code"]) == (404, "journey_unknown")
