"""Who took which fen of a fen line: rounds take intervals, and release the rest when they close.

A document holds what one part of one partition's log (`LOG_PART_EVENTS` long) tells of one bucket of one shard
(`BUCKET_FEN` long). So it stays small however long the fen line grows, and however often little is taken of it, as
where reversals come fen by fen. An interval that reaches over several buckets is in each of them, uncut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import FenInterval
from pandapack.decision import Decision

BUCKET_FEN = 100_000_000
LOG_PART_EVENTS = 512
"""Each takes a piece or a few of a bucket: hundreds of kilobytes together, where all of them take of the same one."""
REVERSALS = "reversals"
"""Who takes the fen that are given back to merchants' customers: a taker like a round."""


class TakenInterval(Part):
    """A round took `[fen_from, fen_to)`. `ordinal` counts the programme's rounds, so a higher one took it later."""

    fen_from: int
    fen_to: int
    round: str
    ordinal: int


class ReleasedInterval(Part):
    """A round released `[fen_from, fen_to)` to the fund when it closed."""

    fen_from: int
    fen_to: int
    round: str


class FundedIntervals(Part):
    """One bucket of one shard of a programme's fen line. `bucket` is its `bucket_id(…)`."""

    bucket: str = ""
    taken: tuple[TakenInterval, ...] = ()
    released: tuple[ReleasedInterval, ...] = ()


@dataclass(frozen=True, slots=True)
class IntervalHolder:
    """A run of fen with one history: who has it now (None: the fund), and who released it before."""

    fen_from: int
    fen_to: int
    round: str | None
    earlier: tuple[str, ...]


def bucket_id(programme: str, shard: int, number: int) -> str:
    """The name of a bucket: `love-parcel/3/0`."""
    return f"{programme}/{shard}/{number}"


def log_part_of(offset: int) -> int:
    """The part of a partition's log in which an event lies."""
    return offset // LOG_PART_EVENTS


def bucket_ids(programme: str, shard: int, fen_from: int, fen_to: int) -> list[str]:
    """The buckets over which `[fen_from, fen_to)` reaches."""
    numbers = range(fen_from // BUCKET_FEN, (fen_to - 1) // BUCKET_FEN + 1)
    return [bucket_id(programme, shard, number) for number in numbers]


def by_bucket(programme: str, intervals: Iterable[FenInterval]) -> dict[str, list[FenInterval]]:
    """Bucket → the intervals that reach over it."""
    found: dict[str, list[FenInterval]] = {}
    for interval in intervals:
        for bucket in bucket_ids(programme, interval.shard, interval.fen_from, interval.fen_to):
            found.setdefault(bucket, []).append(interval)
    return found


def take_intervals(
    state: FundedIntervals, bucket: str, intervals: Iterable[FenInterval], round: str, ordinal: int
) -> Decision[FundedIntervals]:
    """A round took these intervals, all of which reach over this bucket."""
    new = [TakenInterval(fen_from=i.fen_from, fen_to=i.fen_to, round=round, ordinal=ordinal) for i in intervals]
    return Decision(state.model_copy(update={"bucket": bucket, "taken": (*state.taken, *new)}))


def release_intervals(
    state: FundedIntervals, bucket: str, intervals: Iterable[FenInterval], round: str
) -> Decision[FundedIntervals]:
    """A round released these intervals."""
    new = [ReleasedInterval(fen_from=i.fen_from, fen_to=i.fen_to, round=round) for i in intervals]
    return Decision(state.model_copy(update={"bucket": bucket, "released": (*state.released, *new)}))


def holders(buckets: Sequence[FundedIntervals], fen_from: int, fen_to: int) -> list[IntervalHolder]:
    """`[fen_from, fen_to)` cut into runs with one history each, in order.

    The last round that took a fen has it, unless that round released it; when a later round has taken it, the one
    before had released it, even where that is not applied yet.
    """
    taken = {t for bucket in buckets for t in bucket.taken if t.fen_from < fen_to and t.fen_to > fen_from}
    released = {r for bucket in buckets for r in bucket.released if r.fen_from < fen_to and r.fen_to > fen_from}
    runs: list[TakenInterval | ReleasedInterval] = [*taken, *released]
    edges = {edge for run in runs for edge in (run.fen_from, run.fen_to) if fen_from < edge < fen_to}
    cuts = [fen_from, *sorted(edges), fen_to]
    return [_holder(low, high, taken, released) for low, high in pairwise(cuts)]


def _holder(
    low: int, high: int, taken: Iterable[TakenInterval], released: Iterable[ReleasedInterval]
) -> IntervalHolder:
    takers = sorted((t for t in taken if t.fen_from <= low < t.fen_to), key=lambda t: t.ordinal)
    names = [taker.round for taker in takers]
    if not names:
        return IntervalHolder(low, high, None, ())
    if any(r.round == names[-1] and r.fen_from <= low < r.fen_to for r in released):
        return IntervalHolder(low, high, None, tuple(names))
    return IntervalHolder(low, high, names[-1], tuple(names[:-1]))
