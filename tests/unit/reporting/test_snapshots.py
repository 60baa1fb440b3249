"""Snapshots: any size of the log gives what a replay from nothing gives, whoever kept what and wherever he stopped."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.procurement import FenInterval
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.fold import contents, costs, figures, parcels, surveys
from pandapack.contracts.public_log.fold.laws import conservation
from pandapack.contracts.public_log.sums import summed_entries
from pandapack.contracts.tlog.tree import append
from pandapack.decision import Refusal
from pandapack.runtime.documents import AnswerLost, Json, MemoryRows
from services.reporting.domain.snapshots import STRIDE, Level, begin_of
from services.reporting.store.public_log import PublicLog
from services.reporting.store.snapshots import SnapshotRows
from services.reporting.work.snapshots import Snapshot, Snapshots
from tests.unit.contracts.test_public_fold import VEIL, Account, encode, fold
from tests.unit.reporting.history import (
    AT,
    SourceEvent,
    bought,
    closed,
    credited,
    donations,
    enveloped,
    funded,
    shipped,
)

ROUNDS = 48
TEARS = (*range(0, 125, 30), *range(126, 170, 3), *range(280, 360, 6))
"""Writes after which a process stops: moments come first, and at their end rounds, months and the books."""
COLLECTIONS = ("books", "rounds", "months", "moments")


def history(rounds: int) -> list[SourceEvent]:
    """Rounds one after the other, of gifts of many days; the last is not closed."""
    found: list[SourceEvent] = []
    for n in range(rounds):
        day, round = f"2021-{1 + n // 5:02d}-{1 + n % 28:02d}", f"R-{n + 1:06d}"
        found += [donations(0, n, n * 1010, [10] * 101, day), credited(0, 1010, (n + 1) * 1010)]
        whole = FenInterval(shard=0, fen_from=n * 1010, fen_to=(n + 1) * 1010)
        found += [funded(n + 1, "NP" if n % 2 else "MM", [whole]), *bought(round, "NP" if n % 2 else "MM")]
        found += shipped(round, "NP" if n % 2 else "MM")
        if n < rounds - 1:
            rest = FenInterval(shard=0, fen_from=(n + 1) * 1010 - 40, fen_to=(n + 1) * 1010)
            found.append(closed(round, "NP" if n % 2 else "MM", [rest]))
    return found


def log_of(published: Sequence[SourceEvent]) -> list[bytes]:
    """An entry an event, half a minute after the one before."""
    found = []
    for n, envelope in enumerate(enveloped(published)):
        one, at = Journaled(envelope, encode(envelope)), AT + timedelta(seconds=30 * n)
        of = summed_entries if envelope.type.startswith("donations.") else entries_of
        found += of([one], at, VEIL)
    return found


ENTRIES = log_of(history(ROUNDS))


class Log:
    """A log in memory that grows, and what processes keep of its snapshots."""

    def __init__(self) -> None:
        self.kept = PublicLog(*(MemoryRows(name) for name in ("heads", "entries", "tiles", "seals")))
        self.collections = [Tearing(name) for name in COLLECTIONS]

    def process(self) -> Snapshots:
        return Snapshots(self.kept, SnapshotRows(*self.collections))

    async def grow(self, size: int) -> None:
        head = await self.kept.head()
        new = ENTRIES[head.size : size]
        await self.kept.keep(head.size, new, {})
        edge = append(head.edge, [leaf_hash(entry) for entry in new]).edge
        assert await self.kept.move(replace(head, edge=edge))


class Tearing(MemoryRows):
    """Rows whose writes fail when it is their turn: the process stops there."""

    writes_left = -1

    async def insert_in_order(self, rows: Sequence[Json]) -> None:
        for row in rows:
            self._write()
            await super().insert(row)

    async def insert(self, row: Json) -> bool:
        self._write()
        return await super().insert(row)

    async def set(self, id: Any, fields: Json) -> bool:
        self._write()
        return await super().set(id, fields)

    @classmethod
    def _write(cls) -> None:
        if cls.writes_left == 0:
            cls.writes_left = -1
            raise AnswerLost("torn")
        cls.writes_left -= 1


async def caught_up(process: Snapshots) -> None:
    while await process.follow():
        pass


async def shown(snapshot: Snapshot | Refusal) -> dict[str, Any]:
    assert isinstance(snapshot, Snapshot)
    every = []
    while page := await snapshot.rounds(every[-1]["round"] if every else "", 7):
        every += [figures.round_row(one) for one in page]
    return {
        "totals": figures.totals(snapshot.books),
        "programme": figures.programme_rows(snapshot.books),
        "country": figures.country_rows(snapshot.books),
        "item": figures.item_rows(snapshot.books),
        "content": contents.content_rows(snapshot.books),
        "category": costs.category_rows(snapshot.books),
        "year": costs.year_rows(snapshot.books),
        "specification": parcels.specification_rows(snapshot.books),
        "indicator": surveys.indicator_rows(snapshot.books),
        "complaint": surveys.complaint_rows(snapshot.books),
        "day": figures.day_rows(await snapshot.days()),
        "round": every,
        "conservation": conservation(snapshot.books),
    }


@cache
def replayed(size: int) -> dict[str, Any]:
    """What a replay of the first `size` entries from nothing gives."""
    return Account(ENTRIES[:size]).tables


def sizes(count: int, seed: int) -> list[int]:
    return random.Random(seed).sample(range(len(ENTRIES) + 1), count)


async def test_any_size_gives_what_a_replay_from_nothing_gives() -> None:
    log = Log()
    process = log.process()
    for size in (3, STRIDE - 1, STRIDE, STRIDE + 1, 2 * STRIDE + 100, len(ENTRIES)):
        await log.grow(size)
        await caught_up(process)
        assert process.current.size == size
        assert await shown(process.current) == replayed(size)
    for size in (0, STRIDE - 1, STRIDE, STRIDE + 1, 2 * STRIDE, *sizes(25, 7)):
        found = await process.as_of_size(size)
        assert isinstance(found, Snapshot) and found.size == size
        assert await shown(found) == replayed(size)


async def test_a_snapshot_stays_what_it_was_while_the_log_grows() -> None:
    log = Log()
    process = log.process()
    await log.grow(STRIDE - 20)
    await caught_up(process)
    early = process.current
    before = await shown(early)
    await log.grow(3 * STRIDE)
    await caught_up(process)
    assert await shown(early) == before and early.size == STRIDE - 20


async def test_a_moment_is_the_size_that_the_log_had_then() -> None:
    log = Log()
    process = log.process()
    await log.grow(len(ENTRIES))
    await caught_up(process)
    first, last = (datetime.fromisoformat(fold.read(ENTRIES[n])["at"]) for n in (0, -1))
    cases = [(first - timedelta(seconds=1), 0), (first, 1), (last, len(ENTRIES)), (last + timedelta(1), len(ENTRIES))]
    cases += [(first + timedelta(seconds=30 * size + 29), size + 1) for size in sizes(20, 11) if size < len(ENTRIES)]
    for at, size in cases:
        assert (await process.as_of_moment(at)).size == size


async def test_a_size_that_is_not_there_yet_is_refused() -> None:
    log = Log()
    process = log.process()
    await log.grow(5)
    await caught_up(process)
    refused = await process.as_of_size(6)
    assert isinstance(refused, Refusal) and refused.code == "size_unknown"


async def test_open_rounds_are_found_among_all() -> None:
    log = Log()
    process = log.process()
    await log.grow(len(ENTRIES))
    await caught_up(process)
    assert [one.round for one in await process.current.rounds("", 5, is_open=True)] == [f"R-{ROUNDS:06d}"]
    closed = await process.current.rounds("R-000003", 4, is_open=False)
    assert [one.round for one in closed] == [f"R-{n:06d}" for n in range(4, 8)]
    one = await process.current.round("R-000004")
    assert one is not None and one.closed_at


@pytest.mark.parametrize("tear", TEARS)
async def test_a_process_that_stops_between_any_two_writes_leaves_the_same(tear: int) -> None:
    log = Log()
    torn, zombie = log.process(), log.process()
    await log.grow(STRIDE // 2)
    await caught_up(zombie)
    await log.grow(2 * STRIDE + 5)
    Tearing.writes_left = tear
    try:
        await caught_up(torn)
    except AnswerLost:
        torn = log.process()
    finally:
        Tearing.writes_left = -1
    await caught_up(torn)
    await caught_up(zombie)
    for process in (torn, zombie, log.process()):
        await caught_up(process)
        for size in (STRIDE - 1, 2 * STRIDE, 2 * STRIDE + 5):
            assert await shown(await process.as_of_size(size)) == replayed(size)


@pytest.mark.parametrize("by", Level)
async def test_a_series_has_the_figures_at_the_end_of_each_period(by: Level) -> None:
    log = Log()
    process = log.process()
    for size in (100, STRIDE + 1, len(ENTRIES)):
        await log.grow(size)
        await caught_up(process)
    last_of = {begin_of(by, fold.read(entry)["at"]): n + 1 for n, entry in enumerate(ENTRIES)}
    far = timedelta(days=400)
    found = await process.series(by, AT - far, AT + far, 10_000)
    assert {one.at: one.size for one in found} == last_of
    assert [one.at for one in found] == sorted(last_of)
    for one in random.Random(3).sample(found, min(4, len(found))):
        account = Account(ENTRIES[: one.size])
        assert one.totals == account.tables["totals"] and one.countries == account.tables["country"]
        assert one.programmes["love-parcel"] == figures.totals(account.books, "love-parcel")
