"""Compiles what the hot path needs, so that no push waits for it: `python -m services.donations.domain.warm`."""

from __future__ import annotations

from datetime import UTC, datetime

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.leaves import page_root
from services.donations.domain.intake import Reader
from services.donations.domain.text import Text

AT = "2021-11-11T00:00:01+08:00"
LINE = b'{"id": "1", "merchant": "M1", "programme": "p", "amount_fen": 5, "at": "%b"}' % AT.encode()


def compile_all() -> None:
    """Takes seconds the first time on a machine, and nearly none after that."""
    page_root(Columns.of([Row("1", "M1", "p", 5, 0), Row("A1", "M1", "p", 5, 0)]))
    Reader(1).read(Text(LINE), now=datetime.fromisoformat(AT).astimezone(UTC), accept_days=1)


if __name__ == "__main__":
    compile_all()
