"""What a replay would do, with its price: through the replay's own code, and then the ledger's; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.donations.dead_letters.domain.dead_letters import DeadLetter, Status
from services.donations.dead_letters.domain.jobs import Selection
from services.donations.dead_letters.work.dead_letters import Letters
from services.donations.dead_letters.work.sorting import LetterSorter, LettersPush, SortedLetters
from services.donations.ledger.domain.reversals import TAKEN
from services.donations.ledger.work.forecast import Forecaster, PageBudget, fen_of

PREVIEW_BYTES_MAX = 32 * 1024 * 1024
"""So much of letters' text is held for one preview: some 200,000 rows."""


@dataclass(slots=True)
class Preview:
    """What would come of a replay. Rows: `gifts` and `reversals` that would count, with their fen; the rest would not.

    `already_counted`: as they are; `conflicts`: under an identity that says something else; `parked`, `turned_down`:
    reversals whose donation is not known, or forbids it. `unsure`: of the gifts, so many were not looked up on all
    pages, and may be counted already. `is_cut`: only the first letters were looked at.
    """

    dead_letters: int = 0
    rows: int = 0
    counting: int = 0
    fen: int = 0
    reversals: int = 0
    reversed_fen: int = 0
    already_counted: int = 0
    conflicts: int = 0
    parked: int = 0
    turned_down: int = 0
    unsure: int = 0
    is_cut: bool = False
    sorted_letters: SortedLetters = field(default_factory=SortedLetters)

    def find(self, kind: str) -> None:
        """A row that would not be counted, and why."""
        match kind:
            case "duplicate":
                self.already_counted += 1
            case "conflict":
                self.conflicts += 1
            case "parked":
                self.parked += 1
            case _:
                self.turned_down += 1


class Previews:
    """Looks ahead."""

    def __init__(self, dead_letters: Letters, sorter: LetterSorter, forecaster: Forecaster) -> None:
        self._letters, self._sorter, self._forecaster = dead_letters, sorter, forecaster

    async def of(self, selection: Selection, edited: Mapping[str, str], platform: str) -> Preview:
        """Raises Refused for an address that is unknown or cannot be replayed; StoreUnavailable."""
        preview, wanted, size = Preview(), list[DeadLetter](), 0
        if selection.addresses:
            wanted = await self._letters.to_replay(selection.addresses, edited)
        else:
            async for some in self._letters.selected(selection, Status.OPEN):
                wanted += some
                size += sum(len(one.raw) for one in some)
                if size > PREVIEW_BYTES_MAX:
                    preview.is_cut = True
                    break
        preview.dead_letters, preview.sorted_letters = len(wanted), self._sorter.sort(wanted, edited, platform)
        preview.rows = sum(preview.sorted_letters.rows.values())
        budget = PageBudget()
        for push in preview.sorted_letters.pushes:
            await (self._reversals(preview, push) if push.are_reversals else self._donations(preview, push, budget))
        return preview

    async def _donations(self, preview: Preview, push: LettersPush, budget: PageBudget) -> None:
        for shard, value in push.push.by_shard.items():
            forecast = await self._forecaster.donations(shard, value, push.platform, budget)
            preview.counting += len(forecast.result.columns)
            preview.fen += fen_of(forecast.result)
            preview.unsure += forecast.unsure
            for finding in forecast.result.findings:
                preview.find(finding.kind)

    async def _reversals(self, preview: Preview, push: LettersPush) -> None:
        for shard, reversals in push.push.reversals.items():
            records, findings = await self._forecaster.reversals(shard, list(reversals.values()))
            taken = [record.reversal.amount_fen for record in records if record.state == TAKEN]
            preview.reversals += len(taken)
            preview.reversed_fen += sum(taken)
            for finding in findings:
                preview.find(finding.kind)
