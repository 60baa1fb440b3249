"""Orders: confirmation by the supplier, receipt at the warehouse, invoices."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from pandapack.contracts.procurement import Category
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem, command_of, settled
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, Mark, Name, Reader, asked, page
from pandapack.runtime.store import Command
from services.procurement.domain import order
from services.procurement.domain.lines import Counted, Line
from services.procurement.domain.order import Order, OrderStatus
from services.procurement.domain.publication import ITEMS_MAX, PRICE_FEN_MAX
from services.procurement.store import Stores, orders_known

UNITS_A_COUNT_MAX = 100_000_000
REASON_CHARACTERS_MAX = 300
INVOICE_FEN_MAX = 1_000_000_000_000

Price = Annotated[int, Field(ge=1, le=PRICE_FEN_MAX, strict=True)]
Units = Annotated[int, Field(ge=0, le=UNITS_A_COUNT_MAX, strict=True)]


class Body(BaseModel):
    """Base of the bodies here: what is not known is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")


class ConfirmationBody(Body):
    """Item → unit price in fen; items left out keep the price of the order."""

    prices: Annotated[dict[Name, Price], Field(max_length=ITEMS_MAX)] = {}


class CountedBody(Body):
    """One item of a delivery: `rejected` of `counted` failed the inspection, for a reason."""

    item: Name
    counted: Units
    rejected: Units = 0
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)] | None = None
    lot: Mark


class ReceiptBody(Body):
    """A delivery, counted and inspected, in base units."""

    receipt: Mark
    lines: Annotated[tuple[CountedBody, ...], Field(min_length=1, max_length=ITEMS_MAX)]

    def counted(self) -> tuple[Counted, ...]:
        """The lines as the domain has them."""
        return tuple(Counted(**line.model_dump()) for line in self.lines)


class InvoiceBody(Body):
    """What the supplier asks for."""

    invoice: Mark
    amount_fen: Annotated[int, Field(ge=0, le=INVOICE_FEN_MAX, strict=True)]


def shown_order(state: Order) -> dict[str, Any]:
    """An order as JSON."""
    whole = state.model_dump(mode="json", exclude={"lines"})
    return {**whole, "lines": [_shown_line(line) for line in state.lines]}


def _shown_line(line: Line) -> dict[str, Any]:
    return {
        "item": line.item,
        "quantity": line.quantity,
        "unit_price_fen": line.unit_price_fen,
        "unit_price_fen_max": line.unit_price_fen_max,
        "ordered": line.ordered,
        "over_delivered": line.over_delivered,
        "received": line.received,
        "accepted": line.accepted,
        "rejected": line.rejected,
        "outstanding": line.outstanding,
        "cancelled": line.cancelled,
    }


def orders_router(stores: Stores) -> APIRouter:
    """`/orders`."""
    router = APIRouter(prefix="/orders", tags=["orders"])

    @router.get("")
    async def get_orders(
        *,
        reader: Reader,
        status: OrderStatus | None = None,
        category: Category | None = None,
        supplier: Name | None = None,
        round: Name | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Orders, round after round."""
        where = asked(status=status, category=category, supplier=supplier, round=round)
        return page(await orders_known(stores, where, after=after, limit=limit + 1), limit, shown_order)

    @router.get("/{order_id}")
    async def get_order(order_id: Name, reader: Reader) -> dict[str, Any]:
        """An order: what was bought, what came of it, and what was paid."""
        known = await stores.orders.get(order_id)
        if known is None or known.status is OrderStatus.NEW:
            raise Problem(404, "order_unknown", f"there is no order {order_id}")
        return shown_order(known)

    @router.post("/{order_id}/confirmation", dependencies=[Depends(needs(Role.SUPPLIER))])
    async def post_confirmation(
        order_id: Name, body: ConfirmationBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """The supplier takes the order, perhaps at other prices, within the tolerance."""
        outcome = await stores.orders.change(order_id, lambda state: order.confirm(state, body.prices), command)
        return settled(outcome)

    @router.post("/{order_id}/receipts", dependencies=[Depends(needs(Role.WAREHOUSE))])
    async def post_receipt(
        order_id: Name, body: ReceiptBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """A delivery was counted and inspected; what was rejected is ordered again."""
        counted = body.counted()
        outcome = await stores.orders.change(
            order_id, lambda state: order.receive(state, body.receipt, counted), command
        )
        return settled(outcome)

    @router.post("/{order_id}/invoices", dependencies=[Depends(needs(Role.SUPPLIER))])
    async def post_invoice(
        order_id: Name, body: InvoiceBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Order, receipt and invoice are matched: it is paid, or held, and the answer says so."""
        outcome = await stores.orders.change(
            order_id, lambda state: order.take_invoice(state, body.invoice, body.amount_fen), command
        )
        return settled(outcome)

    return router
