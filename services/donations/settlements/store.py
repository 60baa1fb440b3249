"""Settlements, their rows, their differences, and which rows of pages are banked ⇄ MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec
import numpy as np
from pydantic import TypeAdapter

from pandapack.contracts.pages import Columns, pack, page_id, page_number, unpack
from pandapack.runtime.budgets import DOCUMENT_BYTES_CEILING, Budget
from pandapack.runtime.documents import Rows
from pandapack.runtime.service import Service
from pandapack.runtime.store import Kind as DocumentKind
from pandapack.runtime.store import Store
from services.donations.settlements.domain.page_rows import Cell, Mask
from services.donations.settlements.domain.reconciliation import BankedRows, Difference, RowsToBank
from services.donations.settlements.domain.settlement import (
    BankedStep,
    Kind,
    PartRef,
    Settlement,
    Status,
    settlement_source,
)

SETTLEMENTS = DocumentKind(
    "settlements",
    Settlement,
    lambda id: Settlement(settlement=id),
    settlement_source,
    # Where its rows are kept, a line for each shard and day, and how much of each page of the ledger is told.
    Budget(DOCUMENT_BYTES_CEILING, instead="send several settlements, each of fewer days"),
    tells_acts=False,  # a settlement's events are what it banks; who sent it is noted beside them
)
DUE_AT_ONCE_MAX = 100
DIFFERENCES_A_PAGE = 500
PART_DIGEST_CHARACTERS = 32
PAST_PAGE = "~"
"""Appended to a page's id it comes before the next page's."""

Sums = dict[str, Cell]
"""Merchant → (count, fen) of one day."""

_sums = msgspec.json.Decoder(Sums)
_steps = TypeAdapter(list[BankedStep])


@dataclass(frozen=True, slots=True)
class BankedPage:
    """Which settlements banked which rows of a page. `version` 0: none yet.

    `steps`: settlement → what each write banked, in order; `deducted`: settlement → row → fen that had been taken back.
    """

    id: str
    version: int
    by: dict[str, Mask]
    steps: dict[str, tuple[BankedStep, ...]] = field(default_factory=dict)
    deducted: dict[str, dict[int, int]] = field(default_factory=dict)

    @property
    def page_key(self) -> tuple[int, int]:
        """The page's shard and number."""
        return int(self.id.partition("/")[0]), page_number(self.id)

    def seen_by(self, settlement: str, rows: int) -> BankedRows:
        """What a settlement needs to know of the first `rows` rows."""
        ours, others = np.zeros(rows, dtype=np.bool_), np.zeros(rows, dtype=np.bool_)
        for name, mask in self.by.items():
            target, known = (ours if name == settlement else others), mask[:rows]
            target[: len(known)] |= known
        deducted = {row: fen for one in self.deducted.values() for row, fen in one.items()}  # a row is banked once
        return BankedRows(ours, others, deducted)


class Settlements:
    """The settlements' documents, and the rows that are too many for a document."""

    def __init__(self, documents: Store[Settlement], parts: Rows, differences: Rows, banked: Rows) -> None:
        self.documents = documents
        self._parts, self._differences, self._banked = parts, differences, banked

    async def due(self) -> list[Settlement]:
        """Settlements of which a statement is to be drawn up."""
        where = {"state.status": Status.RECONCILING.value}
        return [found for _, found in await self.documents.find(where, limit=DUE_AT_ONCE_MAX)]

    async def keep_ids(self, settlement: str, shard: int, day: str, columns: Columns) -> PartRef:
        """Keeps some of the donations that a settlement names. The same rows again change nothing."""
        return await self._keep(settlement, shard, day, len(columns), pack(columns))

    async def keep_sums(self, settlement: str, shard: int, day: str, sums: Sums) -> PartRef:
        """Keeps the sums that a settlement names for a shard and day."""
        return await self._keep(settlement, shard, day, len(sums), msgspec.json.encode(sums))

    async def _keep(self, settlement: str, shard: int, day: str, rows: int, packed: bytes) -> PartRef:
        # Named for its content: an upload that was cut and sent again finds its rows there, another one's never.
        id = f"{settlement}/{shard}/{day}/{sha256(packed).hexdigest()[:PART_DIGEST_CHARACTERS]}"
        await self._parts.insert({"_id": id, "rows": rows, "packed": packed})
        return PartRef(id=id, shard=shard, day=day, rows=rows)

    async def _packed(self, ref: PartRef) -> bytes:
        row = await self._parts.one(ref.id)
        assert row is not None, f"{ref.id} was kept before the settlement named it"
        return bytes(row["packed"])

    async def ids_of(self, refs: Sequence[PartRef]) -> AsyncIterator[Columns]:
        """The donations in some parts, part by part."""
        for ref in refs:
            yield unpack(await self._packed(ref))

    async def sums_of(self, refs: Sequence[PartRef]) -> dict[str, Sums]:
        """Day → the sums in some parts."""
        found = await self._parts.read([ref.id for ref in refs])
        sums: dict[str, Sums] = {}
        for ref in refs:
            assert ref.id in found, f"{ref.id} was kept before the settlement named it"
            sums.setdefault(ref.day, {}).update(_sums.decode(bytes(found[ref.id]["packed"])))
        return sums

    async def banked(self, shard: int, number: int) -> BankedPage:
        """Which rows of a page are banked."""
        id = page_id(shard, number)
        row = await self._banked.one(id)
        return BankedPage(id, 0, {}) if row is None else _banked_of(row)

    async def bank(self, page: BankedPage, settlement: str, columns: Columns, wanted: Mapping[str, RowsToBank]) -> bool:
        """Marks rows of a page, by their days, as banked by a settlement. False: another one was faster, look again."""
        mask = page.by.get(settlement, np.zeros(0, dtype=np.bool_))
        marked = [row for of_day in wanted.values() for row in of_day.rows]
        grown = np.zeros(max(len(mask), max(marked) + 1), dtype=np.bool_)
        grown[: len(mask)] = mask
        grown[marked] = True
        new_steps = (of_day.step(columns, day) for day, of_day in sorted(wanted.items()))
        steps = (*page.steps.get(settlement, ()), *new_steps)
        new = {row: fen for of_day in wanted.values() for row, fen in of_day.rows.items() if fen}
        deducted = page.deducted.get(settlement, {}) | new
        by, all_steps = page.by | {settlement: grown}, page.steps | {settlement: steps}
        all_deducted = page.deducted | {settlement: deducted}
        row = {
            "_id": page.id,
            "version": page.version + 1,
            "settlements": sorted(by),
            "by": [
                {
                    "settlement": name,
                    "rows": len(mask),
                    "bits": np.packbits(mask).tobytes(),
                    "steps": msgspec.json.encode([step.model_dump() for step in all_steps[name]]),
                    "deducted": [list(item) for item in sorted(all_deducted[name].items())],
                }
                for name, mask in by.items()
            ],
        }
        if page.version == 0:
            return await self._banked.insert(row)
        return await self._banked.replace(page.id, page.version, row)

    async def banked_pages(self, settlement: str) -> AsyncIterator[BankedPage]:
        """The pages of which a settlement banked rows, by id."""
        page = await self.next_banked(settlement, "")
        while page is not None:
            yield page
            page = await self.next_banked(settlement, page.id + PAST_PAGE)

    async def outbox_bytes(self, settlement: str) -> int:
        """How large the events of a settlement are that Kafka has not confirmed."""
        document = await self.documents.documents.read(settlement)
        return 0 if document is None else sum(len(event.envelope) for event in document.outbox)

    async def next_banked(self, settlement: str, at: str) -> BankedPage | None:
        """The first page, at or behind the id `at`, of which a settlement banked rows."""
        found = await self._banked.find({"settlements": settlement, "_id": {"$gte": at}}, limit=1)
        return _banked_of(found[0]) if found else None

    async def list_differences(self, at: str, kind: Kind, page: int, differences: Sequence[Difference]) -> None:
        """Keeps one page of a statement's differences of one kind. `at` names the statement's run."""
        items = [difference.model_dump(mode="json") for difference in differences]
        await self._differences.insert({"_id": _differences_id(at, kind, page), "items": items})

    async def differences(self, at: str, kind: Kind, page: int) -> tuple[list[Difference], bool]:
        """One page of the differences of one kind, and whether there is one behind it."""
        here, behind = _differences_id(at, kind, page), _differences_id(at, kind, page + 1)
        found = await self._differences.read([here, behind])
        items = found[here]["items"] if here in found else []
        return [Difference.model_validate(item) for item in items], behind in found


def _differences_id(at: str, kind: Kind, page: int) -> str:
    return f"{at}/{kind.value}/{page:08d}"


def _banked_of(row: dict[str, Any]) -> BankedPage:
    masks = {
        one["settlement"]: np.unpackbits(np.frombuffer(one["bits"], dtype=np.uint8), count=one["rows"]).astype(np.bool_)
        for one in row["by"]
    }
    steps = {one["settlement"]: tuple(_steps.validate_json(bytes(one["steps"]))) for one in row["by"]}
    deducted = {one["settlement"]: {item[0]: item[1] for item in one["deducted"]} for one in row["by"]}
    return BankedPage(row["_id"], row["version"], masks, steps, deducted)


SETTLEMENT_INDEXES = ("state.status", "state.owner")
"""What the queries above ask for."""


def open_settlements(service: Service) -> Settlements:
    """The collections of settlements, with the indexes that the queries above need."""
    return Settlements(
        service.store(SETTLEMENTS, indexes=SETTLEMENT_INDEXES),
        service.rows("settlement_parts"),
        service.rows("settlement_differences"),
        service.rows("banked", indexes=["settlements"]),
    )
