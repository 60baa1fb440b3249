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
        if self.merchant not in columns.merchants.names:
            return
        wanted = columns.merchants.places == list(columns.merchants.names).index(self.merchant)
        wanted &= columns.days == self.day
        places, amounts = columns.programmes.places[wanted], columns.amounts_fen[wanted]
        for place in np.unique(places).tolist():
            programme, of = columns.programmes.names[place], places == place
            count, fen = self.programmes.get(programme, (0, 0))
            self.programmes[programme] = (count + int(of.sum()), fen + int(amounts[of].sum()))
