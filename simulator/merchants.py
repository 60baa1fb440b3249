"""The merchants' platform: pushes gifts as orders complete, takes back those of refunded orders, and pays monthly.

Several pushes are in flight. What it settles is what its own books say: the gifts of each merchant and day, less what
was taken back by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np

from pandapack.client import AsyncClient, Retry
from simulator.api_client import PATIENCE_S, ApiClient, Json, Site, ask_until
from simulator.chapters import Chapter, refunds_in
from simulator.donations import PROGRAMME, Stream
from simulator.story_clock import StoryClock
from simulator.years import Refund, YearsStream, begin_of

PUSHES_IN_FLIGHT = 4
BODY_DONATIONS_FAST = 8_000
ASK_EVERY_S = 0.3
BODIES_A_SECOND_PACED = 10
"""At a pleasant rate pushes are small and many, so that figures run rather than jump."""
SETTLED_DONATIONS_MAX = 150_000
"""A settlement has at most 200,000 sums: with so many gifts there are never more."""
DAILY_FROM = date(2022, 3, 13)
"""From here on the platform settles each day, and before it each month. A day's settlement costs about as much as a
month's, so of three years by the day nothing else would be seen for minutes."""
MONTHS_SETTLED_MAX = 2
"""A settlement costs as much as it has days, however few gifts: of a small story's long chapters the last months are
settled, and all that was given before stays received and not banked."""
PATIENT = Retry(attempts_max=int(PATIENCE_S), pause_s_first=0.1, pause_s_max=1.0)
"""Most pauses are the longest, of a second on the average."""


@dataclass
class PushCounts:
    """How much was pushed: donations (`pushed`), and the lines that were accepted or refused."""

    pushed: int = 0
    accepted: int = 0
    refused: int = 0


@dataclass
class Merchants:
    """Pushes gifts when the story's clock is there. `clock` None: as they come.

    `rate`: donations a second, 0: as fast as they are accepted.
    """

    client: AsyncClient
    stream: Stream
    rate: int
    clock: StoryClock
    counts: PushCounts = field(default_factory=PushCounts)

    async def push(self, first: int, upto: int | None) -> None:
        """Pushes gifts `first` … `upto - 1`, or (None) without end."""
        size = max(1, self.rate // BODIES_A_SECOND_PACED) if self.rate else BODY_DONATIONS_FAST
        ranges, began_s = _ranges(first, upto, size), asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for _ in range(PUSHES_IN_FLIGHT):
                group.create_task(self._push_some(ranges, began_s, first))

    async def _push_some(self, ranges: Iterator[tuple[int, int]], began_s: float, begin: int) -> None:
        for first, count in ranges:
            if self.rate:
                due_s = began_s + (first - begin) / self.rate
                await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
            await self.clock.until(datetime.fromisoformat(self.stream.donation(first + count - 1).at))
            id = f"donations-{self.stream.seed}-{first}-{count}"
            result = await self.client.push_ndjson(self.stream.body(first, count), id=id)
            self.counts.pushed += count
            self.counts.accepted += result.accepted
            self.counts.refused += len(result.refused) + result.refused_more


def _ranges(first: int, upto: int | None, size: int) -> Iterator[tuple[int, int]]:
    while upto is None or first < upto:
        count = size if upto is None else min(size, upto - first)
        yield first, count
        first += count


class Cashier:
    """The platform's bookkeeping: what it takes back, and what it pays the foundation (`settlements`, by name)."""

    def __init__(self, api: ApiClient, stream: YearsStream, refunds: list[Refund]) -> None:
        self._api, self._stream, self._refunds = api, stream, refunds
        self.settlements = list[str]()

    async def close(self, chapter: Chapter) -> None:
        """A chapter's books, once all its gifts are counted: what was taken back, and then what is paid."""
        await ask_until(partial(self._are_counted, chapter.upto), ASK_EVERY_S)
        await self.take_back(refunds_in(self._refunds, chapter), key=f"refunds-{chapter.number}")
        await self.settle(chapter.begins, chapter.ends)

    async def _are_counted(self, donations: int) -> bool:
        totals = await self._api.get("reporting", "auditor", "/v1/totals")
        return int(totals["donations"]) >= donations

    async def take_back(self, refunds: Sequence[Refund], *, key: str) -> None:
        """Reverses gifts of refunded orders; returns once the ledger has judged all of them."""
        if refunds:
            body: list[Json] = [reversal_of(one) for one in refunds]
            await self._api.submit("donations", "platform", "/v1/reversals?wait=30s", body, key=key)

    async def settle(self, begins: date, ends: date) -> None:
        """Pays what was given from a day up to another, by months and at last by days; of many months the last ones."""
        first = max(begins, months_before(ends, MONTHS_SETTLED_MAX))
        cut_off = begin_of(ends) - timedelta(seconds=1)
        for since, upto in settled_periods(self._stream, first, ends):
            sums = sums_of(self._stream, self._refunds, since, upto, cut_off)
            if sums:
                name = f"settlement-{since.isoformat()}"
                head = {"settlement": name, "programme": PROGRAMME, "currency": "CNY"}
                head |= {"bank_reference": f"DEMO-{since:%Y%m%d}", "cut_off": cut_off.isoformat()}
                await self._api.submit("donations", "platform", "/v1/settlements", {**head, "sums": sums}, key=name)
                self.settlements.append(name)


def settled_periods(stream: YearsStream, first: date, ends: date) -> Iterator[tuple[date, date]]:
    """The days from one up to another, each of them settled once: by months, or less where there are too many gifts."""
    while first < ends:
        upto = first + timedelta(days=1)
        if first < DAILY_FROM:
            upto = min(_next_month(first), DAILY_FROM, ends)
            while (upto - first).days > 1 and stream.before(upto) - stream.before(first) > SETTLED_DONATIONS_MAX:
                upto -= timedelta(days=1)
        yield first, upto
        first = upto


def months_before(day: date, months: int) -> date:
    """The first day of the month so many months before a day, which is a month's first or in its course."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def reversal_of(refund: Refund) -> Json:
    """A line of `POST /v1/reversals`."""
    return {
        "reversal": refund.reversal,
        "merchant": refund.merchant,
        "donation": refund.donation,
        "day": refund.day,
        "amount_fen": refund.amount_fen,
        "at": refund.at.isoformat(),
        "reason": refund.reason,
    }


def sums_of(
    stream: YearsStream, refunds: Iterable[Refund], first: date, upto: date, cut_off: datetime
) -> list[dict[str, str | int]]:
    """What each merchant's days come to, less what was taken back by `cut_off`."""
    low, high = stream.before(first), stream.before(upto)
    if low == high:
        return []
    ks = np.arange(low, high, dtype=np.int64)
    fen, counts = stream.amounts(ks), np.ones(len(ks), np.int64)
    for one in refunds:
        if low <= one.k < high and one.at <= cut_off:
            fen[one.k - low] -= one.amount_fen
            counts[one.k - low] = int(fen[one.k - low] > 0)
    days = np.searchsorted(stream.upto, ks, side="right")
    cells, at = np.unique(days << 16 | stream.merchant_numbers(ks), return_inverse=True)
    sums_fen = np.bincount(at, weights=fen).astype(np.int64)
    sums_count = np.bincount(at, weights=counts).astype(np.int64)
    begin = stream.first_at.date()
    rows = zip(cells.tolist(), sums_count.tolist(), sums_fen.tolist(), strict=True)
    return [
        {
            "merchant": f"M{cell & 0xFFFF:05d}",
            "day": (begin + timedelta(days=cell >> 16)).isoformat(),
            "count": count,
            "fen": sum_fen,
        }
        for cell, count, sum_fen in rows
        if count
    ]


def platform_client(site: Site) -> AsyncClient:
    """The client of the platform that all merchants push through, as patient as the other players."""
    return AsyncClient(site.urls["donations"], site.keys["platform"], retry=PATIENT)
