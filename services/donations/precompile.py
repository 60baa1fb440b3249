"""Compiles what the hot path needs, so that no push waits for it: `python -m services.donations.precompile`."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.leaves import page_root
from services.donations.ledger.domain.duplicates import RUN_ROWS_MAX, DayIndex
from services.donations.ledger.domain.sums import sums_by_key
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.validation.domain.record_columns import RecordColumns
from services.donations.validation.domain.scopes import LinePlatforms
from services.donations.validation.domain.text_lines import TextLines

AT = "2021-11-11T00:00:01+08:00"
LINE = b'{"id": "1", "merchant": "M1", "programme": "p", "amount_fen": 5, "at": "%b"}' % AT.encode()


def compile_all() -> None:
    """Takes seconds the first time on a machine, and nearly none after that."""
    page_root(Columns.of([Row("1", "M1", "p", 5, 0), Row("A1", "M1", "p", 5, 0)]))
    push = PushSorter(1).sort(TextLines(LINE), "p", now=datetime.fromisoformat(AT).astimezone(UTC), accept_days=1)
    RecordColumns(1).read(list(push.by_shard.values()), LinePlatforms.one("p", 1))
    index, rows = DayIndex(), np.arange(2 * RUN_ROWS_MAX)
    fingerprints = rows.astype(np.uint64)
    index.learn(fingerprints, 0)  # so many that they go on into the buckets
    index.learn(fingerprints[:1], 0)
    index.find(fingerprints[:1], rows[:1])
    sums_by_key(rows[:1], rows[:1])


if __name__ == "__main__":
    compile_all()
