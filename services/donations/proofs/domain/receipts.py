"""Where one donation lies on a page, and the proof that it does."""

from __future__ import annotations

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.leaves import leaves_of
from pandapack.contracts.merkle import proof_of
from pandapack.contracts.proof import Donation, SealProof
from pandapack.contracts.receipts import PageProof
from services.donations.ledger.domain.seals import Seal


def proven_donation(row: Row) -> Donation:
    """A row as receipts have it."""
    return Donation(row.id, row.merchant, row.programme, row.amount_fen, row.at_us)


def seal_proof(seal: Seal, columns: Columns, row: int) -> SealProof:
    """How the seal of a page covers one of its rows."""
    return SealProof(
        rows=seal.rows,
        proof=_siblings(seal, columns, row),
        root=seal.root.hex(),
        previous=seal.previous.hex(),
        chained=seal.chained.hex(),
    )


def page_proof(seal: Seal, columns: Columns, row: int) -> PageProof:
    """How a row leads to the root of its sealed page."""
    return PageProof(seal.shard, seal.number, row, seal.rows, _siblings(seal, columns, row), seal.root.hex())


def _siblings(seal: Seal, columns: Columns, row: int) -> list[str]:
    assert seal.rows == len(columns), f"page {seal.number} of shard {seal.shard} is not the one that was sealed"
    return [one.hex() for one in proof_of(leaves_of(columns), row)]
