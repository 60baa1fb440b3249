"""How many of the heads that a school reports are pupils reached, and how many are over-reported.

The law: a parcel reaches one pupil, so a handout reaches at most as many as it gave parcels; and over a round a school
reaches at most as many as are enrolled there. Parcels are handed out only once they are accepted, so that pupils
reached exceed neither parcels accepted nor enrolment, whatever is reported. What is beyond is recorded, and counts
nowhere else.
"""

from __future__ import annotations

from typing import NamedTuple

from services.logistics.domain.consignment.state import Handout, PupilsReached


class Heads(NamedTuple):
    """A handout's heads: `reached + over_reported` are all that it reports."""

    reached: int
    over_reported: int


def judge_heads(known: PupilsReached, handout: Handout, enrolled: int) -> Heads:
    """What counts of a handout, after those that the school reported before for the round.

    The order of handouts decides which of them counts for how many, but never for how many they count together.
    """
    reported = handout.girls + handout.boys
    enrolled_left = max(0, enrolled - known.pupils)
    reached = min(reported, handout.parcels, enrolled_left)
    return Heads(reached, reported - reached)


def reach(known: PupilsReached, handout: Handout, heads: Heads) -> PupilsReached:
    """A school's sums with one more handout."""
    return PupilsReached(
        handed_out=known.handed_out + handout.parcels,
        pupils=known.pupils + heads.reached,
        over_reported=known.over_reported + heads.over_reported,
    )
