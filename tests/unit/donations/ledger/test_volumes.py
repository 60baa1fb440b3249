"""What merchants gave on a day."""

from __future__ import annotations

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US
from services.donations.ledger.domain.volumes import Volume


def test_a_volume_counts_one_merchant_and_day_by_programme_over_pages() -> None:
    start_us = 18_942 * DAY_US - DAY_OFFSET_US
    rows = [
        Row("1", "M1", "p", 5, start_us),
        Row("2", "M1", "q", 7, start_us + DAY_US - 1),
        Row("3", "M1", "p", 1, start_us - 1),
        Row("4", "M2", "p", 9, start_us),
        Row("5", "M1", "p", 2, start_us + DAY_US),
    ]
    volume = Volume("M1", 18_942)
    volume.add(Columns.of(rows))
    volume.add(Columns.of([Row("6", "M1", "p", 3, start_us + 1)]))
    volume.add(Columns.of([Row("7", "M3", "p", 3, start_us + 1)]))
    assert volume.programmes == {"p": (2, 8), "q": (1, 7)}
