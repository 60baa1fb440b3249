"""Which steps are due next, from the events so far: what each trade expects of a round, its orders and its way.

`steps_of_round` names all that could go on now; a journey's next one is the one that is due first (`earliest`). Each
rule reads events alone, so the same events give the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.reporting.domain.journeys import terms
from services.reporting.domain.journeys.told import JourneyEvent

_ORDERED = ("procurement.OrderRequested", "procurement.OrderPlaced")
REPORTED = ("freight", "insurance", "duty")
"""Services that are paid by the cost that logistics reports."""


@dataclass(frozen=True, slots=True)
class Step:
    """What should come next. `due` None: nobody is late with it, since it has no term.

    `order`, `shipment`, `school`, `ordinals`: what it is about, where it is not about the whole round.
    """

    name: str
    due: datetime | None
    round: str = ""
    order: str = ""
    shipment: str = ""
    school: str = ""
    leg: int = 0
    ordinals: tuple[int, ...] = ()

    def overdue_since(self, now: datetime) -> datetime | None:
        """Since when it is overdue; None: it is not."""
        return self.due if self.due is not None and self.due < now else None


def earliest(steps: Iterable[Step]) -> Step | None:
    """The step that is due first; those without a term are last."""
    order = sorted(steps, key=lambda step: (step.due is None, step.due.timestamp() if step.due else 0.0, step.name))
    return order[0] if order else None


def steps_of_round(events: Sequence[JourneyEvent]) -> list[Step]:
    """All that could go on in one round now, from all of its events."""
    funded, closed = _first(events, "procurement.RoundFunded"), _first(events, "procurement.RoundClosed")
    if funded is None or closed is not None:
        return []
    opened = _first(events, "procurement.RoundOpened")
    if opened is None:
        return [Step("round_opened", funded.at + terms.MACHINE_TERM, funded.round)]
    way = [*_packing(events, funded), *_shipping(events), *_schools(events)]
    orders = [step for order in _orders(events) for step in _order(order, events)]
    steps = [*orders, *way] or [Step("round_closed", max(one.at for one in events) + terms.MACHINE_TERM)]
    return [replace(step, round=funded.round) for step in steps]


def steps_of_need(events: Sequence[JourneyEvent]) -> list[Step]:
    """A need waits for money until rounds have all of its parcels."""
    opened = _first(events, "procurement.NeedOpened")
    rounds = _all(events, "procurement.RoundFunded")
    if opened is None or any(one.data.get("meets_need") for one in rounds):
        return []
    return [Step("need_met", opened.at + terms.NEED_MET_TERM)]


def _orders(events: Sequence[JourneyEvent]) -> list[str]:
    return list(dict.fromkeys(str(one.data["order"]) for one in events if one.type in _ORDERED))


def _order(order: str, events: Sequence[JourneyEvent]) -> list[Step]:
    own = [one for one in events if one.data.get("order") == order]
    requested, placed = _first(own, "procurement.OrderRequested"), _first(own, "procurement.OrderPlaced")
    if any(one.type in ("procurement.OrderPaid", "procurement.OrderClosed") for one in own):
        return []
    if placed is None:
        assert requested is not None, "an order is known by its request, or as placed"
        return [Step("order_placed", requested.at + terms.PLACED_TERM, order=order)]
    confirmed = _first(own, "procurement.OrderConfirmed")
    if confirmed is None:
        return [Step("order_confirmed", placed.at + terms.CONFIRMED_TERM, order=order)]
    category = str(placed.data.get("category", ""))
    proof = _proof(category, own, events)
    if proof is not None:
        return [Step("order_paid", proof.at + terms.PAID_TERM, order=order)]
    if category == "goods":
        return [Step("goods_received", confirmed.at + terms.RECEIVED_TERM, order=order)]
    arrived = _first(events, "logistics.ShipmentArrived")
    if category in REPORTED and arrived is not None:
        return [Step("cost_reported", arrived.at + terms.COST_TERM, order=order)]
    return []  # a service's turn comes with the parcels


def _proof(category: str, own: Sequence[JourneyEvent], events: Sequence[JourneyEvent]) -> JourneyEvent | None:
    """What an order is paid on: goods received whole, a cost that was reported, or delivery of the round's parcels."""
    if category == "goods":
        return next((one for one in _all(own, "procurement.GoodsReceived") if one.data.get("complete")), None)
    if category in REPORTED:
        costs = _all(events, "logistics.CostIncurred")
        return next((one for one in costs if one.data.get("category") == category), None)
    return _first(events, "logistics.ConsignmentClosed")


def _packing(events: Sequence[JourneyEvent], funded: JourneyEvent) -> list[Step]:
    planned = int(funded.data.get("parcels", 0))
    lots, stored = _all(events, "procurement.ParcelsPacked"), _all(events, "logistics.ParcelsStored")
    packed = sum(int(one.data["count"]) for one in lots)
    if packed < planned:
        goods = [one for one in events if one.type in _ORDERED and one.data.get("category") == "goods"]
        whole = [one for one in _all(events, "procurement.GoodsReceived") if one.data.get("complete")]
        if not goods or {one.data["order"] for one in goods} - {one.data["order"] for one in whole}:
            return []  # the orders' own steps are next
        missing = tuple(number for number in range(1, planned + 1) if not any(_has(lot, number) for lot in lots))
        return [Step("parcels_packed", max(one.at for one in whole) + terms.PACKED_TERM, ordinals=missing)]
    if sum(int(one.data["count"]) for one in stored) < packed:
        return [Step("parcels_stored", lots[-1].at + terms.MACHINE_TERM)]
    if _first(events, "logistics.ShipmentPlanned") is None and _first(events, "logistics.ConsignmentClosed") is None:
        return [Step("shipment_planned", stored[-1].at + terms.PLANNED_TERM)]
    return []


def _has(lot: JourneyEvent, ordinal: int) -> bool:
    first = int(lot.data["first_ordinal"])
    return first <= ordinal < first + int(lot.data["count"])


def _shipping(events: Sequence[JourneyEvent]) -> list[Step]:
    planned = _first(events, "logistics.ShipmentPlanned")
    if planned is None or _first(events, "logistics.ShipmentArrived") is not None:
        return []
    shipment = str(planned.data["shipment"])
    held, released = _all(events, "logistics.CustomsHeld"), _all(events, "logistics.CustomsReleased")
    if held and (not released or released[-1].at < held[-1].at):
        return [Step("customs_released", held[-1].at + terms.CUSTOMS_TERM, shipment=shipment)]
    departed = {int(one.data["leg"]): one.at for one in _all(events, "logistics.LegDeparted")}
    arrived = {int(one.data["leg"]): one.at for one in _all(events, "logistics.LegArrived")}
    before = max((planned.at, *(one.at for one in released[-1:])))
    for number, leg in enumerate(planned.data["legs"], 1):
        if number in arrived:  # papers of its departure may come late
            before = max(before, arrived[number])
        elif number in departed:
            term = terms.ARRIVED_TERMS.get(leg.get("mode", ""), terms.ARRIVED_TERM_UNKNOWN)
            return [Step("leg_arrived", departed[number] + term, shipment=shipment, leg=number)]
        else:
            return [Step("leg_departed", before + terms.DEPARTED_TERM, shipment=shipment, leg=number)]
    return [Step("shipment_arrived", before + terms.MACHINE_TERM, shipment=shipment)]


def _schools(events: Sequence[JourneyEvent]) -> list[Step]:
    """Deliveries from arrival on, and handouts from each delivery on."""
    opened, arrived = _first(events, "procurement.RoundOpened"), _first(events, "logistics.ShipmentArrived")
    if opened is None or arrived is None or _first(events, "logistics.ConsignmentClosed") is not None:
        return []
    ended = set(_numbers(_all(events, "logistics.ParcelsWrittenOff"), "ordinals"))
    proofs = _all(events, "logistics.ParcelsDelivered")
    ended |= set(_numbers(proofs, "accepted", "rejected"))
    given = dict[str, int]()
    for one in _all(events, "logistics.ParcelsHandedOut"):
        given[one.data["school"]] = given.get(one.data["school"], 0) + int(one.data["parcels"])
    steps, first = list[Step](), 1
    for share in opened.data["schools"]:
        school, own = str(share["school"]), range(first, first + int(share["parcels"]))
        first = own.stop
        waiting = tuple(number for number in own if number not in ended)
        if waiting:
            due = arrived.at + terms.DELIVERED_TERM
            steps.append(Step("parcels_delivered", due, school=school, ordinals=waiting))
        brought = [one for one in proofs if one.data["school"] == school]
        accepted = tuple(_numbers(brought, "accepted"))
        if len(accepted) > given.get(school, 0):
            due = max(one.at for one in brought) + terms.HANDED_OUT_TERM
            steps.append(Step("parcels_handed_out", due, school=school, ordinals=accepted))
    return steps or [Step("consignment_closed", max(one.at for one in events) + terms.MACHINE_TERM)]


def _numbers(events: Iterable[JourneyEvent], *fields: str) -> list[int]:
    return [number for one in events for field in fields for number in one.data.get(field) or ()]


def _first(events: Iterable[JourneyEvent], type: str) -> JourneyEvent | None:
    return next((one for one in events if one.type == type), None)


def _all(events: Iterable[JourneyEvent], type: str) -> list[JourneyEvent]:
    return [one for one in events if one.type == type]


LOGISTIC_STEPS = frozenset(
    {
        "parcels_stored",
        "shipment_planned",
        "leg_departed",
        "leg_arrived",
        "customs_released",
        "shipment_arrived",
        "parcels_delivered",
        "parcels_handed_out",
        "consignment_closed",
    }
)
"""What is next of a consignment."""


def of_parcels(steps: Iterable[Step], ordinals: range) -> list[Step]:
    """Those of a round's steps for which these parcels wait."""
    return [
        step
        for step in steps
        if (any(number in ordinals for number in step.ordinals) if step.ordinals else _is_of_all(step))
    ]


def _is_of_all(step: Step) -> bool:
    """An order of goods stands in a parcel's way; one that is only paid for, or the books' end, does not."""
    return step.name not in ("order_paid", "cost_reported", "consignment_closed", "round_closed")


STEP_NAMES = (
    "round_opened",
    "order_placed",
    "order_confirmed",
    "goods_received",
    "order_paid",
    "cost_reported",
    "parcels_packed",
    *sorted(LOGISTIC_STEPS),
    "round_closed",
    "need_met",
    "push_judged",
    "reversal_decided",
    "settlement_stated",
    "settlement_balanced",
    "money_applied",
    "money_allocated",
)
"""All steps there are: each has its words on the pages."""
