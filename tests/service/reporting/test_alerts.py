"""Alerts on the running service: who may read and act, a fault that fires and is acknowledged, silences that end."""

from __future__ import annotations

from typing import Any

from services.reporting.domain.alerts.rules import RULE_NAMES
from tests.service.reporting.conftest import Reporting
from tests.unit.reporting.history import TOTALS, enveloped, programme, records
from tests.waiting import eventually

WORD = {"reason": "two people look at it"}


def test_a_stopped_partition_fires_within_seconds_and_an_operator_says_so_and_makes_it_silent(
    reporting: Reporting,
) -> None:
    whole = records(enveloped(programme()))
    reporting.publish(whole)
    reporting.await_totals(TOTALS)
    with reporting.service.client("operator") as operator, reporting.service.client("auditor") as auditor:

        def alert(name: str) -> dict[str, Any]:
            (found,) = [one for one in auditor.get("/v1/alerts").json()["items"] if one["name"] == name]
            return found

        def act(path: str, key: str, body: dict[str, Any]) -> Any:
            return operator.post(path, json=body, headers={"Idempotency-Key": key})

        eventually(lambda: auditor.get("/v1/alerts").json()["evaluated_at"] is not None, "a look was made")
        assert {one["name"] for one in auditor.get("/v1/alerts").json()["items"]} == set(RULE_NAMES)
        early = act("/v1/alerts/partition-stopped/acknowledgements", "early", WORD)
        assert (early.status_code, early.json()["code"]) == (409, "alert_not_firing")
        assert act("/v1/alerts/no-such/acknowledgements", "none", WORD).json()["code"] == "alert_unknown"

        record = next(one for one in whole if one.value and b"FundCredited" in one.value)
        record.value = (record.value or b"").replace(b'"credited_fen":600', b'"credited_fen":601')
        reporting.publish([record])
        eventually(lambda: alert("partition-stopped")["state"] == "firing", "the stopped partition fires")
        assert "procurement.events/" in alert("partition-stopped")["subjects"][0]

        answer = act("/v1/alerts/partition-stopped/acknowledgements", "seen", WORD)
        assert answer.status_code == 201 and alert("partition-stopped")["acknowledged"]["reason"] == WORD["reason"]
        (episode,) = [
            one for one in auditor.get("/v1/alerts/history").json()["items"] if one["name"] == "partition-stopped"
        ]
        assert episode["resolved_at"] is None and episode["acknowledged"]["by"]

        body = {"alert": "partition-stopped", "minutes": 30, **WORD}
        made = act("/v1/silences", "silent", body)
        again = act("/v1/silences", "silent", body)
        assert made.status_code == 201 and again.json() == made.json()
        assert alert("partition-stopped")["silence"]["id"] == made.json()["id"]
        path = f"/v1/silences/{made.json()['id']}"
        ended = operator.request("DELETE", path, json={}, headers={"Idempotency-Key": "end"})
        assert ended.status_code == 200 and auditor.get("/v1/silences").json()["items"] == []
        gone = operator.delete(path, headers={"Idempotency-Key": "end again"})
        assert (gone.status_code, gone.json()["code"]) == (404, "silence_unknown")


def test_reading_is_for_operators_and_auditors_and_acting_for_operators(reporting: Reporting) -> None:
    for path in ("/v1/alerts", "/v1/alerts/history", "/v1/silences"):
        assert reporting.get(path).status_code == 401
    with reporting.service.client("auditor") as auditor:
        answer = auditor.post("/v1/silences", json={"minutes": 5, **WORD}, headers={"Idempotency-Key": "k"})
        assert answer.json()["code"] == "role_not_allowed"


def test_metrics_tell_of_the_stores_of_freshness_and_of_what_fires(reporting: Reporting) -> None:
    names = (
        "panda_store_answers 1.0",
        "panda_kafka_answers 1.0",
        "panda_behind_seconds ",
        'panda_law_broken{law="money"}',
    )
    eventually(
        lambda: all(
            name in reporting.get("/metrics").text for name in (*names, 'panda_alerts_firing{alert="overdue"}')
        ),
        "the metrics are set by the loop",
    )
