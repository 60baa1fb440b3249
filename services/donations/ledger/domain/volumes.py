"""What merchants received on a day, counted from pages: nothing else knows it exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pandapack.contracts.columns import Columns


@dataclass(slots=True)
class Volume:
    """One merchant's day: programme → (count, fen). A page at a time is added."""

    merchant: str
    day: int
    programmes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, columns: Columns) -> None:
        """The rows of one more page that are of this merchant and day."""
        if self.merchant not in columns.merchants.strings:
            return
        wanted = columns.merchants.indices == list(columns.merchants.strings).index(self.merchant)
        wanted &= columns.days == self.day
        indices, amounts = columns.programmes.indices[wanted], columns.amounts_fen[wanted]
        for index in np.unique(indices).tolist():
            programme, of = columns.programmes.strings[index], indices == index
            count, fen = self.programmes.get(programme, (0, 0))
            self.programmes[programme] = (count + int(of.sum()), fen + int(amounts[of].sum()))
