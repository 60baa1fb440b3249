"""A specification is bought from its day on until another version's, and no day longer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pandapack.contracts.procurement import ProgrammePublished, RoundFunded
from pandapack.decision import Decision, Refusal
from services.procurement.domain import fund
from services.procurement.domain.fund import Fund
from services.procurement.domain.need import Need, NeedRequest, open_need
from services.procurement.domain.pricing import is_in_force, is_superseded, pricing_of
from tests.unit.procurement.funds import with_donations
from tests.unit.procurement.programme import PROGRAMME, SMALL, demonstration, need_opened, small

SPECIFICATION = SMALL["specifications"][0]
LAST_OF_FIRST, FIRST_OF_SECOND = date(2019, 12, 31), date(2020, 1, 1)


def versions(*, other: str = "small-v2") -> ProgrammePublished:
    """A programme with two parcels; they are versions of one, unless the second is called otherwise."""
    first = {**SPECIFICATION, "id": "small-v1", "version": 1}
    second = {**SPECIFICATION, "id": other, "version": 2, "effective_from": "2020-01-01"}
    return small(specifications=[first, second])


def funded_on(day: date, specification: str, published: ProgrammePublished) -> list[RoundFunded]:
    """The rounds that a fund with money and one need funds on a day."""
    need = need_opened("need-np", "NP", 4, specification=specification)
    known = fund.follow(fund.add_need(Fund(programme=PROGRAMME), need).state, published).state
    finished = fund.finish(with_donations(known, 0, 5_000), day)
    return [event for event in finished.events if isinstance(event, RoundFunded)]


@pytest.mark.parametrize(
    ("day", "specification", "rounds"),
    [
        (LAST_OF_FIRST, "small-v1", 1),
        (FIRST_OF_SECOND, "small-v1", 0),
        (LAST_OF_FIRST, "small-v2", 0),
        (FIRST_OF_SECOND, "small-v2", 1),
        (date(2019, 1, 31), "small-v1", 0),
    ],
)
def test_no_round_is_funded_before_its_specifications_day_nor_after(day: date, specification: str, rounds: int) -> None:
    assert len(funded_on(day, specification, versions())) == rounds


def test_another_parcel_takes_no_ones_place() -> None:
    assert len(funded_on(date(2021, 1, 1), "small-v1", versions(other="sports-v2"))) == 1


def test_a_need_of_the_old_specification_keeps_no_other_need_waiting() -> None:
    old = need_opened("need-a", "NP", 4, specification="small-v1", ordinal=1)
    new = need_opened("need-b", "NP", 4, specification="small-v2", ordinal=2)
    state = fund.add_need(fund.add_need(Fund(programme=PROGRAMME), old).state, new).state
    finished = fund.finish(with_donations(fund.follow(state, versions()).state, 0, 5_000), FIRST_OF_SECOND)
    assert [event.need for event in finished.events if isinstance(event, RoundFunded)] == ["need-b"]
    assert fund.next_round(finished.state, FIRST_OF_SECOND) is None


def test_a_need_that_asks_for_the_old_specification_is_refused_and_told_what_is_in_force() -> None:
    schools = need_opened("n", "NP", 4).schools
    request = NeedRequest(programme=PROGRAMME, country="NP", specification="small-v1", schools=schools)
    in_china_new_year = datetime(2019, 12, 31, 16, tzinfo=UTC)
    refusal = open_need(Need(need="n"), request, 1, versions(), in_china_new_year)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "specification_superseded" and "small-v2" in refusal.detail
    before = datetime(2019, 12, 31, 15, 59, tzinfo=UTC)
    assert isinstance(open_need(Need(need="n"), request, 1, versions(), before), Decision)


def test_the_first_parcel_of_the_demonstration_is_not_bought_after_2019() -> None:
    pricing = pricing_of(demonstration())
    assert is_in_force(pricing, "love-parcel-v1", LAST_OF_FIRST)
    assert is_superseded(pricing, "love-parcel-v1", FIRST_OF_SECOND)
    assert is_in_force(pricing, "love-parcel-v2", FIRST_OF_SECOND)
