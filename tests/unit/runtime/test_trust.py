"""Whom a service believes: a table of forgeries, a row each, and what keys that retire may still vouch for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pandapack.contracts.dead_letters import headers_of
from pandapack.contracts.donations import DonationsReversed
from pandapack.contracts.envelope import Envelope, Event, encode, envelop
from pandapack.contracts.event_keys import (
    LOG_OWNER,
    EventSigner,
    TrustedKey,
    TrustList,
    dead_letter_text,
    log_record_text,
)
from pandapack.contracts.procurement import OrderClosed
from pandapack.local.event_keys import ensure_event_keys, event_key_file, rotate_event_key
from pandapack.runtime import trust as trusts
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.errors import Misconfigured
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.trust import Distrust, KeyRetired, OwnKey, Trust, partition_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)
SOURCE = "/donations/shards/3"
OURS = DonationsReversed(shard=3, page=5, reversals=())
THEIRS = OrderClosed(order="O-1", round="R-1", programme="p", cancelled={})


@dataclass(frozen=True)
class Record:
    """A record as Kafka hands it over."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    topic: str = "donations.events"
    partition: int = partition_of(SOURCE, EVENT_PARTITIONS)
    offset: int = 7
    timestamp: int = AT_MS
    key: bytes | None = SOURCE.encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ensure_event_keys(tmp_path)
    return tmp_path


def trust_in(folder: Path) -> Trust:
    trust = Trust(ensure_event_keys(folder))
    trust.load()
    return trust


def signer_in(folder: Path, service: str = "donations") -> EventSigner:
    return EventSigner(service, event_key_file(folder, service).read_text())


def event(source: str = SOURCE, made: Event | None = None) -> bytes:
    return encode(envelop(made or OURS, source=source, number=1, at=AT))


def genuine(folder: Path) -> Record:
    return Record(event(), signer_in(folder).headers_of(event()))


def judged(folder: Path, record: Record) -> Envelope | Distrust:
    return trust_in(folder).judge_event(record, "donations", EVENT_PARTITIONS)


def resigned(folder: Path, value: bytes, service: str = "donations", **changes: object) -> Record:
    return replace(Record(value, signer_in(folder, service).headers_of(value)), **changes)  # type: ignore[arg-type]


def test_an_event_that_its_publisher_signed_in_its_own_partition_is_believed(folder: Path) -> None:
    found = judged(folder, genuine(folder))
    assert isinstance(found, Envelope) and (found.source, found.number) == (SOURCE, 1)


OTHER_PARTITION = (partition_of(SOURCE, EVENT_PARTITIONS) + 1) % EVENT_PARTITIONS
FOREIGN = "/procurement/funds/love-parcel"
FORGERIES: list[tuple[str, Callable[[Path, Record], Record], Distrust]] = [
    ("no headers", lambda _, it: replace(it, headers=()), Distrust.UNSIGNED),
    ("no value", lambda _, it: replace(it, value=None, headers=()), Distrust.UNSIGNED),
    ("null headers", lambda _, it: replace(it, headers=[("key", None), ("signature", None)]), Distrust.UNSIGNED),
    ("a second key", lambda _, it: replace(it, headers=[*it.headers, ("key", b"x")]), Distrust.UNSIGNED),
    (
        "a stranger's key",
        lambda _, it: replace(it, headers=EventSigner("donations", "bad0" * 16).headers_of(it.value or b"")),
        Distrust.KEY_UNKNOWN,
    ),
    (
        "a key that is no text",
        lambda _, it: replace(it, headers=[("key", b"\xff"), it.headers[1]]),
        Distrust.KEY_UNKNOWN,
    ),
    (
        "another service's key",
        lambda folder, _: resigned(folder, event(), "procurement"),
        Distrust.KEY_OF_ANOTHER_SERVICE,
    ),
    ("one byte more", lambda _, it: replace(it, value=(it.value or b"") + b" "), Distrust.SIGNATURE_WRONG),
    (
        "another figure",
        lambda _, it: replace(it, value=(it.value or b"").replace(b'"page":5', b'"page":6')),
        Distrust.SIGNATURE_WRONG,
    ),
    ("no event", lambda folder, _: resigned(folder, b"{}"), Distrust.UNREADABLE),
    (
        "a sequence that is no number",
        lambda folder, _: resigned(folder, event().replace(b'"sequence":"000000000001"', b'"sequence":"one"')),
        Distrust.UNREADABLE,
    ),
    (
        "another service's source",
        lambda folder, _: resigned(
            folder, event(FOREIGN), key=FOREIGN.encode(), partition=partition_of(FOREIGN, EVENT_PARTITIONS)
        ),
        Distrust.SOURCE_OF_ANOTHER_SERVICE,
    ),
    (
        "another service's type",
        lambda folder, _: resigned(folder, event(made=THEIRS)),
        Distrust.TYPE_OF_ANOTHER_SERVICE,
    ),
    ("another record key", lambda _, it: replace(it, key=b"/donations/shards/4"), Distrust.KEY_IS_NOT_THE_SOURCE),
    ("no record key", lambda _, it: replace(it, key=None), Distrust.KEY_IS_NOT_THE_SOURCE),
    (
        "copied into another partition",
        lambda _, it: replace(it, partition=OTHER_PARTITION),
        Distrust.PARTITION_IS_NOT_THE_SOURCES,
    ),
]


@pytest.mark.parametrize(("forge", "distrust"), [row[1:] for row in FORGERIES], ids=[row[0] for row in FORGERIES])
def test_a_forgery_is_not_believed(folder: Path, forge: Callable[[Path, Record], Record], distrust: Distrust) -> None:
    assert judged(folder, forge(folder, genuine(folder))) == distrust


def test_a_partition_is_the_one_that_kafkas_own_partitioner_chooses() -> None:
    from aiokafka.partitioner import DefaultPartitioner

    chosen = DefaultPartitioner()
    for number in range(200):
        source, every = f"/donations/shards/{number}", list(range(EVENT_PARTITIONS))
        assert partition_of(source, EVENT_PARTITIONS) == chosen(source.encode(), every, every)


def test_garbage_that_became_a_dead_letter_is_signed_as_one_and_never_as_an_event(folder: Path) -> None:
    """A stranger chooses a dead letter's bytes: its signature must not serve for an event of the same bytes."""
    signer, forged = signer_in(folder), event()
    headers = headers_of("donations.pushed/0/1", "unmarked", "", is_reversal=False, rows=1)
    signed = signer.headers_of(dead_letter_text(dict(headers), forged))
    dead_letter = Record(forged, [*headers, *signed], topic="dead-letters", partition=0)
    assert trust_in(folder).judge_dead_letter(dead_letter, "donations") is None
    assert judged(folder, Record(forged, signed)) == Distrust.SIGNATURE_WRONG
    swapped = [("address", b"donations.pushed/0/2"), *dead_letter.headers[1:]]
    changed = replace(dead_letter, headers=swapped)
    assert trust_in(folder).judge_dead_letter(changed, "donations") == Distrust.SIGNATURE_WRONG
    assert trust_in(folder).judge_dead_letter(Record(forged, ()), "donations") == Distrust.UNSIGNED


def test_a_record_of_the_public_log_is_signed_by_its_owner_alone_and_as_nothing_else(folder: Path) -> None:
    owner, value = signer_in(folder, LOG_OWNER), b'{"v":1}'
    record = Record(value, owner.headers_of(log_record_text(value)), topic="public.log", partition=0)
    assert trust_in(folder).judge_log_record(record) is None
    for forged, distrust in (
        (replace(record, value=b'{"v":2}'), Distrust.SIGNATURE_WRONG),
        (replace(record, headers=owner.headers_of(value)), Distrust.SIGNATURE_WRONG),  # what would sign an event
        (replace(record, headers=()), Distrust.UNSIGNED),
        (
            replace(record, headers=signer_in(folder).headers_of(log_record_text(value))),
            Distrust.KEY_OF_ANOTHER_SERVICE,
        ),
    ):
        assert trust_in(folder).judge_log_record(forged) == distrust


def test_a_retired_key_vouches_for_what_kafka_appended_before_and_for_nothing_after(folder: Path) -> None:
    before = genuine(folder)
    rotate_event_key(folder, "donations", AT)
    assert isinstance(judged(folder, before), Envelope)
    assert judged(folder, replace(before, timestamp=AT_MS + 1)) == Distrust.KEY_RETIRED
    assert isinstance(judged(folder, replace(genuine(folder), timestamp=AT_MS + 1)), Envelope)


def test_a_key_that_is_new_in_the_file_is_believed_without_a_restart(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusts, "UNKNOWN_FRESH_S", 0.0)
    trust = trust_in(folder)
    rotate_event_key(folder, "donations", AT + timedelta(days=1))
    assert isinstance(trust.judge_event(genuine(folder), "donations", EVENT_PARTITIONS), Envelope)


def test_a_file_that_is_being_replaced_takes_no_trust_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusts, "TRUST_FRESH_S", 0.0)
    trust = trust_in(folder)
    ensure_event_keys(folder).write_text("{")
    assert isinstance(trust.judge_event(genuine(folder), "donations", EVENT_PARTITIONS), Envelope)


def own_key(folder: Path, clock: FixedClock) -> OwnKey:
    trust = trust_in(folder)
    return OwnKey("donations", "", event_key_file(folder, "donations"), trust, clock)


def test_a_publisher_stops_signing_before_its_key_retires_and_loses_nothing_by_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusts, "TRUST_FRESH_S", 0.0)
    clock = FixedClock(AT)
    key = own_key(folder, clock)
    key.load()
    rotate_event_key(folder, "donations", AT + timedelta(minutes=15))
    assert key.event_headers(event())
    clock.at = AT + timedelta(minutes=15) - trusts.RETIRES_EARLY
    with pytest.raises(KeyRetired, match="start this service anew"):
        key.event_headers(event())
    again = own_key(folder, clock)
    again.load()
    assert again.event_headers(event())


def test_an_installation_that_cannot_sign_or_trust_is_told_so_in_words(folder: Path) -> None:
    clock, strange = FixedClock(AT), "ab" * 32
    with pytest.raises(Misconfigured, match="PANDA_TRUST_FILE is not set"):
        Trust(None).load()
    with pytest.raises(Misconfigured, match=r"no\.json"):
        Trust(folder / "no.json").load()
    with pytest.raises(Misconfigured, match="neither PANDA_EVENT_KEY nor"):
        OwnKey("donations", "", None, trust_in(folder), clock).load()
    with pytest.raises(Misconfigured, match="does not list donations-"):
        OwnKey("donations", strange, None, trust_in(folder), clock).load()
    with pytest.raises(Misconfigured, match="the key that donations signs with"):
        OwnKey("donations", "no hex", None, trust_in(folder), clock).load()


def test_the_trust_file_lists_each_signers_key_once_and_only_its_owner_may_read_the_private_ones(
    folder: Path,
) -> None:
    file = ensure_event_keys(folder)
    listed = [TrustedKey(**one) for one in json.loads(file.read_text())["keys"]]
    assert [key.service for key in listed] == ["donations", "procurement", "logistics", "reporting"]
    assert ensure_event_keys(folder).read_text() == file.read_text()
    assert TrustList(tuple(listed)).keys[0].id == signer_in(folder).trusted.id
    assert {oct(one.stat().st_mode & 0o777) for one in (folder / "event_keys").iterdir()} == {"0o600"}
