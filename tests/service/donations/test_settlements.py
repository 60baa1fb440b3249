"""Settlements on a real Kafka and a real MongoDB: statements, what is banked, who may see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer

from pandapack.client import Client
from pandapack.contracts.donations import DonationsBanked
from pandapack.contracts.envelope import decode, read_as
from tests.service.donations.tenant import DAY, NDJSON, Tenant, donations, fen_of, ndjson, registered, reversal
from tests.stack import Servers
from tests.waiting import eventually

HEAD = {"settlement": "2021-11-11", "programme": "love-parcel", "bank_reference": "ICBC 42", "currency": "CNY"}
COUNT = 20_000


def pushed(tenant: Tenant, lines: list[dict[str, Any]]) -> None:
    """All of these are in the ledger, behind what was there."""
    before, _ = tenant.counted()
    with Client(tenant.service.url, tenant.key) as client:
        client.push(lines)
    eventually(lambda: tenant.counted()[0] == before + len(lines), "all are in the ledger")


def ids_of(lines: list[dict[str, Any]]) -> bytes:
    fields = ("merchant", "id", "amount_fen")
    return "\n".join(json.dumps({**{f: line[f] for f in fields}, "day": DAY}) for line in lines).encode()


def sums(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    cells: dict[str, list[int]] = {}
    for line in lines:
        cell = cells.setdefault(line["merchant"], [0, 0])
        cell[0] += 1
        cell[1] += line["amount_fen"]
    return [{"merchant": m, "day": DAY, "count": count, "fen": fen} for m, (count, fen) in cells.items()]


def head_of(tenant: Tenant, **head: str) -> dict[str, str]:
    return {**HEAD, "programme": tenant.programme, **head}


def settle(platform: httpx.Client, head: Mapping[str, str], lines: list[dict[str, Any]], key: str) -> httpx.Response:
    headers = {**NDJSON, "Idempotency-Key": key}
    return platform.post("/v1/settlements", params=head, content=ids_of(lines), headers=headers)


def reconciled(reader: httpx.Client, location: str, statements: int = 1) -> dict[str, Any]:
    """The settlement, once it has so many statements."""
    shown: dict[str, Any] = {}

    def is_drawn_up() -> bool:
        shown.update(reader.get(location).json())
        return shown["status"] == "reconciled" and len(shown["statements"]) == statements

    eventually(is_drawn_up, "the statement is drawn up")
    return shown


def differences_of(reader: httpx.Client, location: str, kind: str) -> list[dict[str, Any]]:
    """All that is listed under a kind, page after page."""
    items: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = reader.get(f"{location}/differences", params={"kind": kind, "after": after}).json()
        items, after = items + page["items"], page["next"]
    return items


async def banked(servers: Servers, topic: str, source: str) -> tuple[int, int]:
    """Count and fen of the first DonationsBanked that a settlement published."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async for record in consumer:
            envelope = decode(record.value)
            if envelope.type == DonationsBanked.TYPE and envelope.source == source:
                event = read_as(envelope, DonationsBanked)
                return event.count, event.fen
    finally:
        await consumer.stop()
    raise AssertionError("the topic ended")


async def test_a_file_of_ids_is_reconciled_and_its_fen_are_banked_once(tenant: Tenant, stack: Servers) -> None:
    platform, head = tenant.platform, head_of(tenant)
    lines = tenant.donations(0, COUNT)
    fen = fen_of(lines)
    pushed(tenant, lines)
    answer = settle(platform, head, lines, "k1")
    again = settle(platform, head, lines, "k1")
    assert (answer.status_code, answer.json()) == (202, again.json())
    location = answer.headers["Location"]
    shown = reconciled(platform, location)
    (statement,) = shown["statements"]
    assert (statement["balanced"], statement["matched"]["ledger"]) == (True, {"count": COUNT, "fen": fen})
    assert shown["banked"] == {"count": COUNT, "fen": fen}
    rows = differences_of(platform, location, "matched")
    assert {(row["merchant"], row["id"]) for row in rows} == {(line["merchant"], line["id"]) for line in lines}
    assert len(rows) == COUNT

    second = settle(platform, head_of(tenant, settlement="again"), lines[:5], "k2").headers["Location"]
    assert reconciled(platform, second)["statements"][0]["already_banked"]["ledger"]["count"] == 5
    assert reconciled(platform, second)["banked"] == {"count": 0, "fen": 0}
    source = f"/donations/settlements/{location.rpartition('/')[2]}"
    assert await banked(stack, tenant.service.topic("donations.events"), source) == (COUNT, fen)


def test_sums_are_reconciled_late_donations_by_a_new_statement_and_differences_listed(tenant: Tenant) -> None:
    platform = tenant.platform
    lines, late = tenant.donations(0, 400), tenant.donations(400, 40)
    pushed(tenant, lines)
    body = {**head_of(tenant), "sums": sums([*lines, *late])}
    answer = platform.post("/v1/settlements", json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 202, answer.text
    location = answer.headers["Location"]
    early = reconciled(platform, location)["statements"][0]
    assert (early["balanced"], early["differing"]["settlement"]["count"]) == (False, 440)
    assert len(differences_of(platform, location, "differing")) == 40
    pushed(tenant, late)
    requested = platform.post(f"{location}/statements", headers={"Idempotency-Key": "late"})
    assert requested.status_code == 202
    shown = reconciled(platform, location, statements=2)
    assert shown["statements"][0] == early  # what was stated is not rewritten
    assert (shown["statements"][1]["balanced"], shown["banked"]["count"]) == (True, 440)


def reversed_(tenant: Tenant, id: str, line: dict[str, Any], fen: int) -> None:
    """The ledger has taken so many fen of a gift back."""
    answer = tenant.platform.post("/v1/reversals", content=ndjson([reversal(id, line, fen)]), headers=NDJSON)
    assert answer.status_code == 202, answer.text
    path = f"/v1/reversals/{line['merchant']}/{id}"
    eventually(lambda: tenant.platform.get(path).json().get("state") == "taken", "the reversal is taken")


def test_a_settlement_is_net_and_a_gift_reversed_in_full_is_never_banked(tenant: Tenant) -> None:
    platform, lines = tenant.platform, tenant.donations(0, 40, amount_fen=9)
    pushed(tenant, lines)
    reversed_(tenant, "r-1", lines[0], 9)
    reversed_(tenant, "r-2", lines[1], 4)

    gross = settle(platform, head_of(tenant, settlement="gross"), lines[:2], "k1").headers["Location"]
    (statement,) = reconciled(platform, gross)["statements"]
    assert (statement["balanced"], statement["banked"], statement["unreconciled_fen"]) == (False, nothing, 18)
    assert [
        (one["id"], one["why"], one["reversed_fen"], one["ledger"]["fen"])
        for one in sorted(differences_of(platform, gross, "differing"), key=lambda one: str(one["id"]))
    ] == [
        (lines[0]["id"], "reversed", 9, 0),
        (lines[1]["id"], "reversed", 4, 5),
    ]

    left = [{**lines[1], "amount_fen": 5}, *lines[2:]]
    net = settle(platform, head_of(tenant, settlement="net"), left, "k2").headers["Location"]
    (statement,) = reconciled(platform, net)["statements"]
    figures = ("settled_fen", "gross_fen", "reversed_fen", "net_fen", "unreconciled_fen")
    assert [statement[figure] for figure in figures] == [347, 351, 4, 347, 0]
    assert (statement["balanced"], statement["banked"]) == (True, {"count": 39, "fen": 347})
    (partly,) = [row for row in differences_of(platform, net, "matched") if row["id"] == lines[1]["id"]]
    assert (partly["amount_fen"], partly["reversed_fen"], partly["banked_fen"]) == (9, 4, 5)

    reversed_(tenant, "r-3", lines[2], 9)  # after it was banked
    assert platform.post(f"{net}/statements", headers={"Idempotency-Key": "later"}).status_code == 202
    later = reconciled(platform, net, statements=2)["statements"][1]
    assert (later["balanced"], later["banked"], later["reversed_since"]["reversed_fen"]) == (
        True,
        {"count": 39, "fen": 347},
        9,
    )
    assert [one["id"] for one in differences_of(platform, net, "reversed_since")] == [lines[2]["id"]]


nothing = {"count": 0, "fen": 0}


def test_a_settlement_by_sums_says_up_to_when_reversals_were_deducted(tenant: Tenant) -> None:
    platform, lines = tenant.platform, tenant.donations(0, 40)
    pushed(tenant, lines)
    reversed_(tenant, "r-1", lines[8], lines[8]["amount_fen"])
    body = {**head_of(tenant), "sums": sums(lines), "cut_off": "2021-11-12T00:00:00+08:00"}  # before the reversal
    location = platform.post("/v1/settlements", json=body, headers={"Idempotency-Key": "k"}).headers["Location"]
    (statement,) = reconciled(platform, location)["statements"]
    assert (statement["balanced"], statement["banked"]["fen"]) == (True, fen_of(lines))
    assert statement["cut_off"] == "2021-11-12T00:00:00+08:00"
    assert statement["reversed_since"]["reversed_fen"] == lines[8]["amount_fen"]
    ahead = {**body, "settlement": "ahead", "cut_off": "2999-01-01T00:00:00Z"}
    refused = platform.post("/v1/settlements", json=ahead, headers={"Idempotency-Key": "k2"})
    assert (refused.status_code, refused.json()["code"]) == (422, "cut_off_in_the_future")


def test_extra_names_no_merchant_or_day_that_the_settlement_does_not_name(tenant: Tenant) -> None:
    lines = tenant.donations(0, 40)
    pushed(tenant, lines)
    location = settle(tenant.platform, head_of(tenant), lines[:3], "k1").headers["Location"]
    (statement,) = reconciled(tenant.platform, location)["statements"]
    assert (statement["balanced"], statement["extra"]["ledger"]["count"]) == (True, 0)


def test_a_settlement_is_found_by_its_own_name(tenant: Tenant) -> None:
    lines = tenant.donations(0, 2)
    pushed(tenant, lines)
    location = settle(tenant.platform, head_of(tenant, settlement="S-1"), lines, "k1").headers["Location"]
    shown = reconciled(tenant.platform, location)
    assert tenant.platform.get("/v1/settlements/S-1").json() == shown
    assert len(differences_of(tenant.platform, "/v1/settlements/S-1", "matched")) == 2
    again = tenant.platform.post("/v1/settlements/S-1/statements", headers={"Idempotency-Key": "again"})
    assert (again.status_code, again.headers["Location"]) == (202, location)
    unknown = tenant.platform.get("/v1/settlements/S-2")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "settlement_unknown")
    with tenant.service.client("auditor") as auditor:
        assert auditor.get("/v1/settlements/S-1").status_code == 404
        assert auditor.get(f"/v1/settlements/{shown['platform']}:S-1").json()["settlement"] == shown["settlement"]


def test_kill_nine_while_a_statement_is_drawn_up_changes_no_figure(own_tenant: Tenant) -> None:
    lines = own_tenant.donations(0, COUNT)
    pushed(own_tenant, lines)
    location = settle(own_tenant.platform, head_of(own_tenant), lines, "k1").headers["Location"]
    own_tenant.service.kill()
    own_tenant.service.start_again()
    shown = reconciled(own_tenant.platform, location)
    assert shown["banked"] == {"count": COUNT, "fen": fen_of(lines)}


def test_only_the_platform_that_sent_a_settlement_and_staff_see_it(tenant: Tenant) -> None:
    service, head, lines = tenant.service, head_of(tenant), tenant.donations(0, 2)
    location = settle(tenant.platform, head, lines, "k1").headers["Location"]
    made = registered(service, "another-payer")
    with service.client("operator") as operator:
        assert operator.get(location).status_code == 200
    with service.client_of(made["key"]) as other:
        for path in (location, f"{location}/differences?kind=missing"):
            assert other.get(path).json()["code"] == "settlement_unknown"
        assert other.get("/v1/settlements").json()["items"] == []
        assert settle(other, head, lines, "k1").headers["Location"] != location
    with service.client("school") as school:
        assert school.get(location).status_code == 403
    items = tenant.platform.get("/v1/settlements").json()["items"]
    assert [one["name"] for one in items] == [HEAD["settlement"]]


JSON = {"Content-Type": "application/json"}
FILE = ids_of(donations(0, 2))
SUMS = {**HEAD, "sums": sums(donations(0, 2))}
REFUSED: list[tuple[str, dict[str, str], bytes, dict[str, str], int, str]] = [
    ("no head", {}, FILE, NDJSON, 422, "head_missing"),
    ("another currency", {**HEAD, "currency": "USD"}, FILE, NDJSON, 422, "invalid_request"),
    ("an unknown content type", HEAD, FILE, {"Content-Type": "text/csv"}, 415, "content_type_unknown"),
    ("a file packed otherwise", HEAD, FILE, {**NDJSON, "Content-Encoding": "br"}, 415, "encoding_unknown"),
    ("a file that says it is packed", HEAD, FILE, {**NDJSON, "Content-Encoding": "gzip"}, 400, "not_gzip"),
    ("a broken line", HEAD, FILE + b"\n{oops", NDJSON, 422, "line_invalid"),
    ("an empty file", HEAD, b"\n", NDJSON, 422, "empty"),
    ("a file of too many days", HEAD, b"", NDJSON, 413, "settlement_too_large"),
    ("sums that are none", {}, b"[]", JSON, 422, "invalid_request"),
    ("sums in another currency", {}, json.dumps({**SUMS, "currency": "USD"}).encode(), JSON, 422, "invalid_request"),
    ("a day twice", {}, json.dumps({**SUMS, "sums": SUMS["sums"] * 2}).encode(), JSON, 422, "sum_repeated"),
]


def test_what_is_no_settlement_is_refused_by_name(tenant: Tenant) -> None:
    platform, head = tenant.platform, head_of(tenant)
    days = (f"{year}-{month:02d}-11" for year in range(2015, 2021) for month in range(1, 13))
    many = "\n".join(json.dumps({"merchant": "M1", "id": "1", "day": day, "amount_fen": 1}) for day in days).encode()
    for what, params, body, headers, status, code in REFUSED:
        keyed = {**headers, "Idempotency-Key": what}
        answer = platform.post("/v1/settlements", params=params, content=body or many, headers=keyed)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
    assert platform.post("/v1/settlements", content=FILE, headers=NDJSON).json()["code"] == "idempotency_key_missing"
    settle(platform, head, tenant.donations(0, 2), "k1")
    assert settle(platform, head, tenant.donations(0, 3), "k1").json()["code"] == "idempotency_key_reused"
    assert settle(platform, head, tenant.donations(0, 3), "k2").json()["code"] == "settlement_known"
