"""How many reversals wait for their gift: those that stand parked now, whatever was parked once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from pandapack.contracts.pages import page_id
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.telemetry import PARKED_REVERSALS
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader
from services.donations.ledger.domain.reversals import PARKED, REFUSED, TAKEN, ReversalRecord
from services.donations.ledger.store.pages import row_of
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.work import parked
from services.donations.ledger.work.parked import ParkedReversals
from services.donations.validation.domain.reversal_lines import Reversal

AT = datetime(2021, 11, 13, 2, 0, tzinfo=UTC)
ANCHOR = Anchor(offset=1, timestamp_ms=1, digest="0")


class Ledger:
    """Two shards' pages in memory. It tells which were read."""

    def __init__(self) -> None:
        self.rows = MemoryRows("pages")
        self.counter = self.process()

    def process(self) -> ParkedReversals:
        return ParkedReversals(Reversals(self.rows), 2)

    async def write(self, shard: int, page: int, *records: tuple[str, str], closed: bool = False) -> None:
        """A page as it is now; `records`: (id, what became of it)."""
        decided = tuple(ReversalRecord(Reversal(id, "tb:M1", id, "2021-11-11", 4, AT), state) for id, state in records)
        header = PageHeader(shard, page, version=1, closed=closed, anchor=ANCHOR)
        row = row_of(Page(header, reversals=decided))
        if not await self.rows.insert(row):
            await self.rows.set(row["_id"], row)

    async def counted(self, counter: ParkedReversals | None = None) -> float:
        """What the metric says once a look found nothing more."""
        looks = 0
        while await (counter or self.counter).look():
            looks += 1
            assert looks < 1_000
        return PARKED_REVERSALS._value.get()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


async def test_those_that_stand_parked_are_counted_and_what_was_taken_or_refused_since_is_not(ledger: Ledger) -> None:
    await ledger.write(0, 1, ("a", PARKED), ("b", PARKED), ("c", TAKEN))
    await ledger.write(1, 1, ("d", PARKED))
    assert await ledger.counted() == 3
    await ledger.write(0, 1, ("a", PARKED), ("b", PARKED), ("c", TAKEN), ("a", TAKEN), closed=True)
    assert await ledger.counted() == 2
    await ledger.write(0, 2, ("b", REFUSED))
    await ledger.write(1, 1, ("d", PARKED), ("d", TAKEN))
    assert await ledger.counted() == 0
    assert await ledger.counted(ledger.process()) == 0, "nor by one that has just started"


async def test_what_comes_on_a_page_that_was_read_before_is_counted(ledger: Ledger) -> None:
    await ledger.write(0, 1, ("a", PARKED))
    assert await ledger.counted() == 1
    await ledger.write(0, 1, ("a", PARKED), ("b", PARKED))
    assert await ledger.counted() == 2
    await ledger.write(0, 1, ("a", PARKED), ("b", PARKED), closed=True)
    await ledger.write(0, 2, ("c", PARKED))
    assert await ledger.counted() == 3


async def test_a_closed_page_is_not_read_again(ledger: Ledger) -> None:
    await ledger.write(0, 1, ("a", PARKED), closed=True)
    await ledger.write(0, 2, ("b", PARKED), ("b", TAKEN), closed=True)
    assert await ledger.counted() == 1
    assert await Reversals(ledger.rows).parked_on(0, page_id(0, 2), 10) == []
    assert ledger.counter._after == {0: page_id(0, 2), 1: ""}


@pytest.mark.parametrize("pages_a_look", [1, 2, 100])
async def test_after_a_start_it_tells_nothing_before_all_pages_are_read(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, pages_a_look: int
) -> None:
    monkeypatch.setattr(parked, "PAGES_A_LOOK", pages_a_look)
    ids: Sequence[str] = "abcde"
    for number, id in enumerate(ids, 1):
        await ledger.write(0, number, (id, PARKED), closed=True)
    PARKED_REVERSALS.set(-1)
    is_more = await ledger.counter.look()
    assert (is_more, PARKED_REVERSALS._value.get()) == ((True, -1) if pages_a_look < len(ids) else (False, 5))
    assert await ledger.counted() == 5


async def test_all_are_asked_for_in_turn_where_more_wait_than_one_look_asks_for(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked, "KEYS_A_LOOK", 1)
    waiting = [(id, PARKED) for id in "abc"]
    await ledger.write(0, 1, *waiting, closed=True)
    assert await ledger.counted() == 3
    await ledger.write(0, 2, *[(id, TAKEN) for id in "abc"])
    assert [await ledger.counted() for _ in range(4)] == [2, 1, 0, 0]
