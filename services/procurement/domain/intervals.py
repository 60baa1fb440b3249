"""Arithmetic of fen intervals, exact to the fen: fronts, tails, and pieces that grow together again."""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.procurement import FenInterval, length_fen

Intervals = tuple[FenInterval, ...]


def split(intervals: Sequence[FenInterval], fen: int) -> tuple[Intervals, Intervals]:
    """The first `fen` of a sequence of intervals, and the rest, both in order."""
    assert 0 <= fen <= length_fen(intervals), f"{fen} fen of intervals that hold {length_fen(intervals)}"
    front: list[FenInterval] = []
    rest: list[FenInterval] = []
    for interval in intervals:
        cut = min(interval.fen_to, interval.fen_from + fen)
        fen -= cut - interval.fen_from
        front.extend(_if_any(interval.shard, interval.fen_from, cut))
        rest.extend(_if_any(interval.shard, cut, interval.fen_to))
    assert fen == 0
    return tuple(front), tuple(rest)


def tail(intervals: Sequence[FenInterval], fen: int) -> Intervals:
    """The last `fen` of a sequence of intervals, in order."""
    return split(intervals, length_fen(intervals) - fen)[1]


def join(intervals: Sequence[FenInterval], pieces: Sequence[FenInterval]) -> Intervals:
    """`intervals`, then `pieces`; a piece that touches one of them on its shard makes that one longer instead."""
    known = list(intervals)
    for piece in pieces:
        index = next((i for i, one in enumerate(known) if _touch(one, piece)), None)
        if index is None:
            known.append(piece)
        else:
            fen_from, fen_to = min(known[index].fen_from, piece.fen_from), max(known[index].fen_to, piece.fen_to)
            known[index] = FenInterval(shard=piece.shard, fen_from=fen_from, fen_to=fen_to)
    assert length_fen(known) == length_fen(intervals) + length_fen(pieces), "a fen came back twice"
    return tuple(known)


def _touch(one: FenInterval, other: FenInterval) -> bool:
    return one.shard == other.shard and (one.fen_to == other.fen_from or other.fen_to == one.fen_from)


def _if_any(shard: int, fen_from: int, fen_to: int) -> Intervals:
    return (FenInterval(shard=shard, fen_from=fen_from, fen_to=fen_to),) if fen_from < fen_to else ()
