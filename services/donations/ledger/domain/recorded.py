"""What `DonationsRecorded` says of new rows: the interval of each programme, count and fen by day and merchant."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import DayPart, ProgrammeInterval, day_name
from services.donations.ledger.domain.sums import sums_by_key


def new_intervals(fronts: Mapping[str, int], columns: Columns) -> tuple[ProgrammeInterval, ...]:
    """The fen that new rows occupy, by programme in order. `fronts`: programme → where its fen line ends so far."""
    programmes = columns.programmes
    counts = np.bincount(programmes.indices, minlength=len(programmes.strings))
    # A page's fen fit into the 53 bits that are exact in these sums.
    sums = np.bincount(programmes.indices, weights=columns.amounts_fen, minlength=len(programmes.strings))
    fen = sums.astype(np.int64)
    occurring = {programmes.strings[index]: index for index in np.flatnonzero(counts).tolist()}
    return tuple(
        ProgrammeInterval(
            programme=programme,
            fen_from=fronts.get(programme, 0),
            fen_to=fronts.get(programme, 0) + int(fen[index]),
            count=int(counts[index]),
        )
        for programme, index in sorted(occurring.items())
    )


def day_parts(columns: Columns) -> tuple[DayPart, ...]:
    """New money by programme and day, in order, and within by merchant."""
    if not len(columns):
        return ()
    days = columns.days
    first_day, merchants, programmes = int(days.min()), columns.merchants.strings, columns.programmes.strings
    day_count = int(days.max()) - first_day + 1
    groups = columns.programmes.indices.astype(np.int64) * day_count + (days - first_day)
    keys, counts, fen = sums_by_key(groups * len(merchants) + columns.merchants.indices, columns.amounts_fen)
    order = np.argsort(keys)
    groups, indices = np.divmod(keys[order], len(merchants))
    names = list(map(merchants.__getitem__, indices.tolist()))
    sums = list(zip(counts[order].tolist(), fen[order].tolist(), strict=True))
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    borders = pairwise([*begins.tolist(), len(groups)])
    parts = [
        DayPart.model_construct(
            programme=programmes[group // day_count],
            day=day_name(first_day + group % day_count),
            count=sum(count for count, _ in sums[begin:end]),
            fen=sum(fen for _, fen in sums[begin:end]),
            merchants=dict(zip(names[begin:end], sums[begin:end], strict=True)),
        )
        for group, (begin, end) in zip(groups[begins].tolist(), borders, strict=True)
    ]
    return tuple(sorted(parts, key=lambda part: (part.programme, part.day)))
