"""Making receipts: the ledger proves a row of a page, and the log that it was told of the page."""

from __future__ import annotations

import msgspec

from pandapack.contracts.donations import scoped
from pandapack.contracts.receipts import SCHEME, LoggedEntry, PageProof, Receipt
from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.note import Note
from pandapack.decision import Refusal
from services.reporting.domain.receipts import LedgerProof, Pending, Stage, ledger_proof
from services.reporting.store.public_log import PublicLog
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.log_proofs import LogProofs
from services.reporting.work.neighbours import Neighbours, NeighbourUnavailable


class _Root(msgspec.Struct):
    root: str


class Receipts:
    """Makes receipts. What it makes is signed by nobody but the log: it says nothing that it does not prove."""

    def __init__(self, neighbours: Neighbours, kept: PublicLog, checkpoints: Checkpoints) -> None:
        self._neighbours, self._kept, self._checkpoints = neighbours, kept, checkpoints
        self._proofs = LogProofs(kept)

    async def make(self, platform: str, merchant: str, id: str, day: str) -> Receipt | Pending | Refusal:
        """The receipt of a donation, or what it still lacks. `merchant`: the platform's own name for it.

        Refused where the ledger has no such donation, and where log and ledger tell of two pages. Raises
        NeighbourUnavailable, StoreUnavailable.
        """
        answer = await self._neighbours.proof(scoped(platform, merchant), id, day)
        if isinstance(answer, Refusal):
            return answer
        try:
            known = ledger_proof(answer)
        except msgspec.ValidationError as error:
            raise NeighbourUnavailable(f"the donations service answers what no proof is: {error}") from error
        if known.stage is not None:
            return Pending(known, known.stage)
        assert known.proof is not None, "what is sealed has a proof"
        return await self._logged(known, known.proof)

    async def _logged(self, known: LedgerProof, proof: PageProof) -> Receipt | Pending | Refusal:
        index = await self._kept.sealed_at(known.shard, known.page)
        entries = [] if index is None else await self._kept.entries(index, 1)
        if index is None or not entries:
            return Pending(known, Stage.NOT_LOGGED)
        if msgspec.json.decode(entries[0], type=_Root).root != proof.root:
            where = f"page {known.page} of shard {known.shard}"
            detail = f"the ledger's root of {where} is not the one in entry {index} of the log: tell those who run this"
            return Refusal("page_contradicts_log", detail)
        note = Note.parse(await self._checkpoints.latest())
        size = Checkpoint.parse(note.text).size
        if size <= index:
            return Pending(known, Stage.NOT_SIGNED)
        included = [one.hex() for one in await self._proofs.inclusion(index, size)]
        entry = LoggedEntry(index, entries[0].decode(), included)
        return Receipt(SCHEME, known.donation, proof, entry, note.raw.decode())
