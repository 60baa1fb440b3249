"""What is never public is in nothing that anyone may read: log, figures, pages, stream, of a demonstration that runs.

Canaries are planted in all that a platform pushes; all else that is private is taken from the journal as the parties of
the demonstration reported it, and from the rows of the ledger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pymongo import MongoClient

from pandapack.contracts.envelope import decode
from pandapack.contracts.pages import unpack
from pandapack.local.running import NOTE_FILE
from services import reporting
from services.reporting.domain.charts.sheets import ChartName
from tests.system.cast import ANSWER_WAIT_S
from tests.system.demonstrated.demonstrations import Demonstration
from tests.waiting import eventually

CANARY = "canary7q"
AT = "2020-02-20T09:31:17.421337+08:00"
DAY = "2020-02-20"
PLANTED = (CANARY.encode(), b"31:17.42")
"""No name of what was pushed is anywhere, and no exact time."""
REPORTED = {
    *("donations.DonationsReversed", "donations.DonationsBanked"),
    *("logistics.ParcelsDelivered", "logistics.ParcelsHandedOut", "procurement.OrderPaid"),
}
"""Once the log tells of these, what was planted is counted, and parties of every kind have reported something."""
REPORTED_WAIT_S = 600.0
PRIVATE_FIELDS = (
    *("school", "supplier", "party", "payee", "carrier", "warehouse", "order", "need", "invoice", "receipt", "report"),
    *(
        "delivery",
        "handout",
        "lot",
        "document",
        "bank_reference",
        "settlement",
        "gave",
        "received",
        "donation",
        "reason",
    ),
)
"""Of events; who made them is private besides."""
PAGES = Path(reporting.__file__).parent / "templates"
SHOWN = ("/?lang=en", "/?lang=zh", "/verify", "/summary?lang=en", "/summary?lang=zh")
"""Pages; they have examples of names in their forms, as their templates do."""
OFFERED = re.compile(rb'href="/\?platform=([^"]+)#follow')
"""The gift that the page of a demonstration offers to follow: of all names that are pushed, those of this one alone."""
TABLES = (
    *("programme", "day", "country", "item", "round"),
    *("category", "year", "content", "specification", "indicator", "complaint"),
)
FILES = (
    "/v1/iati/activities.xml",
    "/v1/charts/where.svg",
    "/v1/charts/when.json",
    f"/v1/charts/{ChartName.PUPILS}.csv",
)
STREAM_BYTES = 20_000
CHARACTERS_MIN = 4
"""What is shorter is no name of anybody's: it would be found in any page."""
WORD = re.compile(rb"[A-Za-z0-9_.:-]+")

Json = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """All that anyone can read, by address; and what of the databases nobody may."""

    public: dict[str, bytes]
    private: set[str]


@pytest.fixture(scope="module")
def seen(demonstration: Demonstration) -> Iterator[Seen]:
    home = demonstration.folder / ".panda" / "demo"
    addresses, keys = (json.loads((home / name).read_text()) for name in (NOTE_FILE, "keys.json"))
    addresses = addresses["addresses"]
    plant(addresses["donations"], keys["platform"])
    client: MongoClient[Json] = MongoClient(addresses["mongo"])
    with client, httpx.Client(base_url=addresses["reporting"], timeout=ANSWER_WAIT_S, trust_env=False) as reader:

        def is_all_reported() -> bool:
            told = {json.loads(row["entry"])["type"] for row in client.panda_reporting.log_entries.find({})}
            return told >= REPORTED

        eventually(is_all_reported, "parties of every kind have reported", wait_s=REPORTED_WAIT_S, every_s=0.5)
        private = told_of(client) | rows_of_the_ledger(client)
        yield Seen(public(reader), private)


def plant(donations: str, key: str) -> None:
    """Gifts, a reversal and a settlement whose every name is a canary."""
    pushed = [
        {
            "id": f"{CANARY}-gift-{n}",
            "merchant": f"{CANARY}-shop",
            "programme": "love-parcel",
            "amount_fen": 7,
            "at": AT,
        }
        for n in range(3)
    ]
    of_donation = {"merchant": f"{CANARY}-shop", "donation": f"{CANARY}-gift-0", "day": DAY, "amount_fen": 7, "at": AT}
    with httpx.Client(base_url=donations, timeout=ANSWER_WAIT_S, trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {key}"

        def post(path: str, name: str, **options: Any) -> None:
            answer = client.post(path, headers={"Idempotency-Key": f"{CANARY}-{name}"}, **options)
            assert answer.status_code == 202, answer.text

        post("/v1/donations?wait=20s", "push", json=pushed)
        post("/v1/reversals?wait=20s", "refund", json=[{"reversal": f"{CANARY}-refund", **of_donation}])
        paid = {"merchant": f"{CANARY}-shop", "id": f"{CANARY}-gift-1", "day": DAY, "amount_fen": 7}
        head = {"settlement": f"{CANARY}-paid", "programme": "love-parcel", "bank_reference": f"{CANARY}-bank"}
        options = {"params": {**head, "currency": "CNY"}, "content": json.dumps(paid).encode()}
        answer = client.post(
            "/v1/settlements",
            headers={"Idempotency-Key": f"{CANARY}-settled", "Content-Type": "application/x-ndjson"},
            **options,
        )
        assert answer.status_code == 202, answer.text


def told_of(client: MongoClient[Json]) -> set[str]:
    """Who is named in any event, whose documents, who made it, and why."""
    found: set[str] = set()

    def look(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                look(one, key)
        elif isinstance(value, list | tuple):
            for one in value:
                look(one, name)
        elif isinstance(value, str) and name in PRIVATE_FIELDS:
            found.add(value)

    for row in (*client.panda_reporting.journal.find({}), *client.panda_reporting.archive.find({})):
        envelope = decode(bytes(row["envelope"]))
        look(msgspec.json.decode(envelope.data))
        found |= {one for one in (envelope.actor, envelope.actorkey, envelope.requestid, envelope.reason) if one}
    return {one for one in found if len(one) >= CHARACTERS_MIN}


def rows_of_the_ledger(client: MongoClient[Json]) -> set[str]:
    """Merchants and gifts of some pages."""
    found: set[str] = set()
    for page in client.panda_donations.pages.find({"count": {"$gt": 0}}).limit(8):
        for row in list(unpack(bytes(page["columns"])).rows())[:500]:
            found |= {row.merchant, row.merchant.partition(":")[2], row.id}
    return {one for one in found if len(one) >= CHARACTERS_MIN}


def public(reader: httpx.Client) -> dict[str, bytes]:
    """What anyone may read without a key."""
    paths = [*SHOWN, "/v1/totals", "/v1/conservation", "/log/checkpoint", "/log/key"]
    paths += [*(f"/v1/totals/{table}" for table in TABLES), *FILES]
    found: dict[str, bytes] = {}
    for path in paths:
        answer = reader.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.text)
        found[path] = answer.content
    size = int(found["/log/checkpoint"].splitlines()[1])
    for first in range(0, size, 4_096):
        path = f"/log/entries.ndjson?from={first}&to={min(first + 4_096, size)}"
        found[path] = reader.get(path).content
    for bundle in range(size // 256):
        path = f"/log/tile/entries/{bundle:03d}"
        found[path] = reader.get(path).content
    with reader.stream("GET", "/v1/events") as stream:
        found["/v1/events"] = b""
        for part in stream.iter_raw():
            found["/v1/events"] += part
            if len(found["/v1/events"]) > STREAM_BYTES or found["/v1/events"].count(b"\n\n") > 3:
                break
    return found


def test_what_is_private_was_there_to_be_found(seen: Seen) -> None:
    assert {"demo-warehouse", "NP-demo-school-01"} & seen.private
    assert len(seen.private) > 1_000 and all(seen.public.values())


def test_nothing_private_is_in_the_log_the_figures_the_pages_or_the_stream(seen: Seen) -> None:
    examples = {word for file in PAGES.rglob("*.*") for word in WORD.findall(file.read_bytes())}
    for path, content in seen.public.items():
        assert [one for one in PLANTED if one in content] == [], path
        offered = {word for link in OFFERED.findall(content) for word in WORD.findall(link)}
        assert len(set(OFFERED.findall(content))) <= 1, path
        tokens = set(WORD.findall(content)) - (examples | offered if path in SHOWN else set())
        assert sorted({word.decode() for word in tokens} & seen.private) == [], path
        spoken = [one for one in seen.private if " " in one and one.encode() in content]
        assert spoken == [], path
