"""The published rule: every fen of a donation lies in one piece, every parcel of a round has its equal share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.procurement import FenInterval, SchoolShare, length_fen
from services.reporting.domain.funded_intervals import FundedIntervals, release_intervals, take_intervals
from services.reporting.domain.rounds.figures import kept_intervals
from services.reporting.domain.rounds.fold import RoundEvent, evolve
from services.reporting.domain.rounds.state import Closing, Funding, Round
from services.reporting.domain.trace import FenState, LocatedDonation, follow, parcel_trace, share_of
from tests.unit.reporting.history import AT, funded, programme

SHARD_FEN = 400
BUCKET = "p/0/0"
Rounds = dict[str, Round]
Shard = tuple[int, Rounds, FundedIntervals]
"""How far the fund has applied it, its rounds, and its one bucket."""


@st.composite
def shard_with_rounds(draw: st.DrawFn) -> Shard:
    """One shard; rounds take from its front, some close and release the end of their money, which others take."""
    applied = draw(st.integers(0, SHARD_FEN))
    rounds: Rounds = {}
    bucket, free = FundedIntervals(bucket=BUCKET), [(0, applied)]
    for ordinal in range(1, draw(st.integers(0, 4)) + 1):
        taken, free = _front(free, draw(st.integers(1, 120)))
        if not taken:
            break
        name, intervals = f"R-{ordinal:06d}", [FenInterval(shard=0, fen_from=a, fen_to=b) for a, b in taken]
        bucket = take_intervals(bucket, BUCKET, intervals, name, ordinal).state
        rounds[name] = _round(name, ordinal, intervals, draw(st.integers(1, 12)))
        if draw(st.booleans()):
            low, high = taken[-1]
            cut = draw(st.integers(low + (len(taken) == 1), high))
            back = [FenInterval(shard=0, fen_from=cut, fen_to=high)] if cut < high else []
            bucket = release_intervals(bucket, BUCKET, back, name).state
            rounds[name] = _closed(rounds[name], back)
            free = sorted([*((one.fen_from, one.fen_to) for one in back), *free])
    return applied, rounds, bucket


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
        reserved_fen=length_fen(intervals),
        intervals=tuple(intervals),
        schools=(SchoolShare(school="S", district="D", pupils=parcels, parcels=parcels),),
        at="2021-11-11T00:00:00+00:00",
    )
    return Round(round=name, programme="p", country="NP", funding=funding)


def _closed(round: Round, back: list[FenInterval]) -> Round:
    closing = Closing(
        spent_fen=round.funded_fen - length_fen(back),
        released_fen=length_fen(back),
        released=tuple(back),
        leftover={},
        at="2021-11-12T00:00:00+00:00",
    )
    return round.model_copy(update={"closing": closing})


@given(shard_with_rounds(), st.integers(0, SHARD_FEN - 1), st.integers(1, 30))
def test_every_fen_of_a_donation_is_in_exactly_one_piece(shard: Shard, low: int, fen: int) -> None:
    applied, rounds, bucket = shard
    pieces = follow(LocatedDonation("p", 0, low, low + fen), applied, [bucket], rounds)
    assert [piece.fen_from for piece in pieces] == [low, *(piece.fen_to for piece in pieces[:-1])]
    assert pieces[-1].fen_to == low + fen
    for piece in pieces:
        owners = [
            name
            for name, r in rounds.items()
            if any(i.fen_from <= piece.fen_from < i.fen_to for i in kept_intervals(r))
        ]
        assert owners == ([piece.round] if piece.state is FenState.FUNDED else [])
        assert (piece.state is FenState.IN_FLIGHT) == (piece.fen_from >= applied)


@given(shard_with_rounds())
def test_the_pieces_of_all_donations_pay_for_every_parcel_exactly(shard: Shard) -> None:
    applied, rounds, bucket = shard
    paid: dict[tuple[str, int], int] = {}
    for low in range(0, applied, 7):
        for piece in follow(LocatedDonation("p", 0, low, min(applied, low + 7)), applied, [bucket], rounds):
            if piece.round is not None and piece.ordinal is not None:
                paid[piece.round, piece.ordinal] = paid.get((piece.round, piece.ordinal), 0) + piece.fen
    for name, round in rounds.items():
        assert round.funding is not None
        parcels, fen = round.funding.parcels, length_fen(kept_intervals(round))
        shares = {n: share_of(n, parcels, fen) for n in range(1, parcels + 1)}
        assert {n: high - low for n, (low, high) in shares.items() if low < high} == {
            n: fen for (own, n), fen in paid.items() if own == name
        }


def test_a_fen_that_a_round_released_shows_both_its_rounds() -> None:
    first = [FenInterval(shard=0, fen_from=0, fen_to=100)]
    back = [FenInterval(shard=0, fen_from=90, fen_to=100)]
    bucket = take_intervals(FundedIntervals(), BUCKET, first, "R-000001", 1).state
    bucket = release_intervals(bucket, BUCKET, back, "R-000001").state
    one = _closed(_round("R-000001", 1, first, 3), back)
    (waiting,) = follow(LocatedDonation("p", 0, 92, 95), 100, [bucket], {"R-000001": one})
    assert (waiting.state, waiting.earlier) == (FenState.UNALLOCATED, ("R-000001",))
    bucket = take_intervals(bucket, BUCKET, back, "R-000002", 2).state
    both = {"R-000001": one, "R-000002": _round("R-000002", 2, back, 1)}
    (taken,) = follow(LocatedDonation("p", 0, 92, 95), 100, [bucket], both)
    assert (taken.round, taken.ordinal, taken.earlier) == ("R-000002", 1, ("R-000001",))


GIVEN_BACK = [
    (0, [(FenState.FUNDED, 5)]),
    (3, [(FenState.FUNDED, 2), (FenState.GIVEN_BACK, 3)]),
    (5, [(FenState.GIVEN_BACK, 5)]),
]


@pytest.mark.parametrize(("back_fen", "led"), GIVEN_BACK)
def test_what_was_given_back_is_the_last_fen_and_leads_nowhere(back_fen: int, led: list[tuple[FenState, int]]) -> None:
    intervals = [FenInterval(shard=0, fen_from=0, fen_to=100)]
    bucket = take_intervals(FundedIntervals(bucket=BUCKET), BUCKET, intervals, "R-000001", 1).state
    rounds = {"R-000001": _round("R-000001", 1, intervals, 1)}
    pieces = follow(LocatedDonation("p", 0, 10, 15, back_fen), 100, [bucket], rounds)
    assert [(piece.state, piece.fen) for piece in pieces] == led
    assert all(piece.round is None for piece in pieces if piece.state is FenState.GIVEN_BACK)


PARCELS: list[tuple[str, int, str, str | None, str | None]] = [
    ("R-000001", 1, "accepted", None, "SH-R-000001"),
    ("R-000001", 3, "lost", "overboard", "SH-R-000001"),
    ("R-000001", 10, "rejected", "wet", "SH-R-000001"),
    ("R-000002", 1, "warehouse", None, None),
    ("R-000003", 1, "planned", None, None),
]


@pytest.mark.parametrize(("name", "ordinal", "state", "reason", "shipment"), PARCELS)
def test_a_parcels_trace_ends_with_its_last_known_state(
    name: str, ordinal: int, state: str, reason: str | None, shipment: str | None
) -> None:
    round = Round()
    for _, event in [*programme(), funded(3, "KH", [])]:
        if isinstance(event, RoundEvent) and event.round == name:
            round = evolve(round, event, AT.isoformat()).state
    parcel = parcel_trace(round, ordinal)
    assert (parcel.state, parcel.reason, parcel.shipment) == (state, reason, shipment)
    assert [handout.school for handout in parcel.handouts] == (["S-1"] if state == "accepted" else [])
