"""A shipment: legs in their order, whatever the order of the reports; customs once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import (
    CustomsHeld,
    CustomsReleased,
    Leg,
    LegArrived,
    LegDeparted,
    ShipmentArrived,
    ShipmentPlanned,
)
from pandapack.decision import Decision, Refusal
from services.logistics.domain import shipment
from services.logistics.domain.shipment import Move, Movement, Release, Shipment, ShipmentStatus, Terms
from services.logistics.domain.times import Now

SHIPMENT = "SH-R-000001"
AT = "2021-05-01T08:00:00+00:00"
NOW = Now(datetime(2021, 5, 1, 8, tzinfo=UTC), timedelta(days=1))
TERMS = Terms(broker="", duty_fen_max=1_000, packed_at="2021-04-20T08:00:00+00:00")
LEGS = (
    Leg(mode="road", carrier="Carrier One", document="CMR-1", origin="CNYIW", destination="CNSHA"),
    Leg(mode="sea", carrier="Carrier Two", document="BL-2", origin="CNSHA", destination="DJJIB"),
    Leg(mode="road", carrier="Carrier Three", document="CMR-3", origin="DJJIB", destination="ETADD"),
)
MOVEMENTS = [Movement(move=move, leg=leg, at=AT) for leg in (1, 2, 3) for move in (Move.DEPARTURE, Move.ARRIVAL)]


def planned() -> Shipment:
    decision = shipment.plan(Shipment(shipment=SHIPMENT), "R-000001", LEGS, TERMS, by=None)
    assert isinstance(decision, Decision)
    return decision.state


def after(state: Shipment, movements: list[Movement]) -> tuple[Shipment, list[Event]]:
    events = list[Event]()
    for movement in movements:
        decision = shipment.report(state, movement, None, NOW)
        assert isinstance(decision, Decision)
        state, events = decision.state, [*events, *decision.events]
    return state, events


def test_the_country_is_that_of_the_last_destination() -> None:
    decision = shipment.plan(Shipment(shipment=SHIPMENT), "R-000001", LEGS, TERMS, by=None)
    assert isinstance(decision, Decision)
    assert decision.events == (ShipmentPlanned(shipment=SHIPMENT, round="R-000001", country="ET", legs=LEGS),)


@given(st.permutations(MOVEMENTS))
def test_movements_are_published_in_their_order_whatever_the_order_of_the_reports(movements: list[Movement]) -> None:
    state, moved = after(planned(), movements)
    assert [(type(e), e.leg) for e in moved if isinstance(e, LegDeparted | LegArrived)] == [
        (kind, leg) for leg in (1, 2, 3) for kind in (LegDeparted, LegArrived)
    ]
    assert isinstance(moved[-1], ShipmentArrived)
    assert (state.status, state.parked) == (ShipmentStatus.ARRIVED, ())


def test_what_customs_hold_does_not_move_until_they_let_it_go() -> None:
    state, _ = after(planned(), MOVEMENTS[:4])
    held = shipment.hold(state, "papers", AT, None, NOW)
    assert isinstance(held, Decision) and isinstance(held.events[0], CustomsHeld)
    state, events = after(held.state, MOVEMENTS[4:5])
    assert (events, len(state.parked)) == ([], 1)
    let_go = shipment.release(state, Release(700, "D-1", AT), None, NOW)
    assert isinstance(let_go, Decision)
    assert [type(event) for event in let_go.events] == [CustomsReleased, LegDeparted]


def test_customs_may_release_what_they_never_held() -> None:
    let_go = shipment.release(planned(), Release(700, "D-1", AT), None, NOW)
    assert isinstance(let_go, Decision)
    assert let_go.state.customs[0].held_at is None


REFUSED = [
    ("a second plan", lambda: shipment.plan(planned(), "R-000001", LEGS[1:], TERMS, by=None), "shipment_known"),
    (
        "legs that do not join",
        lambda: shipment.plan(Shipment(shipment="SH-R"), "R", (LEGS[0], LEGS[2]), TERMS, by=None),
        "legs_do_not_join",
    ),
    (
        "a fourth leg",
        lambda: shipment.report(planned(), Movement(move=Move.ARRIVAL, leg=4, at=AT), None, NOW),
        "leg_unknown",
    ),
    (
        "a movement reported again",
        lambda: shipment.report(after(planned(), MOVEMENTS[:1])[0], MOVEMENTS[0], None, NOW),
        "movement_known",
    ),
    (
        "a parked one reported again",
        lambda: shipment.report(after(planned(), MOVEMENTS[3:4])[0], MOVEMENTS[3], None, NOW),
        "movement_known",
    ),
    (
        "customs of an unknown one",
        lambda: shipment.hold(Shipment(shipment="S"), "papers", AT, None, NOW),
        "shipment_unknown",
    ),
    (
        "a movement of an unknown one",
        lambda: shipment.report(Shipment(shipment="S"), MOVEMENTS[0], None, NOW),
        "shipment_unknown",
    ),
    ("a hold on a held one", lambda: shipment.hold(_held(), "papers", AT, None, NOW), "held_already"),
    ("a second release", lambda: shipment.release(_released(), Release(1, "D-2", AT), None, NOW), "released_already"),
    ("a hold after the release", lambda: shipment.hold(_released(), "papers", AT, None, NOW), "released_already"),
]


def _held() -> Shipment:
    decision = shipment.hold(planned(), "papers", AT, None, NOW)
    assert isinstance(decision, Decision)
    return decision.state


def _released() -> Shipment:
    decision = shipment.release(planned(), Release(1, "D-1", AT), None, NOW)
    assert isinstance(decision, Decision)
    return decision.state


@pytest.mark.parametrize(("what", "decide", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_true_is_refused_by_name(what: str, decide: object, code: str) -> None:
    refusal = decide()  # type: ignore[operator]
    assert isinstance(refusal, Refusal), what
    assert refusal.code == code
