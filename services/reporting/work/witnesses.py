"""The log posts its checkpoints to witnesses, as C2SP tlog-witness says, and keeps what they cosign.

One process does that at a time: another stands by while the kept checkpoint moves. Two at once do no harm, since a
witness says with a 409 what it has seen, and the kept checkpoint is replaced version for version. Nothing waits for a
witness: each has its own wait and back-off, and what the others cosigned is kept without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import httpx
import structlog

from pandapack.backoff import Backoff
from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import NOTE_BYTES_MAX, Note, NotSigned, Signature
from pandapack.contracts.tlog.witness import TEXT_TYPE, AddCheckpoint, conflict_size, cosignatures_of
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.telemetry import LOG_COSIGNED, WITNESS_POSTS
from services.reporting.domain.witnesses import CosignedCheckpoint, Witness
from services.reporting.store.cosigned import CosignedCheckpoints
from services.reporting.store.public_log import PublicLog
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.consistency import kept_consistency_proof
from services.reporting.work.log_keys import LogKeys

POST_PAUSE_S = 5.0
"""Between two checkpoints that are posted: what is cosigned is seldom older, and witnesses have little to do."""
ANSWER_WAIT_S = 3.0
"""A witness checks a signature and writes a file; one that takes longer is away."""
STAND_BY_S = 15.0
"""Another process's checkpoint that has not moved for so long: it has stopped, or its witnesses are away."""
AWAY_PAUSE_S_MAX = 60.0
"""So often at least a witness that is away is tried again."""
REFUSAL_SHOWN_MAX = 200

log = structlog.get_logger(__name__)


class Post(Protocol):
    """Sends bytes to an address, and answers status and body. Raises httpx.TransportError, TimeoutError, Malformed."""

    async def __call__(self, url: str, body: bytes, /) -> tuple[int, bytes]: ...


class Posting:
    """`Post` by HTTP."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        self._client = httpx.AsyncClient(timeout=ANSWER_WAIT_S, trust_env=False)

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def __call__(self, url: str, body: bytes, /) -> tuple[int, bytes]:
        """Reads no more than a witness may answer."""
        assert self._client is not None, "started with the service"
        found = bytearray()
        async with (
            asyncio.timeout(ANSWER_WAIT_S),
            self._client.stream("POST", url, content=body, headers={"Content-Type": TEXT_TYPE}) as answer,
        ):
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > NOTE_BYTES_MAX:
                    raise Malformed(f"{url} answers more than {NOTE_BYTES_MAX} bytes")
        return answer.status_code, bytes(found)


class _Asked:
    """A witness, how many entries it has cosigned for all that is known, and how it answered lately."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.size = 0
        self.failures = 0
        self.rests_until_s = 0.0
        self._backoff = Backoff(POST_PAUSE_S, AWAY_PAUSE_S_MAX)

    def told(self, outcome: str, *, is_failure: bool) -> None:
        """Counts what became of a post; after failures in a row it is left alone for a while."""
        WITNESS_POSTS.labels(self.witness.key.name, outcome).inc()
        self.failures = self.failures + 1 if is_failure else 0
        self.rests_until_s = monotonic_s() + self._backoff.pause_s(self.failures) if is_failure else 0.0


class Witnessing:
    """One process's. `name` tells processes apart. `post` is one run of its loop."""

    def __init__(
        self,
        kept: PublicLog,
        cosigned: CosignedCheckpoints,
        checkpoints: Checkpoints,
        keys: LogKeys,
        clock: Clock,
        post: Post,
        *,
        name: str,
    ) -> None:
        self._kept, self._cosigned, self._checkpoints = kept, cosigned, checkpoints
        self._keys, self._clock, self._post, self._name = keys, clock, post, name
        self._asked: tuple[_Asked, ...] = ()

    async def post(self) -> None:
        """Has the log's newest checkpoint cosigned by whoever answers. Raises StoreUnavailable, AnswerLost."""
        witnesses = self._keys.witnesses
        if not witnesses:
            return
        known = await self._cosigned.latest()
        if known is not None and self._stands_by(known):
            return
        if not self._asked:
            self._asked = tuple(map(_Asked, witnesses))
        note = await self._checkpoints.fresh()
        awake = [one for one in self._asked if one.rests_until_s <= monotonic_s()]
        lines = await asyncio.gather(*(self._cosignatures(one, note, known) for one in awake))
        signatures = [line for found in lines for line in found]
        LOG_COSIGNED.set(len(signatures))
        is_behind = known is not None and known.checkpoint.size > Checkpoint.parse(note.text).size
        if signatures and not is_behind:
            version = 0 if known is None else known.version
            await self._cosigned.keep(version, note.with_signatures(signatures), self._name, self._clock.wall())

    def _stands_by(self, known: CosignedCheckpoint) -> bool:
        is_others = known.owner != self._name
        return is_others and self._clock.wall() < known.moved_at + timedelta(seconds=STAND_BY_S)

    async def _cosignatures(self, asked: _Asked, note: Note, known: CosignedCheckpoint | None) -> Sequence[Signature]:
        """A witness's lines under a checkpoint; none where it does not answer, or refuses."""
        try:
            return await self._posted(asked, note, known)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            asked.told("away", is_failure=True)
            _tell(asked, "witness_away", repr(error))
        except (Malformed, NotSigned) as error:
            asked.told("unsigned", is_failure=True)
            _tell(asked, "witness_unsigned", str(error))
        return ()

    async def _posted(self, asked: _Asked, note: Note, known: CosignedCheckpoint | None) -> Sequence[Signature]:
        size, key = Checkpoint.parse(note.text).size, asked.witness.key
        status, body = await self._add(asked, min(asked.size, size), note)
        if status == httpx.codes.CONFLICT:
            seen, signed = conflict_size(body), 0 if known is None else known.size_seen_by(asked.witness)
            asked.size = seen
            if known is not None and seen < signed:
                return await self._show_own(asked, seen, known)
            if seen > size:
                asked.told("ahead", is_failure=False)  # another process's post, or this log is an older one
                _tell(asked, "witness_ahead", f"it has cosigned {seen} entries, and the log has {size}")
                return ()
            status, body = await self._add(asked, seen, note)
        if status != httpx.codes.OK:
            asked.told("refused", is_failure=True)
            _tell(asked, "witness_refused", f"{status} {body[:REFUSAL_SHOWN_MAX].decode(errors='replace')!r}")
            return ()
        lines = cosignatures_of(body, note, [key])
        if not lines:
            raise Malformed("the witness's answer has no line of its key")
        asked.size = size
        asked.told("cosigned", is_failure=False)
        return lines

    async def _show_own(self, asked: _Asked, seen: int, known: CosignedCheckpoint) -> Sequence[Signature]:
        """A witness says that it has cosigned less than it has: its state was rolled back. It is shown its own line."""
        await self._add(asked, seen, known.note)
        asked.told("rolled_back", is_failure=True)
        _tell(asked, "witness_rolled_back", f"it says {seen} entries, and has cosigned {known.checkpoint.size}")
        return ()

    async def _add(self, asked: _Asked, old: int, note: Note) -> tuple[int, bytes]:
        proof = await kept_consistency_proof(self._kept, await self._kept.head(), old, Checkpoint.parse(note.text).size)
        return await self._post(asked.witness.add_checkpoint_url, AddCheckpoint(old, tuple(proof), note).raw)


def _tell(asked: _Asked, what: str, why: str) -> None:
    log.warning(what, witness=asked.witness.key.name, url=asked.witness.url, why=why, failures=asked.failures)
