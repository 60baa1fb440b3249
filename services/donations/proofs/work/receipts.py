"""The proof that one donation is in the ledger: on its page, and as a receipt of the first form."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

import msgspec

from pandapack.contracts.donations import day_name
from pandapack.contracts.proof import PagePosition, RootProof, Signer, make_receipt, root_proof
from services.donations.ledger.domain.seals import Seal
from services.donations.ledger.store.pages import FoundDonation
from services.donations.ledger.store.seals import Seals
from services.donations.proofs.domain.receipts import page_proof, proven_donation, seal_proof
from services.donations.proofs.store import DailyRoots

NOT_SEALED = "recorded, not sealed yet"
OF_A_TEST = "a test, which is never sealed"


class PageState(StrEnum):
    """Of the page on which a donation lies."""

    OPEN = "page_open"
    CLOSED = "page_closed"
    SEALED = "page_sealed"


class Receipts:
    """Proves donations that were found."""

    def __init__(self, seals: Seals, roots: DailyRoots) -> None:
        self._seals, self._roots = seals, roots

    async def prove(self, found: FoundDonation) -> dict[str, Any]:
        """The donation, the state of its page, and how it leads to the page's root, once that is sealed."""
        header = found.page.header
        seal = await self._seals.one(header.shard, header.number) if header.closed else None
        donation = {"donation": msgspec.to_builtins(proven_donation(found.donation))}
        if seal is not None:
            proof = await asyncio.to_thread(page_proof, seal, found.page.columns, found.row)
            return {"state": PageState.SEALED, **donation, "page": msgspec.to_builtins(proof)}
        state = PageState.CLOSED if header.closed else PageState.OPEN
        page = {"shard": header.shard, "page": header.number, "row": found.row}
        return {"state": state, **donation, "page": page, "opened_on": day_name(header.opened_day)}

    async def make(self, found: FoundDonation, signer: Signer) -> dict[str, Any]:
        """A receipt; until the page is sealed, a `state` and no `scheme`: there is nothing to prove with yet."""
        header = found.page.header
        seal = await self._seals.one(header.shard, header.number) if header.closed else None
        if seal is None:
            return unproven(found, NOT_SEALED)
        proof = await asyncio.to_thread(seal_proof, seal, found.page.columns, found.row)
        covered = await self._root_proof(seal, header.opened_day)
        donation, position = proven_donation(found.donation), _position_of(found)
        receipt: dict[str, Any] = msgspec.to_builtins(make_receipt(donation, position, proof, covered, signer))
        return receipt

    async def _root_proof(self, seal: Seal, opened_day: int) -> RootProof | None:
        root = await self._roots.covering(seal.shard, seal.number, opened_day)
        if root is None:
            return None
        own = root.shards[seal.shard]
        chained = await self._seals.chained(seal.shard, own.first, own.page)
        return root_proof(root, seal.shard, seal.number, chained)


def unproven(found: FoundDonation, state: str) -> dict[str, Any]:
    """What stands in a receipt's stead: the donation, where it lies, and the `state` for which nothing proves it."""
    parts = {"donation": proven_donation(found.donation), "position": _position_of(found)}
    return {"state": state, **{name: msgspec.to_builtins(value) for name, value in parts.items()}}


def _position_of(found: FoundDonation) -> PagePosition:
    header, fen_from = found.page.header, found.fen_from
    return PagePosition(header.shard, header.number, found.row, fen_from, fen_from + found.donation.amount_fen)
