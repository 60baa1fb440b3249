"""A settlement by sums: what was paid for each merchant and day."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from pandapack.contracts.donations import Name, shard_of
from pandapack.decision import Refusal, RefusalKind
from services.donations.settlements.domain.settlement import By, Tally, Terms
from services.donations.settlements.domain.settlement_file import MERCHANTS_MAX

BankReference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/ -]{1,100}$")]
Cells = dict[tuple[int, str], dict[str, tuple[int, int]]]
"""(shard, day) → merchant → (count, fen)."""


class DaySum(BaseModel):
    """All donations of one merchant on one day (in Asia/Shanghai), as paid."""

    merchant: Name
    day: date
    count: Annotated[int, Field(gt=0, strict=True)]
    fen: Annotated[int, Field(gt=0, strict=True)]


class SettledSums(BaseModel):
    """A settlement by merchant and day."""

    settlement: Name
    programme: Name
    bank_reference: BankReference
    currency: Literal["CNY"]
    sums: Annotated[list[DaySum], Field(min_length=1, max_length=MERCHANTS_MAX)]

    @property
    def terms(self) -> Terms:
        """What stands on its head."""
        return Terms(
            name=self.settlement,
            programme=self.programme,
            bank_reference=self.bank_reference,
            currency=self.currency,
            by=By.SUMS,
        )

    @property
    def total(self) -> Tally:
        """All that it pays."""
        return Tally(count=sum(one.count for one in self.sums), fen=sum(one.fen for one in self.sums))


def cells_of(settled: SettledSums, shards: int) -> Cells | Refusal:
    """The sums by shard and day; refused where a merchant's day is listed twice."""
    cells: Cells = {}
    for one in settled.sums:
        merchants = cells.setdefault((shard_of(one.merchant, shards), one.day.isoformat()), {})
        if one.merchant in merchants:
            day = one.day.isoformat()
            detail = f"{one.merchant} on {day} is listed twice: one sum for a merchant and day"
            return Refusal("sum_repeated", detail, RefusalKind.INVALID)
        merchants[one.merchant] = (one.count, one.fen)
    return cells
