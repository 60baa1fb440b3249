"""Settlements come in: read as they stream, kept row by row, and handed to the reconciler."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.clock import Clock
from pandapack.runtime.store import Command, Outcome
from services.donations.settlements.domain.settled_sums import SettledSums, cells_of
from services.donations.settlements.domain.settlement import PartRef, Settlement, SettlementUpload, Terms, receive
from services.donations.settlements.domain.settlement_file import SettlementFile, Unfit
from services.donations.settlements.store import Settlements

TOO_LARGE = "settlement_too_large"

Accepted = tuple[str, Outcome[Settlement] | Refusal]
"""Our own name for the settlement, and what its sender is answered."""


def settlement_id(owner: str, name: str) -> str:
    """Our own name for a settlement: two platforms may number theirs alike."""
    return "stl_" + hashlib.sha256(f"{owner}\n{name}".encode()).hexdigest()[:24]


class SettlementIntake:
    """Takes settlements in. `wake` tells the reconciler that one is due; `shards`: how many the ledger has."""

    def __init__(self, settlements: Settlements, clock: Clock, wake: Callable[[], None], shards: int) -> None:
        self._settlements, self._clock, self._wake, self._shards = settlements, clock, wake, shards

    async def accept_file(self, chunks: AsyncIterator[bytes], owner: str, terms: Terms, key: str) -> Accepted:
        """A file of ids, as it streams in. Raises Refused."""
        id, digest = settlement_id(owner, terms.name), _digest_of(terms)
        file, parts = SettlementFile(terms.programme, self._shards), list[PartRef]()
        try:
            async for chunk in chunks:
                digest.update(chunk)
                file.feed(chunk)
                if file.is_full:
                    parts += await self._keep(id, file)
            file.end()
        except Unfit as unfit:
            kind = RefusalKind.TOO_LARGE if unfit.code == TOO_LARGE else RefusalKind.INVALID
            message = {"message": {"en": str(unfit), "zh": unfit.zh}} if unfit.zh else {}
            raise Refused(Refusal(unfit.code, str(unfit), kind, extra={"line": unfit.line, **message})) from unfit
        parts += await self._keep(id, file)
        upload = SettlementUpload(terms=terms, digest=digest.hexdigest(), total=file.total, parts=tuple(parts))
        return await self._receive(id, owner, upload, key)

    async def _keep(self, id: str, file: SettlementFile) -> list[PartRef]:
        return [await self._settlements.keep_ids(id, *some) for some in file.drained()]

    async def accept_sums(self, settled: SettledSums, raw: bytes, owner: str, key: str) -> Accepted:
        """Sums by merchant and day; `raw` is the body that they came as. Raises Refused."""
        cells = cells_of(settled, self._shards)
        if isinstance(cells, Refusal):
            raise Refused(cells)
        terms = settled.terms
        id, digest = settlement_id(owner, terms.name), _digest_of(terms)
        digest.update(raw)
        parts = [
            await self._settlements.keep_sums(id, shard, day, merchants)
            for (shard, day), merchants in sorted(cells.items())
        ]
        upload = SettlementUpload(terms=terms, digest=digest.hexdigest(), total=settled.total, parts=tuple(parts))
        return await self._receive(id, owner, upload, key)

    async def _receive(self, id: str, owner: str, upload: SettlementUpload, key: str) -> Accepted:
        decide = partial(receive, owner=owner, received=upload, at=self._clock.now())
        outcome = await self._settlements.documents.change(id, decide, Command(key, upload.digest))
        self._wake()
        return id, outcome


def _digest_of(terms: Terms) -> Any:
    return hashlib.sha256(terms.model_dump_json().encode() + b"\n")
