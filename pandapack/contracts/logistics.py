"""What the logistics service publishes. Sources: `/logistics/consignments/<round>`, `/logistics/shipments/<id>`,
`/logistics/surveys/<id>`.

Parcels are named by their ordinals in the round (see `contracts.procurement.serial_of`). No pupil is an entity:
schools, districts and headcounts only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.procurement import Category


class ParcelState(StrEnum):
    """Where a parcel is. Each parcel is in one state; the parcel law counts them."""

    WAREHOUSE = "warehouse"
    IN_TRANSIT = "in_transit"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DAMAGED = "damaged"
    LOST = "lost"
    RETURNED = "returned"


PARCEL_STATES = ("packed", *(state.value for state in ParcelState))
"""The parcel figures of totals and recounts, in order: `packed` is the sum of all others."""

HOLD_REASONS = ("documents_incomplete", "physical_inspection", "exemption_awaited")
DAMAGE_REASONS = ("wet_in_warehouse", "crushed_in_loading", "carton_torn")
LOSS_REASONS = ("missing_at_transhipment", "fell_into_sea", "stolen_in_transit")
REFUSAL_REASONS = ("carton_opened", "contents_wet", "items_missing")
"""Why customs hold, parcels are damaged or lost, and schools reject them, each as a word that pages have in every
language. A reporter may write a remark of its own instead: to the public it is another reason."""


def shipment_name(round_id: str) -> str:
    """The one shipment of a round: `R-000007` → `SH-R-000007`."""
    return f"SH-{round_id}"


class Leg(Part):
    """One movement of a shipment, by one carrier. `origin` and `destination` are UN/LOCODEs.

    `mode` is road, sea, air or rail; `carrier` a registered party's id.
    """

    mode: str
    carrier: str
    document: str
    origin: str
    destination: str


class ConsignmentOpened(Event):
    """The first parcels of a round reached the warehouse's dispatch side."""

    TYPE: ClassVar[str] = "logistics.ConsignmentOpened"

    round: str
    programme: str
    country: str
    round_parcels: int


class ParcelsStored(Event):
    """Packed parcels came into the warehouse: they are now logistics' to answer for."""

    TYPE: ClassVar[str] = "logistics.ParcelsStored"

    round: str
    programme: str
    country: str
    first_ordinal: int
    count: int


class ParcelsDispatched(Event):
    """All parcels in the warehouse left on a shipment: warehouse → in transit."""

    TYPE: ClassVar[str] = "logistics.ParcelsDispatched"

    round: str
    programme: str
    country: str
    shipment: str
    count: int
    at: str


class ParcelsWrittenOff(Event):
    """A loss and damage report: `ordinals` left `was` for `now` (damaged or lost)."""

    TYPE: ClassVar[str] = "logistics.ParcelsWrittenOff"

    round: str
    programme: str
    country: str
    report: str
    ordinals: tuple[int, ...]
    was: ParcelState
    now: ParcelState
    reason: str
    at: str


class ParcelsDelivered(Event):
    """A school's proof of delivery: in transit → accepted or rejected. `document` is the proof's SHA-256."""

    TYPE: ClassVar[str] = "logistics.ParcelsDelivered"

    round: str
    programme: str
    country: str
    school: str
    district: str
    delivery: str
    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
    reason: str | None = None
    at: str
    document: str


class ParcelsHandedOut(Event):
    """A school's attested handout: headcounts only.

    `girls + boys` is what the school reports, and `pupils_reached + pupils_over_reported` the same: a handout reaches
    at most as many pupils as it gave parcels, and over a round a school at most as many as are `enrolled` there.
    Older events have None: nothing was decided of their heads.
    """

    TYPE: ClassVar[str] = "logistics.ParcelsHandedOut"

    round: str
    programme: str
    country: str
    school: str
    district: str
    handout: str
    parcels: int
    girls: int
    boys: int
    at: str
    enrolled: int | None = None
    pupils_reached: int | None = None
    pupils_over_reported: int | None = None


def pupils_of(event: ParcelsHandedOut) -> tuple[int, int]:
    """Pupils (reached, over-reported) of a handout. Of an older event no more count than it gave parcels."""
    reported = event.girls + event.boys
    reached = min(reported, event.parcels) if event.pupils_reached is None else event.pupils_reached
    return reached, reported - reached


REPORTED_COSTS = (Category.FREIGHT, Category.INSURANCE, Category.DUTY)
"""Services that procurement pays by the cost that logistics reports; the others are invoiced."""


class CostIncurred(Event):
    """A service was rendered for a round and costs this much (freight, duty, insurance, monitoring, administration).

    It is the round's only one of its category: demurrage is part of duty.
    """

    TYPE: ClassVar[str] = "logistics.CostIncurred"

    round: str
    programme: str
    country: str
    category: Category
    fen: int
    document: str
    party: str = ""  # who reported it, and is to be paid; "": staff, or an older event


class ConsignmentClosed(Event):
    """Every parcel of the round has found its end and every handout was reported."""

    TYPE: ClassVar[str] = "logistics.ConsignmentClosed"

    round: str
    programme: str
    country: str
    accepted: int
    rejected: int
    damaged: int
    lost: int
    returned: int


class ShipmentPlanned(Event):
    """A shipment for a consignment was booked, leg after leg."""

    TYPE: ClassVar[str] = "logistics.ShipmentPlanned"

    shipment: str
    round: str
    country: str
    legs: tuple[Leg, ...]


class LegDeparted(Event):
    """A carrier took the shipment over; `leg` counts from 1."""

    TYPE: ClassVar[str] = "logistics.LegDeparted"

    shipment: str
    round: str
    country: str
    leg: int
    at: str


class LegArrived(Event):
    """A carrier handed the shipment over at the leg's destination."""

    TYPE: ClassVar[str] = "logistics.LegArrived"

    shipment: str
    round: str
    country: str
    leg: int
    at: str


class CustomsHeld(Event):
    """Customs kept the shipment."""

    TYPE: ClassVar[str] = "logistics.CustomsHeld"

    shipment: str
    round: str
    country: str
    reason: str
    at: str


class CustomsReleased(Event):
    """Customs let the shipment go, with the duty (and demurrage) to pay."""

    TYPE: ClassVar[str] = "logistics.CustomsReleased"

    shipment: str
    round: str
    country: str
    duty_fen: int
    at: str
    document: str = ""
    party: str = ""  # who reported it, and is to be paid; "": staff, or an older event


class ShipmentArrived(Event):
    """The last leg arrived in the country of destination."""

    TYPE: ClassVar[str] = "logistics.ShipmentArrived"

    shipment: str
    round: str
    country: str
    at: str


class Indicator(StrEnum):
    """What an evaluator asks pupils, each a yes or a no."""

    LIKES_PARCEL_VERY_MUCH = "likes_parcel_very_much"
    KNOWS_AND_LIKES_CHINA_BETTER = "knows_and_likes_china_better"
    ITEMS_HELP_STUDY_AND_LIFE_VERY_MUCH = "items_help_study_and_life_very_much"
    RECEIVED_COMPLETE = "received_complete"
    QUALITY_GOOD = "quality_good"
    IN_USE = "in_use"


class ComplaintKind(StrEnum):
    """What pupils complained of."""

    ITEM_MISSING = "item_missing"
    ITEM_BROKEN = "item_broken"
    WRONG_SIZE = "wrong_size"
    LATE = "late"
    NOT_RECEIVED = "not_received"
    OTHER = "other"


class IndicatorCount(Part):
    """Of `denominator` pupils who answered, `numerator` said yes."""

    indicator: Indicator
    numerator: int
    denominator: int


class ComplaintCount(Part):
    """So many complaints of a kind were received, and so many of them resolved."""

    kind: ComplaintKind
    received: int
    resolved: int


class SurveyedCountry(Part):
    """What was asked in a country. Frame: whom it could have been; sample: whom it should be; interviewed: who it was.

    Schools and pupils are counts: no school is named, no pupil is an entity.
    """

    country: str
    frame_schools: int
    frame_pupils: int
    sample_schools: int
    sample_pupils: int
    interviewed: int
    indicators: tuple[IndicatorCount, ...] = ()
    complaints: tuple[ComplaintCount, ...] = ()


class SurveyReported(Event):
    """An independent evaluator asked pupils who had received parcels. Days are those of a calendar, both included."""

    TYPE: ClassVar[str] = "logistics.SurveyReported"

    survey: str
    programme: str
    first_day: str
    last_day: str
    countries: tuple[SurveyedCountry, ...]
    party: str
