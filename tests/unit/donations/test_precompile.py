"""What the hot path needs is compiled before the first push comes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from numba.core.registry import CPUDispatcher

from services.donations.ledger.domain.batches import PushedRecord, RecordReader
from services.donations.ledger.domain.duplicates import RUN_ROWS_MAX, DayIndex, Fingerprints
from services.donations.ledger.domain.pages import Page, PageHeader, roll_over
from services.donations.ledger.domain.seals import seal
from services.donations.precompile import AT, compile_all
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.validation.domain.record_columns import RecordColumns
from services.donations.validation.domain.text_lines import TextLines

LINES_A_PUSH = 2_000


def compiled_functions() -> Iterator[CPUDispatcher]:
    ours = [module for name, module in sys.modules.items() if name.startswith(("pandapack", "services"))]
    for module in ours:
        yield from (value for value in vars(module).values() if isinstance(value, CPUDispatcher))


def push_and_seal() -> None:
    now = datetime.fromisoformat(AT).astimezone(UTC) + timedelta(hours=1)
    reader = RecordReader(0, RecordColumns(1), Fingerprints(b"seed"))
    index, page = DayIndex(), Page(PageHeader(0))
    for push in range(4 * RUN_ROWS_MAX // LINES_A_PUSH):
        merchants = ("M" * (1 + number % 55) for number in range(LINES_A_PUSH))
        body = b"\n".join(
            b'{"id":"%b","merchant":"%b","programme":"p","amount_fen":5,"at":"%b"}'
            % (str(push * LINES_A_PUSH + number).encode(), merchant.encode(), AT.encode())
            for number, merchant in enumerate(merchants)
        )
        (value,) = PushSorter(1).sort(TextLines(body), "shop", now=now, accept_days=1).by_shard.values()
        records = [PushedRecord(push, 0, "push", "shop", value)]
        if push % 2:  # a batch may hold records of several platforms
            records.append(PushedRecord(push, 0, "push", "till", value))
        batch = reader.read(records)
        result = reader.decide(batch, reader.suspects(batch, dict.fromkeys(batch.rows_of_days(), index)), {})
        page = replace(roll_over(page, result, today=0, at=now), outbox=())
        for fingerprints in result.fingerprints.values():
            index.learn(fingerprints, page.header.number)
    seal(0, 0, page.columns, None)


def test_nothing_is_compiled_after_the_service_has_started() -> None:
    # A process of its own: here other tests have compiled whatever they needed.
    program = "from tests.unit.donations import test_precompile as test; test.compile_and_look()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def compile_and_look() -> None:
    compile_all()
    before = {function: list(function.signatures) for function in compiled_functions()}
    push_and_seal()
    later = [function.__name__ for function, known in before.items() if function.signatures != known]
    assert before, "there are compiled functions"
    assert not later, f"compiled by a push: {later}"
