"""An order's lines under the item law.

For each line: ordered + over-delivered = received + outstanding + cancelled, and received = accepted + rejected.
What is rejected is ordered again at the supplier's cost, until as much is accepted as was bought.
"""

from __future__ import annotations

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import OrderLine, ReceiptLine
from services.procurement.domain.pricing import with_per_mille


class Line(Part):
    """`quantity` base units are bought at `unit_price_fen`; the rest is what became of them."""

    item: str
    quantity: int
    unit_price_fen: int
    unit_price_fen_max: int
    received: int = 0
    rejected: int = 0
    over_delivered: int = 0
    reordered: int = 0
    cancelled: int = 0

    @property
    def ordered(self) -> int:
        return self.quantity + self.reordered

    @property
    def accepted(self) -> int:
        return self.received - self.rejected

    @property
    def outstanding(self) -> int:
        return self.ordered + self.over_delivered - self.received - self.cancelled

    @property
    def complete(self) -> bool:
        return self.accepted >= self.quantity


class Counted(Part):
    """A line of a receipt as the warehouse counted it."""

    item: str
    counted: int
    rejected: int = 0
    reason: str | None = None
    lot: str


def line_of(line: OrderLine, tolerance_per_mille: int) -> Line:
    """A line as it was asked for: nothing is received yet."""
    price_fen_max = with_per_mille(line.unit_price_fen, tolerance_per_mille)
    return Line(
        item=line.item,
        quantity=line.quantity,
        unit_price_fen=line.unit_price_fen,
        unit_price_fen_max=price_fen_max,
    )


def after_count(line: Line, count: Counted | None) -> Line:
    """The line once a delivery was counted; None: the delivery held nothing of it."""
    if count is None:
        return line
    over = max(0, count.counted - line.outstanding)
    after = line.model_copy(
        update={
            "received": line.received + count.counted,
            "rejected": line.rejected + count.rejected,
            "over_delivered": line.over_delivered + over,
        }
    )
    missing = max(0, after.quantity - after.accepted - after.outstanding)
    after = after.model_copy(update={"reordered": after.reordered + missing})
    assert after.outstanding >= 0 and after.accepted >= 0
    assert after.complete or after.accepted + after.outstanding == after.quantity
    return after


def receipt_line(count: Counted, before: Line, after: Line) -> ReceiptLine:
    """What is said of a count, by what it made of the line."""
    return ReceiptLine(
        item=count.item,
        counted=count.counted,
        accepted=count.counted - count.rejected,
        rejected=count.rejected,
        over_delivered=after.over_delivered - before.over_delivered,
        reason=count.reason,
        lot=count.lot,
    )
