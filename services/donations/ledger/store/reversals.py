"""Reversals, which lie on pages ⇄ MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from pandapack.contracts.columns import id_key
from pandapack.contracts.pages import page_number, shard_prefix
from pandapack.runtime.documents import Rows
from services.donations.ledger.domain.reversals import (
    CONFLICT,
    PARKED,
    TAKEN,
    ReversalRecord,
    ReversedDonation,
    conflict_with,
    named_on,
    standing,
)
from services.donations.ledger.store.pages import LAST_OF_SHARD, PAGES_A_READ, Pages, may_hold, reversal_records_on
from services.donations.validation.domain.reversal_lines import Reversal
from services.donations.validation.domain.reversal_refusals import ReversalRefusal

NUMBERS_A_READ = 1_000
REVERSALS_LISTED_MAX = 1_000
REVERSAL_PAGES_MAX = 1_000
"""So many pages are read at most for one list of reversals."""


class ParkedPage(NamedTuple):
    """A page on which reversals were parked: their keys. To a closed one nothing is added."""

    id: str
    is_closed: bool
    keys: list[str]


class Reversals:
    """What pages have of reversals, and of the donations that these name. `rows`: the pages' collection."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self._pages = rows, Pages(rows)

    async def donations_of(self, shard: int, reversals: Iterable[Reversal]) -> dict[str, ReversedDonation]:
        """The donations that reversals name, by `Reversal.of`, as far as the shard has them. Reads each page once."""
        by_page: dict[int, list[Reversal]] = {}
        numbers_of: dict[tuple[str, str], list[int]] = {}
        for reversal in reversals:
            wanted = (reversal.day, id_key(reversal.donation))
            if wanted not in numbers_of:
                numbers_of[wanted] = await self._numbers_of(shard, *wanted)
            for number in numbers_of[wanted]:
                by_page.setdefault(number, []).append(reversal)
        donations: dict[str, ReversedDonation] = {}
        numbers = sorted(by_page)
        for begin in range(0, len(numbers), PAGES_A_READ):
            for number, columns in (await self._pages.columns(shard, numbers[begin : begin + PAGES_A_READ])).items():
                donations |= named_on(columns, by_page[number])
        return donations

    async def _numbers_of(self, shard: int, day: str, key: str) -> list[int]:
        """The numbers of pages that cover a day and may hold an id."""
        rows = self._pages.in_order(shard, {"days": day, **may_hold(key)}, {"_id": 1}, at_once=NUMBERS_A_READ)
        return [page_number(row["_id"]) async for row in rows]

    async def records(self, shard: int, keys: Collection[str], of: Collection[str]) -> list[ReversalRecord]:
        """What pages of a shard have of reversals with one of these keys, or of one of these donations, in order."""
        wanted_keys, wanted_of = set(keys), set(of)
        by_page: dict[str, list[ReversalRecord]] = {}
        for path, wanted in (("reversals.key", wanted_keys), ("reversals.of", wanted_of)):
            if wanted:
                async for row in self._pages.in_order(shard, {path: {"$in": sorted(wanted)}}, {"reversals": 1}):
                    by_page[row["_id"]] = [
                        record
                        for record in reversal_records_on(row)
                        if record.reversal.key in wanted_keys or record.reversal.of in wanted_of
                    ]
        return [record for page in sorted(by_page) for record in by_page[page]]

    async def taken_of_days(self, shard: int, days: Sequence[str]) -> dict[str, list[ReversalRecord]]:
        """Day → the reversals that the shard has taken of its donations, in order; nothing of a day without any."""
        rows = self._pages.in_order(shard, {"reversals.day": {"$in": list(days)}}, {"reversals": 1})
        wanted, found = frozenset(days), dict[str, list[ReversalRecord]]()
        async for row in rows:
            for record in reversal_records_on(row):
                if record.reversal.day in wanted and record.state == TAKEN:
                    found.setdefault(record.reversal.day, []).append(record)
        return found

    async def parked_on(self, shard: int, after: str, limit: int) -> list[ParkedPage]:
        """The first pages of a shard past `after` on which reversals were parked, whatever became of these since."""
        prefix = shard_prefix(shard)
        where = {"reversals.state": PARKED, "_id": {"$gt": after or prefix, "$lt": prefix + LAST_OF_SHARD}}
        rows = await self._rows.find(where, limit=limit, fields={"closed": 1, "reversals": 1})
        return [
            ParkedPage(row["_id"], row["closed"], [one["key"] for one in row["reversals"] if one["state"] == PARKED])
            for row in rows
        ]

    async def in_state(self, state: str) -> list[ReversalRecord]:
        """Reversals of all shards that stand in this state, by shard and page, at most `REVERSALS_LISTED_MAX`.

        One that was parked or refused, and taken when it came again, stands as taken; a conflict stays one.
        """
        found, after = dict[ReversalRecord, None](), ""
        for _ in range(0, REVERSAL_PAGES_MAX, PAGES_A_READ):
            where = {"reversals.state": state, "_id": {"$gt": after}}
            rows = await self._rows.find(where, limit=PAGES_A_READ, fields={"shard": 1, "reversals": 1})
            for row in rows:
                here = [record for record in reversal_records_on(row) if record.state == state]
                if state != CONFLICT:
                    keys = {record.reversal.key: None for record in here}
                    now = standing(await self.records(row["shard"], keys, ()))
                    here = [now[key] for key in keys if now[key].state == state]
                found |= dict.fromkeys(here)
            if len(rows) < PAGES_A_READ or len(found) >= REVERSALS_LISTED_MAX:
                break
            after = rows[-1]["_id"]
        return list(found)[:REVERSALS_LISTED_MAX]

    async def conflicts_with(self, shard: int, pushed: Mapping[int, Reversal]) -> dict[int, ReversalRefusal]:
        """Why some of the reversals pushed to a shard cannot be: their ids took something else back. By their keys."""
        now = standing(await self.records(shard, {one.key for one in pushed.values()}, ()))
        found = {number: conflict_with(now.get(one.key), one) for number, one in pushed.items()}
        return {number: refusal for number, refusal in found.items() if refusal is not None}
