"""A programme can be paid into once it was published; any other name is refused with those that are near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest

from pandapack.contracts.envelope import Event, encode, envelop
from pandapack.contracts.procurement import NeedOpened, ProgrammePublished
from pandapack.contracts.publication import LocalizedName, Policy
from pandapack.decision import Refused
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.reactions import HandleBatch, Record, reacting
from pandapack.runtime.store import Store
from services.donations.programmes.domain.programmes import NEAREST_MAX, Programme, UnknownProgramme, follow
from services.donations.programmes.handlers import EarlierPublications, ProgrammeHandler
from services.donations.programmes.store import ASKED_AT_ONCE_MAX, COMPARISONS_MAX, PROGRAMMES, Programmes
from tests.unit.donations.pushes.pushing import (
    CountingRows,
    KafkaInMemory,
    donation_lines,
    incoming,
    incoming_of,
    push_service,
)

AT = datetime(2021, 11, 11, tzinfo=UTC)


def published(programme: str = "love-parcel", publication: int = 1, name: str = "Love Parcel") -> ProgrammePublished:
    return ProgrammePublished(
        programme=programme,
        publication=publication,
        name=LocalizedName(zh="爱心包裹", en=name),
        policy=Policy(round_parcels=1, contingency_per_mille=0, price_tolerance_per_mille=0),
        items=(),
        specifications=(),
        suppliers=(),
        catalogue=(),
        services=(),
    )


@dataclass
class HandedOver:
    """A record as Kafka hands it over."""

    value: bytes


def told(event: Event, source: str) -> Record:
    return cast("Record", HandedOver(encode(envelop(event, source=source, number=1, at=AT))))


def publication_of(event: ProgrammePublished) -> Record:
    return told(event, f"/procurement/publications/{event.programme}/{event.publication}")


def store() -> Store[Programme]:
    return Store(PROGRAMMES, MemoryDocuments("programmes"), clock=FixedClock(AT), chance=SeededChance(1))


async def tell(documents: Store[Programme], *records: Record) -> None:
    await reacting(ProgrammeHandler(documents).route)(records)


def test_the_newest_publication_names_a_programme_in_whatever_order_they_come() -> None:
    state = Programme(programme="love-parcel")
    for event in (published(publication=2, name="Newer"), published(publication=1, name="Older")):
        state = follow(state, event).state
    assert (state.publication, state.name and state.name.en) == (2, "Newer")


async def test_a_programme_is_known_once_its_publication_was_heard_and_twice_is_as_once() -> None:
    documents = store()
    need = NeedOpened(need="n", programme="other", country="NP", specification="s", schools=(), parcels=0, ordinal=1)
    await tell(documents, publication_of(published()), told(need, "/procurement/needs/n"))
    await tell(documents, publication_of(published()))
    assert [id for id, _ in await documents.find({})] == ["love-parcel"]


async def test_what_another_process_heard_of_is_no_stranger_here() -> None:
    documents = store()
    here = Programmes(documents)
    assert list(await here.unknown(["love-parcel"])) == ["love-parcel"]
    await tell(documents, publication_of(published()))
    assert await here.unknown(["love-parcel"]) == {}


class Unasked(MemoryDocuments):
    """A collection that nobody may ask."""

    async def find(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
        raise AssertionError("it was asked")


async def test_what_is_known_is_not_looked_up_again() -> None:
    documents = store()
    await tell(documents, publication_of(published()))
    here = Programmes(documents)
    await here.unknown(["love-parcel"])
    documents.documents = Unasked("programmes")
    assert await here.unknown(["love-parcel"]) == {}


async def test_however_many_names_are_unknown_each_is_told_and_the_first_ones_with_what_is_near() -> None:
    documents = store()
    await tell(documents, publication_of(published()), publication_of(published(programme="p-1")))
    names = [f"love-parce{number}" for number in range(ASKED_AT_ONCE_MAX + 1)]
    unknown = await Programmes(documents).unknown([*names, "p-1"])
    assert list(unknown) == names
    assert [bool(one.near) for one in unknown.values()] == [True] * COMPARISONS_MAX + [False] * (
        len(names) - COMPARISONS_MAX
    )


def test_an_unknown_programme_is_refused_in_two_languages_with_the_near_ones_and_where_to_look() -> None:
    unknown = UnknownProgramme.of("love-parcle", ["love-parcel", "sports-pack", *(f"love-{n}" for n in range(9))])
    failure = unknown.failure(3)
    assert (failure.index, failure.pointer, failure.code) == (3, "/programme", "programme_unknown")
    assert "there is no programme love-parcle: did you mean love-parcel" in failure.en
    assert "GET /v1/programmes" in failure.en and "love-parcel" in failure.zh
    assert len(unknown.near) <= NEAREST_MAX


class EarlierRecords:
    """A topic with some records in it; counts how often all are read."""

    def __init__(self, *records: Record) -> None:
        self.records: Sequence[Record] = records
        self.reads = 0

    async def read_all(self, handle: HandleBatch) -> None:
        self.reads += 1
        await handle(self.records)


async def test_at_the_first_start_all_that_was_published_before_is_read_and_never_again() -> None:
    documents, notes, topic = store(), MemoryRows("settings"), EarlierRecords(publication_of(published()))
    for _ in range(2):
        await EarlierPublications(reacting(ProgrammeHandler(documents).route), notes, topic.read_all).start()
    assert (topic.reads, await Programmes(documents).unknown(["love-parcel"])) == (1, {})


class Torn(EarlierRecords):
    """A topic that cannot be read to its end."""

    async def read_all(self, handle: HandleBatch) -> None:
        raise ConnectionError


async def test_a_first_reading_that_did_not_end_is_done_again() -> None:
    documents, notes, topic = store(), MemoryRows("settings"), EarlierRecords(publication_of(published()))
    with pytest.raises(ConnectionError):
        await EarlierPublications(reacting(ProgrammeHandler(documents).route), notes, Torn().read_all).start()
    await EarlierPublications(reacting(ProgrammeHandler(documents).route), notes, topic.read_all).start()
    assert topic.reads == 1


async def test_the_lines_that_pay_into_no_programme_are_refused_and_their_neighbours_are_taken() -> None:
    kafka = KafkaInMemory()
    lines = donation_lines(8)
    lines[1] = lines[1].replace(b'"p"', b'"nope"')
    lines[5] = lines[5].replace(b'"p"', b'"nope"').replace(b'"id": "5"', b'"id":  "5"')
    answer = await push_service(kafka, CountingRows()).accept_donations(incoming_of(*lines))
    assert (answer["accepted"], [one["index"] for one in answer["failures"]]) == (6, [1, 5])
    assert {one["code"] for one in answer["failures"]} == {"programme_unknown"}
    assert not any(b"nope" in value for _, value in kafka.sent)


async def test_a_push_of_which_no_line_pays_into_a_programme_is_refused_and_its_key_stays_free() -> None:
    kafka, rows = KafkaInMemory(), CountingRows()
    with pytest.raises(Refused) as refusal:
        await push_service(kafka, rows).accept_donations(incoming_of(donation_lines(1)[0].replace(b'"p"', b'"q"')))
    assert refusal.value.refusal.code == "nothing_accepted"
    assert (await push_service(kafka, rows).accept_donations(incoming()))["accepted"] == 40
