"""Which of a shard's seals are published: what the public log has of them, and what is never sealed otherwise."""

from __future__ import annotations

import numpy as np

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import PageSealed, SealedProgramme
from pandapack.contracts.envelope import Part
from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL
from pandapack.decision import Decision, Refusal
from services.donations.ledger.domain.seals import MEND, Seal


class PublishedSeals(Part):
    """The seals of pages 0 to `pages` - 1 are published; `chained` (hex) is the last of them."""

    pages: int = 0
    chained: str = FIRST_SEAL.hex()


def publish(state: PublishedSeals, seal: Seal, event: PageSealed) -> Decision[PublishedSeals] | Refusal:
    """Tells of the next seal. Refused where it is not chained to the last one that was published."""
    assert (seal.number, event.page) == (state.pages, state.pages), f"shard {seal.shard}: {seal.number} is not next"
    if seal.previous.hex() != state.chained:
        detail = f"shard {seal.shard}: page {seal.number} is not chained to the seal that was published before it"
        return Refusal("published_seal_differs", f"{detail}; {MEND}")
    return Decision(PublishedSeals(pages=state.pages + 1, chained=seal.chained.hex()), (event,))


def told_of(seal: Seal, columns: Columns) -> PageSealed | Refusal:
    """The event that tells of a seal. Refused where the page's rows are not those that were sealed."""
    if len(columns) != seal.rows or page_root(columns) != seal.root:
        detail = f"shard {seal.shard}: the rows of page {seal.number} are not those that were sealed"
        return Refusal("page_differs", f"{detail}; {MEND}")
    programmes = _sums(columns)
    return PageSealed(
        shard=seal.shard,
        page=seal.number,
        rows=seal.rows,
        fen=sum(one.fen for one in programmes),
        root=seal.root.hex(),
        programmes=programmes,
    )


def _sums(columns: Columns) -> tuple[SealedProgramme, ...]:
    """What the rows hold, by programme, in order."""
    names, indices = columns.programmes.strings, columns.programmes.indices
    counts = np.bincount(indices, minlength=len(names))
    fen = np.zeros(len(names), np.int64)
    np.add.at(fen, indices, columns.amounts_fen)
    found = {names[index]: index for index in np.flatnonzero(counts).tolist()}
    return tuple(
        SealedProgramme(programme=name, count=int(counts[index]), fen=int(fen[index]))
        for name, index in sorted(found.items())
    )
