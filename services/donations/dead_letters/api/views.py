"""Dead letters, their groups, previews and replays as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.donations.dead_letters.domain.dead_letters import DeadLetter, Status
from services.donations.dead_letters.domain.faults import fault_in
from services.donations.dead_letters.domain.groups import UNVOUCHED, LetterGroup
from services.donations.dead_letters.domain.jobs import WORKING, Doing, LetterFailure, LetterJob
from services.donations.dead_letters.work.examples import GoodRow
from services.donations.dead_letters.work.previews import Preview
from services.donations.dead_letters.work.sorting import RefusedDeadLetter

ROWS_SHOWN_MAX = 100
"""Columns are a tenth of the text that they stand for: a page of letters must not become a hundred times as long."""
REFUSED_SHOWN_MAX = 20
"""Of a replay that may have thousands: they are alike."""


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _kind(*, is_reversal: bool) -> str:
    return "reversal" if is_reversal else "donation"


def shown_dead_letter(state: DeadLetter) -> dict[str, Any]:
    """A dead letter as JSON.

    `text` is for eyes: bytes that are no text are marked in it, and of columns the first rows are written out; `raw`
    (base64) has all bytes. `fault`: where it is wrong, in characters of `text`, of a single row.
    """
    text = b"\n".join(state.lines(ROWS_SHOWN_MAX)).decode(errors="replace")
    fault = fault_in(text, state.pointer, state.reason) if state.rows is None else None
    discard = state.discard if state.status is Status.DISCARDED else None
    return {
        "address": state.address,
        "at": _at(state.at),
        "status": state.status.value,
        "group": state.group or None,
        "platform": state.platform or None,
        "kind": _kind(is_reversal=state.is_reversal),
        "cause": state.cause,
        "pointer": state.pointer,
        "reason": state.reason,
        "message": {"en": state.en, "zh": state.zh},
        "release": state.release or None,
        "text": text,
        "fault": None if fault is None else {"from": fault.begin, "to": fault.end},
        "raw": state.raw,
        "rows": state.rows,
        "size_bytes": state.size,
        "replays": [replay.model_dump(mode="json") for replay in state.replays],
        "discarded": None if discard is None else {"by": discard.by, "at": _at(discard.at), "reason": discard.reason},
    }


def opened_dead_letter(state: DeadLetter, good: GoodRow) -> dict[str, Any]:
    """One that a person looks at, with a good row beside it."""
    return {**shown_dead_letter(state), "good": {"text": good.text, "of_sender": good.is_senders}}


def shown_group(state: LetterGroup, under_way: Iterable[LetterJob]) -> dict[str, Any]:
    """A group as JSON. `under_way`: jobs that are not over."""
    own = [job for job in under_way if job.selection.group == state.group]
    if any(job.doing is Doing.REPLAY for job in own):
        status = "replaying"
    elif state.open:
        status = "open"
    else:
        status = "replayed" if state.replayed else "discarded"
    return {
        "group": state.group,
        "status": status,
        "cause": state.cause,
        "pointer": state.pointer,
        "sender": state.platform or UNVOUCHED,
        "kind": _kind(is_reversal=state.is_reversal),
        "release": state.release or None,
        "message": {"en": state.en, "zh": state.zh},
        "count": state.count,
        "open": state.open,
        "replayed": state.replayed,
        "discarded": state.discarded,
        "first_at": _at(state.first_at),
        "last_at": _at(state.last_at),
        "reopened": state.reopened,
        "reopened_at": _at(state.reopened_at),
        "first": state.first,
        "replays": [job.job for job in own],
    }


def _failure(address: str, refused: RefusedDeadLetter) -> dict[str, Any]:
    """The first failure, where it is, and how many there are: a record's letter may have thousands."""
    failure = refused.first
    return {
        "address": address,
        "rows": refused.count,
        "row": failure.index,
        "pointer": failure.pointer,
        "code": failure.code,
        "message": {"en": failure.en, "zh": failure.zh},
    }


def _noted(failure: LetterFailure) -> dict[str, Any]:
    return {
        "address": failure.dead_letter,
        "rows": failure.rows,
        "row": failure.row,
        "pointer": failure.pointer,
        "code": failure.code,
        "message": {"en": failure.en, "zh": failure.zh},
    }


def shown_preview(preview: Preview) -> dict[str, Any]:
    """A preview as JSON."""
    found = preview.sorted_letters
    refused = list(found.refused.items())[:REFUSED_SHOWN_MAX]
    return {
        "dead_letters": preview.dead_letters,
        "letters_truncated": preview.is_cut,
        "rows": preview.rows,
        "donations": preview.counting,
        "fen": preview.fen,
        "reversals": preview.reversals,
        "reversed_fen": preview.reversed_fen,
        "already_counted": preview.already_counted,
        "conflicts": preview.conflicts,
        "parked": preview.parked,
        "turned_down": preview.turned_down,
        "not_looked_up": preview.unsure,
        "still_fail": {"dead_letters": len(found.refused), "rows": found.refused_rows},
        "refused": [_failure(address, one) for address, one in refused],
    }


def shown_dry_run(preview: Preview, addresses: Iterable[str]) -> dict[str, Any]:
    """A replay that only was looked at. `addresses`: in which order what is refused is named; none: as it comes."""
    refused = preview.sorted_letters.refused
    order = [one for one in addresses if one in refused] or list(refused)[:REFUSED_SHOWN_MAX]
    return {
        "dry_run": True,
        "push_id": None,
        "accepted": preview.sorted_letters.accepted,
        "refused": [_failure(address, refused[address]) for address in order],
    }


def shown_job(job: LetterJob) -> dict[str, Any]:
    """A replay (a discard, a return) as JSON: how far it is. Of `refused` the first, of named letters all."""
    addresses = job.selection.addresses
    by_address = {failure.dead_letter: failure for failure in job.failures}
    if addresses:
        refused = [by_address[one] for one in addresses if one in by_address]
    else:
        refused = list(job.failures[:REFUSED_SHOWN_MAX])
    return {
        "id": job.job,
        "doing": job.doing.value,
        "state": job.state.value,
        "is_over": job.state not in WORKING,
        "group": job.selection.group or None,
        "cause": job.selection.cause or None,
        "sender": job.selection.sender or None,
        "platform": job.platform or None,
        "reason": job.reason,
        "by": job.by,
        "at": _at(job.at),
        "ended_at": _at(job.ended_at),
        "stop_reason": job.stop_reason or None,
        "rate_rows_per_s": job.rate or None,
        "cap_rows": job.cap or None,
        "dead_letters": job.count,
        "letters_done": job.tally.dead_letters,
        "letters_moved": job.tally.moved,
        "dry_run": False,
        "push_id": job.push,
        "accepted": job.tally.accepted,
        "refused_rows": job.tally.refused,
        "refused": [_noted(one) for one in refused],
    }
