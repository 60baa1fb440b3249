"""A partition that stands still has a way on: it is shown, tried again, or its record is set aside."""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.contracts.envelope import decode
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.trust import partition_of
from tests.service.reporting.conftest import Reporting
from tests.unit.reporting.history import TOTALS, FakeRecord, enveloped, programme, records
from tests.waiting import eventually

REASON = "the double was looked at by two people"


@pytest.fixture
def stopped(reporting: Reporting) -> tuple[Reporting, FakeRecord, str]:
    """Reporting with a partition that stands before an event of ours: its identity was used before, for another."""
    whole = records(enveloped(programme()))
    reporting.publish(whole)
    reporting.await_totals(TOTALS)
    record = next(one for one in whole if one.value and b"FundCredited" in one.value)
    record.value = (record.value or b"").replace(b'"credited_fen":600', b'"credited_fen":601')
    reporting.publish([record])
    source = decode(record.value).source
    path = f"/v1/partitions/procurement.events/{partition_of(source, EVENT_PARTITIONS)}"
    eventually(lambda: _is_exact(reporting, path), "the very record is known")
    return reporting, record, path


def _is_exact(reporting: Reporting, path: str) -> bool:
    with reporting.service.client("operator") as operator:
        return any(stop["is_exact"] for stop in operator.get(path).json()["stops"])


def test_a_stopped_partition_shows_its_record_the_reason_and_since_when_and_the_others_go_on(
    stopped: tuple[Reporting, FakeRecord, str],
) -> None:
    reporting, record, path = stopped
    with reporting.service.client("operator") as operator:
        shown = operator.get(path).json()
        (stop,) = shown["stops"]
        (listed,) = operator.get("/v1/partitions").json()["items"]
        assert (listed["partition"], listed["since"]) == (stop["partition"], stop["since"])
        assert "identity_reused" in stop["reason"] and stop["offset"] == shown["record"]["offset"]
        assert shown["record"]["event"]["type"] == "procurement.FundCredited"
        assert shown["record"]["text"].encode() == record.value
        assert shown["consumers"] == ["panda.reporting"]
        assert operator.get("/v1/partitions/procurement.events/99").json()["code"] == "partition_unknown"
        assert operator.get("/v1/partitions/donations.pushed/0").json()["code"] == "partition_unknown"
    assert reporting.get("/readyz").json()["ready"] is True
    assert reporting.totals()["unallocated_fen"] == TOTALS["unallocated_fen"]


def test_a_genuine_event_is_set_aside_only_by_who_accepts_what_breaks_and_the_partition_goes_on(
    stopped: tuple[Reporting, FakeRecord, str],
) -> None:
    reporting, _, path = stopped
    with reporting.service.client("operator") as operator:
        offset = operator.get(path).json()["stops"][0]["offset"]

        def set_aside(at: int, **body: Any) -> dict[str, Any]:
            answer = operator.post(f"{path}/records/{at}/set-aside", json={"reason": REASON, **body})
            found: dict[str, Any] = answer.json()
            return found

        assert set_aside(offset - 1, dry_run=True)["code"] == "record_is_another"
        told = set_aside(offset, dry_run=True)
        assert (told["breaks"], "genuine event" in told["because"]) == ("money", True)
        assert set_aside(offset)["code"] == "record_breaks"
        assert set_aside(offset, breaks="parcels")["code"] == "record_breaks"
        assert operator.get(path).json()["set_aside"] == []
        assert set_aside(offset, breaks="money")["by"]
        eventually(lambda: operator.get(path).json()["stops"] == [], "the partition goes on")
        (kept,) = operator.get(path).json()["set_aside"]
        assert (kept["offset"], kept["cause"], kept["reason"], kept["breaks"]) == (offset, "operator", REASON, "money")
        assert operator.post(f"{path}/retry").json()["code"] == "partition_not_stopped"
    reporting.service.kill()
    reporting.service.start_again()
    # Killed before its offset was committed, the record comes once more, fails once more, and is passed over again.
    eventually(lambda: reporting.get("/readyz").json()["stopped"] == [], "nothing stands still")
    reporting.await_totals(TOTALS)


def test_a_stop_is_told_by_a_process_that_was_started_anew_and_is_tried_again_when_an_operator_says_so(
    stopped: tuple[Reporting, FakeRecord, str],
) -> None:
    reporting, _, path = stopped
    with reporting.service.client("operator") as operator:
        before = operator.get(path).json()["stops"][0]
        reporting.service.kill()
        reporting.service.start_again()
        assert operator.get(path).json()["stops"][0]["since"] == before["since"]

        def attempts() -> int:
            stops: list[dict[str, Any]] = operator.get(path).json()["stops"]
            return int(stops[0]["attempts"])

        eventually(lambda: attempts() >= 4, "it is tried with growing pauses")
        tried = attempts()
        assert operator.post(f"{path}/retry").json()["groups"] == ["panda.reporting"]
        eventually(lambda: attempts() > tried, "it is tried at once")
        assert operator.get(path).json()["stops"][0]["since"] == before["since"]
