"""Reversals on a real Kafka and a real MongoDB: pushed, kept by their page, published in the shard's sequence."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer

from pandapack.contracts.donations import DonationsReversed
from pandapack.contracts.envelope import Envelope, decode, read_as
from tests.service.donations.tenant import DAY, NDJSON, Tenant, fen_of, ndjson, reversal
from tests.service.running import Running
from tests.stack import Servers
from tests.waiting import eventually


def published(servers: Servers, topic: str) -> list[Envelope]:
    """All that the shards published, each event once, in order of their sources."""

    async def consume() -> list[Envelope]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers.kafka, auto_offset_reset="earliest")
        await consumer.start()
        batches = await consumer.getmany(timeout_ms=3_000)
        await consumer.stop()
        return [decode(record.value) for records in batches.values() for record in records]

    once = {envelope.key: envelope for envelope in asyncio.run(consume())}
    return [once[key] for key in sorted(once)]


def test_donations_are_taken_back_once_and_never_more_than_was_given(stack: Servers, own_tenant: Tenant) -> None:
    service, platform, events = own_tenant.service, own_tenant.platform, own_tenant.service.topic("donations.events")
    given = own_tenant.donations(0, 20, amount_fen=9)
    assert own_tenant.push(ndjson(given)).status_code == 202
    eventually(lambda: own_tenant.counted() == (20, 180), "the donations are counted")
    back = [reversal("r-1", given[0], 4), reversal("r-2", given[0], 5), reversal("r-3", given[1], 9)]
    unknown = reversal("r-5", {"merchant": own_tenant.merchant(0), "id": "never-given"}, 1)
    body = ndjson([*back, reversal("r-4", given[0], 1), unknown]) + b"\n{oops"
    answer = platform.post("/v1/reversals", content=body, headers=NDJSON)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (202, 5, 1)
    service.kill()
    service.start_again()
    platform.post("/v1/reversals", content=body, headers=NDJSON)

    def state(id: str, merchant: str) -> str:
        found = platform.get(f"/v1/reversals/{merchant}/{id}")
        return str(found.json()["state"]) if found.status_code == 200 else ""

    eventually(lambda: state("r-3", given[1]["merchant"]) == "taken", "the last one is taken")
    eventually(lambda: state("r-4", given[0]["merchant"]) == "refused", "what is too much is refused")
    eventually(lambda: state("r-5", own_tenant.merchant(0)) == "parked", "what names no donation is parked")
    shown = platform.get(f"/v1/donations/{given[0]['merchant']}/{given[0]['id']}", params={"day": DAY}).json()
    assert (shown["amount_fen"], shown["reversed_fen"]) == (9, 9)
    with service.client("auditor") as auditor:
        parked = auditor.get("/v1/reversals", params={"state": "parked"}).json()["items"]
    assert {one["reversal"] for one in parked} == {"r-5"}

    def reversed_fen() -> int:
        back = [e for e in published(stack, events) if e.type == DonationsReversed.TYPE]
        return sum(r.fen_to - r.fen_from for e in back for r in read_as(e, DonationsReversed).reversals)

    eventually(lambda: reversed_fen() == 18, "the shards publish what was taken back, once")
    by_source: dict[str, list[int]] = {}
    for envelope in published(stack, events):
        by_source.setdefault(envelope.source, []).append(envelope.number)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_source.values())
    assert own_tenant.counted() == (20, 180)


def test_a_parked_reversal_is_taken_when_it_comes_again_behind_its_donation(service: Running, tenant: Tenant) -> None:
    platform, donation = tenant.platform, tenant.donations(0, 1, amount_fen=9)[0]
    body, path = ndjson([reversal("early", donation, 9)]), f"/v1/reversals/{donation['merchant']}/early"

    def stands(state: str) -> bool:
        platform.post("/v1/reversals", content=body, headers=NDJSON)
        found = platform.get(path)
        return found.status_code == 200 and found.json()["state"] == state

    def parked() -> list[str]:
        with service.client("operator") as operator:
            items = operator.get("/v1/reversals").json()["items"]
        return [one["reversal"] for one in items if tenant.owns(one["merchant"])]

    eventually(lambda: stands("parked"), "its donation is not known")
    assert parked() == ["early"]
    tenant.push(ndjson([donation]))
    eventually(lambda: tenant.counted() == (1, 9), "the donation is counted")
    eventually(lambda: stands("taken"), "sent again, it is taken")
    assert parked() == []
    page = tenant.ledger.pages.find_one({"_id": platform.get(path).json()["page"]})
    assert page is not None
    assert (page["counts"][tenant.programme], page["reversed_fen"][tenant.programme]) == (1, 9)
    assert tenant.counted() == (1, 9)


def test_more_reversals_than_a_record_takes_are_all_taken(tenant: Tenant) -> None:
    merchant = tenant.merchant(1)
    given = tenant.donations(0, 1_500, merchant=merchant)
    tenant.push(ndjson(given))
    eventually(lambda: tenant.counted()[0] == 1_500, "the donations are counted")
    back = [reversal(f"r-{donation['id']}", donation, donation["amount_fen"]) for donation in given]
    answer = tenant.platform.post("/v1/reversals", content=ndjson(back), headers=NDJSON)
    assert answer.json()["accepted"] == 1_500

    def taken() -> int:
        found = [one for page in tenant.ledger.pages.find({}, {"reversals": 1}) for one in page["reversals"]]
        return sum(tenant.owns(one["merchant"]) and one["state"] == "taken" for one in found)

    eventually(lambda: taken() == 1_500, "every one is taken")
    (last,) = tenant.ledger.pages.find(tenant.on_shard_of(merchant)).sort("_id", -1).limit(1)
    assert last["reversed_fen"][tenant.programme] == fen_of(given)


def test_nothing_that_is_a_reversal_is_refused_whole(tenant: Tenant) -> None:
    answer = tenant.platform.post("/v1/reversals", content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_accepted")
    missing = tenant.platform.get(f"/v1/reversals/{tenant.merchant(0)}/never")
    assert (missing.status_code, missing.json()["code"]) == (404, "reversal_unknown")
