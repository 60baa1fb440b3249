"""Who took which fen of a line: rounds take intervals, and give the rest back when they close.

A document holds one stretch of one line (`BUCKET_FEN` long) as one partition tells it, so that it stays small however
long the line grows; an interval that reaches over several stretches is in each of them, whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import FenInterval
from pandapack.decision import Decision

BUCKET_FEN = 100_000_000
REVERSALS = "reversals"
"""Who takes the fen that are given back to merchants' customers: a taker like a round."""


class Taken(Part):
    """A round took `[fen_from, fen_to)`. `ordinal` counts the programme's rounds, so a higher one took it later."""

    fen_from: int
    fen_to: int
    round: str
    ordinal: int


class GivenBack(Part):
    """A round gave `[fen_from, fen_to)` back when it closed."""

    fen_from: int
    fen_to: int
    round: str


class Stretch(Part):
    """One stretch of one line of a programme. `place` is `place_of(…)`."""

    place: str = ""
    taken: tuple[Taken, ...] = ()
    given_back: tuple[GivenBack, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A run of fen with one history: who has it now (None: the fund), and who gave it back before."""

    fen_from: int
    fen_to: int
    round: str | None
    earlier: tuple[str, ...]


def place_of(programme: str, line: int, bucket: int) -> str:
    """The name of a stretch."""
    return f"{programme}/{line}/{bucket}"


def places_of(programme: str, line: int, fen_from: int, fen_to: int) -> list[str]:
    """The stretches over which `[fen_from, fen_to)` reaches."""
    return [place_of(programme, line, bucket) for bucket in _buckets(fen_from, fen_to)]


def _buckets(fen_from: int, fen_to: int) -> range:
    return range(fen_from // BUCKET_FEN, (fen_to - 1) // BUCKET_FEN + 1)


def take(state: Stretch, place: str, intervals: Iterable[FenInterval], round: str, ordinal: int) -> Decision[Stretch]:
    """A round took these intervals, of which those over this stretch are kept."""
    new = [Taken(fen_from=i.fen_from, fen_to=i.fen_to, round=round, ordinal=ordinal) for i in intervals]
    return Decision(state.model_copy(update={"place": place, "taken": (*state.taken, *new)}))


def give_back(state: Stretch, place: str, intervals: Iterable[FenInterval], round: str) -> Decision[Stretch]:
    """A round gave these intervals back."""
    new = [GivenBack(fen_from=i.fen_from, fen_to=i.fen_to, round=round) for i in intervals]
    return Decision(state.model_copy(update={"place": place, "given_back": (*state.given_back, *new)}))


def over(programme: str, intervals: Iterable[FenInterval]) -> dict[str, list[FenInterval]]:
    """Stretch → the intervals that reach over it."""
    found: dict[str, list[FenInterval]] = {}
    for interval in intervals:
        for place in places_of(programme, interval.line, interval.fen_from, interval.fen_to):
            found.setdefault(place, []).append(interval)
    return found


def held(stretches: Sequence[Stretch], fen_from: int, fen_to: int) -> list[Held]:
    """`[fen_from, fen_to)` cut into runs with one history each, in order.

    The last round that took a fen has it, unless that round gave it back; a later taking tells that the one before had
    given it back, even where that is not heard yet.
    """
    taken = {t for stretch in stretches for t in stretch.taken if t.fen_from < fen_to and t.fen_to > fen_from}
    back = {g for stretch in stretches for g in stretch.given_back if g.fen_from < fen_to and g.fen_to > fen_from}
    runs: list[Taken | GivenBack] = [*taken, *back]
    edges = {edge for run in runs for edge in (run.fen_from, run.fen_to) if fen_from < edge < fen_to}
    cuts = [fen_from, *sorted(edges), fen_to]
    return [_history(low, high, taken, back) for low, high in pairwise(cuts)]


def _history(low: int, high: int, taken: Iterable[Taken], back: Iterable[GivenBack]) -> Held:
    takers = sorted((t for t in taken if t.fen_from <= low < t.fen_to), key=lambda t: t.ordinal)
    names = [taker.round for taker in takers]
    if not names:
        return Held(low, high, None, ())
    if any(g.round == names[-1] and g.fen_from <= low < g.fen_to for g in back):
        return Held(low, high, None, tuple(names))
    return Held(low, high, names[-1], tuple(names[:-1]))
