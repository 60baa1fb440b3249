"""The consignment: each parcel in one state, whatever is reported in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import (
    ConsignmentClosed,
    ConsignmentOpened,
    ParcelsDelivered,
    ParcelsDispatched,
    ParcelsHandedOut,
    ParcelsStored,
    ParcelState,
    ParcelsWrittenOff,
)
from pandapack.contracts.procurement import Category
from pandapack.decision import Decision, Refusal, RefusalKind
from services.logistics.domain import consignment
from services.logistics.domain.consignment import Consignment, ConsignmentStatus
from tests.unit.logistics.reports_of import (
    PACKED_AT,
    ROUND,
    STEPS,
    Step,
    delivered,
    departed,
    dispatched,
    handed_out,
    handout,
    incurred,
    packed,
    played,
    proof,
    released,
    stored,
    written_off,
)

END = {"accepted": 8, "rejected": 1, "damaged": 1, "lost": 1, "returned": 0}


def answer_of(state: Consignment, step: Step) -> dict[str, object]:
    decision = step(state)
    assert isinstance(decision, Decision)
    return decision.answer


def test_parcels_wait_in_the_warehouse_until_all_are_there_and_the_shipment_has_left() -> None:
    state, events = played([lambda s: consignment.store_parcels(s, packed(1, 6), PACKED_AT), dispatched()])
    assert [type(event) for event in events] == [ConsignmentOpened, ParcelsStored]
    assert consignment.counts(state)[ParcelState.WAREHOUSE] == 6
    state, events = played([lambda s: consignment.store_parcels(s, packed(7, 5), PACKED_AT)], state)
    assert [type(event) for event in events] == [ParcelsStored, ParcelsDispatched]
    assert consignment.counts(state)[ParcelState.IN_TRANSIT] == 11


def test_what_was_lost_in_the_warehouse_is_not_dispatched() -> None:
    _, events = played([stored(), written_off("W-1", (2, 5)), dispatched()])
    off, left = events[-2:]
    assert isinstance(off, ParcelsWrittenOff) and (off.was, off.now) == (ParcelState.WAREHOUSE, ParcelState.LOST)
    assert isinstance(left, ParcelsDispatched) and left.count == 9


def test_a_proof_before_its_parcels_are_in_transit_waits_and_is_applied_when_they_are() -> None:
    early = delivered(proof("P-1", "KH-S01", (1, 2)))
    assert answer_of(played([stored()])[0], early)["parked"] is True
    state, events = played([stored(), early])
    assert not [event for event in events if isinstance(event, ParcelsDelivered)]
    state, events = played([dispatched()], state)
    assert [type(event) for event in events] == [ParcelsDispatched, ParcelsDelivered]
    assert state.parked_deliveries == ()


def test_a_handout_waits_for_the_parcels_that_it_gives_away() -> None:
    state, _ = played([stored(), dispatched(), handed_out(handout("H-1", "KH-S01", 2))])
    assert len(state.parked_handouts) == 1
    _, events = played([delivered(proof("P-1", "KH-S01", (1, 2)))], state)
    assert [type(event) for event in events] == [ParcelsDelivered, ParcelsHandedOut]


def test_of_a_round_of_which_nothing_is_packed_nothing_is_kept() -> None:
    for step in (
        delivered(proof("P-1", "KH-S01", (1,))),
        handed_out(handout("H-1", "KH-S01", 1)),
        incurred(Category.FREIGHT, 5),
        written_off("W-1", (1,)),
    ):
        refusal = step(Consignment(round="R-999999"))
        assert isinstance(refusal, Refusal) and (refusal.code, refusal.kind) == ("round_unknown", RefusalKind.NOT_FOUND)


def facts(events: list[Event]) -> list[str]:
    """The events, but for where a parcel was when it was written off, which may be reported before it had left."""
    same = [event for event in events if not isinstance(event, ParcelsWrittenOff | ParcelsDispatched)]
    return sorted(f"{event.TYPE} {event.model_dump_json()}" for event in same)


@settings(max_examples=60)
@given(st.permutations(STEPS[1:]), st.integers(0, len(STEPS)), st.integers(0, len(STEPS)))
def test_the_end_is_the_same_in_whatever_order_things_are_reported(
    steps: list[tuple[str, Step]], lost_after: int, damaged_after: int
) -> None:
    order = [stored(), *(step for _, step in steps)]
    for index, step in sorted(
        [
            (max(1, lost_after), written_off("W-1", (6,))),
            (max(1, damaged_after), written_off("W-2", (11,), ParcelState.DAMAGED)),
        ],
        key=lambda one: -one[0],
    ):
        order.insert(index, step)
    state, events = played(order)
    _, straight = played(
        [*(step for _, step in STEPS), written_off("W-1", (6,)), written_off("W-2", (11,), ParcelState.DAMAGED)]
    )
    assert state.status is ConsignmentStatus.CLOSED
    closed = events[-1]
    assert isinstance(closed, ConsignmentClosed)
    assert {name: getattr(closed, name) for name in END} == END
    assert facts(events) == facts(straight)


def test_only_the_first_leg_takes_parcels_out_of_the_warehouse() -> None:
    state, _ = played([stored()])
    assert consignment.depart(state, departed(leg=2)) == Decision(state)


def test_a_shipment_that_leaves_after_all_is_over_moves_nothing() -> None:
    costs = [incurred(Category.FREIGHT, 1), incurred(Category.INSURANCE, 1)]
    state, events = played(
        [stored(), written_off("W", tuple(range(1, 12))), *costs, lambda s: consignment.record_duty(s, released())]
    )
    assert isinstance(events[-1], ConsignmentClosed) and events[-1].lost == 11
    state, events = played([dispatched()], state)
    assert (events, state.status) == ([], ConsignmentStatus.CLOSED)


def test_a_departure_and_a_release_that_come_again_change_nothing() -> None:
    state, _ = played([stored(), dispatched(), lambda s: consignment.record_duty(s, released())])
    assert consignment.depart(state, departed()) == Decision(state)
    assert consignment.record_duty(state, released()) == Decision(state)


def ready() -> Consignment:
    steps = [delivered(proof("P-0", "KH-S01", (1,))), handed_out(handout("H-0", "KH-S01", 1)), written_off("W-0", (3,))]
    return played([stored(), dispatched(), *steps])[0]


def over() -> Consignment:
    steps = [step for _, step in STEPS]
    return played([*steps, written_off("W-1", (6,)), written_off("W-2", (11,))])[0]


REFUSED: list[tuple[str, Consignment, Step, str, RefusalKind]] = [
    (
        "a loss of nothing known",
        Consignment(round=ROUND),
        written_off("W", (1,)),
        "round_unknown",
        RefusalKind.NOT_FOUND,
    ),
    ("a parcel that is none", ready(), written_off("W", (12,)), "parcel_unknown", RefusalKind.INVALID),
    ("a loss named twice", ready(), written_off("W", (2, 2)), "parcel_unknown", RefusalKind.INVALID),
    ("a loss of what has ended", ready(), written_off("W", (1,)), "parcel_ended", RefusalKind.CONFLICT),
    ("a report known", ready(), written_off("W-0", (4,)), "report_known", RefusalKind.CONFLICT),
    ("a handout known", ready(), handed_out(handout("H-0", "KH-S01", 1)), "handout_known", RefusalKind.CONFLICT),
    (
        "a handout known that waits",
        played([stored(), handed_out(handout("H-1", "KH-S01", 1))])[0],
        handed_out(handout("H-1", "KH-S01", 1)),
        "handout_known",
        RefusalKind.CONFLICT,
    ),
    ("a proof known", ready(), delivered(proof("P-0", "KH-S01", (2,))), "delivery_known", RefusalKind.CONFLICT),
    ("a proof of nothing", ready(), delivered(proof("P-1", "KH-S01", ())), "nothing_delivered", RefusalKind.INVALID),
    (
        "a parcel twice",
        ready(),
        delivered(proof("P-1", "KH-S01", (2,), (2,))),
        "parcel_named_twice",
        RefusalKind.INVALID,
    ),
    (
        "a rejection without a reason",
        ready(),
        delivered(proof("P-1", "KH-S01", (), (2,)).model_copy(update={"reason": None})),
        "reason_missing",
        RefusalKind.INVALID,
    ),
    (
        "another school's parcel",
        ready(),
        delivered(proof("P-1", "KH-S01", (7,))),
        "parcel_of_another_school",
        RefusalKind.INVALID,
    ),
    ("an unknown school", ready(), delivered(proof("P-1", "KH-S99", (2,))), "school_unknown", RefusalKind.INVALID),
    (
        "a parcel delivered twice",
        ready(),
        delivered(proof("P-1", "KH-S01", (1,))),
        "parcel_ended",
        RefusalKind.CONFLICT,
    ),
    (
        "more handed out than dealt",
        ready(),
        handed_out(handout("H", "KH-S02", 6)),
        "more_than_dealt",
        RefusalKind.INVALID,
    ),
    (
        "a handout at an unknown school",
        ready(),
        handed_out(handout("H", "KH-S99", 1)),
        "school_unknown",
        RefusalKind.INVALID,
    ),
    (
        "a second freight cost",
        played([incurred(Category.FREIGHT, 1)], ready())[0],
        incurred(Category.FREIGHT, 2),
        "cost_known",
        RefusalKind.CONFLICT,
    ),
    (
        "a proof after the end",
        over(),
        delivered(proof("P-9", "KH-S01", (2,))),
        "consignment_closed",
        RefusalKind.CONFLICT,
    ),
    (
        "a handout after the end",
        over(),
        handed_out(handout("H-9", "KH-S01", 1)),
        "consignment_closed",
        RefusalKind.CONFLICT,
    ),
    ("a loss after the end", over(), written_off("W-9", (2,)), "consignment_closed", RefusalKind.CONFLICT),
]


@pytest.mark.parametrize(("what", "state", "step", "code", "kind"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_true_is_refused_by_name(
    what: str, state: Consignment, step: Step, code: str, kind: RefusalKind
) -> None:
    refusal = step(state)
    assert isinstance(refusal, Refusal), what
    assert (refusal.code, refusal.kind) == (code, kind)
