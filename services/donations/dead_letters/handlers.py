"""Kafka in: `dead-letters`. What the ledger rejected is kept, under its address, until a person has looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pandapack.contracts.dead_letters import (
    ADDRESS_HEADER,
    REASON_HEADER,
    RELEASE_HEADER,
    ROWS_HEADER,
    SIZE_HEADER,
    whole_number,
)
from pandapack.contracts.pushed import header_text, holds_reversals, platform_of
from pandapack.runtime.reactions import Reaction, Record, apply
from pandapack.runtime.store import EventPosition, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter, Rejection, record
from services.donations.dead_letters.domain.groups import LetterGroup, count, group_of
from services.donations.validation.domain.failures import failure_of

NO_REASON = "no reason was given"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record as it will be kept."""

    address: str
    group: str
    position: EventPosition
    rejection: Rejection
    at: datetime


class DeadLetterRecorder:
    """Keeps dead letters, and counts them by group; those that are handed in are signed by the ledger.

    Groups are written first. So a letter that is there is counted, and one that comes again, after a crash of the
    ledger's, is not counted twice; and a batch that comes again finds its positions in the groups' inboxes.
    """

    def __init__(self, dead_letters: Store[DeadLetter], groups: Store[LetterGroup]) -> None:
        self._dead_letters, self._groups = dead_letters, groups

    async def handle(self, records: Sequence[Record]) -> None:
        """Keeps a batch of one partition."""
        kept = [_kept(one) for one in records]
        known = set(await self._dead_letters.documents.read_all(list({one.address for one in kept})))
        counted, dead_letters = list[Reaction](), list[Reaction]()
        for one in kept:
            decide = partial(record, rejection=one.rejection, at=one.at, group=one.group)
            dead_letters.append(Reaction(self._dead_letters, one.address, one.position, decide))
            if one.address not in known:
                known.add(one.address)
                dead_letter = decide(DeadLetter(address=one.address)).state
                note = partial(count, dead_letter=dead_letter, at=one.at)
                counted.append(Reaction(self._groups, one.group, one.position, note))
        await apply(counted)
        await apply(dead_letters)


def _kept(one: Record) -> _Kept:
    partition = f"{one.topic}/{one.partition}"
    reason = header_text(one.headers, REASON_HEADER) or NO_REASON
    rejection = Rejection(
        one.value or b"",
        reason,
        is_reversal=holds_reversals(one.headers),
        platform=platform_of(one.headers),
        rows=whole_number(header_text(one.headers, ROWS_HEADER)),
        size=whole_number(header_text(one.headers, SIZE_HEADER)),
        release=header_text(one.headers, RELEASE_HEADER),
    )
    group = group_of(failure_of(0, reason), rejection.platform, rejection.release, is_reversal=rejection.is_reversal)
    return _Kept(
        header_text(one.headers, ADDRESS_HEADER) or f"{partition}/{one.offset}",
        group,
        EventPosition(partition, one.offset + 1),
        rejection,
        datetime.fromtimestamp(one.timestamp / 1000, UTC),
    )
