"""Logistics on a real Kafka and a real MongoDB: packed parcels become parcels in pupils' hands, also after kill -9."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from pandapack.contracts.envelope import Envelope, decode, envelop
from pandapack.contracts.logistics import ParcelsHandedOut
from tests.service.logistics.depot import EVALUATOR, LEGS, PARTIES_HERE, PARTNER, ROAD, SEA
from tests.service.logistics.test_surveys import body as survey
from tests.service.running import Running, running
from tests.stack import Servers
from tests.trusted import signed
from tests.unit.logistics.reports_of import BROKER, FORWARDER, INSURER, PARCELS, ROUND, SHIPMENT, packed
from tests.waiting import eventually

AT = "2021-05-01T08:00:00Z"
CARRIER, SCHOOL = f"carrier@{SEA}", f"school@{PARTNER}"


@pytest.fixture
def logistics(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    with running("logistics", stack, namespace, tmp_path) as service:
        roles = {"field-partner": "school"}
        for party, kind, schools in PARTIES_HERE:
            body = {"party": party, "kind": kind, "name": party, "schools": schools}
            post(service, "operator", "/parties", body)
            made = post(service, "operator", f"/parties/{party}/keys", {"name": "test"})
            service.keys[f"{roles.get(kind, kind)}@{party}"] = made["key"]
        yield service


def keyed(path: str, body: dict[str, Any]) -> dict[str, str]:
    """A key that the same request always has."""
    return {"Idempotency-Key": hashlib.sha256(f"{path} {sorted(body.items())}".encode()).hexdigest()}


def get(service: Running, path: str) -> Any:
    with service.client("auditor") as client:
        answer = client.get(f"/v1{path}")
        return answer.json() if answer.status_code == 200 else None


def post(service: Running, role: str, path: str, body: dict[str, Any]) -> Any:
    with service.client(role) as client:
        answer = client.post(f"/v1{path}", json=body, headers=keyed(path, body))
        assert answer.is_success, answer.text
        return answer.json()


def publish_packed(service: Running) -> None:
    """Procurement packs all parcels of the round, in two lots; each event twice."""

    async def send() -> None:
        source = f"/procurement/rounds/{ROUND}"
        async with AIOKafkaProducer(bootstrap_servers=service.env["PANDA_KAFKA"]) as producer:
            for number, event in enumerate((packed(1, 6), packed(7, PARCELS - 6)), 1):
                envelope = envelop(event, source=source, number=number, at=datetime(2021, 5, 1, tzinfo=UTC))
                for _ in range(2):
                    key, value, headers = signed(service.folder, envelope)
                    await producer.send_and_wait(service.topic("procurement.events"), value, key=key, headers=headers)

    asyncio.run(send())


def published(servers: Servers, topic: str) -> list[Envelope]:
    """All that logistics has published, each event once."""

    async def consume() -> list[Envelope]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers.kafka, auto_offset_reset="earliest")
        await consumer.start()
        batches = await consumer.getmany(timeout_ms=3_000)
        await consumer.stop()
        return [decode(record.value) for records in batches.values() for record in records]

    by_key = {envelope.key: envelope for envelope in asyncio.run(consume())}
    return list(by_key.values())


def delivery(number: str, school: str, accepted: list[int], rejected: list[int]) -> dict[str, Any]:
    reason = {"reason": "wet"} if rejected else {}
    return {
        "delivery": number,
        "school": school,
        "accepted": accepted,
        "rejected": rejected,
        "gave": "carrier's depot",
        "received": "school office",
        "document": "0" * 64,
        "at": AT,
        **reason,
    }


def hand_out(service: Running, number: str, school: str, parcels: int) -> Any:
    body = {"handout": number, "school": school, "parcels": parcels, "girls": parcels - 1, "boys": 1, "at": AT}
    return post(service, SCHOOL, f"/consignments/{ROUND}/handouts", body)


def test_packed_parcels_reach_pupils_whatever_comes_first_and_whatever_dies(
    stack: Servers, namespace: str, logistics: Running
) -> None:
    consignment, shipment = f"/consignments/{ROUND}", f"/shipments/{SHIPMENT}"
    publish_packed(logistics)
    logistics.kill()
    logistics.start_again()
    eventually(lambda: (get(logistics, consignment) or {}).get("stored") == PARCELS, "all parcels are stored")
    early = post(logistics, SCHOOL, f"{consignment}/deliveries", delivery("P-1", "KH-S01", [1, 2, 3, 5, 6], [4]))
    assert early["parked"] is True
    assert hand_out(logistics, "H-1", "KH-S01", 5)["parked"] is True
    assert [one["id"] for one in get(logistics, consignment)["parked"]] == ["P-1", "H-1"]
    post(logistics, f"supplier@{FORWARDER}", "/shipments", {"shipment": SHIPMENT, "round": ROUND, "legs": LEGS})
    post(logistics, CARRIER, f"{shipment}/departures", {"leg": 1, "at": AT})
    logistics.kill()
    logistics.start_again()
    eventually(lambda: get(logistics, consignment)["parcels"]["accepted"] == 5, "the early proof is applied")
    post(logistics, CARRIER, f"{shipment}/arrivals", {"leg": 1, "at": AT})
    post(logistics, f"carrier@{ROAD}", f"{shipment}/departures", {"leg": 2, "at": AT})
    post(logistics, f"carrier@{ROAD}", f"{shipment}/arrivals", {"leg": 2, "at": AT})
    broker = f"supplier@{BROKER}"
    post(logistics, broker, f"{shipment}/customs-holds", {"reason": "papers", "at": AT})
    post(logistics, broker, f"{shipment}/customs-releases", {"duty_fen": 900, "document": "D-1", "at": AT})
    for category, supplier in (("freight", FORWARDER), ("insurance", INSURER)):
        body = {"category": category, "fen": 1_000, "document": f"{category}-1"}
        post(logistics, f"supplier@{supplier}", f"{consignment}/costs", body)
    lost = {"report": "W-1", "ordinals": [7], "now": "lost", "reason": "theft", "at": AT}
    post(logistics, CARRIER, f"{consignment}/write-offs", lost)
    post(logistics, SCHOOL, f"{consignment}/deliveries", delivery("P-2", "KH-S02", [8, 9, 10, 11], []))
    hand_out(logistics, "H-2", "KH-S02", 4)
    closed = eventually(lambda: (c := get(logistics, consignment))["status"] == "closed" and c, "it is over")
    assert closed["parcels"] == {
        "warehouse": 0,
        "in_transit": 0,
        "accepted": 9,
        "rejected": 1,
        "damaged": 0,
        "lost": 1,
        "returned": 0,
    }
    assert (closed["closed"], closed["parked"]) == (True, [])
    assert closed["costs"] == {"duty": 900, "freight": 1_000, "insurance": 1_000}
    assert closed["ordinals"]["accepted"] == [1, 2, 3, 5, 6, 8, 9, 10, 11]
    assert get(logistics, shipment)["status"] == "arrived"

    def all_published() -> list[Envelope]:
        envelopes = published(stack, f"{namespace}.logistics.events")
        return envelopes if any(e.type == "logistics.ConsignmentClosed" for e in envelopes) else []

    envelopes = eventually(all_published, "the end of the consignment is published")
    of_consignment = [e for e in envelopes if e.source == f"/logistics/consignments/{ROUND}"]
    assert [e.number for e in of_consignment] == list(range(1, len(of_consignment) + 1))
    assert of_consignment[-1].type == "logistics.ConsignmentClosed"
    assert sum(e.type == "logistics.ParcelsHandedOut" for e in of_consignment) == 2


def test_a_parcel_reaches_one_pupil_whatever_its_school_reports(
    stack: Servers, namespace: str, logistics: Running
) -> None:
    consignment = f"/consignments/{ROUND}"
    publish_packed(logistics)
    eventually(lambda: (get(logistics, consignment) or {}).get("stored") == PARCELS, "all parcels are stored")
    post(logistics, f"supplier@{FORWARDER}", "/shipments", {"shipment": SHIPMENT, "round": ROUND, "legs": LEGS})
    post(logistics, CARRIER, f"/shipments/{SHIPMENT}/departures", {"leg": 1, "at": AT})
    eventually(lambda: get(logistics, consignment)["dispatched"], "the parcels are in transit")
    post(logistics, SCHOOL, f"{consignment}/deliveries", delivery("P-1", "KH-S01", [1, 2, 3], []))
    body = {"handout": "H-1", "school": "KH-S01", "parcels": 1, "girls": 9_999, "boys": 9_999, "at": AT}
    answer = post(logistics, SCHOOL, f"{consignment}/handouts", body)
    assert (answer["parked"], answer["pupils_reached"], answer["pupils_over_reported"]) == (False, 1, 19_997)
    hand_out(logistics, "H-2", "KH-S01", 2)
    first, second = get(logistics, consignment)["schools"]
    assert (first["accepted"], first["pupils_reached"], first["pupils_over_reported"]) == (3, 3, 19_997)
    assert (first["more_pupils_than_enrolled"], second["more_pupils_than_enrolled"]) == (True, False)

    def handouts() -> dict[str, tuple[int | None, ...]]:
        events = [envelope.event() for envelope in published(stack, f"{namespace}.logistics.events")]
        return {
            one.handout: (one.girls, one.boys, one.enrolled, one.pupils_reached, one.pupils_over_reported)
            for one in events
            if isinstance(one, ParcelsHandedOut)
        }

    judged = {"H-1": (9_999, 9_999, 40, 1, 19_997), "H-2": (1, 1, 40, 2, 0)}
    eventually(lambda: handouts() == judged, "both handouts are published with what counts of them")


def test_of_twenty_that_claim_the_same_at_once_one_wins(stack: Servers, namespace: str, logistics: Running) -> None:
    publish_packed(logistics)
    eventually(lambda: (get(logistics, f"/consignments/{ROUND}") or {}).get("stored") == PARCELS, "all is stored")

    def at_once(who: str, path: str, bodies: list[dict[str, Any]]) -> list[tuple[int, str]]:
        def send(body: dict[str, Any]) -> tuple[int, str]:
            got = client.post(f"/v1{path}", json=body, headers=keyed(path, body))
            return got.status_code, got.json().get("code", "")

        with logistics.client(who) as client, ThreadPoolExecutor(len(bodies)) as threads:
            return sorted(threads.map(send, bodies))

    numbers = range(20)
    routes = [[{**LEGS[0], "document": f"BL-{number}"}, LEGS[1]] for number in numbers]
    bookings = [{"shipment": SHIPMENT, "round": ROUND, "legs": legs} for legs in routes]
    booked = at_once(f"supplier@{FORWARDER}", "/shipments", bookings)
    assert booked == [(201, ""), *[(409, "shipment_known")] * 19]
    releases = [{"duty_fen": 1 + number, "document": f"D-{number}", "at": AT} for number in numbers]
    let_go = at_once(f"supplier@{BROKER}", f"/shipments/{SHIPMENT}/customs-releases", releases)
    assert let_go == [(200, ""), *[(409, "released_already")] * 19]
    costs = [{"category": "freight", "fen": 1 + number, "document": f"F-{number}"} for number in numbers]
    known = at_once(f"supplier@{FORWARDER}", f"/consignments/{ROUND}/costs", costs)
    assert known == [(200, ""), *[(409, "cost_known")] * 19]


def test_what_is_not_there_answers_404_and_what_cannot_be_409_or_422(
    stack: Servers, namespace: str, logistics: Running
) -> None:
    assert get(logistics, "/consignments/R-999999") is None
    with logistics.client("operator") as client:

        def answer(path: str, body: dict[str, Any]) -> tuple[int, str]:
            got = client.post(f"/v1{path}", json=body, headers=keyed(path, body))
            return got.status_code, got.json().get("code", "")

        held = {"reason": "papers", "at": AT}
        assert answer("/shipments/S-9/customs-holds", held) == (404, "shipment_unknown")
        assert answer("/shipments", {"shipment": "S-9", "round": "R-9", "legs": []}) == (422, "invalid_request")
        booked = {"shipment": SHIPMENT, "round": ROUND, "legs": LEGS}
        assert answer("/shipments", booked) == (404, "round_unknown")
        publish_packed(logistics)
        eventually(lambda: (get(logistics, f"/consignments/{ROUND}") or {}).get("stored") == PARCELS, "all is stored")
        apart = [LEGS[0], {**LEGS[1], "origin": "KHSIS"}]
        assert answer("/shipments", {**booked, "legs": apart}) == (422, "legs_do_not_join")
        assert answer("/shipments", booked)[0] == 201
        assert answer("/shipments", {**booked, "shipment": "S-9"}) == (422, "shipment_misnamed")
        again = {**booked, "legs": [{**LEGS[0], "destination": "KHPNH"}]}
        assert answer("/shipments", again) == (409, "shipment_known")


def test_a_survey_is_held_against_what_parcels_reached_also_where_events_come_again(
    stack: Servers, namespace: str, logistics: Running
) -> None:
    publish_packed(logistics)
    consignment = f"/consignments/{ROUND}"
    eventually(lambda: (get(logistics, consignment) or {}).get("stored") == PARCELS, "all parcels are stored")
    post(logistics, f"supplier@{FORWARDER}", "/shipments", {"shipment": SHIPMENT, "round": ROUND, "legs": LEGS})
    post(logistics, CARRIER, f"/shipments/{SHIPMENT}/departures", {"leg": 1, "at": AT})
    eventually(lambda: get(logistics, consignment)["dispatched"], "the parcels are in transit")
    post(logistics, SCHOOL, f"{consignment}/deliveries", delivery("P-1", "KH-S01", [1, 2, 3, 4, 5, 6], []))
    hand_out(logistics, "H-1", "KH-S01", 6)
    logistics.kill()
    logistics.start_again()
    key = {"Idempotency-Key": "survey"}

    def reported(**changes: int) -> tuple[int, str]:
        with logistics.client(f"evaluator@{EVALUATOR}") as client:
            answer = client.post("/v1/surveys", json=survey(**changes), headers=key)
            return answer.status_code, answer.json().get("code", "")

    served = eventually(
        lambda: (found := reported(frame_pupils=7)) != (422, "survey_country_unserved") and found, "events have come"
    )
    assert served == (422, "frame_beyond_reached"), "six pupils, whatever was consumed twice"
    eventually(lambda: reported()[0] == 201, "the handout has come, too")
    assert reported() == (201, "")
    assert get(logistics, "/surveys/survey-1") == {**survey(), "evaluator": EVALUATOR}
    told = eventually(
        lambda: [e for e in published(stack, f"{namespace}.logistics.events") if e.type == "logistics.SurveyReported"],
        "the survey is published",
    )
    assert [(one.source, one.number) for one in told] == [("/logistics/surveys/survey-1", 1)]
