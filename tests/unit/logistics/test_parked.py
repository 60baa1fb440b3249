"""What waits in a consignment: it blocks nobody, is decided whatever came first, and has an end."""

from __future__ import annotations

from itertools import permutations

import pytest

from pandapack.contracts.logistics import ConsignmentClosed, ParcelsDelivered, ParcelState
from pandapack.contracts.procurement import Category, SchoolShare
from pandapack.decision import Decision, Refusal
from services.logistics.domain import consignment
from services.logistics.domain.consignment import Consignment
from tests.unit.logistics.reports_of import (
    NOW,
    ROUND,
    delivered,
    dispatched,
    handed_out,
    handout,
    incurred,
    played,
    proof,
    released,
    stored,
    written_off,
)


def parked_proofs(count: int, *, named: int, school: str = "KH-S99") -> Consignment:
    """A consignment in which so many proofs wait without end, of `named` parcels each."""
    proofs = tuple(proof(f"E-{number}", school, tuple(range(1, named + 1))) for number in range(count))
    return played([stored()])[0].model_copy(update={"parked_deliveries": proofs})


def applied_proofs(count: int, school: str) -> Consignment:
    """One in which so many proofs of a school were applied."""
    proofs = parked_proofs(count, named=1, school=school).parked_deliveries
    return played([stored()])[0].model_copy(update={"deliveries": proofs})


def test_a_handout_that_can_never_come_true_does_not_keep_out_the_one_that_corrects_it() -> None:
    state, events = played(
        [
            stored(),
            dispatched(),
            delivered(proof("P-1", "KH-S01", (1, 2, 3, 4, 5), (6,))),
            delivered(proof("P-2", "KH-S02", (7, 8, 9, 10, 11))),
            handed_out(handout("H-wrong", "KH-S01", 6)),
            handed_out(handout("H-right", "KH-S01", 5)),
            handed_out(handout("H-2", "KH-S02", 5)),
            incurred(Category.FREIGHT, 1),
            incurred(Category.INSURANCE, 1),
            lambda state: consignment.record_duty(state, released()),
        ]
    )
    assert isinstance(events[-1], ConsignmentClosed)
    assert state.parked_handouts == ()
    assert [(one.kind, one.id, one.code) for one in state.turned_down] == [("handout", "H-wrong", "more_than_dealt")]


def test_of_early_proofs_that_name_one_parcel_the_earliest_is_applied_whatever_came_first() -> None:
    later = "2021-05-01T09:00:00+00:00"
    proofs = (
        proof("P-1", "KH-S01", (1, 2)).model_copy(update={"at": later}),
        proof("P-9", "KH-S01", (), (2,)),
        proof("P-3", "KH-S01", (1,)).model_copy(update={"at": later}),
    )
    for order in permutations(proofs):
        state, _ = played([stored(), *(delivered(one) for one in order), dispatched()])
        assert state.ended == {ParcelState.ACCEPTED: (1,), ParcelState.REJECTED: (2,)}
        assert [(one.id, one.code) for one in state.turned_down] == [("P-1", "parcel_ended")]
        assert state.parked_deliveries == ()


def test_a_proof_that_was_filed_before_the_parcels_left_does_not_beat_the_honest_one() -> None:
    early = proof("P-0", "KH-S01", (1, 2)).model_copy(update={"at": "2021-04-30T08:00:00+00:00"})
    state, events = played([stored(), delivered(early), dispatched()])
    assert not [event for event in events if isinstance(event, ParcelsDelivered)]
    assert (state.parked_deliveries, state.ended) == ((), {})
    assert [(one.id, one.code) for one in state.turned_down] == [("P-0", "at_too_early")]
    state, _ = played([delivered(proof("P-0", "KH-S01", (1, 2)))], state)
    assert state.ended == {ParcelState.ACCEPTED: (1, 2)}, "its number is free for the honest one"


def test_a_handout_from_before_the_parcels_left_is_turned_down_when_they_leave() -> None:
    early = handout("H-0", "KH-S01", 1).model_copy(update={"at": "2021-04-30T08:00:00+00:00"})
    state, _ = played([stored(), handed_out(early), dispatched(), delivered(proof("P-1", "KH-S01", (1,)))])
    assert (state.parked_handouts, state.reached) == ((), {})
    assert [(one.kind, one.id, one.code) for one in state.turned_down] == [("handout", "H-0", "at_too_early")]


def test_after_the_end_nothing_waits() -> None:
    state, events = played(
        [
            stored(),
            dispatched(),
            delivered(proof("P-1", "KH-S01", (1, 2, 3, 4, 5), (6,))),
            delivered(proof("P-2", "KH-S02", (7, 8, 9, 10, 11))),
            handed_out(handout("H-1", "KH-S01", 5)),
            handed_out(handout("H-of the rejected", "KH-S01", 1)),
            incurred(Category.FREIGHT, 1),
            incurred(Category.INSURANCE, 1),
            lambda state: consignment.record_duty(state, released()),
            handed_out(handout("H-2", "KH-S02", 5)),
        ]
    )
    assert isinstance(events[-1], ConsignmentClosed) and state.parked_handouts == ()
    assert [(one.id, one.code) for one in state.turned_down] == [("H-of the rejected", "consignment_closed")]


def test_once_parcels_have_left_no_proof_waits() -> None:
    many = [delivered(proof(f"P-{number}", "KH-S01", (1, number))) for number in range(2, 7)]
    state, _ = played([stored(), *many, dispatched()])
    assert (len(state.deliveries), len(state.parked_deliveries), len(state.turned_down)) == (1, 0, 4)


def test_what_waits_without_end_does_not_keep_out_what_has_its_turn() -> None:
    waiting = tuple(handout(f"H-{number}", "KH-S01", 6) for number in range(consignment.PARKED_A_SCHOOL_MAX))
    full, _ = played([stored(), dispatched(), *(handed_out(one) for one in waiting)])
    refusal = consignment.hand_out(full, handout("H", "KH-S01", 6), NOW)
    assert isinstance(refusal, Refusal) and refusal.code == "parked_too_many"
    full, _ = played([delivered(proof("P-1", "KH-S01", (1, 2)))], full)
    decision = consignment.hand_out(full, handout("H", "KH-S01", 2), NOW)
    assert isinstance(decision, Decision) and decision.answer["parked"] is False


def test_what_one_school_has_waiting_takes_no_room_from_another() -> None:
    own = [delivered(proof(f"P-{number}", "KH-S01", (1,))) for number in range(consignment.PARKED_A_SCHOOL_MAX)]
    state, _ = played([stored(), *own])
    refusal = consignment.deliver(state, proof("P", "KH-S01", (1,)), NOW)
    assert isinstance(refusal, Refusal) and refusal.code == "parked_too_many"
    assert isinstance(consignment.deliver(state, proof("P", "KH-S02", (7,)), NOW), Decision)


def with_schools(count: int) -> Consignment:
    """A consignment for so many schools, of a parcel each."""
    schools = tuple(
        SchoolShare(school=f"KH-{number:04d}", district="Siem Reap", pupils=9, parcels=2) for number in range(count)
    )
    return played([stored()])[0].model_copy(
        update={"schools": schools, "stored": 2 * count, "round_parcels": 2 * count}
    )


def test_a_school_has_room_for_so_many_reports_of_a_round_and_no_more() -> None:
    most = consignment.REPORTS_A_SCHOOL_MAX
    assert isinstance(
        consignment.deliver(applied_proofs(most - 1, "KH-S01"), proof("P", "KH-S01", (1,)), NOW), Decision
    )
    full = applied_proofs(most, "KH-S01")
    refusal = consignment.deliver(full, proof("P", "KH-S01", (1,)), NOW)
    assert isinstance(refusal, Refusal) and refusal.code == "reports_too_many"
    handouts = tuple(handout(f"H-{number}", "KH-S01", 1) for number in range(most))
    full = played([stored()])[0].model_copy(update={"handouts": handouts})
    refusal = consignment.hand_out(full, handout("H", "KH-S01", 1), NOW)
    assert isinstance(refusal, Refusal) and refusal.code == "reports_too_many"


def test_however_much_others_report_each_school_has_room_for_one_proof() -> None:
    state, others = with_schools(consignment.REPORTS_MAX), consignment.REPORTS_MAX - 1
    proofs = [proof(f"P-{number}", f"KH-{number:04d}", (2 * number + 1,)) for number in range(others)]
    state = state.model_copy(update={"deliveries": tuple(proofs), "dispatched": True})
    second = consignment.deliver(state, proof("P", "KH-0000", (2,)), NOW)
    assert isinstance(second, Refusal) and second.code == "reports_too_many"
    last = consignment.deliver(state, proof("P", f"KH-{others:04d}", (2 * others + 1,)), NOW)
    assert isinstance(last, Decision)


def test_a_warehouse_names_several_parcels_in_one_loss_report() -> None:
    reports = tuple(f"W-{number}" for number in range(consignment.WRITE_OFFS_MAX))
    state = played([stored()])[0].model_copy(update={"written_off": reports})
    refusal = written_off("W", (1,))(state)
    assert isinstance(refusal, Refusal) and refusal.code == "reports_too_many"


TOO_MUCH = [
    ("proofs", parked_proofs(consignment.PARKED_MAX, named=1)),
    ("parcels of proofs", parked_proofs(2, named=consignment.PARKED_ORDINALS_MAX // 2)),
]


@pytest.mark.parametrize(("what", "state"), TOO_MUCH, ids=[row[0] for row in TOO_MUCH])
def test_proofs_that_wait_have_an_end(what: str, state: Consignment) -> None:
    refusal = consignment.deliver(state, proof("P-1", "KH-S01", (1,)), NOW)
    assert isinstance(refusal, Refusal) and refusal.code == "parked_too_many", what


def test_one_proof_fewer_still_has_room() -> None:
    for state in (
        parked_proofs(consignment.PARKED_MAX - 1, named=1),
        parked_proofs(1, named=consignment.PARKED_ORDINALS_MAX - 1),
    ):
        decision = consignment.deliver(state, proof("P-1", "KH-S01", (1,)), NOW)
        assert isinstance(decision, Decision) and decision.answer["parked"] is True


def test_handouts_that_wait_have_an_end() -> None:
    waiting = tuple(handout(f"H-{number}", "KH-S02", 1) for number in range(consignment.PARKED_MAX))
    full = played([stored()])[0].model_copy(update={"parked_handouts": waiting})
    refusal = consignment.hand_out(full, handout("H", "KH-S01", 1), NOW)
    assert isinstance(refusal, Refusal) and refusal.code == "parked_too_many"


BROKEN = [
    ("two states", {ParcelState.ACCEPTED: (1, 2), ParcelState.LOST: (2,)}),
    ("one state twice", {ParcelState.ACCEPTED: (1, 1)}),
    ("never stored", {ParcelState.LOST: (12,)}),
    ("ordinal nought", {ParcelState.LOST: (0,)}),
    ("ended in transit", {ParcelState.IN_TRANSIT: (3,)}),
]


@pytest.mark.parametrize(("what", "ended"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_parcel_that_is_not_in_exactly_one_state_crashes_the_decision(
    what: str, ended: dict[ParcelState, tuple[int, ...]]
) -> None:
    broken = played([stored()])[0].model_copy(update={"ended": ended})
    with pytest.raises(AssertionError, match=ROUND):
        consignment.hand_out(broken, handout("H", "KH-S01", 1), NOW)


def test_each_ordinal_is_in_one_state_and_all_of_them_are_the_stored() -> None:
    state, _ = played([stored(), dispatched(), delivered(proof("P-1", "KH-S01", (1, 2), (4,)))])
    by_state = consignment.ordinals(state)
    assert by_state[ParcelState.IN_TRANSIT] == (3, 5, 6, 7, 8, 9, 10, 11)
    assert sorted(one for some in by_state.values() for one in some) == list(range(1, 12))
    assert {one: len(some) for one, some in by_state.items()} == consignment.counts(state)
