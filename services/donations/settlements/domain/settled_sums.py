"""A settlement by sums: what was paid for each merchant and day."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, FailFast, Field, StringConstraints

from pandapack.contracts.donations import NAME_CHARACTERS_MAX, Name, scoped, shard_of
from pandapack.contracts.times import Time
from pandapack.decision import Refusal, RefusalKind
from services.donations.settlements.domain.settlement import By, Tally, Terms
from services.donations.settlements.domain.settlement_file import MERCHANTS_MAX
from services.donations.validation.domain.failures import merchant_too_long

BankReference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/ -]{1,100}$")]
Cells = dict[tuple[int, str], dict[str, tuple[int, int]]]
"""(shard, day) → scoped merchant → (count, fen)."""


class DaySum(BaseModel):
    """All donations of one merchant on one day (in Asia/Shanghai), as paid: what is left of each."""

    merchant: Name
    day: date
    count: Annotated[int, Field(gt=0, strict=True)]
    fen: Annotated[int, Field(gt=0, strict=True)]


class SettledSums(BaseModel):
    """A settlement by merchant and day: net, less the reversals up to `cut_off` (default: when it comes).

    A gift of which nothing is left is in neither `count` nor `fen`. Of sums that are wrong the first is told, and none
    behind it is looked at: there may be very many.
    """

    settlement: Name
    programme: Name
    bank_reference: BankReference
    currency: Literal["CNY"]
    cut_off: Time | None = None
    sums: Annotated[list[DaySum], Field(min_length=1, max_length=MERCHANTS_MAX), FailFast()]

    @property
    def terms(self) -> Terms:
        """What stands on its head."""
        return Terms(
            name=self.settlement,
            programme=self.programme,
            bank_reference=self.bank_reference,
            currency=self.currency,
            by=By.SUMS,
            cut_off=self.cut_off,
        )

    @property
    def total(self) -> Tally:
        """All that it pays."""
        return Tally(count=sum(one.count for one in self.sums), fen=sum(one.fen for one in self.sums))


def cells_of(settled: SettledSums, platform: str, shards: int) -> Cells | Refusal:
    """A platform's sums by shard and day, merchants scoped; refused where a merchant's day is listed twice."""
    cells: Cells = {}
    for index, one in enumerate(settled.sums):
        merchant = scoped(platform, one.merchant)
        if len(merchant) > NAME_CHARACTERS_MAX:
            failure = merchant_too_long(index)
            detail = f"sums[{index}]: {failure.en}"
            return Refusal(failure.code, detail, RefusalKind.INVALID, extra={"pointer": f"/sums/{index}/merchant"})
        merchants = cells.setdefault((shard_of(merchant, shards), one.day.isoformat()), {})
        if merchant in merchants:
            day = one.day.isoformat()
            detail = f"{one.merchant} on {day} is listed twice: one sum for a merchant and day"
            return Refusal("sum_repeated", detail, RefusalKind.INVALID)
        merchants[merchant] = (one.count, one.fen)
    return cells
