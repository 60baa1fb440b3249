"""Settlements come in: read as they stream, kept row by row, and handed to the reconciler."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.clock import Clock
from pandapack.runtime.store import Command, Outcome
from services.donations.programmes.store import Programmes
from services.donations.settlements.domain.settled_sums import SettledSums, cells_of
from services.donations.settlements.domain.settlement import (
    PartRef,
    Settlement,
    SettlementUpload,
    Terms,
    receive,
    settlement_id,
)
from services.donations.settlements.domain.settlement_file import SettlementFile, Unfit
from services.donations.settlements.store import Settlements

TOO_LARGE = "settlement_too_large"

Accepted = tuple[str, Outcome[Settlement] | Refusal]
"""Our own name for the settlement, and what its sender is answered."""


@dataclass(frozen=True, slots=True)
class IncomingSettlement:
    """Whose settlement comes in, by which name of the request."""

    platform: str
    name: str


class SettlementIntake:
    """Takes settlements in. `shards`: how many the ledger has."""

    def __init__(self, settlements: Settlements, programmes: Programmes, clock: Clock, shards: int) -> None:
        self._settlements, self._programmes, self._clock, self._shards = settlements, programmes, clock, shards

    async def accept_file(self, chunks: AsyncIterator[bytes], incoming: IncomingSettlement, terms: Terms) -> Accepted:
        """A file of ids, as it streams in. Raises Refused, and whatever ends the stream: then nothing was concluded.

        Rows that were kept by then are nobody's: they are found by the settlement's document alone.
        """
        await self._check_programme(terms)
        id, digest = settlement_id(incoming.platform, terms.name), _digest_of(terms)
        file, parts = SettlementFile(incoming.platform, terms.programme, self._shards), list[PartRef]()
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
        return await self._receive(id, incoming, upload)

    async def _check_programme(self, terms: Terms) -> None:
        for unknown in (await self._programmes.unknown([terms.programme])).values():
            raise Refused(unknown.refusal())

    async def _keep(self, id: str, file: SettlementFile) -> list[PartRef]:
        return [await self._settlements.keep_ids(id, *some) for some in file.drained()]

    async def accept_sums(self, settled: SettledSums, raw: bytes, incoming: IncomingSettlement) -> Accepted:
        """Sums by merchant and day; `raw` is the body that they came as. Raises Refused."""
        cells = cells_of(settled, incoming.platform, self._shards)
        if isinstance(cells, Refusal):
            raise Refused(cells)
        terms = settled.terms
        await self._check_programme(terms)
        id, digest = settlement_id(incoming.platform, terms.name), _digest_of(terms)
        digest.update(raw)
        parts = [
            await self._settlements.keep_sums(id, shard, day, merchants)
            for (shard, day), merchants in sorted(cells.items())
        ]
        upload = SettlementUpload(terms=terms, digest=digest.hexdigest(), total=settled.total, parts=tuple(parts))
        return await self._receive(id, incoming, upload)

    async def _receive(self, id: str, incoming: IncomingSettlement, upload: SettlementUpload) -> Accepted:
        decide = partial(receive, owner=incoming.platform, received=upload, at=self._clock.now())
        return id, await self._settlements.documents.change(id, decide, Command(incoming.name, upload.digest))


def _digest_of(terms: Terms) -> Any:
    return hashlib.sha256(terms.model_dump_json().encode() + b"\n")
