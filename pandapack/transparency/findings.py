"""What a monitor or a mirror finds wrong: a stable word, and what, where and how it shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Each is something that an honest log, honestly served, never shows."""

    NOT_SIGNED = "not_signed"
    KEY_SWAPPED = "key_swapped"
    TOO_FEW_WITNESSES = "too_few_witnesses"
    OLD_CHECKPOINT = "old_checkpoint"
    CHECKPOINT_OF_TOMORROW = "checkpoint_of_tomorrow"
    SHRUNK = "shrunk"
    FORK = "fork"
    GAP = "gap"
    ROOT_DIFFERS = "root_differs"
    ENTRY_ALTERED = "entry_altered"
    ENTRY_REMOVED = "entry_removed"
    ENTRY_INSERTED = "entry_inserted"
    ENTRIES_SWAPPED = "entries_swapped"
    TILE_ALTERED = "tile_altered"
    LINES_DIFFER = "lines_differ"
    ENTRY_UNFIT = "entry_unfit"
    LAW_BROKEN = "law_broken"
    FIGURE_DIFFERS = "figure_differs"
    COPY_DAMAGED = "copy_damaged"


@dataclass(frozen=True, slots=True)
class Finding:
    """`fault`: which; `detail`: what was seen, where."""

    fault: Fault
    detail: str

    def __str__(self) -> str:
        return f"{self.fault}: {self.detail}"


class Wrong(Exception):
    """Something is wrong with the log, or with how it is served."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.finding = Finding(fault, detail)
