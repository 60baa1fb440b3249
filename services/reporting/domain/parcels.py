"""The parcels view: how many parcels are in which state, by programme and country, and which schools they reached."""

from __future__ import annotations

from zlib import crc32

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.logistics import (
    PARCEL_STATES,
    ParcelsDelivered,
    ParcelsDispatched,
    ParcelsHandedOut,
    ParcelsStored,
    ParcelsWrittenOff,
    pupils_of,
)
from pandapack.contracts.procurement import ParcelsPacked
from pandapack.decision import Decision
from services.reporting.domain.figures import Figures

SCHOOL_BUCKETS = 16
"""A country's schools in so many documents, each with room for some three thousand: no country has more than it has."""


class Parcels(Figures):
    """Sums. `packed` comes from procurement, all others from logistics; `stored` is what logistics ever took over.

    `pupils` are those that count, `over_reported` heads that schools reported beyond them.
    """

    packed: int = 0
    stored: int = 0
    warehouse: int = 0
    in_transit: int = 0
    accepted: int = 0
    rejected: int = 0
    damaged: int = 0
    lost: int = 0
    returned: int = 0
    pupils: int = 0
    over_reported: int = 0

    def by_state(self) -> dict[str, int]:
        """By `PARCEL_STATES`. What is packed and not yet taken over by logistics lies in the warehouse, too."""
        states = {state: int(getattr(self, state)) for state in PARCEL_STATES}
        states["warehouse"] += self.packed - self.stored
        return states


class ParcelStates(Part):
    """One partition. `countries`: "programme/country" → parcels."""

    countries: dict[str, Parcels] = {}


class SchoolFigures(Figures):
    """A school's sums. `pupils` are headcounts; no pupil is known."""

    accepted: int = 0
    rejected: int = 0
    handed_out: int = 0
    pupils: int = 0
    over_reported: int = 0


class Destinations(Part):
    """One partition, country and bucket: the districts and schools that parcels reached, "district/school" → sums."""

    country: str = ""
    schools: dict[str, SchoolFigures] = {}


def move(state: ParcelStates, event: Event) -> Decision[ParcelStates]:
    """Adds what an event tells of parcels. Other events change nothing."""
    match event:
        case ParcelsPacked():
            more = {"packed": event.count}
        case ParcelsStored():
            more = {"stored": event.count, "warehouse": event.count}
        case ParcelsDispatched():
            more = {"warehouse": -event.count, "in_transit": event.count}
        case ParcelsWrittenOff():
            more = {event.was.value: -len(event.ordinals), event.now.value: len(event.ordinals)}
        case ParcelsDelivered():
            accepted, rejected = len(event.accepted), len(event.rejected)
            more = {"in_transit": -accepted - rejected, "accepted": accepted, "rejected": rejected}
        case ParcelsHandedOut():
            pupils, over_reported = pupils_of(event)
            more = {"pupils": pupils, "over_reported": over_reported}
        case _:
            return Decision(state)
    name = f"{event.programme}/{event.country}"
    grown = state.countries.get(name, Parcels()).plus(**more)
    return Decision(ParcelStates(countries=state.countries | {name: grown}))


def school_bucket(event: ParcelsDelivered | ParcelsHandedOut) -> int:
    """In which bucket of its country a school is counted."""
    return crc32(event.school.encode()) % SCHOOL_BUCKETS


def reach(state: Destinations, event: ParcelsDelivered | ParcelsHandedOut) -> Decision[Destinations]:
    """A school received parcels, or handed them out."""
    match event:
        case ParcelsDelivered():
            more = {"accepted": len(event.accepted), "rejected": len(event.rejected)}
        case ParcelsHandedOut():
            pupils, over_reported = pupils_of(event)
            more = {"handed_out": event.parcels, "pupils": pupils, "over_reported": over_reported}
    name = f"{event.district}/{event.school}"
    grown = state.schools.get(name, SchoolFigures()).plus(**more)
    return Decision(Destinations(country=event.country, schools=state.schools | {name: grown}))
