"""The parcels view: how many parcels are in which state, by programme and country, and the places that they reached."""

from __future__ import annotations

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.logistics import (
    ParcelsDelivered,
    ParcelsDispatched,
    ParcelsHandedOut,
    ParcelsStored,
    ParcelsWrittenOff,
)
from pandapack.contracts.procurement import ParcelsPacked
from pandapack.decision import Decision
from services.reporting.domain.figures import Figures

STATES = ("packed", "warehouse", "in_transit", "accepted", "rejected", "damaged", "lost", "returned")
"""As they are shown: `packed` is the sum of all others."""


class Parcels(Figures):
    """Sums. `packed` is procurement's word, all others are logistics'; `stored` is what logistics ever took over."""

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

    def shown(self) -> dict[str, int]:
        """By state. What is packed and not yet taken over by logistics lies in the warehouse, too."""
        states = {state: int(getattr(self, state)) for state in STATES}
        states["warehouse"] += self.packed - self.stored
        return states


class ParcelStates(Part):
    """One partition. `countries`: "programme/country" → parcels."""

    countries: dict[str, Parcels] = {}


class Place(Figures):
    """A school's sums. `pupils` are headcounts; no pupil is known."""

    accepted: int = 0
    rejected: int = 0
    handed_out: int = 0
    pupils: int = 0


class Places(Part):
    """One partition and country: "district/school" → place."""

    country: str = ""
    schools: dict[str, Place] = {}


def move(state: ParcelStates, event: Event) -> Decision[ParcelStates]:
    """Adds what an event says of parcels. Other events change nothing."""
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
            more = {"pupils": event.girls + event.boys}
        case _:
            return Decision(state)
    name = f"{event.programme}/{event.country}"
    grown = state.countries.get(name, Parcels()).plus(**more)
    return Decision(ParcelStates(countries=state.countries | {name: grown}))


def reach(state: Places, event: ParcelsDelivered | ParcelsHandedOut) -> Decision[Places]:
    """A school received parcels, or handed them out."""
    match event:
        case ParcelsDelivered():
            more = {"accepted": len(event.accepted), "rejected": len(event.rejected)}
        case ParcelsHandedOut():
            more = {"handed_out": event.parcels, "pupils": event.girls + event.boys}
    name = f"{event.district}/{event.school}"
    grown = state.schools.get(name, Place()).plus(**more)
    return Decision(Places(country=event.country, schools=state.schools | {name: grown}))
