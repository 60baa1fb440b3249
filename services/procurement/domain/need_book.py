"""A programme's open needs: their number has an end, and each has its ordinal. One document, so that two requests at
once cannot both take the last place.

A place is taken before the need is opened, and is free again once the need is met. A place for a need that was not
opened (the process ended in between) waits for the request to be sent again.
"""

from __future__ import annotations

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import RoundFunded
from pandapack.decision import Decision, Refusal

OPEN_NEEDS_MAX = 2_000
"""So many the fund weighs against each other before each round, and keeps beside its prices in one document."""


class NeedBook(Part):
    """`places`: open need → its ordinal in the programme. `taken`: how many places were ever taken."""

    programme: str
    taken: int = 0
    places: dict[str, int] = {}


def take_place(state: NeedBook, need: str) -> Decision[NeedBook] | Refusal:
    """A place for a need; the one that it has, where it has one."""
    if need in state.places:
        return Decision(state, answer={"ordinal": state.places[need]})
    if len(state.places) >= OPEN_NEEDS_MAX:
        detail = (
            f"{state.programme} has {OPEN_NEEDS_MAX} open needs: wait until some are met, or put more schools into one"
        )
        return Refusal("too_many_open_needs", detail)
    ordinal = state.taken + 1
    taken = state.model_copy(update={"taken": ordinal, "places": {**state.places, need: ordinal}})
    return Decision(taken, answer={"ordinal": ordinal})


def give_back(state: NeedBook, need: str) -> Decision[NeedBook]:
    """The need was not opened: its place is free."""
    return Decision(state.model_copy(update={"places": {n: o for n, o in state.places.items() if n != need}}))


def follow(state: NeedBook, event: RoundFunded) -> Decision[NeedBook]:
    """A round was funded: if it meets its need, the place is free."""
    return give_back(state, event.need) if event.meets_need else Decision(state)
