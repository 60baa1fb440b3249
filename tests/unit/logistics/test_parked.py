"""What waits in a consignment: it blocks nobody, is decided whatever came first, and has an end."""

from __future__ import annotations

from itertools import permutations

import pytest

from pandapack.contracts.logistics import ConsignmentClosed, ParcelState
from pandapack.contracts.procurement import Category
from pandapack.decision import Decision, Refusal
from services.logistics.domain import consignment
from services.logistics.domain.consignment import Consignment
from tests.unit.logistics.reports_of import (
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
)


def parked_proofs(count: int, *, named: int, school: str = "KH-S99") -> Consignment:
    """A consignment in which so many proofs wait without end, of `named` parcels each."""
    proofs = tuple(proof(f"E-{number}", school, tuple(range(1, named + 1))) for number in range(count))
    return Consignment(round=ROUND, parked_deliveries=proofs)


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
    assert [one.handout for one in state.parked_handouts] == ["H-wrong"]


def test_of_early_proofs_that_name_one_parcel_the_earliest_is_applied_whatever_came_first() -> None:
    earlier = proof("P-9", "KH-S01", (), (2,)).model_copy(update={"at": "2021-04-30T08:00:00+00:00"})
    ends = []
    for order in permutations((proof("P-1", "KH-S01", (1, 2)), earlier, proof("P-3", "KH-S01", (1,)))):
        state, _ = played([*(delivered(one) for one in order), stored(), dispatched()])
        ends.append((state.ended, {one.delivery for one in state.parked_deliveries}))
    assert all(end == ends[0] for end in ends)
    assert ends[0] == ({ParcelState.ACCEPTED: (1,), ParcelState.REJECTED: (2,)}, {"P-1"})


def test_what_waits_without_end_does_not_keep_out_what_has_its_turn() -> None:
    full, _ = played([stored(), dispatched()], parked_proofs(consignment.PARKED_MAX, named=1))
    decision = consignment.deliver(full, proof("P-1", "KH-S01", (1, 2)))
    assert isinstance(decision, Decision) and decision.answer["parked"] is False
    assert decision.state.ended == {ParcelState.ACCEPTED: (1, 2)}


TOO_MUCH = [
    ("proofs", parked_proofs(consignment.PARKED_MAX, named=1), "parked_too_many"),
    ("parcels of proofs", parked_proofs(2, named=consignment.PARKED_ORDINALS_MAX // 2), "parked_too_many"),
    (
        "applied proofs",
        Consignment(round=ROUND, deliveries=parked_proofs(consignment.PROOFS_MAX, named=1).parked_deliveries),
        "proofs_too_many",
    ),
]


@pytest.mark.parametrize(("what", "state", "code"), TOO_MUCH, ids=[row[0] for row in TOO_MUCH])
def test_proofs_have_an_end(what: str, state: Consignment, code: str) -> None:
    refusal = consignment.deliver(state, proof("P-1", "KH-S01", (1,)))
    assert isinstance(refusal, Refusal) and refusal.code == code, what


def test_one_proof_fewer_still_has_room() -> None:
    for state in (
        parked_proofs(consignment.PARKED_MAX - 1, named=1),
        parked_proofs(1, named=consignment.PARKED_ORDINALS_MAX - 1),
        Consignment(round=ROUND, deliveries=parked_proofs(consignment.PROOFS_MAX - 1, named=1).parked_deliveries),
    ):
        decision = consignment.deliver(state, proof("P-1", "KH-S01", (1,)))
        assert isinstance(decision, Decision) and decision.answer["parked"] is True


def test_handouts_that_wait_have_an_end() -> None:
    waiting = tuple(handout(f"H-{number}", "KH-S01", 1) for number in range(consignment.PARKED_MAX))
    refusal = consignment.hand_out(Consignment(round=ROUND, parked_handouts=waiting), handout("H", "KH-S01", 1))
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
        consignment.hand_out(broken, handout("H", "KH-S01", 1))


def test_each_ordinal_is_in_one_state_and_all_of_them_are_the_stored() -> None:
    state, _ = played([stored(), dispatched(), delivered(proof("P-1", "KH-S01", (1, 2), (4,)))])
    by_state = consignment.ordinals(state)
    assert by_state[ParcelState.IN_TRANSIT] == (3, 5, 6, 7, 8, 9, 10, 11)
    assert sorted(one for some in by_state.values() for one in some) == list(range(1, 12))
    assert {one: len(some) for one, some in by_state.items()} == consignment.counts(state)
