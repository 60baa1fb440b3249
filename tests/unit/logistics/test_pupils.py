"""Pupils reached: never more than parcels accepted, nor than are enrolled, whatever schools report."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import ParcelsHandedOut
from pandapack.decision import Decision, Refusal
from services.logistics.domain import consignment
from services.logistics.domain.consignment import Consignment, Handout
from tests.unit.logistics.reports_of import (
    AT,
    NOW,
    PACKED_AT,
    PARCELS,
    ROUND,
    SCHOOLS,
    Step,
    delivered,
    dispatched,
    handed_out,
    packed,
    played,
    proof,
    stored,
)

FIRST, SECOND = (share.school for share in SCHOOLS)
ORDINALS = {FIRST: range(1, 7), SECOND: range(7, 12)}
HEADS_MAX = 9_999


def reported(number: str, school: str, parcels: int, girls: int, boys: int) -> Handout:
    return Handout(handout=number, school=school, parcels=parcels, girls=girls, boys=boys, at=AT)


def stored_for(enrolled: Sequence[int]) -> Step:
    """All parcels of the round, for schools with so many pupils."""
    schools = tuple(share.model_copy(update={"pupils": one}) for share, one in zip(SCHOOLS, enrolled, strict=True))
    whole = packed(1, PARCELS).model_copy(update={"schools": schools})
    return lambda state: consignment.store_parcels(state, whole, PACKED_AT)


def ready(enrolled: Sequence[int] = (40, 30)) -> Consignment:
    """Both schools have accepted all their parcels."""
    proofs = [delivered(proof(f"P-{school}", school, tuple(held))) for school, held in ORDINALS.items()]
    return played([stored_for(enrolled), dispatched(), *proofs])[0]


def handouts_of(events: Sequence[Event]) -> list[ParcelsHandedOut]:
    return [event for event in events if isinstance(event, ParcelsHandedOut)]


def test_a_parcel_reaches_one_pupil_and_the_rest_is_recorded_as_over_reported() -> None:
    decision = consignment.hand_out(ready(), reported("H-1", FIRST, 1, HEADS_MAX, HEADS_MAX), NOW)
    assert isinstance(decision, Decision)
    (event,) = handouts_of(decision.events)
    assert (event.girls, event.boys, event.enrolled) == (HEADS_MAX, HEADS_MAX, 40)
    assert (event.pupils_reached, event.pupils_over_reported) == (1, 19_997)
    assert decision.answer == {
        "round": ROUND,
        "status": "open",
        "parked": False,
        "pupils_reached": 1,
        "pupils_over_reported": 19_997,
    }


def test_a_schools_heads_are_added_up_over_the_round_until_all_who_are_enrolled_are_reached() -> None:
    steps = [handed_out(reported(f"H-{n}", FIRST, 2, 1, 1)) for n in range(3)]
    state, events = played(steps, ready(enrolled=(5, 30)))
    found = [(event.pupils_reached, event.pupils_over_reported) for event in handouts_of(events)]
    assert found == [(2, 0), (2, 0), (1, 1)]
    assert (state.reached[FIRST].pupils, state.reached[FIRST].over_reported) == (5, 1)


def test_of_a_handout_that_waits_nothing_is_decided_until_its_parcels_are_accepted() -> None:
    early, late = reported("H-1", FIRST, 1, 3, 0), delivered(proof("P-1", FIRST, (1,)))
    state, _ = played([stored(), dispatched()])
    parked = consignment.hand_out(state, early, NOW)
    assert isinstance(parked, Decision) and parked.answer == {"round": ROUND, "status": "open", "parked": True}
    (event,) = handouts_of(played([late], parked.state)[1])
    assert (event.pupils_reached, event.pupils_over_reported) == (1, 2)


SCHOOL = st.sampled_from((FIRST, SECOND))
HEADS = st.one_of(st.integers(0, 4), st.integers(0, HEADS_MAX))
REPORTS = st.lists(st.tuples(SCHOOL, st.integers(1, 4), HEADS, HEADS), max_size=12)
ENROLLED = st.tuples(st.integers(0, 8), st.integers(0, 8))


def reports_in_any_order(
    reports: Sequence[tuple[str, int, int, int]], enrolled: Sequence[int], order: random.Random
) -> tuple[Consignment, list[Event]]:
    """Handouts and a proof for each parcel, shuffled; what is refused is left out. The law holds at every moment."""
    steps = [delivered(proof(f"P-{one}", school, (one,))) for school, held in ORDINALS.items() for one in held]
    steps += [handed_out(reported(f"H-{number}", *report)) for number, report in enumerate(reports)]
    steps += [stored_for(enrolled), dispatched()]
    order.shuffle(steps)
    state, events = Consignment(round=ROUND), list[Event]()
    for step in steps:
        decision = step(state)
        if isinstance(decision, Refusal):
            continue
        state = decision.state
        events += decision.events
        holds_the_law(state, events)
    return state, events


def holds_the_law(state: Consignment, events: Sequence[Event]) -> None:
    for share in state.schools:
        own = [event for event in handouts_of(events) if event.school == share.school]
        accepted = sum(len(one.accepted) for one in state.deliveries if one.school == share.school)
        reached = sum(event.pupils_reached or 0 for event in own)
        assert reached <= accepted and reached <= share.pupils
        assert all((event.pupils_reached or 0) >= 0 <= (event.pupils_over_reported or 0) for event in own)
        for event in own:
            assert (event.pupils_reached or 0) + (event.pupils_over_reported or 0) == event.girls + event.boys


@given(REPORTS, ENROLLED, st.randoms(use_true_random=False))
def test_pupils_reached_exceed_neither_parcels_accepted_nor_enrolment_whatever_is_reported(
    reports: list[tuple[str, int, int, int]], enrolled: tuple[int, int], order: random.Random
) -> None:
    reports_in_any_order(reports, enrolled, order)


@given(REPORTS, ENROLLED, st.randoms(use_true_random=False))
def test_the_order_of_handouts_decides_nothing_of_how_many_pupils_a_school_reached(
    reports: list[tuple[str, int, int, int]], enrolled: tuple[int, int], order: random.Random
) -> None:
    handouts = [reported(f"H-{number}", *report) for number, report in enumerate(reports)]
    dealt = {share.school: share.parcels for share in SCHOOLS}
    fitting: list[Handout] = []
    for one in handouts:
        if sum(known.parcels for known in fitting if known.school == one.school) + one.parcels <= dealt[one.school]:
            fitting.append(one)
    straight, _ = played([handed_out(one) for one in fitting], ready(enrolled))
    order.shuffle(fitting)
    shuffled, _ = played([handed_out(one) for one in fitting], ready(enrolled))
    assert straight.reached == shuffled.reached
