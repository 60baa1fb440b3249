"""The data set of every benchmark: 19-digit rising ids, 20,000 merchants by Zipf, a mean gift of about 4.9 fen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SEED = 20_211_111
MERCHANTS = 20_000
ZIPF_EXPONENT = 1.07
FIRST_ID = 4_000_000_000_000_000_000
AMOUNTS_FEN = (1, 2, 3, 4, 5, 6, 7, 8, 10)
AMOUNT_WEIGHTS = (0.08, 0.12, 0.13, 0.12, 0.20, 0.12, 0.09, 0.06, 0.08)
START = np.datetime64("2021-11-11T00:00:00")


def bodies(count: int, lines_a_push: int, *, days: int, first: int = 0) -> Iterator[bytes]:
    """NDJSON bodies of `count` distinct donations, `lines_a_push` each, spread evenly over `days` days."""
    ranks = np.arange(1, MERCHANTS + 1, dtype=float) ** -ZIPF_EXPONENT
    merchant_share = ranks / ranks.sum()
    amount_share = np.array(AMOUNT_WEIGHTS) / sum(AMOUNT_WEIGHTS)
    for begin in range(first, first + count, lines_a_push):
        rows = min(lines_a_push, first + count - begin)
        chance = np.random.default_rng((SEED, begin))
        merchants = chance.choice(MERCHANTS, rows, p=merchant_share).tolist()
        amounts = chance.choice(AMOUNTS_FEN, rows, p=amount_share).tolist()
        seconds = (np.arange(begin, begin + rows) - first) * (days * 86_400) // count
        times = np.datetime_as_string(START + seconds.astype("timedelta64[s]")).tolist()
        yield "\n".join(
            f'{{"id":"{FIRST_ID + begin + row}","merchant":"M{merchant:05d}","programme":"love-parcel",'
            f'"amount_fen":{amount},"at":"{at}+08:00"}}'
            for row, (merchant, amount, at) in enumerate(zip(merchants, amounts, times, strict=True))
        ).encode()
