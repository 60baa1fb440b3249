"""Pupils counted three times, each in its own way: by logistics' decision, by reporting's views, by the audit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pandapack.cli.recount import Recount
from pandapack.cli.recount_pupils import PupilsRecount
from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import ParcelsDelivered, ParcelsHandedOut, pupils_of
from services.reporting.domain.parcels import Destinations, ParcelStates, move, reach
from services.reporting.domain.rounds.fold import evolve
from services.reporting.domain.rounds.state import Round
from tests.unit.logistics.reports_of import AT, ROUND
from tests.unit.logistics.test_pupils import ENROLLED, FIRST, REPORTS, reports_in_any_order
from tests.unit.reporting.history import funded

SAMPLE = Path(__file__).parents[1] / "contracts" / "samples" / "logistics.ParcelsHandedOut.json"


def recounted(events: Sequence[Event]) -> Recount:
    count, pupils = Recount(), PupilsRecount()
    for event in events:
        pupils.note(event)
    pupils.book(count)
    return count


@given(REPORTS, ENROLLED, st.randoms(use_true_random=False))
def test_views_and_audit_count_the_same_pupils_whatever_schools_report(
    reports: list[tuple[str, int, int, int]], enrolled: tuple[int, int], order: random.Random
) -> None:
    _, events = reports_in_any_order(reports, enrolled, order)
    states, schools, round = ParcelStates(), Destinations(), Round()
    for event in events:
        states = move(states, event).state
        if isinstance(event, ParcelsDelivered | ParcelsHandedOut):
            schools, round = reach(schools, event).state, evolve(round, event, AT).state
    count = recounted(events)
    own = (count.books.pupils, count.books.pupils_over_reported)
    for books in (*count.countries.values(), *count.rounds.values()):
        assert (books.pupils, books.pupils_over_reported) == own
    assert own == (round.pupils, round.over_reported)
    for figures in (states.countries.values(), schools.schools.values()):
        assert own == (sum(one.pupils for one in figures), sum(one.over_reported for one in figures))
    assert count.differences == []


def spoilt(**changed: int) -> list[Event]:
    """One parcel accepted and handed out to one of five pupils; the handout changed afterwards."""
    delivered = ParcelsDelivered(
        round=ROUND,
        programme="p",
        country="KH",
        school=FIRST,
        district="d",
        delivery="P-1",
        accepted=(1,),
        rejected=(),
        at=AT,
        document="0" * 64,
    )
    handed_out = ParcelsHandedOut(
        round=ROUND,
        programme="p",
        country="KH",
        school=FIRST,
        district="d",
        handout="H-1",
        parcels=1,
        girls=1,
        boys=0,
        at=AT,
        enrolled=5,
        pupils_reached=1,
        pupils_over_reported=0,
    )
    return [delivered, handed_out.model_copy(update=changed)]


def test_the_audit_counts_from_what_was_reported_and_not_from_what_was_decided() -> None:
    for events in (spoilt(), spoilt(pupils_reached=9_000), spoilt(parcels=7, girls=7)):
        assert recounted(events).books.pupils == 1
    assert recounted(spoilt(girls=3)).books.pupils_over_reported == 2


def test_an_enrolment_that_procurement_did_not_publish_is_a_difference() -> None:
    _, round_funded = funded(7, "KH", ())
    (first, *others) = round_funded.schools  # type: ignore[attr-defined]
    for enrolled in (5, 6):
        schools = (first.model_copy(update={"school": FIRST, "pupils": 5}), *others)
        known = round_funded.model_copy(update={"round": ROUND, "schools": schools})
        found = recounted([*spoilt(enrolled=enrolled), known]).differences
        told = [f"round {ROUND}: pupils enrolled at {FIRST}: recounted 5, shown 6"]
        assert found == (told if enrolled == 6 else [])


def test_of_a_handout_of_an_older_release_no_more_pupils_count_than_it_gave_parcels() -> None:
    older = ParcelsHandedOut.model_validate_json(SAMPLE.read_bytes())
    assert (older.pupils_reached, older.girls + older.boys, older.parcels) == (None, 240, 120)
    assert pupils_of(older) == (120, 120)
