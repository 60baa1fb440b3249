"""The published rule: every fen of a gift lies in exactly one piece, every parcel of a round has its equal share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.procurement import FenInterval, SchoolShare
from services.reporting.domain import spans
from services.reporting.domain.laws import kept, length
from services.reporting.domain.rounds import Closing, Funding, Round
from services.reporting.domain.spans import Stretch
from services.reporting.domain.trace import FenState, Gift, follow, share_of

LINE_FEN = 400
Rounds = dict[str, Round]


@st.composite
def line_with_rounds(draw: st.DrawFn) -> tuple[int, Rounds, Stretch]:
    """One line; rounds take from its front, some close and give the end of their money back, which others take."""
    heard = draw(st.integers(0, LINE_FEN))
    rounds: Rounds = {}
    stretch, free = Stretch(place="p/0/0"), [(0, heard)]
    for ordinal in range(1, draw(st.integers(0, 4)) + 1):
        taken, free = _front(free, draw(st.integers(1, 120)))
        if not taken:
            break
        name, intervals = f"R-{ordinal:06d}", [FenInterval(line=0, fen_from=a, fen_to=b) for a, b in taken]
        stretch = spans.take(stretch, "p/0/0", intervals, name, ordinal).state
        rounds[name] = _round(name, ordinal, intervals, draw(st.integers(1, 12)))
        if draw(st.booleans()):
            low, high = taken[-1]
            cut = draw(st.integers(low + (len(taken) == 1), high))
            back = [FenInterval(line=0, fen_from=cut, fen_to=high)] if cut < high else []
            stretch = spans.give_back(stretch, "p/0/0", back, name).state
            rounds[name] = _closed(rounds[name], back)
            free = sorted([*((one.fen_from, one.fen_to) for one in back), *free])
    return heard, rounds, stretch


def _front(free: list[tuple[int, int]], fen: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    taken, rest = [], []
    for low, high in free:
        edge = min(high, low + fen)
        if low < edge:
            taken.append((low, edge))
            fen -= edge - low
        if edge < high:
            rest.append((edge, high))
    return taken, rest


def _round(name: str, ordinal: int, intervals: list[FenInterval], parcels: int) -> Round:
    funding = Funding(
        ordinal=ordinal,
        publication=1,
        specification="s",
        parcels=parcels,
        plan_fen={},
        contingency_fen=0,
        reserved_fen=length(intervals),
        intervals=tuple(intervals),
        schools=(SchoolShare(school="S", district="D", pupils=parcels, parcels=parcels),),
        at="2021-11-11T00:00:00+00:00",
    )
    return Round(round=name, programme="p", country="NP", funding=funding)


def _closed(round: Round, back: list[FenInterval]) -> Round:
    closing = Closing(
        spent_fen=round.funded_fen - length(back),
        released_fen=length(back),
        released=tuple(back),
        leftover={},
        at="2021-11-12T00:00:00+00:00",
    )
    return round.model_copy(update={"closing": closing})


@given(line_with_rounds(), st.integers(0, LINE_FEN - 1), st.integers(1, 30))
def test_every_fen_of_a_gift_is_in_exactly_one_piece(line: tuple[int, Rounds, Stretch], low: int, fen: int) -> None:
    heard, rounds, stretch = line
    pieces = follow(Gift("p", 0, low, low + fen), heard, [stretch], rounds)
    assert [piece.fen_from for piece in pieces] == [low, *(piece.fen_to for piece in pieces[:-1])]
    assert pieces[-1].fen_to == low + fen
    for piece in pieces:
        owners = [name for name, r in rounds.items() if any(i.fen_from <= piece.fen_from < i.fen_to for i in kept(r))]
        assert owners == ([piece.round] if piece.state is FenState.FUNDED else [])
        assert (piece.state is FenState.IN_FLIGHT) == (piece.fen_from >= heard)


@given(line_with_rounds())
def test_the_pieces_of_all_gifts_pay_for_every_parcel_exactly(line: tuple[int, Rounds, Stretch]) -> None:
    heard, rounds, stretch = line
    paid: dict[tuple[str, int], int] = {}
    for low in range(0, heard, 7):
        for piece in follow(Gift("p", 0, low, min(heard, low + 7)), heard, [stretch], rounds):
            if piece.round is not None and piece.ordinal is not None:
                paid[piece.round, piece.ordinal] = paid.get((piece.round, piece.ordinal), 0) + piece.fen
    for name, round in rounds.items():
        assert round.funding is not None
        parcels, fen = round.funding.parcels, length(kept(round))
        shares = {n: share_of(n, parcels, fen) for n in range(1, parcels + 1)}
        assert {n: high - low for n, (low, high) in shares.items() if low < high} == {
            n: fen for (own, n), fen in paid.items() if own == name
        }


def test_a_fen_that_a_round_gave_back_shows_both_its_rounds() -> None:
    first = [FenInterval(line=0, fen_from=0, fen_to=100)]
    back = [FenInterval(line=0, fen_from=90, fen_to=100)]
    stretch = spans.take(Stretch(), "p/0/0", first, "R-000001", 1).state
    stretch = spans.give_back(stretch, "p/0/0", back, "R-000001").state
    one = _closed(_round("R-000001", 1, first, 3), back)
    (waiting,) = follow(Gift("p", 0, 92, 95), 100, [stretch], {"R-000001": one})
    assert (waiting.state, waiting.earlier) == (FenState.UNALLOCATED, ("R-000001",))
    stretch = spans.take(stretch, "p/0/0", back, "R-000002", 2).state
    both = {"R-000001": one, "R-000002": _round("R-000002", 2, back, 1)}
    (taken,) = follow(Gift("p", 0, 92, 95), 100, [stretch], both)
    assert (taken.round, taken.ordinal, taken.earlier) == ("R-000002", 1, ("R-000001",))
