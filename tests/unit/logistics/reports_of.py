"""One round of eleven parcels for two schools, and all that is ever reported of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import CustomsReleased, LegDeparted, ParcelState
from pandapack.contracts.procurement import Category, ParcelsPacked, SchoolShare
from pandapack.decision import Decision, Refusal
from services.logistics.domain import consignment
from services.logistics.domain.consignment import Consignment, Cost, Delivery, Handout, WriteOff
from services.logistics.domain.times import Now

ROUND = "R-000007"
SHIPMENT = "SH-R-000007"
PACKED_AT = "2021-04-20T08:00:00+00:00"
AT = "2021-05-01T08:00:00+00:00"
NOW = Now(datetime(2021, 5, 1, 9, tzinfo=UTC), timedelta(hours=26))
PARCELS = 11
SCHOOLS = (
    SchoolShare(school="KH-S01", district="Siem Reap", pupils=40, parcels=6),
    SchoolShare(school="KH-S02", district="Battambang", pupils=30, parcels=5),
)
WAREHOUSE, FORWARDER, INSURER, BROKER = "demo-warehouse", "demo-forwarder", "demo-insurer", "demo-customs-broker"
ORDERED_FEN = {Category.FREIGHT: 40_000, Category.INSURANCE: 2_000, Category.DUTY: 10_000}
Step = Callable[[Consignment], Decision[Consignment] | Refusal]


def packed(first: int, count: int) -> ParcelsPacked:
    return ParcelsPacked(
        round=ROUND,
        programme="love-parcel",
        country="KH",
        specification="parcel-2",
        lot=f"L{first}",
        first_ordinal=first,
        count=count,
        round_parcels=PARCELS,
        consumed={"eraser": count},
        schools=SCHOOLS,
        warehouse=WAREHOUSE,
        services={Category.FREIGHT: FORWARDER, Category.INSURANCE: INSURER, Category.DUTY: BROKER},
        services_fen_max=ORDERED_FEN,
    )


def departed(leg: int = 1) -> LegDeparted:
    return LegDeparted(shipment=SHIPMENT, round=ROUND, country="KH", leg=leg, at=AT)


def released() -> CustomsReleased:
    return CustomsReleased(shipment=SHIPMENT, round=ROUND, country="KH", duty_fen=9_000, at=AT, document="D-1")


def proof(number: str, school: str, accepted: tuple[int, ...], rejected: tuple[int, ...] = ()) -> Delivery:
    return Delivery(
        delivery=number,
        school=school,
        accepted=accepted,
        rejected=rejected,
        reason="wet" if rejected else None,
        gave="carrier's depot",
        received="school office",
        document="0" * 64,
        at=AT,
    )


def handout(number: str, school: str, parcels: int) -> Handout:
    return Handout(handout=number, school=school, parcels=parcels, girls=parcels - 1, boys=1, at=AT)


def stored() -> Step:
    return lambda state: consignment.store_parcels(state, packed(1, PARCELS), PACKED_AT)


def dispatched() -> Step:
    return lambda state: consignment.depart(state, departed())


def delivered(one: Delivery) -> Step:
    return lambda state: consignment.deliver(state, one, NOW)


def handed_out(one: Handout) -> Step:
    return lambda state: consignment.hand_out(state, one, NOW)


def incurred(category: Category, fen: int) -> Step:
    return lambda state: consignment.record_cost(state, category, Cost(fen=fen, document=f"{category}-1"), None)


def written_off(report: str, ordinals: tuple[int, ...], now: ParcelState = ParcelState.LOST) -> Step:
    loss = WriteOff(report=report, ordinals=ordinals, now=now, reason="fell off the lorry", at=AT)
    return lambda state: consignment.write_off(state, loss, None, NOW)


STEPS: tuple[tuple[str, Step], ...] = (
    ("stored", stored()),
    ("departed", dispatched()),
    ("released", lambda state: consignment.record_duty(state, released())),
    ("freight", incurred(Category.FREIGHT, 30_000)),
    ("insurance", incurred(Category.INSURANCE, 1_000)),
    ("proof 1", delivered(proof("P-1", "KH-S01", (1, 2, 3), (4,)))),
    ("proof 2", delivered(proof("P-2", "KH-S01", (5,)))),
    ("proof 3", delivered(proof("P-3", "KH-S02", (7, 8, 9, 10)))),
    ("handout 1", handed_out(handout("H-1", "KH-S01", 3))),
    ("handout 2", handed_out(handout("H-2", "KH-S01", 1))),
    ("handout 3", handed_out(handout("H-3", "KH-S02", 4))),
)
"""Whatever their order, once parcels are stored; parcels 6 and 11 are written off after that."""


def played(steps: list[Step], state: Consignment | None = None) -> tuple[Consignment, list[Event]]:
    """The state and all events after these steps, none of which may be refused."""
    state, events = state or Consignment(round=ROUND), list[Event]()
    for step in steps:
        decision = step(state)
        assert isinstance(decision, Decision), decision
        state = decision.state
        consignment.counts(state)
        events += decision.events
    return state, events
