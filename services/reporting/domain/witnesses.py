"""Witnesses of the public log as its operator lists them, and which checkpoint that they cosigned is served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.cosignature import Cosigned, WitnessKey, WitnessPolicy, cosigned
from pandapack.contracts.tlog.encoding import Malformed, shown
from pandapack.contracts.tlog.note import Note
from pandapack.contracts.tlog.witness import ADD_CHECKPOINT

WITNESSES_MAX = 16
"""More than any policy of the field asks for; each costs a request whenever the log posts."""
COSIGNED_S_MAX = 30.0
"""So long a cosigned checkpoint is served after it was signed. Where witnesses are away for longer, the newest is
served without them: an old one would tell readers less than one that nobody else has seen."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Where a witness takes checkpoints, and the key by which it cosigns them."""

    url: str
    key: WitnessKey

    @property
    def add_checkpoint_url(self) -> str:
        return f"{self.url.rstrip('/')}/{ADD_CHECKPOINT}"


def witnesses_of(text: str) -> tuple[Witness, ...]:
    """From lines `URL VKEY`; empty ones and those that begin with # say nothing. Raises Malformed."""
    found: list[Witness] = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) != 2 or not parts[0].startswith(("http://", "https://")):
            raise Malformed(f"line {number} is no 'URL VKEY', such as http://127.0.0.1:8200 and a key: {shown(line)}")
        found.append(Witness(parts[0], WitnessKey.parse(parts[1])))
    if len(found) > WITNESSES_MAX:
        raise Malformed(f"there are at most {WITNESSES_MAX} witnesses, not {len(found)}")
    policy_of(found)
    return tuple(found)


def policy_of(witnesses: tuple[Witness, ...] | list[Witness]) -> WitnessPolicy:
    """Whose cosignatures are kept. None is needed: a witness that is away holds nothing up. Raises Malformed."""
    return WitnessPolicy(tuple(one.key for one in witnesses), 0)


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """The checkpoint that witnesses cosigned last: its note with all lines. `version` fences whoever stores it.

    `owner`: the process that had it cosigned, at wall time `moved_at`.
    """

    version: int
    note: Note
    owner: str
    moved_at: datetime

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.parse(self.note.text)

    def is_served(self, now: datetime) -> bool:
        """Whether it is young enough to stand for the log."""
        return now - self.checkpoint.signed_at <= timedelta(seconds=COSIGNED_S_MAX)

    def by(self, witnesses: tuple[Witness, ...]) -> Cosigned:
        """Who of these witnesses cosigned it."""
        return cosigned(self.note, policy_of(witnesses))

    def size_seen_by(self, witness: Witness) -> int:
        """How many entries a witness has cosigned for all that this note shows: none without a line of its own."""
        return self.checkpoint.size if self.by((witness,)).by else 0
