"""The databases, events as they are kept, and patience with what is still on its way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
from pymongo import MongoClient, ReadPreference
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.contracts.envelope import decode, sequence_of
from pandapack.runtime.clock import monotonic_s

Rows = Collection[Json]
ROWS_A_READ = 500
DIGEST_BYTES = 16
ASK_EVERY_S = 0.25
PATIENCE_S = 30.0
SERVER_WAIT_MS = 5_000


@dataclass(frozen=True)
class Databases:
    """One database a service, read as a majority knows it."""

    donations: Database[Json]
    procurement: Database[Json]
    logistics: Database[Json]
    reporting: Database[Json]


def databases(client: MongoClient[Json], namespace: str) -> Databases:
    """The services' databases. `namespace`: what stands before their names, or nothing."""
    prefix = f"{namespace}_" if namespace else ""

    def of(service: str) -> Database[Json]:
        name = f"{prefix}panda_{service}"
        return client.get_database(name, read_concern=ReadConcern("majority"), read_preference=ReadPreference.PRIMARY)

    return Databases(of("donations"), of("procurement"), of("logistics"), of("reporting"))


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event as journal or archive has it. `data`: what its publisher told. `offset` -1: it is in an outbox."""

    id: str
    source: str
    number: int
    type: str
    data: Json
    time: str
    partition: str = ""
    offset: int = -1
    is_intact: bool = True
    """Whether the bytes that are kept are those that came, where all of them are kept."""
    is_set_aside: bool = False
    """Whether an operator had it passed over: no view has it."""

    @property
    def kind(self) -> str:
        """Its type without the service's name: `RoundFunded`."""
        return self.type.partition(".")[2]


class UnreadableRow(Exception):
    """A row of the journal or the archive that holds no event."""


def event_of(row: Mapping[str, Any]) -> KeptEvent:
    """A row of the journal or the archive. Raises UnreadableRow."""
    raw = bytes(row["envelope"])
    try:
        envelope = decode(raw)
        data: Json = msgspec.json.decode(envelope.data)
        number = envelope.number
    except (ValueError, msgspec.MsgspecError) as error:
        raise UnreadableRow(f"{row['_id']}: {error}") from error
    topic = str(row["topic"]).removesuffix(".events")
    return KeptEvent(
        id=row["_id"],
        source=envelope.source,
        number=number,
        type=envelope.type,
        data=data,
        time=envelope.time,
        partition=f"{topic}/{row['partition']}",
        offset=row["offset"],
        is_intact=blake2b(raw, digest_size=DIGEST_BYTES).hexdigest() == row["digest"],
        is_set_aside=bool(row.get("set_aside")),
    )


def outbox_events(document: Mapping[str, Any]) -> list[KeptEvent]:
    """What a document (or a page) has decided and not yet had confirmed by Kafka, in order."""
    events = []
    for one in document.get("outbox", ()):
        envelope = decode(bytes(one["envelope"]))
        data: Json = msgspec.json.decode(envelope.data)
        events.append(KeptEvent(envelope.key, envelope.source, envelope.number, envelope.type, data, envelope.time))
    return events


def key_of(source: str, number: int) -> str:
    """An event's identity: `source#sequence`."""
    return f"{source}#{sequence_of(number)}"


def within(source: str, after: int = 0, upto: int | None = None) -> Json:
    """A filter: a source's events behind one sequence, up to and with another."""
    end = {"$lte": key_of(source, upto)} if upto is not None else {"$lt": f"{source}$"}  # "$" follows "#"
    return {"_id": {"$gt": key_of(source, after), **end}}


def events_in(rows: Rows, where: Json, findings: Findings) -> Iterator[KeptEvent]:
    """Events in the order of their identities. A row that holds none is a finding."""
    for row in rows.find(where, batch_size=ROWS_A_READ).sort("_id", 1):
        if row.get("set_aside") and rows.name == "archive":
            source = str(row["_id"]).rpartition("#")[0]
            findings.add(Layer.KEPT, f"archive {row['_id']}: an operator set it aside", explains=(row["_id"], source))
            continue
        try:
            yield event_of(row)
        except UnreadableRow as error:
            source = str(row["_id"]).rpartition("#")[0]
            findings.add(Layer.KEPT, f"{rows.name} {error}", explains=(row["_id"], source))


def last_number(rows: Rows, source: str) -> int:
    """The sequence of the last event of a source; 0 where there is none."""
    row = rows.find_one(within(source), {"_id": 1}, sort=[("_id", -1)])
    return 0 if row is None else int(row["_id"].rpartition("#")[2])


class Patience:
    """Waits for what is on its way: as long as more of it comes, and `wait_s` behind the last that came."""

    def __init__(self, wait_s: float = PATIENCE_S) -> None:
        self._wait_s = wait_s

    def until(self, look: Callable[[], int], wanted: int) -> int:
        """What `look` answers once it is at least `wanted`, or when it has not grown for too long."""
        found = look()
        until_s = monotonic_s() + self._wait_s
        while found < wanted and monotonic_s() < until_s:
            time.sleep(ASK_EVERY_S)
            before, found = found, look()
            if found > before:
                until_s = monotonic_s() + self._wait_s
        return found
