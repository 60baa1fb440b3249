"""Fen intervals: nothing is lost and nothing made where they are cut and joined."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.procurement import FenInterval, length_fen
from services.procurement.domain.intervals import join, split, tail


@st.composite
def apart(draw: st.DrawFn) -> tuple[FenInterval, ...]:
    """Intervals that do not overlap, in any order."""
    pieces = []
    for shard in range(draw(st.integers(1, 3))):
        at = 0
        for _ in range(draw(st.integers(0, 4))):
            fen_from = at + draw(st.integers(0, 3))
            at = fen_from + draw(st.integers(1, 9))
            pieces.append(FenInterval(shard=shard, fen_from=fen_from, fen_to=at))
    return tuple(draw(st.permutations(pieces)))


def fen_of(intervals: tuple[FenInterval, ...]) -> list[tuple[int, int]]:
    """Every single fen, in order."""
    return [(i.shard, fen) for i in intervals for fen in range(i.fen_from, i.fen_to)]


@given(apart(), st.data())
def test_front_and_rest_are_the_whole_in_order(intervals: tuple[FenInterval, ...], data: st.DataObject) -> None:
    fen = data.draw(st.integers(0, length_fen(intervals)))
    front, rest = split(intervals, fen)
    assert length_fen(front) == fen
    assert fen_of(front) + fen_of(rest) == fen_of(intervals)


@given(apart(), st.data())
def test_the_tail_is_the_last_fen_in_order(intervals: tuple[FenInterval, ...], data: st.DataObject) -> None:
    fen = data.draw(st.integers(0, length_fen(intervals)))
    assert fen_of(tail(intervals, fen)) == fen_of(intervals)[length_fen(intervals) - fen :]


@given(apart(), st.data())
def test_of_pieces_that_come_back_no_fen_is_lost(intervals: tuple[FenInterval, ...], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(intervals)))
    together = join(join((), intervals[:cut]), intervals[cut:])
    assert sorted(fen_of(together)) == sorted(fen_of(intervals))
    assert len(together) <= len(intervals)


def test_a_piece_that_touches_makes_the_known_one_longer() -> None:
    known = (FenInterval(shard=1, fen_from=10, fen_to=20), FenInterval(shard=2, fen_from=20, fen_to=30))
    piece = FenInterval(shard=1, fen_from=20, fen_to=25)
    assert join(known, (piece,)) == (FenInterval(shard=1, fen_from=10, fen_to=25), known[1])
