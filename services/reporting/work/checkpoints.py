"""Checkpoints: the log's size and root, signed with the time, at most once a second however many ask.

Where there are witnesses, what they cosigned last is served while it is young; else the newest, without them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pandapack.contracts.tlog.checkpoint import checkpoint_at, sign_checkpoint
from pandapack.contracts.tlog.cosignature import Cosigned, cosigned
from pandapack.contracts.tlog.note import Note
from pandapack.runtime.clock import Clock
from services.reporting.domain.witnesses import policy_of
from services.reporting.store.cosigned import CosignedCheckpoints
from services.reporting.store.public_log import PublicLog
from services.reporting.work.log_keys import LogKeys

CHECKPOINT_S_MIN = 1.0
"""Between two of one process: so old a checkpoint may be, and so often a signature is made."""


class Checkpoints:
    """Those of one process. Any two, of any processes, are consistent: there is one log."""

    def __init__(self, kept: PublicLog, cosigned: CosignedCheckpoints, keys: LogKeys, clock: Clock) -> None:
        self._kept, self._cosigned, self._keys, self._clock = kept, cosigned, keys, clock
        self._latest: tuple[datetime, Note] | None = None

    async def latest(self) -> bytes:
        """The signed note. Raises StoreUnavailable."""
        return (await self._note()).raw

    async def cosigned(self) -> Cosigned:
        """Which of the known witnesses cosigned the latest. Raises StoreUnavailable."""
        return cosigned(await self._note(), policy_of(self._keys.witnesses))

    async def fresh(self) -> Note:
        """One of now, which nobody has cosigned. Raises StoreUnavailable."""
        now = self._clock.wall()
        head, signer = await self._kept.head(), self._keys.signer
        return sign_checkpoint(checkpoint_at(signer.name, head.size, head.edge.root, now), self._keys.signers)

    async def _note(self) -> Note:
        now = self._clock.wall()
        if self._latest is None or abs(now - self._latest[0]) >= timedelta(seconds=CHECKPOINT_S_MIN):
            known = await self._cosigned.latest() if self._keys.witnesses else None
            note = known.note if known is not None and known.is_served(now) else await self.fresh()
            self._latest = now, note
        return self._latest[1]

    @property
    def key(self) -> str:
        """The public key, as verifiers take it: `origin+id+base64`."""
        return self._keys.signer.verifier.text
