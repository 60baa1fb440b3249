"""Pupils counted three times, each in its own way: by logistics' decision, by the public log, by the audit."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pandapack.audit.findings import Findings
from pandapack.audit.pupils import PupilsLaw
from pandapack.audit.reading import KeptEvent
from pandapack.contracts.envelope import Event, encode, envelop
from pandapack.contracts.logistics import ParcelsDelivered, ParcelsHandedOut, pupils_of
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.fold.figures import totals
from tests.unit.contracts.test_public_fold import VEIL, Account
from tests.unit.logistics.reports_of import AT, ROUND
from tests.unit.logistics.test_pupils import ENROLLED, FIRST, REPORTS, reports_in_any_order
from tests.unit.reporting.history import AT as APPENDED_AT
from tests.unit.reporting.history import bought

SAMPLE = Path(__file__).parents[1] / "contracts" / "samples" / "logistics.ParcelsHandedOut.json"


def recounted(events: Sequence[Event]) -> tuple[int, int, list[str]]:
    """Pupils reached and over-reported, and what is found wrong."""
    findings = Findings()
    law, reached, over_reported = PupilsLaw(findings), 0, 0
    for number, event in enumerate(events, 1):
        data = json.loads(event.model_dump_json())
        heads = law.heads(KeptEvent(f"s#{number}", "s", number, event.TYPE, data, AT))
        reached, over_reported = reached + heads[0], over_reported + heads[1]
    law.compare_enrolment()
    return reached, over_reported, [cause.text for cause in findings.causes()]


@given(REPORTS, ENROLLED, st.randoms(use_true_random=False))
def test_public_log_and_audit_count_the_same_pupils_whatever_schools_report(
    reports: list[tuple[str, int, int, int]], enrolled: tuple[int, int], order: random.Random
) -> None:
    _, events = reports_in_any_order(reports, enrolled, order)
    envelopes = [envelop(event, source="/s/1", number=n, at=APPENDED_AT) for n, event in enumerate(events, 1)]
    entries = [entry for one in envelopes for entry in entries_of([Journaled(one, encode(one))], APPENDED_AT, VEIL)]
    account = Account(entries)
    *figures, found = recounted(events)
    own, shown = tuple(figures), totals(account.books)
    assert own == (shown["pupils_reached"], shown["pupils_over_reported"])
    rounds = account.rounds.values()
    assert own == (sum(one.pupils for one in rounds), sum(one.over_reported for one in rounds))
    assert found == []


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
        assert recounted(events)[0] == 1
    assert recounted(spoilt(girls=3))[1] == 2


def test_a_decision_that_the_law_does_not_give_is_a_difference() -> None:
    *_, found = recounted(spoilt(pupils_reached=9_000))
    assert found == [f"journal s#2: pupils reached at {FIRST}: by the law 1, it states 9000"]


def test_an_enrolment_that_procurement_did_not_publish_is_a_difference() -> None:
    _, round_opened = bought("R-000007", "KH")[0]
    (first, *others) = round_opened.schools  # type: ignore[attr-defined]
    for enrolled in (5, 6):
        schools = (first.model_copy(update={"school": FIRST, "pupils": 5}), *others)
        known = round_opened.model_copy(update={"round": ROUND, "schools": schools})
        *_, found = recounted([*spoilt(enrolled=enrolled), known])
        told = [f"round {ROUND}: pupils enrolled at {FIRST}: published 5, handouts tell of 6"]
        assert found == (told if enrolled == 6 else [])


def test_of_a_handout_of_an_older_release_no_more_pupils_count_than_it_gave_parcels() -> None:
    older = ParcelsHandedOut.model_validate_json(SAMPLE.read_bytes())
    assert (older.pupils_reached, older.girls + older.boys, older.parcels) == (None, 240, 120)
    assert pupils_of(older) == (120, 120)
