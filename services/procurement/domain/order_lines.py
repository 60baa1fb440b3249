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


class ReceiptCount(Part):
    """A line of a receipt as the warehouse counted it."""

    item: str
    counted: int
    rejected: int = 0
    reason: str | None = None
    lot: str


class Inspection(Part):
    """What a counted delivery made of an order's lines. `reordered`: item → units that are ordered again."""

    lines: tuple[Line, ...]
    receipt_lines: tuple[ReceiptLine, ...]
    reordered: dict[str, int]


def open_line(line: OrderLine, tolerance_per_mille: int) -> Line:
    """A line as it was asked for: nothing is received yet."""
    price_fen_max = with_per_mille(line.unit_price_fen, tolerance_per_mille)
    return Line(
        item=line.item,
        quantity=line.quantity,
        unit_price_fen=line.unit_price_fen,
        unit_price_fen_max=price_fen_max,
    )


def inspect(lines: tuple[Line, ...], counted: tuple[ReceiptCount, ...]) -> Inspection:
    """The order's lines once a delivery was counted; each count is of a line of the order, and the only one of it."""
    by_item = {count.item: count for count in counted}
    inspected = tuple(_after_count(line, by_item.get(line.item)) for line in lines)
    before, after = ({line.item: line for line in known} for known in (lines, inspected))
    reordered = {item: line.reordered - before[item].reordered for item, line in after.items()}
    return Inspection(
        lines=inspected,
        receipt_lines=tuple(_receipt_line(count, before[count.item], after[count.item]) for count in counted),
        reordered={item: units for item, units in reordered.items() if units},
    )


def _after_count(line: Line, count: ReceiptCount | None) -> Line:
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


def _receipt_line(count: ReceiptCount, before: Line, after: Line) -> ReceiptLine:
    """What is published of a count, by what it made of the line."""
    return ReceiptLine(
        item=count.item,
        counted=count.counted,
        accepted=count.counted - count.rejected,
        rejected=count.rejected,
        over_delivered=after.over_delivered - before.over_delivered,
        reason=count.reason,
        lot=count.lot,
    )
