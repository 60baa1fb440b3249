"""The public log in a seeded world, looked at by whoever reads figures: in no snapshot is a law broken.

A programme's events lie in a dozen partitions that are journaled at paces of their own, owners are killed and overtake
each other, answers get lost, the database is dropped. Two processes fold what is kept meanwhile.
"""

from __future__ import annotations

import pytest

from pandapack.contracts.causation import Causation, Cause
from pandapack.contracts.donations import DonationsRecorded, PageSealed, SealedProgramme, seals_source
from pandapack.contracts.envelope import encode, envelop
from pandapack.contracts.procurement import FundCredited, RoundFunded
from pandapack.contracts.public_log.fold import figures
from pandapack.contracts.public_log.fold.laws import laws
from services.reporting.work.snapshots import Snapshots
from tests.simulation.log_owners import EXPECTED_FAILURES, Database, Published, World
from tests.simulation.test_log_order import play
from tests.unit.contracts.test_public_fold import Account
from tests.unit.reporting.history import AT, PROGRAMME, SourceEvent
from tests.unit.reporting.test_snapshots import history

SEEDS = range(25)
ROUNDS = 5
EVENTS = history(ROUNDS)


def caused(events: list[SourceEvent]) -> list[Published]:
    """Each event names what made it: its round's event before, the round's funding, the gifts that a fund applied."""
    numbers: dict[str, int] = {}
    last_of: dict[str, Cause] = {}
    found = []
    for source, event in events:
        number = numbers[source] = numbers.get(source, 0) + 1
        own = Cause(source, number, number)
        group = getattr(event, "round", "")
        if isinstance(event, DonationsRecorded):
            causes, group = (Cause("donations.pushed/0", number, number),), "donations"
        elif isinstance(event, FundCredited):
            causes, group = (last_of["donations"],), ""
        else:
            causes = (last_of[group],) if group in last_of and not isinstance(event, RoundFunded) else ()
        if group:
            last_of[group] = own
        envelope = envelop(event, source=source, number=number, at=AT, causation=Causation(causes))
        found.append(Published(envelope, encode(envelope)))
        if isinstance(event, DonationsRecorded):
            found.append(sealed(event, own, number))
    return found


def sealed(event: DonationsRecorded, closing: Cause, number: int) -> Published:
    """The seal of a page that holds what an event recorded."""
    parts = tuple(
        SealedProgramme(programme=one.programme, count=one.count, fen=one.fen_to - one.fen_from)
        for one in event.intervals
    )
    rows, fen = sum(one.count for one in parts), sum(one.fen for one in parts)
    seal = PageSealed(shard=event.shard, page=number - 1, rows=rows, fen=fen, root="0" * 64, programmes=parts)
    causation = Causation((closing, Cause(f"donations.seals/{event.shard}", number, number)))
    envelope = envelop(seal, source=seals_source(event.shard), number=number, at=AT, causation=causation)
    return Published(envelope, encode(envelope))


class Readers:
    """Two processes that fold what is kept, and look at what they show. `sizes`: all that were shown."""

    def __init__(self) -> None:
        self.sizes = set[int]()
        self._kept: object = None
        self._processes: list[Snapshots] = []

    async def look(self, world: World, database: Database) -> None:
        if self._kept is not database.kept:  # the database was dropped, and they were started anew
            self._processes = [Snapshots(database.kept, database.snapshots) for _ in range(2)]
            self._kept = database.kept
        for process in self._processes:
            try:
                await process.follow()
            except EXPECTED_FAILURES:
                continue
            shown = process.current
            self.sizes.add(shown.size)
            broken = [law for law in laws(shown.books) if not law.holds]
            assert not broken, (shown.size, broken)


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_snapshot_shows_a_broken_law(seed: int) -> None:
    readers = Readers()
    entries = await play(seed, caused(EVENTS), readers.look)
    whole = Account(entries)
    assert max(readers.sizes) > 0
    shown = figures.totals(whole.books, PROGRAMME)
    assert (shown["rounds"], shown["received_fen"]) == (ROUNDS, ROUNDS * 1010)
    assert shown["sealed_fen"] == shown["received_fen"]
