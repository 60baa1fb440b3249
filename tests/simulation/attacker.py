"""An attacker who may write anything to any topic, and knows everything but the keys."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pandapack.contracts.envelope import Envelope, decode, encode, sequence_of
from pandapack.contracts.event_keys import PUBLISHERS, EventSigner, TrustList
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.reactions import Record
from pandapack.runtime.set_aside import SetAside
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.trust import Distrust, Trust, partition_of

SIGNERS = {service: EventSigner(service, f"{number:02x}" * 32) for number, service in enumerate(PUBLISHERS, 1)}
THIEF = EventSigner("donations", "ff" * 32)
AT_MS = 1_700_000_000_000


@dataclass
class LogRecord:
    """A record as Kafka hands it over."""

    topic: str
    partition: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    offset: int = 0
    timestamp: int = AT_MS


def signed(envelope: Envelope) -> LogRecord:
    """An event as its own publisher writes it."""
    value, service = encode(envelope), envelope.source.split("/")[1]
    home = partition_of(envelope.source, EVENT_PARTITIONS)
    return LogRecord(f"{service}.events", home, value, envelope.source.encode(), SIGNERS[service].headers_of(value))


class Attacker:
    """Writes what would mint, move, hide or double something if it were believed. `forged` counts what it wrote."""

    def __init__(self, chance: random.Random, share: float = 0.6) -> None:
        self._chance, self._share = chance, share
        self._written: list[LogRecord] = []
        self.forged = 0

    def among(self, genuine: Sequence[LogRecord]) -> list[LogRecord]:
        """The genuine records in their order, and the attacker's before, between and behind them."""
        log: list[LogRecord] = []
        for record in genuine:
            log += self._some(record)
            log.append(record)
            self._written.append(record)
        return log + (self._some(genuine[-1]) if genuine else [])

    def _some(self, near: LogRecord) -> list[LogRecord]:
        some = []
        while self._chance.random() < self._share:
            attack = self._chance.choice(self._attacks)
            some.append(attack(self, self._chance.choice([*self._written, near])))
        self.forged += len(some)
        if self._written and self._chance.random() < self._share:
            # A genuine event once more: in its own partition, behind itself, it changes nothing.
            some.append(replace(self._chance.choice(self._written)))
        return some

    def _garbage(self, one: LogRecord) -> LogRecord:
        value = self._chance.choice([None, b"", b"\xff\x00", b"{}", b"[" * 500, self._chance.randbytes(50)])
        headers = self._chance.choice([(), (("key", b"\xff"),), (("key", b"x"), ("signature", b"y")), one.headers])
        return replace(one, value=value, key=self._chance.choice([None, one.key]), headers=headers)

    def _unsigned(self, one: LogRecord) -> LogRecord:
        return replace(one, value=_ten_times(one), headers=())

    def _by_its_own_key(self, one: LogRecord) -> LogRecord:
        value = _ten_times(one)
        return replace(one, value=value, headers=THIEF.headers_of(value))

    def _in_anothers_name(self, one: LogRecord) -> LogRecord:
        value = _ten_times(one)
        return replace(one, value=value, headers=[one.headers[0], THIEF.headers_of(value)[1]])

    def _changed(self, one: LogRecord) -> LogRecord:
        return replace(one, value=_ten_times(one))

    def _far_ahead(self, one: LogRecord) -> LogRecord:
        """A sequence from the future would have everything genuine before it dropped as a repeat."""
        envelope = decode(one.value or b"")
        ahead = sequence_of(envelope.number + self._chance.choice([1, 2, 1_000_000]))
        return replace(one, value=encode(msgspec.structs.replace(envelope, id=ahead, sequence=ahead)))

    def _elsewhere(self, one: LogRecord) -> LogRecord:
        """A genuine event, in a partition where it would overtake those before it."""
        return replace(one, partition=(one.partition + self._chance.randrange(1, EVENT_PARTITIONS)) % EVENT_PARTITIONS)

    def _by_another_service(self, one: LogRecord) -> LogRecord:
        """It got hold of a key: of another service, which may not speak for this one."""
        other = next(signer for service, signer in SIGNERS.items() if not one.topic.startswith(service))
        value = _ten_times(one)
        return replace(one, value=value, headers=other.headers_of(value))

    _attacks = (
        _garbage,
        _unsigned,
        _by_its_own_key,
        _in_anothers_name,
        _changed,
        _far_ahead,
        _elsewhere,
        _by_another_service,
    )


def _ten_times(one: LogRecord) -> bytes:
    """The same event with another figure in it, and in any case other bytes."""
    return (one.value or b"").replace(b'fen":', b'fen":9', 1) + b" "


class Watch:
    """What a service has in an attacker's way: its trust file, and where it sets aside what it does not believe."""

    def __init__(self, folder: Path) -> None:
        file = folder / "trust.json"
        file.write_bytes(msgspec.json.encode(TrustList(tuple(signer.trusted for signer in SIGNERS.values()))))
        self._trust = Trust(file)
        self._trust.load()
        self.set_aside = SetAside(MemoryRows("set_aside"), FixedClock(datetime(2021, 11, 11, tzinfo=UTC)))

    def judge(self, record: Record) -> Distrust | None:
        """Why a record is not believed."""
        found = self._trust.judge_event(record, record.topic.removesuffix(".events"), EVENT_PARTITIONS)
        return found if isinstance(found, Distrust) else None


def numbered(log: Sequence[LogRecord]) -> list[LogRecord]:
    """The records with the offsets that Kafka gives them."""
    ends: dict[tuple[str, int], int] = {}
    found = []
    for record in log:
        offset = ends.get((record.topic, record.partition), 0)
        ends[record.topic, record.partition] = offset + 1
        found.append(replace(record, offset=offset))
    return found
