"""Donations, reversals and settlements as the log has them: sums by programme and day, over all that came together.

No single donation is in the log: what a shard recorded since the entry before is one entry, and so is what it
reversed, and what one settlement banked. No merchant is in it, either. Sealed pages are sums already (`forms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from pandapack.contracts.donations import DonationsBanked, DonationsRecorded, DonationsReversed, PageSealed
from pandapack.contracts.envelope import Event
from pandapack.contracts.public_log.entries import Journaled, entries_of, head_of, parts_of
from pandapack.contracts.public_log.forms import COUNT, DAY, TEXT, Json, list_of
from pandapack.contracts.public_log.veil import Veil

Cell = tuple[int, int]
"""How many, and fen."""
Cells = dict[tuple[str, str], Cell]
"""(programme, day) → its cell."""

CELLS = list_of(programme=TEXT, day=DAY, count=COUNT, fen=COUNT)
SUMMED: Mapping[type[Event], Json] = {
    DonationsRecorded: {
        "shard": COUNT,
        "days": CELLS,
        "intervals": list_of(programme=TEXT, fen_from=COUNT, fen_to=COUNT),
        "duplicates": COUNT,
        "conflicts": COUNT,
        "refused": COUNT,
    },
    DonationsReversed: {"shard": COUNT, "days": CELLS},
    DonationsBanked: {"days": CELLS},
}
"""Type of event → the schemas of its entry's own fields.

`days`: for what was recorded and banked the day of the donation, for reversals that of the reversal. `intervals`: what
of each programme's fen line on the shard is new.
"""


def summed_entries(events: Sequence[Journaled], at: datetime, veil: Veil) -> list[bytes]:
    """The entries of a run of `donations.events`, in the order of its partition: an entry a source and type.

    Of a source what it recorded comes first, and sealed pages behind all else: they hold what was recorded before.
    Each of them is an entry by itself, as is a type that this release does not know.
    """
    runs: dict[tuple[str, str], list[Journaled]] = {}
    for one in events:
        runs.setdefault((one.envelope.source, one.envelope.type), []).append(one)
    return [entry for _, run in sorted(runs.items(), key=_rank) for entry in _entries_of_run(run, at, veil)]


def _rank(run: tuple[tuple[str, str], list[Journaled]]) -> tuple[bool, str, int, str]:
    """What was recorded stands before what was taken back of it, and before the seals of its pages."""
    (source, type), _ = run
    return type == PageSealed.TYPE, source, 0 if type == DonationsRecorded.TYPE else 1, type


def _entries_of_run(run: Sequence[Journaled], at: datetime, veil: Veil) -> Iterator[bytes]:
    events = [one.envelope.event() for one in run]
    recorded = [event for event in events if isinstance(event, DonationsRecorded)]
    reversed_ = [event for event in events if isinstance(event, DonationsReversed)]
    banked = [event for event in events if isinstance(event, DonationsBanked)]
    if recorded:
        yield from parts_of(head_of(run, at, veil), _recorded(recorded))
    elif reversed_:
        yield from parts_of(head_of(run, at, veil), {"shard": reversed_[0].shard, "days": _rows(_reversed(reversed_))})
    elif banked:
        cells = _sum((event.programme, event.day, (event.count, event.fen)) for event in banked)
        yield from parts_of(head_of(run, at, veil), {"days": _rows(cells)})
    else:
        for one in run:
            yield from entries_of([one], at, veil)


def _reversed(events: Iterable[DonationsReversed]) -> Cells:
    known = [one for event in events for one in event.reversals]
    return _sum((one.programme, day, cell) for one in known for day, cell in one.days.items())


def _recorded(events: Sequence[DonationsRecorded]) -> Json:
    cells = _sum((part.programme, part.day, (part.count, part.fen)) for event in events for part in event.days)
    lines = sorted((one.programme, one.fen_from, one.fen_to) for event in events for one in event.intervals)
    intervals = []
    for programme, own in groupby(lines, key=lambda line: line[0]):
        ends = [(fen_from, fen_to) for _, fen_from, fen_to in own]
        intervals.append({"programme": programme, "fen_from": ends[0][0], "fen_to": ends[-1][1]})
    return {
        "shard": events[0].shard,
        "days": _rows(cells),
        "intervals": intervals,
        "duplicates": sum(event.duplicates for event in events),
        "conflicts": sum(event.conflicts for event in events),
        "refused": sum(event.refused for event in events),
    }


def _sum(cells: Iterable[tuple[str, str, Cell]]) -> Cells:
    found: Cells = {}
    for programme, day, (count, fen) in cells:
        before = found.get((programme, day), (0, 0))
        found[programme, day] = (before[0] + count, before[1] + fen)
    return found


def _rows(cells: Cells) -> list[Json]:
    return [
        {"programme": programme, "day": day, "count": count, "fen": fen}
        for (programme, day), (count, fen) in sorted(cells.items())
    ]
