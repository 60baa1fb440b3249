"""Following one donation: located by the ledger, then traced by the published rule."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandapack.contracts.donations import scoped
from pandapack.decision import Refusal
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.store import Store
from services.reporting import store
from services.reporting.domain.funded_intervals import FundedIntervals, bucket_ids
from services.reporting.domain.money import Money, applied_fen
from services.reporting.domain.pipeline import Freshness
from services.reporting.domain.rounds.state import Round
from services.reporting.domain.trace import LocatedDonation, Piece, follow
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.readings import Readings

READINGS_MAX = 4
READING_PAUSE_S = 0.1
PLATFORMS_FRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class Trace:
    """A followed donation. `donation` is the ledger's answer as JSON, `platform` and `merchant` apart.

    `rounds` are those that the pieces name.
    """

    donation: Mapping[str, Any]
    pieces: Sequence[Piece]
    rounds: Mapping[str, Round]
    freshness: Freshness


class Tracer:
    """Follows donations."""

    def __init__(
        self,
        readings: Readings,
        neighbours: Neighbours,
        *,
        money: Store[Money],
        funded_intervals: Store[FundedIntervals],
        rounds: Store[Round],
    ) -> None:
        self._readings, self._neighbours = readings, neighbours
        self._money, self._funded_intervals, self._rounds = money, funded_intervals, rounds
        self._platforms: Sequence[str] = ()
        self._platforms_until_s = 0.0

    async def platforms(self) -> Sequence[str]:
        """The ids of the registered platforms, in order, as known some seconds ago. Raises NeighbourUnavailable."""
        if monotonic_s() >= self._platforms_until_s:
            self._platforms = await self._neighbours.platforms()
            self._platforms_until_s = monotonic_s() + PLATFORMS_FRESH_S
        return self._platforms

    async def trace(self, platform: str, merchant: str, id: str, day: str) -> Trace | Refusal:
        """Refused where the ledger has no such donation. Raises NeighbourUnavailable where it does not answer.

        `merchant`: the platform's own name for it.
        """
        found = await self._neighbours.donation(scoped(platform, merchant), id, day)
        if isinstance(found, Refusal):
            return found
        donation = LocatedDonation(
            found["programme"], found["shard"], found["fen_from"], found["fen_to"], found["reversed_fen"]
        )
        pieces, rounds = await self._follow_patiently(donation)
        named = {**found, "platform": platform, "merchant": merchant}
        return Trace(named, pieces, rounds, await self._readings.freshness())

    async def _follow_patiently(self, donation: LocatedDonation) -> tuple[Sequence[Piece], Mapping[str, Round]]:
        """A round's money and its intervals are two documents, so between them there may be a moment."""
        for _ in range(READINGS_MAX - 1):
            try:
                return await self._follow(donation)
            except LookupError:
                await asyncio.sleep(READING_PAUSE_S)
        return await self._follow(donation)

    async def _follow(self, donation: LocatedDonation) -> tuple[Sequence[Piece], Mapping[str, Round]]:
        applied = applied_fen(await store.all_of(self._money), donation.programme).get(str(donation.shard), 0)
        ids = bucket_ids(donation.programme, donation.shard, donation.fen_from, donation.fen_to)
        buckets = await store.buckets_named(self._funded_intervals, ids)
        names = {
            taken.round
            for bucket in buckets
            for taken in bucket.taken
            if taken.fen_from < donation.fen_to and donation.fen_from < taken.fen_to
        }
        rounds = await store.rounds_named(self._rounds, names)
        funded = {name: round for name, round in rounds.items() if round.funding is not None}
        return follow(donation, applied, [_known(bucket, funded) for bucket in buckets], funded), funded


def _known(bucket: FundedIntervals, rounds: Mapping[str, Round]) -> FundedIntervals:
    """A round whose own document is not written yet is not shown yet."""
    return bucket.model_copy(update={"taken": tuple(taken for taken in bucket.taken if taken.round in rounds)})
