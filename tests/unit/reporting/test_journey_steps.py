"""Which step is due next follows from the events so far, and since when it is overdue from the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pandapack.contracts.procurement import FenInterval, NeedOpened
from services.reporting.domain.journeys import terms
from services.reporting.domain.journeys.steps import Step, earliest, of_parcels, steps_of_need, steps_of_round
from services.reporting.domain.journeys.told import JourneyEvent
from tests.unit.reporting.history import AT, bought, closed, enveloped, funded, shipped
from tests.unit.reporting.journeyed import events_of

ROUND = "R-000001"
GOODS, FREIGHT = f"O-{ROUND}-goods", f"O-{ROUND}-freight"
WHOLE = [
    funded(1, "NP", [FenInterval(shard=0, fen_from=0, fen_to=1010)]),
    *bought(ROUND, "NP"),
    *shipped(ROUND, "NP"),
    closed(ROUND, "NP", []),
]


def until(last: str) -> list[JourneyEvent]:
    """A round's events up to the first of this type."""
    events = events_of(enveloped(WHOLE))
    return events[: next(number for number, one in enumerate(events, 1) if one.type.endswith(f".{last}"))]


def steps(last: str) -> dict[str, Step]:
    return {step.name: step for step in steps_of_round(until(last))}


@pytest.mark.parametrize(
    ("last", "step", "term"),
    [
        ("RoundFunded", "round_opened", terms.MACHINE_TERM),
        ("OrderPlaced", "order_confirmed", terms.CONFIRMED_TERM),
        ("OrderConfirmed", "goods_received", terms.RECEIVED_TERM),
        ("ParcelsPacked", "parcels_stored", terms.MACHINE_TERM),
        ("ParcelsStored", "shipment_planned", terms.PLANNED_TERM),
        ("ShipmentPlanned", "leg_departed", terms.DEPARTED_TERM),
        ("LegDeparted", "leg_arrived", terms.ARRIVED_TERMS["sea"]),
        ("CustomsHeld", "customs_released", terms.CUSTOMS_TERM),
        ("LegArrived", "shipment_arrived", terms.MACHINE_TERM),
        ("ShipmentArrived", "parcels_delivered", terms.DELIVERED_TERM),
        ("ParcelsDelivered", "parcels_handed_out", terms.HANDED_OUT_TERM),
    ],
)
def test_each_event_has_its_next_step_and_the_term_of_it(last: str, step: str, term: timedelta) -> None:
    assert steps(last)[step].due == AT + term


def test_a_closed_round_waits_for_nothing() -> None:
    assert steps_of_round(until("RoundClosed")) == []


def test_goods_that_came_short_are_still_waited_for() -> None:
    assert steps("GoodsReceived")["goods_received"].order == GOODS


def test_the_step_that_is_due_first_is_the_next_one() -> None:
    found = earliest(steps_of_round(until("ShipmentArrived")))
    assert found is not None
    assert (found.name, found.school) == ("parcels_delivered", "S-1")


def test_a_step_is_overdue_since_it_was_due() -> None:
    step = Step("order_confirmed", AT)
    assert step.overdue_since(AT) is None
    assert step.overdue_since(AT + timedelta(seconds=1)) == AT


def test_each_parcel_waits_for_its_own_school() -> None:
    found = of_parcels(steps_of_round(until("ShipmentArrived")), range(7, 8))
    assert [(step.name, step.school) for step in found] == [("parcels_delivered", "S-2")]


def test_a_lost_parcel_waits_for_no_school() -> None:
    found = of_parcels(steps_of_round(until("ParcelsWrittenOff")), range(3, 4))
    assert found == []


def test_papers_of_a_departure_that_come_late_do_not_hide_the_arrival() -> None:
    events = [one for one in until("LegArrived") if not one.type.endswith("LegDeparted")]
    assert [step.name for step in steps_of_round(events) if step.shipment] == ["shipment_arrived"]


def test_a_need_waits_until_rounds_have_all_of_its_parcels() -> None:
    opened = NeedOpened(need="N-NP", programme="p", country="NP", specification="s", schools=(), parcels=10, ordinal=1)
    events = events_of(enveloped([("/procurement/needs/N-NP", opened), WHOLE[0]]))
    assert [step.name for step in steps_of_need(events)] == ["need_met"]
