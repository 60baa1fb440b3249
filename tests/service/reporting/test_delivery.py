"""Delivery on the real servers: each event counts once, whatever happens between Kafka and the views."""

from __future__ import annotations

import signal

import httpx
from pymongo.collection import Collection

from pandapack.contracts.envelope import decode
from pandapack.runtime.trust import partition_of
from tests.service.reporting.conftest import Reporting
from tests.unit.reporting.history import PARTITIONS, TOTALS, enveloped, programme, records
from tests.waiting import eventually

VIEWS = ("shards", "merchants", "money", "rounds", "funded_intervals", "pipeline")


def test_a_second_publication_of_every_event_changes_no_figure(reporting: Reporting) -> None:
    whole = records(enveloped(programme()))
    reporting.publish(whole)
    reporting.await_totals(TOTALS)
    rows = reporting.database.journal.count_documents({})
    reporting.publish(whole)
    ends = {(r.topic, r.partition): 2 * (r.offset + 1) - 1 for r in whole}
    source, event = programme()[0]
    reporting.publish(records(enveloped([(source.replace("/0", "/7"), event.model_copy(update={"shard": 7}))])))
    reporting.await_totals({"donations": TOTALS["donations"] + 120})
    eventually(lambda: all(lag["records"] == 0 for lag in _readyz(reporting)["lag"]), f"all is consumed up to {ends}")
    shown = reporting.totals()
    assert reporting.database.journal.count_documents({}) == rows == sum(r.topic != "donations.events" for r in whole)
    assert (shown["spent_fen"], shown["orders"], shown["pupils_reached"]) == (1940, 4, 8)


def _readyz(reporting: Reporting) -> dict[str, list[dict[str, int]]]:
    answer: dict[str, list[dict[str, int]]] = reporting.get("/readyz").json()
    return answer


def test_kill_nine_between_journal_and_views_loses_nothing_and_counts_nothing_twice(reporting: Reporting) -> None:
    whole = records(enveloped(programme()))
    for first in range(0, len(whole), 12):
        reporting.publish(whole[first : first + 12])
        if first in (12, 36):
            reporting.service.kill()
            reporting.service.start_again()
    reporting.await_totals(TOTALS)
    laws = reporting.get("/v1/conservation").json()
    assert [law["difference"] for law in laws["laws"]] == [0, 0, 0]


def test_views_rebuilt_from_the_first_offset_are_the_live_views(reporting: Reporting) -> None:
    reporting.publish(records(enveloped(programme())))
    reporting.await_totals(TOTALS)
    eventually(lambda: reporting.database.merchants.count_documents({}) == 4, "the merchants are counted")
    live = {name: _states(reporting.database[name]) for name in VIEWS}
    reporting.service.process.terminate()
    reporting.service.process.wait(20)
    for name in VIEWS:
        reporting.database[name].delete_many({})
    reporting.forget_offsets()
    reporting.service.start_again()
    reporting.await_totals(TOTALS)
    eventually(lambda: reporting.database.merchants.count_documents({}) == 4, "the merchants are counted")
    assert {name: _states(reporting.database[name]) for name in VIEWS} == live


def _states(collection: Collection[dict[str, object]]) -> dict[object, object]:
    return {document["_id"]: document["state"] for document in collection.find()}


def test_an_identity_with_other_content_stops_its_partition_and_tells_why(reporting: Reporting) -> None:
    whole = records(enveloped(programme()))
    reporting.publish(whole)
    reporting.await_totals(TOTALS)
    credit = next(r for r in whole if r.value and b"FundCredited" in r.value)
    credit.value = (credit.value or b"").replace(b'"credited_fen":600', b'"credited_fen":601')
    reporting.publish([credit])
    eventually(lambda: reporting.get("/readyz").json()["stopped"], "the partition stops")
    (stopped,) = reporting.get("/readyz").json()["stopped"]
    assert reporting.get("/readyz").status_code == 200, "all others go on"
    home = partition_of(decode(credit.value).source, PARTITIONS)
    assert (stopped["partition"], "identity_reused" in stopped["reason"]) == (home, True)
    assert reporting.totals()["unallocated_fen"] == TOTALS["unallocated_fen"]


def test_a_stream_that_is_left_open_ends_when_the_service_is_stopped(reporting: Reporting) -> None:
    with httpx.stream("GET", f"{reporting.service.url}/v1/events", trust_env=False, timeout=120) as stream:
        lines = stream.iter_lines()
        assert any(line.startswith("event: totals") for line in lines)
        reporting.service.process.terminate()
        for _ in lines:
            pass
    assert reporting.service.process.wait(20) in (0, -signal.SIGTERM)
    assert "draining" in reporting.service.log.read_text()
