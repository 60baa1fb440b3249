"""Where the microseconds go from a push to the ledger: the CPU time of each stage, a donation, in one thread.

No Kafka, no MongoDB: what is measured is this process's own work. `python -m benchmarks.ledger_stages [--days 1]
[--donations 1000000] [--json]`; compare figures of one run with one another only.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

import bson

from benchmarks.load import DataSet
from pandapack.contracts.donations import day_number, microseconds_of
from pandapack.contracts.pages import pack, unpack
from services.donations.ledger.domain.batches import PushedRecord, RecordReader
from services.donations.ledger.domain.duplicates import DayIndex, Fingerprints
from services.donations.ledger.domain.pages import Page, PageHeader, roll_over
from services.donations.ledger.domain.seals import Seal, seal
from services.donations.ledger.store.pages import row_of
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.validation.domain.record_columns import RecordColumns
from services.donations.validation.domain.text_lines import TextLines

SHARDS = 8
ACCEPT_DAYS = 60
NOW = datetime(2021, 12, 22, tzinfo=UTC)
TODAY = day_number(microseconds_of(NOW))
DONATIONS = 1_000_000
PLATFORM = "benchmark"

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Stages:
    """CPU seconds by stage, and what the pages take."""

    cpu_s: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    page_bytes: int = 0
    index_bytes: int = 0

    def timed(self, stage: str, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Does the work, and adds its CPU time to the stage's."""
        began_s = time.process_time()
        try:
            return work(*args, **kwargs)
        finally:
            self.cpu_s[stage] = self.cpu_s.get(stage, 0.0) + time.process_time() - began_s

    def result(self) -> dict[str, Any]:
        """Microseconds a donation by stage, and bytes a donation on pages and in the index."""
        stages = {stage: round(cpu_s / self.rows * 1e6, 3) for stage, cpu_s in self.cpu_s.items()}
        return {
            "us_a_donation": stages,
            "total_us": round(sum(stages.values()), 3),
            "page_bytes_a_donation": round(self.page_bytes / self.rows, 2),
            "index_bytes_a_donation": round(self.index_bytes / self.rows, 2),
        }


class Shard:
    """One shard, worked as its owner works it."""

    def __init__(self, number: int, reader: RecordReader, stages: Stages) -> None:
        self._stages, self._reader = stages, reader
        self._page = Page(PageHeader(number))
        self.index: dict[int, DayIndex] = {}
        self._sealed: Seal | None = None
        self._waiting: list[PushedRecord] = []
        self._waiting_lines = 0

    def push(self, offset: int, value: bytes) -> None:
        """A record more; writes when a page is full."""
        self._waiting.append(PushedRecord(offset, 0, "psh_benchmark", PLATFORM, value))
        self._waiting_lines += self._waiting[-1].lines
        if self._waiting_lines >= self._page.header.rows_left:
            self.write()

    def write(self) -> None:
        """Sorts what waits, and packs the page."""
        if not self._waiting:
            return
        stages, reader = self._stages, self._reader
        batch = stages.timed("ledger: read", reader.read, self._waiting)
        for day in batch.rows_of_days():
            self.index.setdefault(day, DayIndex())
        suspects = stages.timed("ledger: duplicates", reader.suspects, batch, self.index)
        result = stages.timed("ledger: decide", reader.decide, batch, suspects, {})
        page = stages.timed("ledger: page and event", roll_over, self._page, result, today=TODAY, at=NOW)
        row = stages.timed("ledger: pack", row_of, page)
        stages.timed("ledger: bson", bson.encode, row)
        for day, fingerprints in result.fingerprints.items():
            stages.timed("ledger: learn", self.index[day].learn, fingerprints, page.header.number)
        if page.header.closed:
            self._close(page, len(bson.encode(row)) - sum(len(event.envelope) for event in page.outbox))
        self._page = replace(page, outbox=())
        self._waiting, self._waiting_lines = [], 0

    def _close(self, page: Page, page_bytes: int) -> None:
        stages, header = self._stages, page.header
        stages.rows += len(page.columns)
        stages.page_bytes += page_bytes
        self._sealed = stages.timed("after: seal", seal, header.shard, header.number, page.columns, self._sealed)
        packed = pack(page.columns)
        stages.timed("rebuild: unpack", unpack, packed)


def measure(donations: int, days: int) -> dict[str, Any]:
    """Leads a data set through all stages. Stages count donations on closed pages, which all but the last ones are."""
    stages, sorter = Stages(), PushSorter(SHARDS)
    rows, fingerprints = RecordColumns(SHARDS), Fingerprints(b"benchmark")
    shards = [Shard(number, RecordReader(number, rows, fingerprints), stages) for number in range(SHARDS)]
    for offset, body in enumerate(DataSet(donations, days).bodies()):
        text = stages.timed("push: cut", TextLines, body.content)
        push = stages.timed("push: sort", sorter.sort, text, PLATFORM, now=NOW, accept_days=ACCEPT_DAYS)
        assert push.accepted == body.donations, "every line of the data set is a donation"
        for number, value in push.by_shard.items():
            shards[number].push(offset, value)
    stages.index_bytes = sum(index.size_bytes for shard in shards for index in shard.index.values())
    return {"donations": donations, "days": days, **stages.result()}


def main() -> None:
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger_stages", description=__doc__)
    parser.add_argument("--donations", type=int, default=DONATIONS)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    wanted = parser.parse_args()
    result = measure(wanted.donations, wanted.days)
    if wanted.json:
        print(json.dumps(result))
        return
    for stage, us in result.pop("us_a_donation").items():
        print(f"{stage:24} {us:8.3f} µs")
    for name, value in result.items():
        print(f"{name:24} {value:>8}")


if __name__ == "__main__":
    main()
