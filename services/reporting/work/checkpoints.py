"""Checkpoints: the log's size and root, signed with the time, at most once a second however many ask."""

from __future__ import annotations

from datetime import datetime, timedelta

from pandapack.contracts.tlog.checkpoint import checkpoint_at, sign_checkpoint
from pandapack.runtime.clock import Clock
from services.reporting.store.public_log import PublicLog
from services.reporting.work.log_keys import LogKeys

CHECKPOINT_S_MIN = 1.0
"""Between two of one process: so old a checkpoint may be, and so often a signature is made."""


class Checkpoints:
    """Those of one process. Any two, of any processes, are consistent: there is one log."""

    def __init__(self, kept: PublicLog, keys: LogKeys, clock: Clock) -> None:
        self._kept, self._keys, self._clock = kept, keys, clock
        self._latest: tuple[datetime, bytes] | None = None

    async def latest(self) -> bytes:
        """The signed note. Raises StoreUnavailable."""
        now = self._clock.wall()
        if self._latest is None or abs(now - self._latest[0]) >= timedelta(seconds=CHECKPOINT_S_MIN):
            head, signer = await self._kept.head(), self._keys.signer
            checkpoint = checkpoint_at(signer.name, head.size, head.edge.root, now)
            self._latest = now, sign_checkpoint(checkpoint, self._keys.signers).raw
        return self._latest[1]

    @property
    def key(self) -> str:
        """The public key, as verifiers take it: `origin+id+base64`."""
        return self._keys.signer.verifier.text
