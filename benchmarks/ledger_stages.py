"""Where the microseconds go from a push to the ledger: the CPU time of each stage, a donation, in one thread.

No Kafka, no MongoDB: what is measured is this process's own work. `python -m benchmarks.ledger_stages [--days 1]
[--donations 1000000] [--json]`; compare figures of one run with one another only.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

import bson

from benchmarks.load import DataSet
from pandapack.contracts.columns import Columns
from pandapack.contracts.envelope import encode, envelop
from pandapack.contracts.pages import pack, unpack
from services.donations.domain.duplicates import DayIndex, Fingerprints
from services.donations.domain.intake import Reader
from services.donations.domain.ledger import PAGE_ROWS_FULL, PageHead, next_page
from services.donations.domain.reading import LineReader
from services.donations.domain.rows import Input, Rows
from services.donations.domain.seals import Seal, seal
from services.donations.domain.text import Text
from services.donations.store.pages import Page, row_of

LINES = 8
ACCEPT_DAYS = 60
NOW = datetime(2021, 12, 22, tzinfo=UTC)
DONATIONS = 1_000_000

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


class Line:
    """One line, worked as its owner works it."""

    def __init__(self, number: int, rows: Rows, stages: Stages) -> None:
        self._stages, self._rows = stages, rows
        self._head, self._columns = PageHead(number), Columns()
        self.index: dict[int, DayIndex] = {}
        self._sealed: Seal | None = None
        self._waiting: list[Input] = []
        self._waiting_rows = 0

    def push(self, offset: int, value: bytes) -> None:
        """Takes a record; writes when a page is full."""
        self._waiting.append(Input(offset, 0, "psh_benchmark", value))
        self._waiting_rows += self._waiting[-1].lines
        if self._waiting_rows >= PAGE_ROWS_FULL:
            self.write()

    def write(self) -> None:
        """Sorts out what waits, and packs the page."""
        if not self._waiting:
            return
        stages, rows = self._stages, self._rows
        batch = stages.timed("ledger: read", rows.read, self._waiting)
        for day in batch.rows_of_days():
            self.index.setdefault(day, DayIndex())
        suspects = stages.timed("ledger: duplicates", rows.suspects, batch, self.index)
        taken = stages.timed("ledger: settle", rows.settle, batch, suspects, {})
        same = self._head.version > 0 and not self._head.closed
        self._head, event = stages.timed("ledger: page and days", next_page, self._head, taken, 0)
        assert event is not None, "every donation of the data set is new"
        said = stages.timed("ledger: event", _said, event, self._head)
        self._columns = taken.columns.behind(self._columns) if same else taken.columns
        row = stages.timed("ledger: pack", row_of, Page(self._head, self._columns, ((self._head.said, said),)))
        stages.timed("ledger: bson", bson.encode, row)
        for day, prints in taken.prints.items():
            stages.timed("ledger: learn", self.index[day].learn, prints, self._head.number)
        if self._head.closed:
            self._close(len(bson.encode(row)) - len(said))
        self._waiting, self._waiting_rows = [], 0

    def _close(self, page_bytes: int) -> None:
        stages, head = self._stages, self._head
        stages.rows += len(self._columns)
        stages.page_bytes += page_bytes
        self._sealed = stages.timed("behind: seal", seal, head.line, head.number, self._columns, self._sealed)
        packed = pack(self._columns)
        stages.timed("rebuild: unpack", unpack, packed)


def _said(event: Any, head: PageHead) -> bytes:
    return encode(envelop(event, source=f"/donations/lines/{head.line}", number=head.said, at=NOW))


def measure(donations: int, days: int) -> dict[str, Any]:
    """Takes a data set through all stages. Stages count donations on closed pages, which all but the last ones are."""
    stages, reader = Stages(), Reader(LINES)
    lines_reader, fingerprints = LineReader(LINES), Fingerprints(b"benchmark")
    lines = [Line(number, Rows(number, lines_reader, fingerprints), stages) for number in range(LINES)]
    for offset, body in enumerate(DataSet(donations, days).bodies()):
        text = stages.timed("push: cut", Text, body.content)
        intake = stages.timed("push: read", reader.read, text, now=NOW, accept_days=ACCEPT_DAYS)
        assert intake.accepted == body.donations, "every line of the data set is a donation"
        for number, value in intake.lines.items():
            lines[number].push(offset, value)
    stages.index_bytes = sum(index.size_bytes for line in lines for index in line.index.values())
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
