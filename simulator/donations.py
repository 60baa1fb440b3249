"""Donations as merchants' orders complete: donation k of a seed is a pure function of the stream and k.

- merchant: `M00001` … by Zipf (exponent `ZIPF_EXPONENT`) over 20,000, quantised to 2^-20;
- amount: 1 to 10 fen by `AMOUNT_PER_MILLE`, of which the mean is exactly 4.9;
- id: 19 digits, rising with k; another seed has other ids;
- at: `first_at + k · spacing`, in Asia/Shanghai.

Merchants' systems stutter. In every hundred donations three are followed by an exact repeat of an earlier line and one
by a line that is no donation. Both come on top of the donations.

All lines have one width (white space fills them up), so that numpy lays out a whole batch at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache

import numpy as np
import numpy.typing as npt

PROGRAMME = "love-parcel"
MERCHANTS = 20_000
MERCHANTS_MAX = 65_535
ZIPF_EXPONENT = 1.07
MERCHANT_TABLE_BITS = 20
AMOUNT_PER_MILLE = {1: 40, 2: 100, 3: 140, 4: 170, 5: 200, 6: 130, 7: 90, 8: 60, 9: 30, 10: 40}
FIRST_ID = 4_000_000_000_000_000_000
DONATIONS_A_SEED_MAX = 10**12
SEED_IDS = 10**6
HUNDRED = 100
REPEAT_INDICES = (0, 33, 66)
BROKEN_INDEX = 50
NEAR_REACH = 40
FAR_REACH_MAX = 200_000
FAR_REACH_S_MAX = 30 * 86_400
"""A repeat repeats one of the last 40 donations or, every other time, one of a month's or of the last 200,000."""
OF_A_DONATION = "gift"
"""Part of the seed, as all purposes of chance are: another text here would tell another story of every seed."""
SHANGHAI = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=SHANGHAI)
DAY_S = 86_400
US = 1_000_000

Bits = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]

_LAYOUT: tuple[tuple[str, int | bytes], ...] = (
    ("id_open", b'{"id":"'),
    ("id_high", 7),
    ("id_low_1", 4),
    ("id_low_2", 4),
    ("id_low_3", 4),
    ("merchant_open", b'","merchant":"M'),
    ("merchant", 5),
    ("amount_open", f'","programme":"{PROGRAMME}","amount_fen":'.encode()),
    ("amount", 2),
    ("at_open", b',"at":"'),
    ("day", 10),
    ("hour_open", b"T"),
    ("minute", 5),
    ("second_open", b":"),
    ("second", 2),
    ("close", b'+08:00"}\n'),
)
LINE = np.dtype([(name, f"S{part if isinstance(part, int) else len(part)}") for name, part in _LAYOUT])
BLANK = np.array([tuple(b"" if isinstance(part, int) else part for _, part in _LAYOUT)], LINE)

_FOURS = np.array([f"{number:04d}" for number in range(10_000)], "S4")
_FIVES = np.array([f"{number:05d}" for number in range(MERCHANTS_MAX + 1)], "S5")
_MINUTES = np.array([f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60)], "S5")
_SECONDS = np.array([f"{second:02d}" for second in range(60)], "S2")
_AMOUNTS = np.array([f"{amount:2d}" for amount in range(max(AMOUNT_PER_MILLE) + 1)], "S2")
_AMOUNT_BY_MILLE = np.repeat(
    np.array(list(AMOUNT_PER_MILLE), np.int64), np.array(list(AMOUNT_PER_MILLE.values()), np.int64)
)


@dataclass(frozen=True, slots=True)
class DonationLine:
    """One donation, as `Stream.donation` gives it."""

    id: str
    merchant: str
    amount_fen: int
    at: str


@dataclass(frozen=True, slots=True)
class Stream:
    """All donations of one seed. `first_at` is when donation 0 was made, `spacing_us` the time between two."""

    seed: int
    first_at: datetime
    spacing_us: int
    merchants: int = MERCHANTS

    def __post_init__(self) -> None:
        assert 0 < self.merchants <= MERCHANTS_MAX and self.spacing_us >= 0

    def donation(self, k: int) -> DonationLine:
        """Donation k."""
        row = self._rows(np.array([k], np.int64))[0]
        texts = {name: row[name].decode() for name in LINE.names or ()}
        return DonationLine(
            id="".join(texts[name] for name in ("id_high", "id_low_1", "id_low_2", "id_low_3")),
            merchant=f"M{texts['merchant']}",
            amount_fen=int(texts["amount"]),
            at=f"{texts['day']}T{texts['minute']}:{texts['second']}+08:00",
        )

    def body(self, first: int, count: int) -> bytes:
        """NDJSON: donations `first` … `first + count - 1`, and after each what stutters there.

        However a range is cut into bodies, joined they are the same bytes.
        """
        assert first >= 0 and count > 0 and first + count <= DONATIONS_A_SEED_MAX
        ks = np.arange(first, first + count, dtype=np.int64)
        repeated, broken = self._stutters(ks)
        indices = np.cumsum(1 + repeated + broken) - (1 + repeated + broken)
        laid_out = np.repeat(ks, 1 + repeated + broken)
        laid_out[indices[repeated] + 1] = self._earlier(ks[repeated])
        lines = self._rows(laid_out)
        out = lines.view(f"S{LINE.itemsize}")
        for index, k in zip((indices[broken] + 1).tolist(), ks[broken].tolist(), strict=True):
            out[index] = self._broken_line(k, out[index])
        return lines.tobytes()

    def bodies(self, count: int, size: int, first: int = 0) -> Iterator[bytes]:
        """The bodies of donations `first` … `count - 1`, `size` in each."""
        for begin in range(first, count, size):
            yield self.body(begin, min(size, count - begin))

    def fen(self, first: int, count: int) -> int:
        """What donations `first` … `first + count - 1` sum up to."""
        return int(self.amounts(np.arange(first, first + count, dtype=np.int64)).sum())

    def stutters(self, first: int, count: int) -> tuple[int, int]:
        """How many repeats and how many broken lines come with these donations."""
        repeated, broken = self._stutters(np.arange(first, first + count, dtype=np.int64))
        return int(repeated.sum()), int(broken.sum())

    def _stutters(self, ks: Indices) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        offset = (mixed(self.seed, "stutter", ks // HUNDRED) % np.uint64(HUNDRED)).astype(np.int64)
        index = (ks + offset) % HUNDRED
        return np.isin(index, REPEAT_INDICES), index == BROKEN_INDEX

    def _earlier(self, ks: Indices) -> Indices:
        bits = mixed(self.seed, "earlier", ks)
        far = FAR_REACH_MAX if not self.spacing_us else min(FAR_REACH_MAX, FAR_REACH_S_MAX * US // self.spacing_us)
        reach = np.where(bits & np.uint64(1), min(NEAR_REACH, max(1, far)), max(1, far))
        back = (bits >> np.uint64(1)) % np.minimum(reach, ks + 1).astype(np.uint64)
        return ks - back.astype(np.int64)

    def amounts(self, ks: Indices) -> Indices:
        """Fen of each donation."""
        bits = mixed(self.seed, OF_A_DONATION, ks)
        amounts: Indices = _AMOUNT_BY_MILLE[(bits >> np.uint64(32)) % np.uint64(len(_AMOUNT_BY_MILLE))]
        return amounts

    def seconds(self, ks: Indices) -> Indices:
        """When each donation was made, in seconds since 1970 as they begin in Asia/Shanghai."""
        seconds: Indices = ((self.first_at - EPOCH) // timedelta(microseconds=1) + ks * self.spacing_us) // US
        return seconds

    def merchant_numbers(self, ks: Indices) -> npt.NDArray[np.uint16]:
        """Which merchant each donation was made at."""
        bits = mixed(self.seed, OF_A_DONATION, ks)
        numbers: npt.NDArray[np.uint16] = merchant_table(self.merchants)[
            bits & np.uint64((1 << MERCHANT_TABLE_BITS) - 1)
        ]
        return numbers

    def _rows(self, ks: Indices) -> npt.NDArray[np.void]:
        """One laid-out line for each k, in the order given."""
        rows = np.repeat(BLANK, len(ks))
        rows["id_high"] = str(first_id(self.seed))[:7].encode()
        rows["id_low_1"] = _FOURS[ks // 10**8]
        rows["id_low_2"] = _FOURS[ks // 10**4 % 10**4]
        rows["id_low_3"] = _FOURS[ks % 10**4]
        rows["merchant"] = _FIVES[self.merchant_numbers(ks)]
        rows["amount"] = _AMOUNTS[self.amounts(ks)]
        seconds = self.seconds(ks)
        days = seconds // DAY_S
        low = int(days.min(initial=np.iinfo(np.int64).max)) if len(days) else 0
        rows["day"] = _days(low, int(days.max()) if len(days) else 0)[days - low]
        rows["minute"] = _MINUTES[seconds % DAY_S // 60]
        rows["second"] = _SECONDS[seconds % 60]
        return rows

    def _broken_line(self, k: int, line: bytes) -> bytes:
        """Donation k's line, spoilt; as wide as before."""
        spoil = SPOILS[int(mixed(self.seed, "broken", np.array([k], np.int64))[0] % np.uint64(len(SPOILS)))]
        return spoil(line.rstrip(b"\n")).ljust(LINE.itemsize - 1) + b"\n"


def _cut_off(line: bytes) -> bytes:
    return line[:-12]


def _negative(line: bytes) -> bytes:
    before, _, after = line.partition(b'"amount_fen":')
    return before + b'"amount_fen":-1' + after[2:]


def _no_merchant(line: bytes) -> bytes:
    before, _, after = line.partition(b'"merchant":"')
    return before + after.partition(b'",')[2]


def _no_zone(line: bytes) -> bytes:
    return line.replace(b"+08:00", b"")


def _amount_of_no_number(line: bytes) -> bytes:
    before, _, after = line.partition(b'"amount_fen":')
    return before + b'"amount_fen":{}' + after[2:]


SPOILS = (_cut_off, _negative, _no_merchant, _no_zone, _amount_of_no_number)
"""How a line can be broken: no JSON, a negative amount, no merchant, a time without a zone, a field of another type."""


def first_id(seed: int) -> int:
    """The id of donation 0."""
    digest = hashlib.blake2b(f"ids {seed}".encode(), digest_size=8).digest()
    return FIRST_ID + int.from_bytes(digest, "big") % SEED_IDS * DONATIONS_A_SEED_MAX


def mixed(seed: int, purpose: str, numbers: Indices) -> Bits:
    """64 evenly mixed bits for each number (SplitMix64), the same for the same seed, purpose and number."""
    start = int.from_bytes(hashlib.blake2b(f"{purpose} {seed}".encode(), digest_size=8).digest(), "big")
    bits: Bits = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@cache
def merchant_table(merchants: int) -> npt.NDArray[np.uint16]:
    """Merchant numbers (from 1) by 20 random bits: as many entries each as its share by Zipf."""
    shares = np.arange(1, merchants + 1, dtype=float) ** -ZIPF_EXPONENT
    size = 1 << MERCHANT_TABLE_BITS
    upto = np.round(np.cumsum(shares) / shares.sum() * size)
    return (np.searchsorted(upto, np.arange(size), side="right") + 1).astype(np.uint16)


@cache
def _days(low: int, high: int) -> npt.NDArray[np.bytes_]:
    """Names of days since 1970, `low` … `high`."""
    names = np.datetime_as_string(np.arange(low, high + 1).astype("datetime64[D]"))
    return names.astype("S10")
