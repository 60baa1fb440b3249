"""What is known of a round's end at the schools: how many parcels were accepted, and how many pupils they reached.

It follows from the consignment's events and is kept beside it, a few numbers a round: what a survey says of a country
is held against all of its rounds, and consignments are too large to be read for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pandapack.contracts.envelope import Part
from pandapack.contracts.logistics import ParcelsDelivered, ParcelsHandedOut, pupils_of
from pandapack.decision import Decision


class Reached(Part):
    """A round. `schools` are those that accepted a parcel."""

    round: str
    programme: str = ""
    country: str = ""
    accepted: int = 0
    pupils: int = 0
    schools: tuple[str, ...] = ()


class CountryReached(NamedTuple):
    """A programme's rounds in a country together. Schools count once, pupils once a round."""

    accepted: int = 0
    pupils: int = 0
    schools: int = 0


def deliver(state: Reached, event: ParcelsDelivered) -> Decision[Reached]:
    """A school accepted parcels, or rejected them all."""
    accepted = len(event.accepted)
    schools = {*state.schools, event.school} if accepted else state.schools
    known = {"accepted": state.accepted + accepted, "schools": tuple(sorted(schools))}
    return Decision(_of(state, event).model_copy(update=known))


def hand_out(state: Reached, event: ParcelsHandedOut) -> Decision[Reached]:
    """Pupils of a school got parcels."""
    pupils, _ = pupils_of(event)
    return Decision(_of(state, event).model_copy(update={"pupils": state.pupils + pupils}))


def together(rounds: Iterable[Reached]) -> CountryReached:
    """What rounds of one country reached."""
    known = list(rounds)
    schools = {school for one in known for school in one.schools}
    return CountryReached(sum(one.accepted for one in known), sum(one.pupils for one in known), len(schools))


def _of(state: Reached, event: ParcelsDelivered | ParcelsHandedOut) -> Reached:
    return state.model_copy(update={"programme": event.programme, "country": event.country})
