"""Receipts: where one donation lies on a page, and the proof that it does."""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import day_number
from pandapack.contracts.leaves import leaves_of
from pandapack.contracts.merkle import proof_of
from pandapack.contracts.proof import Donation, Place, SealProof
from services.donations.domain.seals import Seal


def row_of(rows: Iterable[Row], merchant: str, id: str, day: int) -> int | None:
    """The row of a donation on a page, if it is there. `day`: in days since 1970, Asia/Shanghai."""
    for number, row in enumerate(rows):
        if row.id == id and row.merchant == merchant and day_number(row.at_us) == day:
            return number
    return None


def placed(
    line: int, page: int, columns: Columns, row: int, intervals: dict[str, tuple[int, int]]
) -> tuple[Donation, Place]:
    """A row's donation and its place. `intervals`: programme → what the page occupies of its fen line."""
    one = columns.row(row)
    before = list(columns.rows())[:row]
    fen_from = intervals[one.programme][0] + sum(r.amount_fen for r in before if r.programme == one.programme)
    donation = Donation(one.id, one.merchant, one.programme, one.amount_fen, one.at_us)
    return donation, Place(line, page, row, fen_from, fen_from + one.amount_fen)


def seal_proof(seal: Seal, columns: Columns, row: int) -> SealProof:
    """How the seal of a page covers one of its rows."""
    assert seal.rows == len(columns), f"page {seal.number} of line {seal.line} is not the one that was sealed"
    return SealProof(
        rows=seal.rows,
        proof=[one.hex() for one in proof_of(leaves_of(columns), row)],
        root=seal.root.hex(),
        previous=seal.previous.hex(),
        chained=seal.chained.hex(),
    )
