"""Whose a fen is: the ledger finds the gift that has it, on any page, of any programme."""

from __future__ import annotations

import asyncio

import pytest

from pandapack.contracts.columns import Columns, Row
from pandapack.runtime.documents import MemoryRows
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader
from services.donations.ledger.store.pages import Pages

PAGES = [
    [("a", "love-parcel", 5), ("b", "sports", 2), ("c", "love-parcel", 1)],
    [("d", "sports", 4)],
    [("e", "love-parcel", 3), ("f", "love-parcel", 2), ("g", "sports", 1)],
]
"""Of one shard: id, programme and fen of each gift."""
LINES = {"love-parcel": "aaaaaceeeff", "sports": "bbddddg"}
"""Programme → the gift of each of its fen, in order."""


async def filled() -> Pages:
    pages, fronts = Pages(MemoryRows("pages")), dict[str, int]()
    for number, given in enumerate(PAGES):
        intervals = {}
        for programme in {name for _, name, _ in given}:
            low = fronts.get(programme, 0)
            fronts[programme] = low + sum(fen for _, name, fen in given if name == programme)
            intervals[programme] = (low, fronts[programme])
        rows = [Row(id, "shop:M0", programme, fen, 0) for id, programme, fen in given]
        header = PageHeader(
            *(0, number, 1), count=len(rows), intervals=intervals, fronts=dict(fronts), anchor=Anchor(number, 0, b"")
        )
        assert await pages.write(Page(header, Columns.of(rows)))
    return pages


@pytest.mark.parametrize("programme", LINES)
def test_each_fen_belongs_to_the_gift_that_lies_there(programme: str) -> None:
    async def found() -> str:
        pages, ids = await filled(), ""
        for fen in range(len(LINES[programme])):
            one = await pages.find_fen(0, programme, fen)
            assert one is not None and one.fen_from <= fen < one.fen_from + one.donation.amount_fen
            ids += one.donation.id
        return ids

    assert asyncio.run(found()) == LINES[programme]


NONE = [("behind the line's end", 0, "love-parcel", 11), ("before its beginning", 0, "love-parcel", -1)]
NONE += [("a programme without given", 0, "other", 0), ("a shard without pages", 1, "love-parcel", 0)]


@pytest.mark.parametrize(("name", "shard", "programme", "fen"), NONE, ids=[row[0] for row in NONE])
def test_where_no_gift_lies_there_is_none(name: str, shard: int, programme: str, fen: int) -> None:
    async def found() -> object:
        return await (await filled()).find_fen(shard, programme, fen)

    assert asyncio.run(found()) is None
