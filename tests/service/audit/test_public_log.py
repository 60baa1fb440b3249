"""The audit names each thing that is wrong with the public log; log and journals lie in a real MongoDB."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from bson.binary import Binary
from pymongo import MongoClient

from pandapack.audit import public_log
from pandapack.audit.findings import Findings
from pandapack.audit.public_log import PAGE_SEALED, LogCount, PublicLogAudit
from pandapack.audit.reading import Databases, databases
from pandapack.contracts.envelope import decode, encode
from pandapack.contracts.pages import page_id
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE
from pandapack.runtime.documents import MemoryRows
from tests.simulation.log_owners import VEIL
from tests.stack import Servers
from tests.unit.reporting.test_log_owner import Running

EVENTS = 1_500
Json = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Json]]:
    """What reporting keeps of a log: with some events set aside, and with what the log does not have yet."""
    return asyncio.run(made())


async def made() -> dict[str, list[Json]]:
    running = Running(EVENTS)
    everything = [entry.key for entries in running.database.kafka.values() for entry in entries]
    running.database.aside = frozenset(everything[::40])
    for _ in range(15):
        await running.feed(24)
        await running.append_all(running.first)
    found: dict[str, list[Json]] = {}
    await running.feed()  # comes behind the cut
    journals = running.database.journals
    for kept in (journals["donations"]._rows, journals["logistics"]._rows, *vars(running.database.kept).values()):
        assert isinstance(kept, MemoryRows)
        found[kept.name] = await kept.find({}, limit=10_000)
    return found


def seals_of(entries: list[Json]) -> list[Json]:
    """The seals of which the log tells."""
    sealed = [told for told in (json.loads(row["entry"]) for row in entries) if told["type"] == PAGE_SEALED]
    pages = {page_id(told["shard"], told["page"]): told for told in sealed}
    return [{"_id": id, "rows": told["rows"], "root": bytes.fromhex(told["root"])} for id, told in pages.items()]


@pytest.fixture
def kept(stack: Servers, rows: dict[str, list[Json]]) -> Iterator[Databases]:
    client: MongoClient[Json] = MongoClient(stack.mongo)
    found = databases(client, "audited_log")
    client.drop_database(found.reporting.name)
    client.drop_database(found.donations.name)
    for name, own in rows.items():
        found.reporting[name].insert_many(own)
    found.donations.seals.insert_many(seals_of(rows["log_entries"]))
    yield found
    client.drop_database(found.reporting.name)
    client.drop_database(found.donations.name)
    client.close()


def audited(kept: Databases, *, with_secret: bool = True) -> tuple[LogCount, list[str]]:
    findings = Findings()
    count = PublicLogAudit(kept, VEIL if with_secret else None, findings).audit()
    return count, [cause.text for cause in findings.causes()]


def entry_of(kept: Databases, type: str) -> Json:
    found: list[Json] = list(kept.reporting.log_entries.find({}).sort("_id", 1))
    return next(row for row in found[40:] if json.loads(row["entry"])["type"] == type)


def rewrite(kept: Databases, row: Json, **changed: Any) -> None:
    told = json.loads(row["entry"]) | changed
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    kept.reporting.log_entries.replace_one({"_id": row["_id"]}, {"_id": row["_id"], "entry": Binary(text)})


@pytest.mark.parametrize("with_secret", [True, False])
def test_a_log_that_is_right_agrees_up_to_its_head_whatever_came_behind_it(
    kept: Databases, rows: dict[str, list[Json]], with_secret: bool
) -> None:
    count, causes = audited(kept, with_secret=with_secret)
    (head,) = rows["log_heads"]
    beyond = [row for row in (*rows["journal"], *rows["archive"]) if row["offset"] >= _end_of(head, row)]
    assert causes == [] and count.entries == head["size"] > 300 and len(beyond) > 20
    assert count.events == (EVENTS - len(beyond) if with_secret else 0)
    assert any(json.loads(row["entry"])["type"] == EVENT_SET_ASIDE for row in rows["log_entries"])


def _end_of(head: Json, row: Json) -> int:
    found: int = head["positions"].get(f"{row['topic'].removesuffix('.events')}/{row['partition']}", 0)
    return found


def test_a_log_that_does_not_exist_yet_is_no_difference(kept: Databases) -> None:
    kept.reporting.log_heads.delete_many({})
    assert audited(kept) == (LogCount(), [])


def test_few_events_are_in_memory_and_a_window_that_moves_on_finds_them_all(
    kept: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_log, "EVENTS_A_READ", 4)
    monkeypatch.setattr(public_log, "TOGETHER_MAX", 64)
    assert audited(kept)[1] == []


OPENED, CLOSED, RECORDED = "logistics.ConsignmentOpened", "procurement.OrderClosed", "donations.DonationsRecorded"


def _changed_field(kept: Databases) -> None:
    rewrite(kept, entry_of(kept, OPENED), round_parcels=10)


def _changed_hash(kept: Databases) -> None:
    rewrite(kept, entry_of(kept, CLOSED), hash="00" * 32)


def _changed_sum(kept: Databases) -> None:
    row = entry_of(kept, RECORDED)
    days = json.loads(row["entry"])["days"]
    rewrite(kept, row, days=[days[0] | {"fen": days[0]["fen"] + 1}])


def _another_source(kept: Databases) -> None:
    rewrite(kept, entry_of(kept, OPENED), source="/logistics/consignments/R-999999")


def _removed(kept: Databases) -> None:
    kept.reporting.log_entries.delete_one({"_id": entry_of(kept, CLOSED)["_id"]})


def _garbage(kept: Databases) -> None:
    kept.reporting.log_entries.update_one({"_id": 50}, {"$set": {"entry": Binary(b"{}")}})


def _earlier(kept: Databases) -> None:
    rewrite(kept, entry_of(kept, OPENED), at="2031-05-03T00:00:00Z")


def _swapped(kept: Databases) -> None:
    found: list[Json] = list(kept.reporting.log_entries.find({}).sort("_id", 1))
    told = [json.loads(row["entry"]) for row in found]
    at = next(n for n in range(40, len(told)) if told[n]["at"] == told[n + 1]["at"])
    one, other = found[at : at + 2]
    for row, entry in ((one, other["entry"]), (other, one["entry"])):
        kept.reporting.log_entries.update_one({"_id": row["_id"]}, {"$set": {"entry": entry}})


def _tile(kept: Databases) -> None:
    kept.reporting.log_tiles.update_one({"_id": "0/0"}, {"$set": {"hashes": Binary(bytes(256 * 32))}})


def _untold(kept: Databases) -> None:
    row = kept.reporting.journal.find_one({"partition": {"$gte": 0}, "offset": {"$gt": 3}}, sort=[("_id", 1)])
    assert row is not None
    kept.reporting.log_heads.update_one({}, {"$set": {f"positions.{_partition(row)}": 1_000}})


def _partition(row: Json) -> str:
    return f"{row['topic'].removesuffix('.events')}/{row['partition']}"


def _private_event(kept: Databases) -> None:
    row = kept.reporting.journal.find_one({"type": OPENED, "set_aside": {"$exists": False}})
    assert row is not None
    envelope = msgspec.structs.replace(decode(bytes(row["envelope"])), actor="somebody")
    kept.reporting.journal.update_one({"_id": row["_id"]}, {"$set": {"envelope": Binary(encode(envelope))}})


def _archived_sum(kept: Databases) -> None:
    row = kept.reporting.archive.find_one({"type": RECORDED, "set_aside": {"$exists": False}})
    assert row is not None
    envelope = bytes(row["envelope"]).replace(b'"conflicts":0', b'"conflicts":1')
    kept.reporting.archive.update_one({"_id": row["_id"]}, {"$set": {"envelope": Binary(envelope)}})


def _set_aside_later(kept: Databases) -> None:
    kept.reporting.journal.update_one({"type": OPENED, "set_aside": {"$exists": False}}, {"$set": {"set_aside": True}})


def _applied_later(kept: Databases) -> None:
    kept.reporting.journal.update_one({"set_aside": True}, {"$unset": {"set_aside": ""}})


@pytest.mark.parametrize(
    ("do", "named"),
    [
        (_changed_field, "it differs in round_parcels"),
        (_changed_hash, "it differs in hash"),
        (_changed_sum, "it differs in days"),
        (_another_source, "no journal has an event that it may tell of"),
        (_removed, "it is missing"),
        (_garbage, "log entry 50: it is no entry"),
        (_earlier, "it was appended at 2031-05-03T00:00:00Z, before the entry before it"),
        (_swapped, "lead to root"),
        (_tile, "log tile 0/0: it is not what the entries give"),
        (_untold, "is in no entry, though the log goes beyond it"),
        (_private_event, "it differs in hash"),
        (_archived_sum, "it differs in conflicts"),
        (_set_aside_later, "was set aside when the log had told it already"),
        (_applied_later, "was set aside, and the journal has it applied"),
    ],
)
def test_what_was_tampered_with_is_named_and_what_follows_from_it_is_not_a_cause(
    kept: Databases, do: Callable[[Databases], None], named: str
) -> None:
    do(kept)
    causes = audited(kept)[1]
    assert named in causes[0], causes
    assert len(causes) == (len(causes) if do is _untold else 1), causes


def test_without_the_secret_the_root_alone_tells_that_an_entry_is_another(kept: Databases) -> None:
    _changed_hash(kept)
    (cause,) = audited(kept, with_secret=False)[1]
    assert "lead to root" in cause


def test_of_a_log_of_other_events_a_thousand_differences_are_named_and_not_all(
    kept: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_log, "NAMED_MAX", 20)
    kept.reporting.log_entries.update_many({}, {"$set": {"entry": Binary(b"{}")}})
    causes = audited(kept)[1]
    assert len(causes) == 20


@pytest.mark.parametrize(
    ("sealed", "named"), [("ab" * 32, "lead to root"), ("cd" * 32, "sealed are 3 rows of root cd"), ("", "no seal")]
)
def test_the_entry_of_a_sealed_page_says_what_its_seal_says(kept: Databases, sealed: str, named: str) -> None:
    row = entry_of(kept, OPENED)
    rewrite(kept, row, type=PAGE_SEALED, shard=0, page=4_000, rows=3, root="ab" * 32)
    if sealed:
        kept.donations.seals.insert_one({"_id": page_id(0, 4_000), "rows": 3, "root": bytes.fromhex(sealed)})
    (cause,) = audited(kept, with_secret=False)[1]
    assert named in cause
