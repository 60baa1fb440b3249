"""Reversals on a real Kafka and a real MongoDB: pushed, kept by their page, published in the shard's sequence."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from pandapack.contracts.donations import DonationsReversed
from pandapack.contracts.envelope import Envelope, decode, read_as
from tests.service.donations.tenant import DAY, NDJSON, Json, Tenant, fen_of, ndjson, reversal
from tests.service.running import Running
from tests.stack import Servers
from tests.waiting import eventually

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "push.md"


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
    assert [one["amount_fen"] for one in shown["reversals"]] == [4, 5]
    assert {datetime.fromisoformat(one["at"]) for one in shown["reversals"]} == {datetime.fromisoformat(back[0]["at"])}
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


def test_a_refused_reversal_says_why_wherever_it_is_read(service: Running, tenant: Tenant) -> None:
    platform, donation = tenant.platform, tenant.donations(0, 1, amount_fen=9)[0]
    tenant.push(ndjson([donation]))
    eventually(lambda: tenant.counted() == (1, 9), "the donation is counted")
    early = reversal("early", donation, 1) | {"at": f"{DAY}T09:59:59+08:00"}
    body = ndjson([reversal("much", donation, 10), early])
    push = platform.post("/v1/reversals", content=body, headers=NDJSON).json()["push_id"]

    def read(id: str) -> Json:
        found = platform.get(f"/v1/reversals/{donation['merchant']}/{id}")
        return found.json() if found.status_code == 200 else {}

    eventually(lambda: bool(read("early")), "both are decided")
    for id, code, en, zh in (
        ("much", "exceeds_what_is_left", "send at most 9", "最多还可撤回 9 分"),
        ("early", "before_the_donation", f"{DAY}T10:00:00+08:00", f"{DAY}T10:00:00+08:00"),
    ):
        refusal = read(id)["refusal"]
        assert (read(id)["state"], refusal["code"]) == ("refused", code)
        assert en in refusal["message"]["en"]
        assert zh in refusal["message"]["zh"]
    with service.client("auditor") as auditor:
        listed = auditor.get("/v1/reversals", params={"state": "refused"}).json()["items"]
    mine = {one["reversal"]: one["refusal"]["code"] for one in listed if tenant.owns(one["merchant"])}
    assert mine == {"much": "exceeds_what_is_left", "early": "before_the_donation"}
    now = platform.get(f"/v1/pushes/{push}").json()
    assert (now["state"], now["accepted"], now["counted"], now["refused"], now["parked"]) == ("judged", 2, 0, 2, 0)
    assert [(one["kind"], one["id"]) for one in now["findings"]] == [("refused", "much"), ("refused", "early")]


def test_an_id_with_another_amount_or_another_gift_is_a_conflict_that_shows(service: Running, tenant: Tenant) -> None:
    platform, (donation, second) = tenant.platform, tenant.donations(0, 2, amount_fen=9, merchant=tenant.merchant(0))
    tenant.push(ndjson([donation, second]))
    eventually(lambda: tenant.counted() == (2, 18), "the donations are counted")
    path = f"/v1/reversals/{donation['merchant']}/one"

    def read() -> Json:
        found = platform.get(path)
        return found.json() if found.status_code == 200 else {}

    # Two of them before the ledger has decided the first: it finds the conflict; a later one is told at once.
    raced = ndjson([reversal("one", donation, 4), reversal("one", donation, 5)])
    assert platform.post("/v1/reversals", content=raced, headers=NDJSON).json()["accepted"] == 2
    eventually(lambda: len(read().get("conflicts", ())) == 1, "the second is a conflict")
    for _ in range(2):
        later = platform.post("/v1/reversals", content=ndjson([reversal("one", second, 4)]), headers=NDJSON)
        assert (later.status_code, later.json()["code"]) == (409, "reversal_conflict")
        assert later.json()["failures"][0]["code"] == "reversal_conflict"
    eventually(lambda: len(read()["conflicts"]) == 2, "that one is listed, too")
    push = f"/v1/pushes/{later.json()['push_id']}"
    eventually(lambda: platform.get(push).json()["conflicts"] == 1, "and its push says so")
    now = read()
    assert (now["state"], now["amount_fen"], now["donation"], now["refusal"]) == ("taken", 4, donation["id"], None)
    assert [(one["donation"], one["amount_fen"], one["state"]) for one in now["conflicts"]] == [
        (donation["id"], 5, "conflict"),
        (second["id"], 4, "conflict"),
    ]
    assert {one["refusal"]["code"] for one in now["conflicts"]} == {"reversal_conflict"}
    with service.client("auditor") as auditor:
        listed = auditor.get("/v1/reversals", params={"state": "conflict"}).json()["items"]
    assert [one["amount_fen"] for one in listed if tenant.owns(one["merchant"])] == [5, 4]
    shown = platform.get(f"/v1/donations/{donation['merchant']}/{donation['id']}", params={"day": DAY}).json()
    assert shown["reversed_fen"] == 4


def test_a_reversal_sent_again_gets_the_same_answer_and_takes_nothing_more(tenant: Tenant) -> None:
    platform, donation = tenant.platform, tenant.donations(0, 1, amount_fen=9)[0]
    tenant.push(ndjson([donation]))
    eventually(lambda: tenant.counted() == (1, 9), "the donation is counted")
    body, headers = ndjson([reversal("again", donation, 4)]), {**NDJSON, "Idempotency-Key": "reversals-1"}
    first, second = (platform.post("/v1/reversals", content=body, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    other = platform.post("/v1/reversals", content=ndjson([reversal("new", donation, 1)]), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    path = f"/v1/reversals/{donation['merchant']}/again"
    eventually(lambda: platform.get(path).status_code == 200, "it is decided")
    before = platform.get(path).json()
    push = platform.post("/v1/reversals", content=body, headers=NDJSON).json()["push_id"]
    eventually(lambda: platform.get(f"/v1/pushes/{push}").json()["duplicates"] == 1, "sent anew, it is a duplicate")
    assert platform.get(path).json() == before
    shown = platform.get(f"/v1/donations/{donation['merchant']}/{donation['id']}", params={"day": DAY}).json()
    assert shown["reversed_fen"] == 4


def test_nothing_that_is_a_reversal_is_refused_whole(tenant: Tenant) -> None:
    answer = tenant.platform.post("/v1/reversals", content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_accepted")
    missing = tenant.platform.get(f"/v1/reversals/{tenant.merchant(0)}/never")
    assert (missing.status_code, missing.json()["code"]) == (404, "reversal_unknown")


def test_the_commands_of_the_documentation_take_a_gift_back(service: Running, tenant: Tenant) -> None:
    documented = DOCUMENTATION.read_text().partition("## Reversals\n")[2].partition("\n## ")[0]
    commands = "\n".join(line[4:] for line in documented.splitlines() if line.startswith("    "))
    take, _, look = commands.rpartition("\ncurl ")
    merchant, at = tenant.merchant(0), tenant.platform.get("/v1/whoami").json()["at"]
    tenant.push(ndjson(tenant.donations(0, 1, id="order-1", merchant=merchant, amount_fen=5, at=at)))
    eventually(lambda: tenant.counted() == (1, 5), "the gift is counted")

    def shell(text: str) -> Json:
        here = text.replace("http://127.0.0.1:8101", service.url).replace("M1", merchant)
        done = subprocess.run(
            ["bash", "-ec", here],
            env={"PATH": os.environ["PATH"], "KEY": tenant.key, "AT": at},
            capture_output=True,
            check=True,
        )
        return dict(json.loads(done.stdout))

    answer = shell(take)
    assert answer["accepted"] == 1, answer
    eventually(lambda: shell(f"curl {look}").get("state") == "taken", "the documented reversal is taken")
