"""What a test has to itself on a service that others use, too: a platform's key, merchants and a programme.

Donations of two tests never meet, so that tests share one process and one ledger, in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
from pymongo import MongoClient
from pymongo.database import Database

from pandapack.contracts.columns import Columns, StringColumn
from pandapack.contracts.donations import scoped, shard_of
from pandapack.contracts.pages import shard_prefix, unpack
from tests.service.programmes import publish
from tests.service.running import Running

NDJSON = {"Content-Type": "application/x-ndjson"}
DAY = "2021-11-11"
PROGRAMME = "love-parcel"
MERCHANTS = 40

Json = dict[str, Any]


def merchant_of(number: int, of: str = "") -> str:
    """The merchant of a donation by its number; `of` is what the name begins with."""
    return f"{of}M{number % MERCHANTS:05d}"


def donations(first: int, count: int, *, of: str = "", **changes: Any) -> list[Json]:
    """Donations as they are pushed, numbered from `first`."""
    return [
        {
            "id": str(10**18 + n),
            "merchant": merchant_of(n, of),
            "programme": PROGRAMME,
            "amount_fen": 1 + n % 9,
            "at": f"{DAY}T10:00:00+08:00",
            **changes,
        }
        for n in range(first, first + count)
    ]


def reversal(id: str, donation: Json, fen: int) -> Json:
    """So many fen of a donation are taken back."""
    return {
        "reversal": id,
        "merchant": donation["merchant"],
        "donation": donation["id"],
        "day": DAY,
        "amount_fen": fen,
        "at": "2021-11-13T09:00:00+08:00",
    }


def fen_of(lines: list[Json]) -> int:
    return sum(line["amount_fen"] for line in lines)


def ndjson(lines: list[Json]) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


def where(column: StringColumn, text: str) -> Any:
    """Which rows have this text: a bool a row."""
    if text not in column.strings:
        return np.zeros(len(column), bool)
    return column.indices == list(column.strings).index(text)


def columns_of(page: Mapping[str, Any]) -> Columns:
    """The columns of a page as MongoDB has it."""
    return unpack(bytes(page["columns"]))


class Tenant:
    """A test's own share of a running service: a registered platform, which has the tenant's name.

    `platform` calls the service with the tenant's `key`; `ledger` is the service's database, with others' donations.
    """

    def __init__(self, service: Running, name: str, key: str, platform: httpx.Client, ledger: Database[Json]) -> None:
        self.service, self.name, self.key, self.platform, self.ledger = service, name, key, platform, ledger
        self._counted_on_closed: dict[str, tuple[int, int]] = {}

    @property
    def programme(self) -> str:
        return self.name

    def merchant(self, number: int) -> str:
        return merchant_of(number, self.name)

    def merchant_on(self, shard: int) -> str:
        """A merchant whose donations lie on a shard."""
        return next(name for name in map(self.merchant, range(MERCHANTS)) if self.shard(name) == shard)

    def scoped(self, merchant: str) -> str:
        """The ledger's name of a merchant of the tenant's."""
        return scoped(self.name, merchant)

    def owns(self, merchant: str) -> bool:
        """Whether the ledger's merchant is the tenant's."""
        return merchant.startswith(f"{self.name}:")

    def shard(self, merchant: str) -> int:
        return shard_of(self.scoped(merchant), int(self.service.env["PANDA_SHARDS"]))

    def on_shard_of(self, merchant: str) -> Json:
        """A filter of MongoDB's: the pages, or the seals, of a merchant's shard."""
        return {"_id": {"$regex": f"^{shard_prefix(self.shard(merchant))}"}}

    def donations(self, first: int, count: int, **changes: Any) -> list[Json]:
        return donations(first, count, of=self.name, **{"programme": self.programme, **changes})

    def push(
        self, body: bytes, headers: Mapping[str, str] = NDJSON, params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self.platform.post("/v1/donations", content=body, headers=headers, params=params)

    def counted(self) -> tuple[int, int]:
        """The tenant's donations on all pages, and their fen."""
        known = self._counted_on_closed
        count, fen = (sum(numbers) for numbers in zip((0, 0), *known.values(), strict=True))
        for page in self.ledger.pages.find({"_id": {"$nin": list(known)}}, {"columns": 1, "closed": 1}):
            columns = columns_of(page)
            amounts_fen = columns.amounts_fen[where(columns.programmes, self.programme)]
            here = len(amounts_fen), int(amounts_fen.sum())
            count, fen = count + here[0], fen + here[1]
            if page["closed"]:  # such a page never changes
                known[page["_id"]] = here
        return count, fen


def name_of(test: str) -> str:
    """What a test's tenant is called, and its programme."""
    return f"t{hashlib.sha256(test.encode()).hexdigest()[:10]}"


def registered(service: Running, platform: str, **terms: Any) -> Json:
    """A new platform, as its registration is answered: with its `key` and its `secret`."""
    body = {"platform": platform, "name": f"Platform {platform}", "lines_a_second": 10_000_000, **terms}
    with service.client("operator") as operator:
        answer = operator.post("/v1/platforms", json=body, headers={"Idempotency-Key": f"register-{platform}"})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


@contextmanager
def tenant_on(service: Running, test: str) -> Iterator[Tenant]:
    """The tenant of a test, by the test's own name (a pytest node id): the same each time."""
    name = name_of(test)
    publish(service, (name, PROGRAMME))
    key = registered(service, name)["key"]
    with (
        service.client_of(key) as platform,
        # As the service reads: what no majority has is not counted yet.
        MongoClient[Json](service.env["PANDA_MONGO"], readConcernLevel="majority") as mongo,
    ):
        yield Tenant(service, name, key, platform, mongo[service.database])
