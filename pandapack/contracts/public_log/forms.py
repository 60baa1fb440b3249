"""Which fields of an event are public. Nothing else of it reaches the log.

A form lists, by name, the fields that are shown as they are, and what is derived from others. Never in it: schools,
parties, people, documents, limits of a buyer, moments finer than a day, free texts but the names of a programme and of
what its parcels hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pandapack.contracts import logistics, procurement
from pandapack.contracts.acts import ACTS
from pandapack.contracts.audit_log import AuditLogChained
from pandapack.contracts.dead_letters import ABOUT_DEAD_LETTERS
from pandapack.contracts.donations import CHINA, PageSealed
from pandapack.contracts.envelope import Event
from pandapack.contracts.procurement import SchoolShare
from pandapack.contracts.public_log import surveyed
from pandapack.contracts.public_log.suppression import district_cells, is_small
from pandapack.contracts.public_log.veil import Veil

Json = dict[str, Any]
COUNT: Json = {"type": "integer", "minimum": 0}
TEXT: Json = {"type": "string"}
NAME: Json = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
DAY: Json = {"type": "string", "format": "date"}


def record_of(**fields: Json) -> Json:
    """The schema of an object that has exactly these fields."""
    return {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False}


def list_of(**fields: Json) -> Json:
    """The schema of a list of such objects."""
    return {"type": "array", "items": record_of(**fields)}


@dataclass(frozen=True, slots=True)
class Derived:
    """A public field that is computed. `value` None: it is not shown this time."""

    name: str
    schema: Json
    value: Callable[[Any, Veil], Any]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The public fields of one type of event: `shown` as they are, and `derived`."""

    shown: tuple[str, ...]
    derived: tuple[Derived, ...] = ()

    def of(self, event: Event, veil: Veil) -> Json:
        """The public fields of an event."""
        found = event.model_dump(mode="json", include=set(self.shown))
        for field in self.derived:
            value = field.value(event, veil)
            assert value is not None or field.is_optional, f"{event.TYPE} has no {field.name}"
            if value is not None:
                found[field.name] = value
        return found


def day_of(moment: str) -> str:
    """The day in Asia/Shanghai of an RFC 3339 time."""
    return datetime.fromisoformat(moment).astimezone(CHINA).date().isoformat()


def _order(event: Any, veil: Veil) -> str:
    return veil.name(f"/procurement/orders/{event.order}")


def _need(event: Any, veil: Veil) -> str:
    return veil.name(f"/procurement/needs/{event.need}")


def _survey(event: Any, veil: Veil) -> str:
    return veil.name(f"/logistics/surveys/{event.survey}")


def _districts(event: Any, _: Veil) -> list[dict[str, object]]:
    schools: tuple[SchoolShare, ...] = event.schools
    return district_cells(schools)


def _receipt_lines(event: Any, _: Veil) -> list[Json]:
    names = ("item", "counted", "accepted", "rejected", "over_delivered")
    return [{name: getattr(line, name) for name in names} for line in event.lines]


def _legs(event: Any, _: Veil) -> list[Json]:
    return [{name: getattr(leg, name) for name in ("mode", "origin", "destination")} for leg in event.legs]


def _items(event: Any, _: Veil) -> list[Json]:
    fields = {"id", "category", "unit", "hs_code", "name"}
    return [item.model_dump(mode="json", include=fields) for item in event.items]


def _motto(event: Any, _: Veil) -> Json | None:
    return None if event.motto is None else dict(event.motto.model_dump(mode="json"))


def _delivered_to(event: Any, _: Veil) -> str | None:
    return None if is_small(len(event.accepted) + len(event.rejected)) else str(event.district)


def _handed_out_in(event: Any, _: Veil) -> str | None:
    return None if is_small(event.parcels, event.girls + event.boys) else str(event.district)


def _heads(name: str) -> Derived:
    """Girls and boys are shown where there are enough of both: else the whole tells of the few."""

    def value(event: Any, _: Veil) -> int | None:
        return None if is_small(event.parcels, event.girls, event.boys) else int(getattr(event, name))

    return Derived(name, COUNT, value, is_optional=True)


def _length(name: str) -> Callable[[Any, Veil], int]:
    return lambda event, _: len(getattr(event, name))


def _of_survey(told: Callable[[Any], Any]) -> Callable[[Any, Veil], Any]:
    return lambda event, _: told(event)


NAMES = record_of(zh=TEXT, en=TEXT)
ITEM = record_of(id=TEXT, category=TEXT, unit=TEXT, hs_code=TEXT)
ITEM["properties"]["name"] = NAMES  # older entries have none
COUNT_OR_NOT: Json = {"type": ["integer", "null"]}
TEXT_OR_NOT: Json = {"type": ["string", "null"]}
SURVEYED = (
    Derived("survey", NAME, _survey),
    Derived("frame_schools", COUNT, _of_survey(surveyed.schools("frame_schools")), is_optional=True),
    Derived("sample_schools", COUNT, _of_survey(surveyed.schools("sample_schools")), is_optional=True),
    Derived(
        "samples",
        list_of(country=TEXT_OR_NOT, frame_pupils=COUNT_OR_NOT, sample_pupils=COUNT_OR_NOT, interviewed=COUNT_OR_NOT),
        _of_survey(surveyed.samples),
    ),
    Derived(
        "indicators",
        list_of(indicator=TEXT, country=TEXT_OR_NOT, numerator=COUNT_OR_NOT, denominator=COUNT_OR_NOT),
        _of_survey(surveyed.indicators),
    ),
    Derived(
        "complaints",
        list_of(kind=TEXT_OR_NOT, received=COUNT_OR_NOT, resolved=COUNT_OR_NOT),
        _of_survey(surveyed.complaints),
    ),
    Derived("complaints_resolved", COUNT, _of_survey(surveyed.complaints_resolved), is_optional=True),
)
ORDER = Derived("order", NAME, _order)
NEED = Derived("need", NAME, _need)
DISTRICTS = Derived(
    "districts", list_of(district={"type": ["string", "null"]}, pupils=COUNT, parcels=COUNT), _districts
)
HAPPENED = Derived("happened_on", DAY, lambda event, _: day_of(event.at))
RECEIPT_LINES = Derived(
    "lines", list_of(item=TEXT, counted=COUNT, accepted=COUNT, rejected=COUNT, over_delivered=COUNT), _receipt_lines
)
OF_ROUND = ("round", "programme", "country")
OF_ORDER = (*OF_ROUND, "category")

FORMS: Mapping[type[Event], Form] = {
    PageSealed: Form(("shard", "page", "rows", "fen", "root", "programmes")),
    procurement.ProgrammePublished: Form(
        ("programme", "publication", "specifications"),
        (
            Derived("items", {"type": "array", "items": ITEM}, _items),
            Derived("name", NAMES, lambda event, _: event.name.model_dump(mode="json"), is_optional=True),
            Derived("motto", NAMES, _motto, is_optional=True),
            Derived("round_parcels", COUNT, lambda event, _: event.policy.round_parcels),
        ),
    ),
    procurement.NeedOpened: Form(("programme", "country", "specification", "parcels", "ordinal"), (NEED, DISTRICTS)),
    procurement.FundCredited: Form(("programme", "credited_fen", "applied_fen")),
    procurement.FundReversed: Form(("programme", "reversed_fen", "intervals", "owed_fen")),
    procurement.RoundFunded: Form(
        (
            *OF_ROUND,
            *("ordinal", "publication", "specification", "parcels", "plan_fen", "contingency_fen", "reserved_fen"),
            *("intervals", "parcels_before", "meets_need"),
        ),
        (NEED,),
    ),
    procurement.RoundOpened: Form((*OF_ROUND, "parcels"), (NEED, DISTRICTS)),
    procurement.OrderRequested: Form((*OF_ORDER, "lines", "amount_fen"), (ORDER,)),
    procurement.FundsCommitted: Form((*OF_ORDER, "fen"), (ORDER,)),
    procurement.FundsSpent: Form((*OF_ORDER, "fen", "uncommitted_fen"), (ORDER,)),
    procurement.ParcelsPacked: Form(
        (*OF_ROUND, "specification", "first_ordinal", "count", "round_parcels", "consumed")
    ),
    procurement.RoundClosed: Form((*OF_ROUND, "spent_fen", "released_fen", "released", "leftover")),
    procurement.OrderPlaced: Form((*OF_ORDER, "lines", "amount_fen"), (ORDER,)),
    procurement.OrderConfirmed: Form(("round", "lines", "amount_fen"), (ORDER,)),
    procurement.GoodsReceived: Form(("round", "programme", "reordered", "complete"), (ORDER, RECEIPT_LINES)),
    procurement.InvoiceReleased: Form(("round", "programme", "amount_fen"), (ORDER,)),
    procurement.InvoiceRefused: Form(("round", "programme", "amount_fen"), (ORDER,)),
    procurement.OrderPaid: Form(("round", "programme", "category", "amount_fen"), (ORDER,)),
    procurement.OrderClosed: Form(("round", "programme", "cancelled"), (ORDER,)),
    logistics.ConsignmentOpened: Form((*OF_ROUND, "round_parcels")),
    logistics.ParcelsStored: Form((*OF_ROUND, "first_ordinal", "count")),
    logistics.ParcelsDispatched: Form((*OF_ROUND, "shipment", "count"), (HAPPENED,)),
    logistics.ParcelsWrittenOff: Form(
        (*OF_ROUND, "was", "now"), (Derived("count", COUNT, _length("ordinals")), HAPPENED)
    ),
    logistics.ParcelsDelivered: Form(
        OF_ROUND,
        (
            Derived("accepted", COUNT, _length("accepted")),
            Derived("rejected", COUNT, _length("rejected")),
            Derived("district", TEXT, _delivered_to, is_optional=True),
            HAPPENED,
        ),
    ),
    logistics.ParcelsHandedOut: Form(
        (*OF_ROUND, "parcels"),
        (
            Derived("pupils_reached", COUNT, lambda event, _: logistics.pupils_of(event)[0]),
            Derived("pupils_over_reported", {"type": "integer"}, lambda event, _: logistics.pupils_of(event)[1]),
            _heads("girls"),
            _heads("boys"),
            Derived("district", TEXT, _handed_out_in, is_optional=True),
            HAPPENED,
        ),
    ),
    logistics.CostIncurred: Form((*OF_ORDER, "fen")),
    logistics.ConsignmentClosed: Form((*OF_ROUND, "accepted", "rejected", "damaged", "lost", "returned")),
    logistics.ShipmentPlanned: Form(
        ("shipment", "round", "country"), (Derived("legs", list_of(mode=TEXT, origin=TEXT, destination=TEXT), _legs),)
    ),
    logistics.LegDeparted: Form(("shipment", "round", "country", "leg"), (HAPPENED,)),
    logistics.LegArrived: Form(("shipment", "round", "country", "leg"), (HAPPENED,)),
    logistics.CustomsHeld: Form(("shipment", "round", "country"), (HAPPENED,)),
    logistics.CustomsReleased: Form(("shipment", "round", "country", "duty_fen"), (HAPPENED,)),
    logistics.ShipmentArrived: Form(("shipment", "round", "country"), (HAPPENED,)),
    logistics.SurveyReported: Form(("programme", "first_day", "last_day"), SURVEYED),
    AuditLogChained: Form(("entries", "root")),
    **{kind: Form(()) for kind in (*ACTS.values(), *ABOUT_DEAD_LETTERS)},
}
"""Of each event of procurement and logistics, of sealed pages, and of the audit log's root. Of what people did to dead
letters, and of other acts, nothing.

An event that has none is an entry with nothing but its hash.
"""
