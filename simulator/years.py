"""The programme's three years as gifts come in: February 2019 to 22 March 2022, growing, with the trade's festivals.

How many gifts a day has, and what they sum up to, is exact: a pure function of the seed and of how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from simulator.chance import draw
from simulator.donations import DAY_S, EPOCH, SHANGHAI, US, Bits, Indices, Stream, mixed

BEGINS, ENDS = date(2019, 2, 1), date(2022, 3, 23)
"""The first day, and the one after the last: the programme was summed up on 22 March 2022."""
DAYS = (ENDS - BEGINS).days
DONATIONS_PUBLISHED = 2_600_000_000
SCALE = 1_000
MERCHANTS_OF_YEARS = 2_000
"""A thousandth of millions, as the gifts are. What a day costs is its merchants, however few gifts they have."""
FESTIVALS = {(6, 18): 4.0, (9, 9): 3.0, (11, 11): 8.0, (12, 12): 4.0}
"""Month and day → how many usual days' orders come then."""
MONTHS = (0.9, 0.65, 0.95, 0.95, 1.0, 1.0, 0.95, 0.95, 1.0, 1.0, 1.05, 1.05)
"""A usual day of each month: the trade rests around the Spring Festival."""
GROWTH_A_YEAR = 0.03
JITTER = 0.08
STRATUM = 1_000
AMOUNT_OF_STRATUM = {1: 40, 2: 100, 3: 140, 4: 160, 5: 197, 6: 143, 7: 90, 8: 60, 9: 30, 10: 40}
"""Of every thousand gifts so many are of so many fen: 4.923 on the mean, as 128 million yuan of 2.6 billion gifts."""
REFUND_BLOCK = 2_000
"""One order in so many is refunded."""
REFUND_DAYS = (2, 20)
PARTLY_SHARE = 0.2
REFUND_REASONS = ("order cancelled", "goods returned", "wrong item sent")

_AMOUNTS = np.repeat(np.array(list(AMOUNT_OF_STRATUM), np.int64), np.array(list(AMOUNT_OF_STRATUM.values()), np.int64))
_COPRIME = np.array([number for number in range(STRATUM) if number % 2 and number % 5], np.int64)


def day_weight(seed: int, day: date) -> float:
    """How many orders a day has, beside other days."""
    growth = (1 + GROWTH_A_YEAR) ** ((day - BEGINS).days / 365)
    jitter = 1 + JITTER * (2 * draw(seed, "day", day.isoformat()) - 1)
    return float(growth * MONTHS[day.month - 1] * FESTIVALS.get((day.month, day.day), 1.0) * jitter)


def day_counts(seed: int, donations: int) -> Indices:
    """How many gifts each day has, from the first day on: together exactly `donations`."""
    weights = np.array([day_weight(seed, BEGINS + timedelta(days=number)) for number in range(DAYS)])
    upto = np.round(np.cumsum(weights) / weights.sum() * donations).astype(np.int64)
    counts: Indices = np.diff(upto, prepend=0)
    return counts


@dataclass(frozen=True, slots=True)
class Refund:
    """An order that came back: `reversal` is its id, `donation` the gift's, `day` the gift's in Asia/Shanghai."""

    reversal: str
    merchant: str
    donation: str
    day: str
    amount_fen: int
    at: datetime
    reason: str
    k: int


@dataclass(frozen=True, slots=True)
class YearsStream(Stream):
    """The gifts of the three years: gift k of a seed and of how many there are. `upto`: gifts up to each day's end."""

    upto: Indices = field(default_factory=lambda: np.zeros(0, np.int64), compare=False, repr=False)

    def seconds(self, ks: Indices) -> Indices:
        """Each day's gifts lie evenly spread over it."""
        days = np.searchsorted(self.upto, ks, side="right")
        first = np.concatenate([np.zeros(1, np.int64), self.upto])[days]
        begins_s = (self.first_at - EPOCH) // timedelta(seconds=1)
        seconds: Indices = begins_s + days * DAY_S + (ks - first) * DAY_S // (self.upto[days] - first)
        return seconds

    def amounts(self, ks: Indices) -> Indices:
        """Of each thousand gifts the amounts are the same, in another order."""
        bits: Bits = mixed(self.seed, "amounts", ks // STRATUM)
        step = _COPRIME[(bits % np.uint64(len(_COPRIME))).astype(np.int64)]
        shift = ((bits >> np.uint64(32)) % np.uint64(STRATUM)).astype(np.int64)
        amounts: Indices = _AMOUNTS[(ks % STRATUM * step + shift) % STRATUM]
        return amounts

    @property
    def donations(self) -> int:
        """How many gifts there are."""
        return int(self.upto[-1])

    def before(self, day: date) -> int:
        """How many gifts came before a day."""
        number = (day - BEGINS).days
        return int(self.upto[min(number, DAYS) - 1]) if number > 0 else 0

    def refund(self, number: int) -> Refund:
        """The refund of the `number`-th block of orders."""
        k = number * REFUND_BLOCK + int(mixed(self.seed, "refund", np.array([number]))[0] % np.uint64(REFUND_BLOCK))
        donation, about = self.donation(k), ("refund", number)
        fen = donation.amount_fen
        if fen > 1 and draw(self.seed, "partly", *about) < PARTLY_SHARE:
            fen = fen // 2
        low, high = REFUND_DAYS
        days = low + (high - low) * draw(self.seed, "back after", *about)
        at = (datetime.fromisoformat(donation.at) + timedelta(days=days)).replace(microsecond=0)
        reason = REFUND_REASONS[int(draw(self.seed, "why", *about) * len(REFUND_REASONS))]
        return Refund(f"RF{donation.id}", donation.merchant, donation.id, donation.at[:10], fen, at, reason, k)

    def refunds(self) -> list[Refund]:
        """All refunds up to the last day, in the order in which orders came back."""
        found = [self.refund(number) for number in range(self.donations // REFUND_BLOCK)]
        return sorted((one for one in found if one.at < begin_of(ENDS)), key=lambda one: (one.at, one.k))


def years_of(seed: int, donations: int) -> YearsStream:
    """The gifts of a seed."""
    assert donations > 0
    upto = np.cumsum(day_counts(seed, donations))
    return YearsStream(seed, begin_of(BEGINS), DAYS * DAY_S * US // donations, MERCHANTS_OF_YEARS, upto=upto)


def begin_of(day: date) -> datetime:
    """The first moment of a day of the programme."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
