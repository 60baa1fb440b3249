"""What the hot path needs is compiled before the first push comes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from numba.core.registry import CPUDispatcher

from pandapack.contracts.columns import Columns
from services.donations.domain.duplicates import RUN_ROWS_MAX, DayIndex, Fingerprints
from services.donations.domain.intake import Reader
from services.donations.domain.ledger import PageHead, next_page
from services.donations.domain.reading import LineReader
from services.donations.domain.rows import Input, Rows
from services.donations.domain.seals import seal
from services.donations.domain.text import Text
from services.donations.domain.warm import AT, compile_all

LINES_A_PUSH = 2_000


def compiled_functions() -> Iterator[CPUDispatcher]:
    ours = [module for name, module in sys.modules.items() if name.startswith(("pandapack", "services"))]
    for module in ours:
        yield from (value for value in vars(module).values() if isinstance(value, CPUDispatcher))


def push_and_seal() -> None:
    now = datetime.fromisoformat(AT).astimezone(UTC) + timedelta(hours=1)
    rows = Rows(0, LineReader(1), Fingerprints(b"seed"))
    index, head, columns = DayIndex(), PageHead(0), Columns()
    for push in range(4 * RUN_ROWS_MAX // LINES_A_PUSH):
        merchants = ("M" * (1 + number % 60) for number in range(LINES_A_PUSH))
        body = b"\n".join(
            b'{"id":"%b","merchant":"%b","programme":"p","amount_fen":5,"at":"%b"}'
            % (str(push * LINES_A_PUSH + number).encode(), merchant.encode(), AT.encode())
            for number, merchant in enumerate(merchants)
        )
        Reader(1).read(Text(body), now=now, accept_days=1)
        batch = rows.read([Input(push, 0, "push", body)])
        taken = rows.settle(batch, rows.suspects(batch, dict.fromkeys(batch.rows_of_days(), index)), {})
        head, _ = next_page(head, taken, 0)
        columns = taken.columns.behind(columns)
        for prints in taken.prints.values():
            index.learn(prints, head.number)
    seal(0, 0, columns, None)


def test_nothing_is_compiled_after_the_service_has_started() -> None:
    # A process of its own: here other tests have compiled whatever they needed.
    words = "from tests.unit.donations import test_warm as test; test.compile_and_look()"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def compile_and_look() -> None:
    compile_all()
    before = {function: list(function.signatures) for function in compiled_functions()}
    push_and_seal()
    later = [function.__name__ for function, known in before.items() if function.signatures != known]
    assert before, "there are compiled functions"
    assert not later, f"compiled by a push: {later}"
