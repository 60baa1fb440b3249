"""The public log on the real servers: what is served verifies from the outside, and outlives kills and its database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from pandapack.contracts.causation import Cause, written
from pandapack.contracts.donations import shard_source
from pandapack.contracts.envelope import Envelope
from pandapack.contracts.merkle import leaf_hash, root_of
from pandapack.contracts.procurement import FundCredited
from pandapack.contracts.tlog.checkpoint import Checkpoint, open_checkpoint
from pandapack.contracts.tlog.note import NotSigned, VerifierKey
from pandapack.contracts.tlog.tiles import Tile, bundle_entries, bundles_of, tile_hashes, tiles_of
from pandapack.contracts.tlog.tree import root_at
from tests.service.reporting.conftest import Reporting, _reporting, in_a_loop_of_its_own
from tests.stack import Servers
from tests.unit.reporting.history import PROGRAMME, TOTALS, enveloped, programme, records
from tests.waiting import eventually

ORIGIN = "localhost/panda-pack"


def caused() -> list[Envelope]:
    """The programme, whose fund names the donations that it applied; without the last one, which nothing spends."""
    found, seen = [], dict.fromkeys((0, 1), 0)
    for envelope in enveloped(programme()[:-1]):
        if envelope.source.startswith("/donations/"):
            seen[int(envelope.source[-1])] = envelope.number
        elif envelope.type == FundCredited.TYPE:
            causes = [Cause(shard_source(shard), 1, last) for shard, last in seen.items() if last]
            found.append(msgspec.structs.replace(envelope, causes=written(causes)))
            continue
        found.append(envelope)
    return found


def checkpoint(reporting: Reporting) -> Checkpoint:
    """The latest, signed by the key that is served."""
    key = VerifierKey.parse(reporting.get("/log/key").text.strip())
    return open_checkpoint(reporting.get("/log/checkpoint").content, ORIGIN, [key]).checkpoint


def entries(reporting: Reporting) -> list[bytes]:
    return reporting.get("/log/entries.ndjson").content.splitlines()


def whole(reporting: Reporting) -> Checkpoint:
    """The checkpoint of the log that has all events."""

    def events() -> int:
        told = [json.loads(entry) for entry in entries(reporting)]
        return sum(one["sequence"] - one.get("first_sequence", one["sequence"]) + 1 for one in told)

    eventually(lambda: events() == len(caused()), "all is in the log")
    eventually(lambda: checkpoint(reporting).size == len(entries(reporting)), "a checkpoint covers it")
    return checkpoint(reporting)


@pytest.fixture(scope="module")
def logged(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    with _reporting(stack, tmp_path_factory.mktemp("log")) as reporting:
        reporting.publish(records(caused()))
        whole(reporting)
        yield reporting


def test_entries_lead_to_the_root_that_is_signed(logged: Reporting) -> None:
    signed, lines = whole(logged), entries(logged)
    assert root_of([leaf_hash(line) for line in lines]) == signed.root
    other = VerifierKey.parse(logged.get("/log/key").text.strip())
    with pytest.raises(NotSigned):
        open_checkpoint(logged.get("/log/checkpoint").content, "localhost/another", [other])


def test_tiles_and_bundles_lead_to_the_same_root_and_may_be_kept_for_good(logged: Reporting) -> None:
    signed = whole(logged)
    for tile in tiles_of(signed.size):
        answer = logged.get(f"/log/{tile.path}")
        assert "immutable" in answer.headers["cache-control"] and len(answer.content) == tile.width * 32

    def read_tile(level: int, index: int, width: int) -> bytes:
        return logged.get(f"/log/{Tile(level, index, width).path}").content

    assert root_at(signed.size, read_tile) == signed.root
    assert tile_hashes(read_tile(0, 0, 3), 3) == [leaf_hash(line) for line in entries(logged)[:3]]
    bundles = [(one, logged.get(f"/log/{one.path}").content) for one in bundles_of(0, signed.size)]
    assert [line for one, raw in bundles for line in bundle_entries(raw, one.width)] == entries(logged)
    assert logged.get("/log/checkpoint").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["0/000", "entries/000", "0/999.p/1", "9/000.p/1", "x", "0/0", "entries/000.p/0"])
def test_what_is_not_in_the_log_is_404(logged: Reporting, path: str) -> None:
    answer = logged.get(f"/log/tile/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "log_path_unknown")


@pytest.mark.parametrize("query", ["from=2&to=1", "from=0&to=9999", "from=99999"])
def test_a_range_outside_of_the_log_is_422(logged: Reporting, query: str) -> None:
    answer = logged.get(f"/log/entries.ndjson?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "log_range_invalid")


def test_a_range_of_entries_is_those_lines_and_never_changes(logged: Reporting) -> None:
    answer = logged.get("/log/entries.ndjson?from=3&to=5")
    assert answer.content.splitlines() == entries(logged)[3:5]
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/log/tile/0/000.p/3", "/log/tile/entries/000.p/3", "/log/entries.ndjson?from=0&to=3"]
)
def test_what_never_changes_is_read_by_ranges_and_asked_for_once(logged: Reporting, path: str) -> None:
    whole_answer = logged.get(path)
    part = logged.get(path, headers={"Range": "bytes=5-24"})
    assert (part.status_code, part.content) == (206, whole_answer.content[5:25])
    assert part.headers["content-range"] == f"bytes 5-24/{len(whole_answer.content)}"
    known = logged.get(path, headers={"If-None-Match": whole_answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    length = httpx.head(f"{logged.service.url}{path}", trust_env=False).headers["content-length"]
    assert int(length) == len(whole_answer.content)


def test_donations_stand_before_the_round_that_spends_them_and_no_merchant_is_named(logged: Reporting) -> None:
    told = [json.loads(entry) for entry in entries(logged)]
    types = [one["type"] for one in told]
    first = types.index("procurement.RoundFunded")
    assert types.index("procurement.FundCredited") < first
    before = [one for one in told[:first] if one["type"] == "donations.DonationsRecorded"]
    fen = sum(day["fen"] for one in before for day in one["days"] if day["programme"] == PROGRAMME)
    assert fen in (1040, 2040), "those that the round spends, and perhaps those that came meanwhile"
    joined = b"\n".join(entries(logged))
    assert not [word for word in (b"M0", b"M1", b"S-1", b'S1"', b"bent", b"BL-1") if b'"' + word in joined]


def test_the_log_is_the_same_after_a_kill_and_after_its_database_was_lost(reporting: Reporting) -> None:
    reporting.publish(records(caused()))
    eventually(lambda: checkpoint(reporting).size > 0, "the log has begun")
    reporting.service.kill()
    reporting.service.start_again()
    before, lines = whole(reporting), entries(reporting)
    reporting.service.process.terminate()
    reporting.service.process.wait(20)
    for name in reporting.database.list_collection_names():
        reporting.database[name].delete_many({})
    reporting.forget_offsets()
    reporting.service.start_again()
    after = whole(reporting)
    assert (after.size, after.root) == (before.size, before.root) and entries(reporting) == lines


def test_what_a_stranger_writes_to_the_topic_is_passed_over(reporting: Reporting, tmp_path: Path) -> None:
    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=reporting.servers.kafka)
        await producer.start()
        try:
            await producer.send_and_wait(f"{reporting.namespace}.public.log", b'{"v":1,"size":0}')
        finally:
            await producer.stop()

    reporting.publish(records(caused())[:20])
    eventually(lambda: checkpoint(reporting).size > 0, "the log has begun")
    in_a_loop_of_its_own(write)
    reporting.publish(records(caused())[20:])
    signed = whole(reporting)
    assert root_of([leaf_hash(line) for line in entries(reporting)]) == signed.root


def folded(lines: list[bytes]) -> dict[str, Any]:
    """The totals, from nothing but entries."""
    sums: dict[str, int] = {}

    def of(entry: dict[str, Any], *types: str) -> bool:
        return entry["type"].partition(".")[2] in types

    def add(name: str, more: int) -> None:
        sums[name] = sums.get(name, 0) + more

    for entry in map(json.loads, lines):
        if of(entry, "DonationsRecorded"):
            add("donations", sum(day["count"] for day in entry["days"]))
            add("received_fen", sum(day["fen"] for day in entry["days"]))
        add("credited_fen", entry.get("credited_fen", 0))
        if of(entry, "RoundFunded"):
            add("rounds", 1)
            add("funded_fen", entry["reserved_fen"])
        add("released_fen", entry.get("released_fen", 0))
        add("orders", of(entry, "OrderPlaced"))
        if of(entry, "FundsCommitted"):
            add("committed_fen", entry["fen"])
        if of(entry, "FundsSpent"):
            add("spent_fen", entry["fen"])
            add("committed_fen", -entry["fen"] - entry["uncommitted_fen"])
        add("packed", entry["count"] if of(entry, "ParcelsPacked") else 0)
        if of(entry, "ParcelsDelivered"):
            add("accepted", entry["accepted"])
            add("rejected", entry["rejected"])
        add("lost", entry["count"] if of(entry, "ParcelsWrittenOff") and entry["now"] == "lost" else 0)
        add("pupils_reached", entry.get("pupils_reached", 0))
    sums["unallocated_fen"] = sums["credited_fen"] - sums["funded_fen"] + sums["released_fen"]
    sums["reserved_fen"] = sums["funded_fen"] - sums["released_fen"] - sums["committed_fen"] - sums["spent_fen"]
    return sums


def test_entries_alone_add_up_to_the_totals(logged: Reporting) -> None:
    logged.await_totals(TOTALS | {"donations": 430, "received_fen": 2040, "in_flight_fen": 0})
    totals = logged.totals()
    sums, shown = folded(entries(logged)), {**totals, **totals["parcels"]}
    assert {name: sums[name] for name in sums if name in shown} == {name: shown[name] for name in sums if name in shown}
    assert len([name for name in sums if name in shown]) == 13
