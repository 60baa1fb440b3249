"""Every number and time that people report has a range: a row a range, with the code of what lies beyond it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from pandapack.contracts.procurement import Category
from pandapack.decision import Decision, Refusal
from services.logistics.api.bodies import COST_FEN_MAX, OFFICE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from services.logistics.api.consignments import ORDINAL_MAX, CostBody, DeliveryBody, HandoutBody, WriteOffBody
from services.logistics.api.shipments import HoldBody, LegBody, MovementBody, ReleaseBody, ShipmentBody
from services.logistics.domain import consignment, shipment
from services.logistics.domain.consignment import WriteOff
from services.logistics.domain.shipment import LEGS_MAX, Move, Movement, Release
from tests.unit.logistics.reports_of import (
    AT,
    NOW,
    ORDERED_FEN,
    Step,
    delivered,
    dispatched,
    handed_out,
    handout,
    incurred,
    played,
    proof,
    stored,
)
from tests.unit.logistics.test_shipment import NOW as SHIPMENTS_NOW
from tests.unit.logistics.test_shipment import planned

AHEAD, FAR, OLD = "2021-05-02T11:00:00+00:00", "2099-01-01T00:00:00+00:00", "2021-04-19T05:59:59+00:00"
"""Just within the tolerance, beyond it, and a second more than the tolerance before the first parcel was packed."""
FIRST_MOMENT = "2021-04-19T06:00:00+00:00"
BEFORE_DEPARTURE = "2021-05-01T07:59:59+00:00"


def lost(at: str) -> Step:
    loss = WriteOff.model_validate({"report": "W-1", "ordinals": (1,), "now": "lost", "reason": "theft", "at": at})
    return lambda state: consignment.write_off(state, loss, None, NOW)


def proven(at: str) -> Step:
    return delivered(proof("P-1", "KH-S01", (1,)).model_copy(update={"at": at}))


def given(at: str) -> Step:
    return handed_out(handout("H-1", "KH-S01", 1).model_copy(update={"at": at}))


BEFORE_DISPATCH, AFTER_DISPATCH = [stored()], [stored(), dispatched()]
CONSIGNMENT: list[tuple[str, list[Step], Step, str | None]] = [
    ("a loss ahead of the clock", BEFORE_DISPATCH, lost(AHEAD), None),
    ("a loss in the future", BEFORE_DISPATCH, lost(FAR), "at_in_the_future"),
    ("a loss as the first parcel was packed", BEFORE_DISPATCH, lost(FIRST_MOMENT), None),
    ("a loss before any parcel was packed", BEFORE_DISPATCH, lost(OLD), "at_too_early"),
    ("a proof in the future", AFTER_DISPATCH, proven(FAR), "at_in_the_future"),
    ("a proof before any parcel was packed", BEFORE_DISPATCH, proven(OLD), "at_too_early"),
    ("a proof before dispatch", AFTER_DISPATCH, proven(BEFORE_DEPARTURE), "at_too_early"),
    ("a proof as parcels left", AFTER_DISPATCH, proven(AT), None),
    ("a handout in the future", AFTER_DISPATCH, given(FAR), "at_in_the_future"),
    ("a handout before dispatch", AFTER_DISPATCH, given(BEFORE_DEPARTURE), "at_too_early"),
    ("a handout before any parcel was packed", BEFORE_DISPATCH, given(OLD), "at_too_early"),
    ("a handout of all parcels", AFTER_DISPATCH, handed_out(handout("H-1", "KH-S01", 6)), None),
    ("a handout of more", AFTER_DISPATCH, handed_out(handout("H-1", "KH-S01", 7)), "more_than_dealt"),
    ("a proof of others' parcels", AFTER_DISPATCH, delivered(proof("P", "KH-S01", (7,))), "parcel_of_another_school"),
    ("freight as ordered", BEFORE_DISPATCH, incurred(Category.FREIGHT, ORDERED_FEN[Category.FREIGHT]), None),
    (
        "freight above the order",
        BEFORE_DISPATCH,
        incurred(Category.FREIGHT, ORDERED_FEN[Category.FREIGHT] + 1),
        "cost_above_ordered",
    ),
    ("insurance of a million million", BEFORE_DISPATCH, incurred(Category.INSURANCE, 10**12), "cost_above_ordered"),
    ("freight of a round of the future", [], incurred(Category.FREIGHT, 10**12), "round_unknown"),
]


@pytest.mark.parametrize(("what", "before", "step", "code"), CONSIGNMENT, ids=[row[0] for row in CONSIGNMENT])
def test_what_is_reported_of_a_consignment_lies_in_its_range(
    what: str, before: list[Step], step: Step, code: str | None
) -> None:
    decided = step(played(before)[0])
    assert (decided.code if isinstance(decided, Refusal) else None) == code, what


def moved(move: Move, leg: int, at: str) -> Callable[[], Any]:
    return lambda: shipment.report(_departed(), Movement(move=move, leg=leg, at=at), None, SHIPMENTS_NOW)


def _departed() -> shipment.Shipment:
    """Its first leg departed, and the third one's departure is parked."""
    state = planned()
    for leg in (1, 3):
        movement = Movement(move=Move.DEPARTURE, leg=leg, at=AT)
        decision = shipment.report(state, movement, None, SHIPMENTS_NOW)
        assert isinstance(decision, Decision)
        state = decision.state
    return state


def freed(fen: int, at: str) -> Callable[[], Any]:
    held = shipment.hold(planned(), "papers", AT, None, SHIPMENTS_NOW)
    assert isinstance(held, Decision)
    return lambda: shipment.release(held.state, Release(fen, "D-1", at), None, SHIPMENTS_NOW)


SHIPMENT: list[tuple[str, Callable[[], Any], str | None]] = [
    ("an arrival as it left", moved(Move.ARRIVAL, 1, AT), None),
    ("an arrival before it left", moved(Move.ARRIVAL, 1, BEFORE_DEPARTURE), "at_out_of_order"),
    (
        "an arrival after what is parked behind it",
        moved(Move.ARRIVAL, 2, "2021-05-01T09:00:00+00:00"),
        "at_out_of_order",
    ),
    ("an arrival in the future", moved(Move.ARRIVAL, 3, FAR), "at_in_the_future"),
    ("a departure before any parcel was packed", moved(Move.DEPARTURE, 2, "2001-01-01T00:00:00+00:00"), "at_too_early"),
    ("duty as ordered", freed(1_000, AT), None),
    ("duty above the order", freed(1_001, AT), "cost_above_ordered"),
    ("a release before the hold", freed(1, BEFORE_DEPARTURE), "at_out_of_order"),
    ("a release in the future", freed(1, FAR), "at_in_the_future"),
    ("a hold in the future", lambda: shipment.hold(planned(), "papers", FAR, None, SHIPMENTS_NOW), "at_in_the_future"),
]


@pytest.mark.parametrize(("what", "decide", "code"), SHIPMENT, ids=[row[0] for row in SHIPMENT])
def test_what_is_reported_of_a_shipment_lies_in_its_range(
    what: str, decide: Callable[[], Any], code: str | None
) -> None:
    decided = decide()
    assert (decided.code if isinstance(decided, Refusal) else None) == code, what


PROOF = {
    "delivery": "P-1",
    "school": "KH-S01",
    "accepted": [1],
    "gave": "carrier",
    "received": "office",
    "document": "0" * 64,
    "at": AT,
}
HANDOUT = {"handout": "H-1", "school": "KH-S01", "parcels": 1, "girls": 0, "boys": 1, "at": AT}
LOSS = {"report": "W-1", "ordinals": [1], "now": "lost", "reason": "theft", "at": AT}
LEG = {"mode": "sea", "carrier": "one", "document": "BL-1", "origin": "CNSHA", "destination": "KHKOS"}
BODIES: list[tuple[str, type[BaseModel], dict[str, Any], dict[str, Any]]] = [
    ("cost", CostBody, {"category": "freight", "fen": 0, "document": "F-1"}, {"fen": COST_FEN_MAX + 1}),
    ("no cost", CostBody, {"category": "freight", "fen": COST_FEN_MAX, "document": "F-1"}, {"fen": -1}),
    ("duty", ReleaseBody, {"duty_fen": COST_FEN_MAX, "document": "D", "at": AT}, {"duty_fen": COST_FEN_MAX + 1}),
    ("accepted", DeliveryBody, PROOF, {"accepted": [ORDINAL_MAX + 1]}),
    ("rejected", DeliveryBody, PROOF, {"rejected": [0]}),
    ("who gave", DeliveryBody, PROOF, {"gave": "x" * (OFFICE_CHARACTERS_MAX + 1)}),
    ("why", DeliveryBody, PROOF, {"reason": "x" * (TEXT_CHARACTERS_MAX + 1)}),
    ("parcels", HandoutBody, HANDOUT, {"parcels": 0}),
    ("girls", HandoutBody, HANDOUT, {"girls": ORDINAL_MAX + 1}),
    ("boys", HandoutBody, HANDOUT, {"boys": -1}),
    ("losses", WriteOffBody, LOSS, {"ordinals": [ORDINAL_MAX + 1]}),
    ("no losses", WriteOffBody, LOSS, {"ordinals": []}),
    ("a leg", MovementBody, {"leg": LEGS_MAX, "at": AT}, {"leg": LEGS_MAX + 1}),
    ("no leg", MovementBody, {"leg": 1, "at": AT}, {"leg": 0}),
    ("legs", ShipmentBody, {"shipment": "S", "round": "R", "legs": [LEG] * LEGS_MAX}, {"legs": [LEG] * (LEGS_MAX + 1)}),
    ("a place", LegBody, LEG, {"destination": "nowhere"}),
]


@pytest.mark.parametrize(("what", "body", "right", "wrong"), BODIES, ids=[row[0] for row in BODIES])
def test_what_a_body_says_lies_in_its_range(
    what: str, body: type[BaseModel], right: dict[str, Any], wrong: dict[str, Any]
) -> None:
    body.model_validate(right)
    with pytest.raises(ValidationError):
        body.model_validate(right | wrong)


TIMED: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (DeliveryBody, PROOF),
    (HandoutBody, HANDOUT),
    (WriteOffBody, LOSS),
    (MovementBody, {"leg": 1, "at": AT}),
    (HoldBody, {"reason": "papers", "at": AT}),
    (ReleaseBody, {"duty_fen": 1, "document": "D", "at": AT}),
]


@pytest.mark.parametrize(("body", "right"), TIMED, ids=[row[0].__name__ for row in TIMED])
@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1999-12-31T00:00:00Z", "3000-01-01T00:00:00Z"]
)
def test_a_time_of_another_age_is_refused_by_every_body(body: type[BaseModel], right: dict[str, Any], at: str) -> None:
    with pytest.raises(ValidationError, match="a time lies from 2000-01-01"):
        body.model_validate(right | {"at": at})
