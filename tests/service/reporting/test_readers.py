"""A process of reporting that takes in nothing shows what another one has taken in: the same figures, and as fresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.reporting.conftest import Reporting
from tests.service.running import Running, another_process
from tests.unit.reporting.history import TOTALS, enveloped, programme, records
from tests.waiting import eventually

OF_A_SNAPSHOT = (
    "/v1/totals",
    "/v1/totals/programme",
    "/v1/totals/country",
    "/v1/totals/item",
    "/v1/totals/day",
    "/v1/totals/round",
    "/v1/conservation",
    "/log/key",
    "/log/entries.ndjson",
)


@pytest.fixture
def readers(reporting: Reporting, tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "readers"
    folder.mkdir()
    with another_process(reporting.service, folder, {"PANDA_CONSUMES": "false"}) as process:
        yield process


def shown(process: Running, path: str) -> Any:
    """Without what is of the moment at which it is asked."""
    answer = httpx.get(f"{process.url}{path}", trust_env=False, timeout=120).raise_for_status()
    if not answer.headers["content-type"].startswith("application/json"):
        return answer.text
    return {name: value for name, value in answer.json().items() if name not in ("complete_to", "behind_s")}


def test_readers_are_shown_what_others_take_in_and_what_comes_while_they_are_away(
    reporting: Reporting, readers: Running
) -> None:
    reporting.publish(records(enveloped(programme())))
    reporting.await_totals(TOTALS)
    reporting.await_log()
    eventually(lambda: shown(readers, "/v1/totals") == shown(reporting.service, "/v1/totals"), "all is shown")
    for path in OF_A_SNAPSHOT:
        assert shown(readers, path) == shown(reporting.service, path), path
    assert httpx.get(f"{readers.url}/", trust_env=False, timeout=120).status_code == 200


def test_readers_know_how_fresh_the_figures_are_and_are_ready_while_what_consumes_is_gone(
    reporting: Reporting, readers: Running
) -> None:
    def behind_s() -> float | None:
        found: float | None = httpx.get(f"{readers.url}/v1/totals", trust_env=False, timeout=120).json()["behind_s"]
        return found

    eventually(lambda: behind_s() == 0.0, "nothing is on its way")
    reporting.service.kill()
    reporting.publish(records(enveloped(programme())))
    eventually(lambda: (behind_s() or 0.0) > 1.0, "what has come is not taken in, and that is told")
    readiness = httpx.get(f"{readers.url}/readyz", trust_env=False, timeout=120)
    assert readiness.status_code == 200 and readiness.json()["lag"] == []
    reporting.service.start_again()
    eventually(lambda: behind_s() == 0.0, "it goes on")
    assert {name: shown(readers, "/v1/totals")[name] for name in TOTALS} == TOTALS


def test_readers_tell_of_every_process_and_of_what_stopped_in_one_that_consumes(
    reporting: Reporting, readers: Running
) -> None:
    whole = records(enveloped(programme()))
    reporting.publish(whole)
    reporting.await_totals(TOTALS)
    credit = next(record for record in whole if record.value and b"FundCredited" in record.value)
    credit.value = (credit.value or b"").replace(b'"credited_fen":600', b'"credited_fen":601')
    reporting.publish([credit])

    def stopped() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{readers.url}/readyz", trust_env=False).json()["stopped"]
        return found

    eventually(stopped, "what stopped elsewhere is told here")
    assert "identity_reused" in stopped()[0]["reason"]
    with readers.client("auditor") as auditor:
        instances = auditor.get("/v1/instances").json()["items"]
        shown = [one["instance"] for one in auditor.get("/v1/pipeline").json()["instances"]]
    assert len(instances) == 2 and {one["instance"] for one in instances} == set(shown)
    assert sorted(one["owns"]["partitions"] > 0 for one in instances) == [False, True]
    assert httpx.get(f"{readers.url}/v1/instances", trust_env=False).status_code == 401
