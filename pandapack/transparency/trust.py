"""Whether a checkpoint may be believed: who signed it, when, who cosigned it, and whether it stands behind the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pandapack.contracts.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from pandapack.contracts.tlog.cosignature import Cosigned, WitnessPolicy, cosigned
from pandapack.contracts.tlog.encoding import SIZE_MAX, Malformed
from pandapack.contracts.tlog.note import NotSigned, VerifierKey
from pandapack.transparency.copies import LogCopy
from pandapack.transparency.findings import Fault, Wrong
from pandapack.transparency.sources import FolderSource, Source, Unanswered

FRESH_S_MAX = 300.0
"""A log signs whenever it is asked, and a mirror that runs follows within seconds: what is older was kept back."""
SKEW_S_MAX = 10.0
"""So far apart clocks may be, of processes of a log, of witnesses and of a reader."""


NOBODY = WitnessPolicy((), 0)
"""No witness is asked for."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a reader believes from the start: keys of the log (of one origin), and witnesses, k of n."""

    keys: tuple[VerifierKey, ...]
    policy: WitnessPolicy = NOBODY


def served_key(source: Source) -> VerifierKey:
    """The key that the source itself serves, for the first time. Raises Unanswered, Wrong."""
    raw = source.get("key")
    if raw is None:
        raise Unanswered(f"{source.name} serves no /log/key: is it a log?")
    try:
        return VerifierKey.parse(raw.decode(errors="replace").strip())
    except Malformed as error:
        raise Wrong(Fault.NOT_SIGNED, f"/log/key of {source.name} is no key: {error}") from error


def signed_checkpoint(source: Source, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
    """The checkpoint that is served, signed by one of the keys. Raises Wrong, Unanswered."""
    raw = source.get("checkpoint")
    if raw is None:
        raise Unanswered(f"{source.name} serves no /log/checkpoint: is it a log?")
    try:
        return open_checkpoint(raw, keys[0].name, keys)
    except (Malformed, NotSigned) as error:
        swapped = _other_signer(source, raw, keys)
        if swapped is not None:
            detail = f"the checkpoint is signed by {swapped.text}, which is served as the log's key"
            detail += f", and not by {keys[0].text}"
            raise Wrong(Fault.KEY_SWAPPED, detail) from error
        raise Wrong(Fault.NOT_SIGNED, f"the checkpoint of {source.name}: {error}") from error


def _other_signer(source: Source, raw: bytes, keys: Sequence[VerifierKey]) -> VerifierKey | None:
    """The key that is served as the log's, where it signed this and is none that is trusted."""
    try:
        other = served_key(source)
        open_checkpoint(raw, other.name, [other])
    except (Wrong, Unanswered, Malformed, NotSigned):
        return None
    return other if other not in keys else None


def signed_at(checkpoint: Checkpoint) -> datetime:
    """When it was signed, by its own word. Raises Wrong where it does not say."""
    try:
        return checkpoint.signed_at
    except Malformed as error:
        raise Wrong(Fault.OLD_CHECKPOINT, f"the checkpoint does not say when it was signed: {error}") from error


def judge_time(source: Source, checkpoint: Checkpoint, now: datetime) -> None:
    """Raises Wrong for a checkpoint that was kept back, or signed tomorrow. A folder is a copy of its day."""
    at = signed_at(checkpoint)
    if at > now + timedelta(seconds=SKEW_S_MAX):
        raise Wrong(Fault.CHECKPOINT_OF_TOMORROW, f"it was signed at {at.isoformat()}, and it is {now.isoformat()}")
    if not isinstance(source, FolderSource) and now - at > timedelta(seconds=FRESH_S_MAX):
        age_s = (now - at).total_seconds()
        detail = f"the checkpoint of {checkpoint.size} entries was signed at {at.isoformat()}, {age_s:.0f} s ago"
        raise Wrong(Fault.OLD_CHECKPOINT, f"{detail}; {FRESH_S_MAX:.0f} s are the most")


def judge_witnesses(source: Source, signed: SignedCheckpoint, policy: WitnessPolicy, now: datetime) -> Cosigned:
    """Who cosigned. Raises Wrong where these are not as many as the policy asks for, or a line of theirs is false."""
    since_s = 0 if isinstance(source, FolderSource) else int(now.timestamp() - FRESH_S_MAX)
    until_s = min(SIZE_MAX, int(now.timestamp() + SKEW_S_MAX))
    found = cosigned(signed.note, policy, until_s, since_s)
    if not found.is_enough:
        names = ", ".join(name for name, _ in found.by) or "none"
        why = (
            found.broken
            or f"cosigned by {len(found.by)} of {found.known} witnesses ({names}); {found.needed} are needed"
        )
        raise Wrong(Fault.TOO_FEW_WITNESSES, f"the checkpoint of {signed.checkpoint.size} entries: {why}")
    return found


def is_ahead(copy: LogCopy, signed: SignedCheckpoint) -> bool:
    """Whether a checkpoint tells of more than the copy has. Raises Wrong where it is not of the same log, or shrank."""
    checkpoint, seen = signed.checkpoint, copy.checkpoint
    if seen is None or checkpoint.size > copy.size:
        return True
    if copy.root_at(checkpoint.size) != checkpoint.root:
        path = copy.keep_evidence(f"fork-{checkpoint.size}-{checkpoint.root.hex()[:8]}.note", signed.note.raw)
        detail = f"two logs of {checkpoint.size} entries are signed: the roots differ. Kept: {path}"
        raise Wrong(Fault.FORK, detail)
    later = signed_at(checkpoint) - signed_at(seen)
    if checkpoint.size < copy.size and later > timedelta(seconds=SKEW_S_MAX):
        detail = f"{checkpoint.size} entries, signed {later.total_seconds():.0f} s after a checkpoint of {copy.size}"
        raise Wrong(Fault.SHRUNK, detail)
    return False
