"""The data set of every benchmark: donation k is a pure function of the set and k.

- id: 19 digits, rising with k;
- merchant: `M00001` … by Zipf (exponent 1.07) over 20,000;
- amount: 1 to 10 fen, of which the mean is exactly 4.9;
- at: the donations lie evenly spread over `days` days from 11 November 2021 on, in Asia/Shanghai: 40 days for a season,
  one day for a festival.

No line repeats another and none is broken. numpy lays out a whole body at once, so that the load costs a fraction of
what it loads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pandapack.contracts.donations import scoped, shard_of
from pandapack.local.layout import PLATFORM
from simulator.donations import AMOUNT_PER_MILLE, MERCHANT_TABLE_BITS, MERCHANTS, Bits, merchant_table, mixed

SEED = 20_211_111
PROGRAMME = "love-parcel"
FIRST_ID = 4_000_000_000_000_000_000
ID_HIGH_STEP = 10**12
START = np.datetime64("2021-11-11T00:00:00", "s")
DAY_S = 86_400
LINES_A_PUSH = 2_000

_LAYOUT: tuple[tuple[str, int | bytes], ...] = (
    ("id_open", b'{"id":"'),
    ("id_high", 7),
    ("id_1", 4),
    ("id_2", 4),
    ("id_3", 4),
    ("merchant_open", b'","merchant":"M'),
    ("merchant", 5),
    ("amount_open", f'","programme":"{PROGRAMME}","amount_fen":'.encode()),
    ("amount", 2),
    ("at_open", b',"at":"'),
    ("at", 19),
    ("close", b'+08:00"}\n'),
)
_LINE = np.dtype([(name, f"S{part if isinstance(part, int) else len(part)}") for name, part in _LAYOUT])
_BLANK = np.array([tuple(b"" if isinstance(part, int) else part for _, part in _LAYOUT)], _LINE)
_FOURS = np.array([f"{number:04d}" for number in range(10_000)], "S4")
_FIVES = np.array([f"{number:05d}" for number in range(MERCHANTS + 1)], "S5")
_AMOUNTS = np.array([f"{amount:2d}" for amount in range(max(AMOUNT_PER_MILLE) + 1)], "S2")
_AMOUNT_BY_MILLE = np.repeat(
    np.array(list(AMOUNT_PER_MILLE), np.int64), np.array(list(AMOUNT_PER_MILLE.values()), np.int64)
)

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Body:
    """NDJSON of `donations` lines, of which the last one has its line break too."""

    content: bytes
    donations: int


@dataclass(frozen=True, slots=True)
class DonationLine:
    """One donation, as a trace asks for it."""

    id: str
    merchant: str
    amount_fen: int
    day: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """`donations` donations over `days` days; their ids begin at `FIRST_ID + first`, so that sets can be kept apart."""

    donations: int
    days: int
    first: int = 0

    def bodies(self, lines_a_push: int = LINES_A_PUSH) -> Iterator[Body]:
        """All donations in order of their time, `lines_a_push` in each body."""
        for begin in range(0, self.donations, lines_a_push):
            rows = self._rows(self._ks(begin, lines_a_push))
            yield Body(rows.tobytes(), len(rows))

    def bodies_by_shard(self, shards: int, lines_a_push: int = LINES_A_PUSH) -> Iterator[dict[int, Body]]:
        """The same pushes as the push API lays them on the ledger's shards: shard → its part of a push."""
        shards_by_merchant = np.array(
            [shard_of(scoped(PLATFORM, f"M{merchant:05d}"), shards) for merchant in range(MERCHANTS + 1)]
        )
        for begin in range(0, self.donations, lines_a_push):
            ks = self._ks(begin, lines_a_push)
            rows, homes = self._rows(ks), shards_by_merchant[self._merchants(ks)]
            parts = {shard: rows[homes == shard] for shard in range(shards)}
            yield {shard: Body(part.tobytes().rstrip(b"\n"), len(part)) for shard, part in parts.items() if len(part)}

    def donation(self, k: int) -> DonationLine:
        """Donation k of the set, 0 … donations-1."""
        ks = np.array([k], np.int64)
        at = str(self._times(ks)[0])
        merchant, amount_fen = int(self._merchants(ks)[0]), int(self.amounts(ks)[0])
        return DonationLine(str(FIRST_ID + self.first + k), f"M{merchant:05d}", amount_fen, at[:10])

    def fen(self) -> int:
        """What all donations sum up to."""
        step = 1_000_000
        return sum(int(self.amounts(self._ks(begin, step)).sum()) for begin in range(0, self.donations, step))

    def amounts(self, ks: Numbers) -> Numbers:
        """Fen of each donation."""
        bits = self._bits(ks) >> np.uint64(32)
        return _AMOUNT_BY_MILLE[(bits % np.uint64(len(_AMOUNT_BY_MILLE))).astype(np.int64)]

    def _ks(self, begin: int, count: int) -> Numbers:
        return np.arange(begin, min(begin + count, self.donations), dtype=np.int64)

    def _bits(self, ks: Numbers) -> Bits:
        return mixed(SEED, "benchmark", ks + self.first)

    def _merchants(self, ks: Numbers) -> npt.NDArray[np.uint16]:
        indices = self._bits(ks) & np.uint64((1 << MERCHANT_TABLE_BITS) - 1)
        return merchant_table(MERCHANTS)[indices.astype(np.int64)]

    def _times(self, ks: Numbers) -> npt.NDArray[np.datetime64]:
        return START + (ks * (self.days * DAY_S) // self.donations).astype("timedelta64[s]")

    def _rows(self, ks: Numbers) -> npt.NDArray[np.void]:
        rows = np.repeat(_BLANK, len(ks))
        ids = FIRST_ID % ID_HIGH_STEP + self.first + ks
        assert ids[-1] < ID_HIGH_STEP, "an id's first seven digits stay as they are"
        rows["id_high"] = str(FIRST_ID // ID_HIGH_STEP).encode()
        rows["id_1"] = _FOURS[ids // 10**8]
        rows["id_2"] = _FOURS[ids // 10**4 % 10**4]
        rows["id_3"] = _FOURS[ids % 10**4]
        rows["merchant"] = _FIVES[self._merchants(ks)]
        rows["amount"] = _AMOUNTS[self.amounts(ks)]
        # A body covers few different seconds, and writing a time out is dear.
        seconds, indices = np.unique(self._times(ks), return_inverse=True)
        rows["at"] = np.datetime_as_string(seconds).astype("S19")[indices]
        return rows


class BodyQueue:
    """Bodies that several threads draw from; `drawn` counts their donations."""

    def __init__(self, bodies: Iterator[Body]) -> None:
        self._bodies = bodies
        self._lock = threading.Lock()
        self.drawn = 0

    def draw(self) -> Body | None:
        """The next body, or None where there is no more."""
        with self._lock:
            body = next(self._bodies, None)
            self.drawn += body.donations if body else 0
            return body
