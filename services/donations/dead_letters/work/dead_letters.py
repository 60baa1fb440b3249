"""Reading dead letters: one, some by address, or those that are selected; few of them in memory at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.store import Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter, Status, unknown, worn
from services.donations.dead_letters.domain.groups import LetterGroup
from services.donations.dead_letters.domain.jobs import Doing, Selection
from services.donations.dead_letters.store import where_of
from services.donations.dead_letters.work.sorting import is_cut

LETTERS_A_READ = 100
"""The largest have 700 KiB: so many of them are as much as a push may hold of memory."""


def status_for(doing: Doing) -> Status:
    """The letters that a job without addresses is about."""
    return Status.DISCARDED if doing is Doing.TAKE_BACK else Status.OPEN


class Letters:
    """Dead letters as they are read."""

    def __init__(self, dead_letters: Store[DeadLetter], groups: Store[LetterGroup]) -> None:
        self._letters, self._groups = dead_letters, groups

    async def get(self, address: str) -> DeadLetter:
        """The dead letter. Raises Refused where there is none."""
        dead_letter = await self._letters.get(address)
        if dead_letter is None or dead_letter.at is None:
            raise Refused(unknown(address))
        return dead_letter

    async def named(self, addresses: Sequence[str]) -> list[DeadLetter]:
        """The letters, in this order. Raises Refused where one is unknown."""
        found = await self._letters.get_all(addresses)
        missing = next((one for one in addresses if one not in found or found[one].at is None), None)
        if missing is not None:
            raise Refused(unknown(missing))
        return [found[address] for address in addresses]

    async def to_replay(self, addresses: Sequence[str], edited: Mapping[str, str]) -> list[DeadLetter]:
        """Letters that are named for a replay. Raises Refused where one of them can be none."""
        dead_letters = await self.named(addresses)
        for one in dead_letters:
            refusal = worn(one)
            if is_cut(one, edited):
                detail = (
                    f"{one.address} has the beginning of {one.size} bytes: the whole record lies in the log there. "
                    "Push its lines by the platform's key, or send an edited text"
                )
                refusal = Refusal("dead_letter_cut", detail)
            if one.status is Status.DISCARDED:
                detail = f"{one.address} was discarded: take that back before it is replayed"
                refusal = Refusal("dead_letter_discarded", detail)
            if refusal is not None:
                raise Refused(refusal)
        return dead_letters

    async def next_of(
        self, selection: Selection, status: Status, after: str, not_after: datetime | None = None
    ) -> list[DeadLetter]:
        """The next letters of a selection, at most `LETTERS_A_READ`; none that came later than `not_after`."""
        while True:
            found = await self._letters.find(where_of(selection, status), after=after, limit=LETTERS_A_READ)
            dead_letters = [
                one for _, one in found if not_after is None or (one.at is not None and one.at <= not_after)
            ]
            if dead_letters or len(found) < LETTERS_A_READ:
                return dead_letters
            after = found[-1][0]

    async def selected(self, selection: Selection, status: Status) -> AsyncIterator[list[DeadLetter]]:
        """The letters of a selection, some at a time. Raises Refused for an address that is unknown."""
        for begin in range(0, len(selection.addresses), LETTERS_A_READ):
            yield await self.named(selection.addresses[begin : begin + LETTERS_A_READ])
        after = ""
        while not selection.addresses and (dead_letters := await self.next_of(selection, status, after)):
            yield dead_letters
            after = dead_letters[-1].address

    async def group(self, group: str) -> LetterGroup:
        """The group. Raises Refused where there is none."""
        found = await self._groups.get(group)
        if found is None or not found.count:
            detail = f"there is no group {group} of dead letters: `panda dlq groups` lists them"
            raise Refused(Refusal("letter_group_unknown", detail, RefusalKind.NOT_FOUND))
        return found

    async def count(self, selection: Selection, status: Status) -> int:
        """How many letters a selection has now: of a whole group from its counts, else they are counted."""
        if selection.addresses:
            return len(selection.addresses)
        if selection.group and not selection.cause and not selection.sender:
            group = await self.group(selection.group)
            return group.discarded if status is Status.DISCARDED else group.open
        return sum([len(some) async for some in self.selected(selection, status)])
