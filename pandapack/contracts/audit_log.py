"""The audit log: every command that was accepted, and who sent it, as a chain of which no link can leave unseen.

Each event that has an actor is an entry, numbered from 1. An entry's hash is the SHA-256 of the hash before it (32
bytes; zeros before the first) and the entry's canonical JSON: names sorted, no spaces, without `hash` and `prev`. It
follows from journaled events alone, but for the order of those that came by several partitions. The newest hash goes
into the public log: who takes an entry out, changes one or puts one in must make all behind it anew, and that shows.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from pandapack.contracts.envelope import Envelope, Event

SOURCES = "/reporting/audit-log/"
"""How the sources begin whose events tell how far a chain has come."""
HASH_BYTES = 32
BEFORE_ALL = bytes(HASH_BYTES).hex()
"""What stands for the hash before the first entry."""


class AuditLogChained(Event):
    """The audit log had so many entries, and `root` (hex) was the hash of the last. At most once a minute."""

    TYPE: ClassVar[str] = "reporting.AuditLogChained"

    entries: int
    root: str


class AuditActor(msgspec.Struct, frozen=True):
    """The name, the role and the prefix of a key."""

    name: str
    role: str
    key: str


class AuditEntry(msgspec.Struct, frozen=True):
    """One accepted command. `when`: business time, as its event has it; `document`: the event, `source#sequence`.

    `command`: the method and route of what has no event of its own, else the event's type. `subject`: what it was
    about, a path. `digest`: of the whole event, as the journal keeps it. `set_aside` is not told: it may come later.
    """

    n: int
    when: str
    actor: AuditActor
    command: str
    subject: str
    why: str
    document: str
    request_id: str
    digest: str


class _Act(msgspec.Struct):
    """Of an event's data as much as says what was done."""

    command: str = ""
    subject: str = ""


class _Whose(msgspec.Struct):
    """Of an envelope as much as says whether anybody with a key made the event."""

    actorkey: str | None = None


_encoder = msgspec.json.Encoder(order="sorted")
_whose = msgspec.json.Decoder(_Whose)
_act = msgspec.json.Decoder(_Act)
ACTED = ".OperatorActed"
"""How the types end of events that tell of nothing but a command."""


def has_actor(envelope: bytes) -> bool:
    """Whether an event is an entry of the audit log. Raises msgspec.DecodeError for what is no envelope."""
    return bool(_whose.decode(envelope).actorkey)


def entry_of(n: int, envelope: Envelope, digest: str) -> AuditEntry:
    """The `n`-th entry, of an event that has an actor."""
    act = _act_in(envelope)
    return AuditEntry(
        n=n,
        when=envelope.time,
        actor=AuditActor(envelope.actor or "", envelope.actorrole or "", envelope.actorkey or ""),
        command=act.command or envelope.type,
        subject=act.subject or envelope.source,
        why=envelope.reason or "",
        document=envelope.key,
        request_id=envelope.requestid or "",
        digest=digest,
    )


def _act_in(envelope: Envelope) -> _Act:
    if not envelope.type.endswith(ACTED):
        return _Act()
    try:
        return _act.decode(envelope.data)
    except msgspec.DecodeError:  # it was set aside for it: that somebody acted is told all the same
        return _Act()


def hash_of(prev: str, entry: AuditEntry) -> str:
    """The hash of an entry behind the one of hash `prev`, both in hex."""
    return hashlib.sha256(bytes.fromhex(prev) + _encoder.encode(entry)).hexdigest()


def entry_in(row: dict[str, Any]) -> AuditEntry:
    """The entry in a row as reporting keeps it. Raises msgspec.ValidationError."""
    return msgspec.convert({**row, "n": row["_id"]}, AuditEntry)


def moment_us(when: str) -> int:
    """Business time in microseconds since 1970; 0 where it cannot be read."""
    try:
        return int(datetime.fromisoformat(when).timestamp() * 1_000_000)
    except ValueError:
        return 0
