"""Any id opens one time line: of its own events, what caused them and what they caused, across all services."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest

from pandapack.contracts.envelope import encode, envelop, known_types
from pandapack.contracts.procurement import FenInterval
from pandapack.decision import Refusal
from pandapack.runtime.documents import MemoryRows
from services.reporting.api.journey_words import _BOTH, event_words, step_words
from services.reporting.api.journeys import journey_path, shown_journey
from services.reporting.api.rendering import rendered, texts_of
from services.reporting.domain.journeys.steps import STEP_NAMES, Step
from services.reporting.domain.journeys.subjects import Kind, kind_by_form
from services.reporting.domain.trace import FenState, Piece
from services.reporting.handlers import event_of
from services.reporting.store.journal import Journal
from services.reporting.store.journey_index import JourneyIndex
from services.reporting.work.journey_indexing import JourneyIndexing
from services.reporting.work.projector import Projector
from tests.unit.reporting.history import (
    AT,
    FakeRecord,
    credited,
    donations,
    enveloped,
    finished,
    funded,
    programme,
    records,
)
from tests.unit.reporting.journeyed import caused_by, events_of, journaled, journeys_of, told_of
from tests.unit.reporting.world import World

ROUND, SHIPMENT = "R-000002", "SH-R-000002"
FUND, SHARD = "/procurement/funds/love-parcel", "/donations/shards/0"
PUSHED = {
    "state": "judged",
    "at": AT.isoformat(),
    "ends": {"0": 7},
    **dict.fromkeys(("accepted", "rejected", "counted", "duplicates", "conflicts", "parked"), 0),
}


@pytest.fixture
async def world() -> World:
    world = World()
    await journaled(world, records(enveloped(finished())))
    return world


def caused_records() -> list[FakeRecord]:
    """A record that was pushed, the page that it is on, the fund's credit, and the round: each names its cause."""
    page = donations(0, 0, 0, [5] * 202)[1]
    credit, round = credited(0, 1010, 1010)[1], funded(1, "NP", [FenInterval(shard=0, fen_from=0, fen_to=1010)])[1]
    told = [
        envelop(page, source=SHARD, number=1, at=AT, causation=caused_by("donations.pushed/0#5-9")),
        envelop(credit, source=FUND, number=1, at=AT, causation=caused_by(f"{SHARD}#1")),
        envelop(round, source=FUND, number=2, at=AT),
    ]
    return [
        FakeRecord(f"{one.source.split('/')[1]}.events", 0, offset, 1_700_000_000_000 + offset, encode(one))
        for offset, one in enumerate(told)
    ]


async def test_a_round_has_its_events_of_both_services_in_one_line(world: World) -> None:
    journey = await told_of(journeys_of(world), Kind.ROUND, ROUND)
    assert {one.service for one in journey.events} == {"procurement", "logistics"}
    assert {one.round for one in journey.events if one.key in journey.own} == {ROUND}
    assert journey.step is None, "it is closed"


async def test_pages_of_a_journey_have_each_of_its_own_events_once(world: World) -> None:
    whole = await told_of(journeys_of(world), Kind.ROUND, ROUND, limit=200)
    seen, after = list[str](), ""
    for _ in range(20):
        page = await told_of(journeys_of(world), Kind.ROUND, ROUND, after=after, limit=5)
        seen += sorted(page.own)
        if page.next_page is None:
            break
        after = page.next_page
    assert sorted(seen) == sorted(whole.own)


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        (ROUND, Kind.ROUND),
        (f"{ROUND}-0007", Kind.PARCEL),
        (SHIPMENT, Kind.SHIPMENT),
        (f"O-{ROUND}-goods", Kind.ORDER),
        ("S-2", Kind.SCHOOL),
        (f"P-{ROUND}", Kind.LOT),
        ("L-G-1", Kind.LOT),
        ("N-MM", Kind.NEED),
        (f"procurement/rounds/{ROUND}#1", Kind.EVENT),
    ],
)
async def test_an_id_is_found_by_its_form_or_by_the_index(world: World, id: str, kind: Kind) -> None:
    journeys = journeys_of(world)
    assert await journeys.kind_of(id, has_day=False) is kind
    assert (await told_of(journeys, kind, id)).own


def test_what_is_named_by_platform_and_merchant_is_a_gift_where_a_day_is_said() -> None:
    assert kind_by_form("shop/M-1/42", has_day=True) is Kind.DONATION
    assert kind_by_form("shop/M-1/42", has_day=False) is Kind.REVERSAL


async def test_what_nobody_knows_is_refused(world: World) -> None:
    found = await journeys_of(world).kind_of("R-009999", has_day=False)
    assert isinstance(found, Refusal)
    assert found.code == "journey_unknown"


async def test_a_parcel_has_its_own_delivery_and_handout_and_no_other_school_s(world: World) -> None:
    journey = await told_of(journeys_of(world), Kind.PARCEL, f"{ROUND}-0008")
    schools = {one.data["school"] for one in journey.events if "school" in one.data}
    assert schools == {"S-2"}
    assert {"logistics.ParcelsDelivered", "logistics.ParcelsHandedOut"} <= {one.type for one in journey.events}


async def test_a_shipment_shows_when_its_next_step_became_overdue() -> None:
    world = World()
    await journaled(world, records(enveloped(programme()[:28])))
    late = journeys_of(world, now=AT + timedelta(days=400))
    journey = await told_of(late, Kind.ROUND, "R-000001")
    shown = shown_journey(journey)["next"]
    assert shown is not None
    assert shown["overdue_since"] == shown["due"]
    assert set(shown["what"]) == {"en", "zh"}


async def test_a_push_leads_from_its_record_over_the_fund_to_the_round_that_it_paid_for() -> None:
    world = World()
    await journaled(world, caused_records())
    journey = await told_of(journeys_of(world, pushes={"psh_1": PUSHED}), Kind.PUSH, "psh_1")
    assert [one.type.partition(".")[2] for one in journey.events] == [
        "DonationsRecorded",
        "FundCredited",
        "RoundFunded",
    ]
    shown = shown_journey(journey)["events"]
    assert shown[0]["type"] == "push"
    assert shown[1]["caused"] == [f"{FUND}#1"]
    assert shown[2]["causes"] == [f"{SHARD}#1"]


async def test_an_event_shows_what_caused_it_and_what_it_caused() -> None:
    world = World()
    await journaled(world, caused_records())
    journey = await told_of(journeys_of(world), Kind.EVENT, f"{FUND}#1")
    assert [one.key[-1] + one.type for one in journey.events] == [
        "1donations.DonationsRecorded",
        "1procurement.FundCredited",
        "2procurement.RoundFunded",
    ]
    assert journey.own == {f"{FUND}#000000000001"}


async def test_a_gift_is_followed_to_the_event_that_recorded_it_and_to_its_own_parcel(world: World) -> None:
    trace = SimpleNamespace(
        donation={
            "at_us": 0,
            "amount_fen": 5,
            "programme": "love-parcel",
            "page": "0000/0000000001",
            "fen_from": 700,
        },
        pieces=[Piece(700, 705, FenState.FUNDED, (), ROUND, 8, 97)],
    )
    journey = await told_of(journeys_of(world, trace=trace), Kind.DONATION, "shop/M0/x")
    assert journey.own == {f"{SHARD}#000000000002"}
    assert {one.data["school"] for one in journey.events if "school" in one.data} == {"S-2"}


async def test_a_parked_reversal_waits_for_a_person(world: World) -> None:
    known = {"at": AT.isoformat(), "page": "0000/0000000000", "state": "parked", "amount_fen": 5, "donation": "d"}
    journeys = journeys_of(world, now=AT + timedelta(days=9), reversals={"shop:M0/r": known})
    shown = shown_journey(await told_of(journeys, Kind.REVERSAL, "shop/M0/r"))
    assert shown["next"] is not None
    assert shown["next"]["step"] == "reversal_decided"
    assert shown["next"]["overdue_since"] is not None


async def test_what_was_journaled_before_there_was_an_index_is_indexed_once() -> None:
    world, rows, index = World(), MemoryRows("journal"), JourneyIndex(MemoryRows("journeys"))
    unindexed = replace(world.stores, journal=Journal(rows, JourneyIndex(MemoryRows("lost"))))
    projector = Projector(unindexed)
    for record in records(enveloped(finished())):
        if record.topic != "donations.events":
            await projector.project_views([event_of(record, record.topic)])
    journal, archive = Journal(rows, index), Journal(MemoryRows("archive"), index)
    assert await index.events_about(f"round/{ROUND}", after="", limit=100) == []
    indexing = JourneyIndexing(journal, archive, index)
    while await indexing.run():
        pass
    assert len(await index.events_about(f"round/{ROUND}", after="", limit=100)) > 20
    assert await index.progress("procurement.events/0") is None, "it is not walked again"


def test_every_type_of_event_and_every_step_has_words_in_both_languages() -> None:
    for name in known_types():
        if name.startswith(("donations.", "procurement.", "logistics.")):
            envelope = msgspec.structs.replace(enveloped([credited(0, 1, 1)])[0], type=name)
            found = event_words(events_of([envelope])[0])
            assert "no words" not in found["en"], name
    for step in STEP_NAMES:
        assert all(step_words(Step(step, None)).values())
    assert set(_BOTH) == {"en", "zh"}


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_journey_s_page_has_every_event_with_its_raw_text_and_a_command(world: World, lang: str) -> None:
    journey = shown_journey(await told_of(journeys_of(world), Kind.ROUND, ROUND), with_raw=True)
    html = await rendered(
        "journey.html",
        texts_of(lang, ""),
        "?lang=en",
        journey=journey,
        refused=None,
        journey_id=ROUND,
        journey_day="",
        address="http://127.0.0.1:8100",
        path_of=journey_path,
        is_demonstration=False,
    )
    assert html.count("<details>") == html.count("<li class=") == len(journey["events"])
    assert html.count("/v1/journal?source=") == len(journey["events"])
    assert f'value="{ROUND}"' in html


async def test_a_page_of_an_unknown_id_says_why_and_keeps_the_search_field() -> None:
    html = await rendered(
        "journey.html",
        texts_of("en", ""),
        "?lang=zh",
        journey=None,
        refused="nobody knows it",
        journey_id="x",
        journey_day="",
        address="",
        path_of=journey_path,
        is_demonstration=False,
    )
    assert "nobody knows it" in html
    assert 'name="id"' in html


def test_a_journey_s_address_quotes_what_an_event_is_called() -> None:
    assert journey_path("event", f"{FUND}#7", lang="zh") == f"/ops/journey/event{FUND}%237?lang=zh"
