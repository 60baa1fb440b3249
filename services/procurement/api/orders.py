"""Orders: confirmation by the supplier, receipt at the warehouse, invoices."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field

from pandapack.contracts.procurement import Category
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem, answer_to, command_of
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, Reader, filters_of, page
from pandapack.runtime.store import Command, Store
from services.procurement.api.bodies import Body, Remark
from services.procurement.domain import order
from services.procurement.domain.order import Order, OrderStatus
from services.procurement.domain.order_lines import Line, ReceiptCount
from services.procurement.domain.publication import ITEMS_MAX, PRICE_FEN_MAX
from services.procurement.store import find_orders

UNITS_A_COUNT_MAX = 100_000_000
INVOICE_FEN_MAX = 1_000_000_000_000

Price = Annotated[int, Field(ge=1, le=PRICE_FEN_MAX, strict=True)]
Units = Annotated[int, Field(ge=0, le=UNITS_A_COUNT_MAX, strict=True)]


class ConfirmationBody(Body):
    """Item → unit price in fen; items left out keep the price of the order."""

    prices: Annotated[dict[Name, Price], Field(max_length=ITEMS_MAX)] = {}


class CountBody(Body):
    """One item of a delivery: `rejected` of `counted` failed the inspection, for a reason."""

    item: Name
    counted: Units
    rejected: Units = 0
    reason: Remark | None = None
    lot: DocumentNumber


class ReceiptBody(Body):
    """A delivery, counted and inspected, in base units."""

    receipt: DocumentNumber
    lines: Annotated[tuple[CountBody, ...], Field(min_length=1, max_length=ITEMS_MAX)]

    def counts(self) -> tuple[ReceiptCount, ...]:
        """The lines as the domain has them."""
        return tuple(ReceiptCount(**line.model_dump()) for line in self.lines)


class InvoiceBody(Body):
    """What the supplier asks for."""

    invoice: DocumentNumber
    amount_fen: Annotated[int, Field(ge=0, le=INVOICE_FEN_MAX, strict=True)]


def shown_order(state: Order) -> dict[str, Any]:
    """An order as JSON."""
    fields = state.model_dump(mode="json", exclude={"lines"})
    return {**fields, "lines": [_shown_line(line) for line in state.lines]}


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


def orders_router(orders: Store[Order]) -> APIRouter:
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
        where = filters_of(status=status, category=category, supplier=supplier, round=round)
        return page(await find_orders(orders, where, after=after, limit=limit + 1), limit, shown_order)

    @router.get("/{order_id}")
    async def get_order(order_id: Name, reader: Reader) -> dict[str, Any]:
        """An order: what was bought, what came of it, and what was paid."""
        known = await orders.get(order_id)
        if known is None or known.status is OrderStatus.NEW:
            raise Problem(404, "order_unknown", f"there is no order {order_id}")
        return shown_order(known)

    @router.post("/{order_id}/confirmation", dependencies=[Depends(needs(Role.SUPPLIER))])
    async def post_confirmation(
        order_id: Name, body: ConfirmationBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """The supplier confirms the order, perhaps at other prices, within the tolerance."""
        outcome = await orders.change(order_id, lambda state: order.confirm(state, body.prices), command)
        return answer_to(outcome)

    @router.post("/{order_id}/receipts", dependencies=[Depends(needs(Role.WAREHOUSE))])
    async def post_receipt(
        order_id: Name, body: ReceiptBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """A delivery was counted and inspected; what was rejected is ordered again."""
        counts = body.counts()
        outcome = await orders.change(order_id, lambda state: order.receive(state, body.receipt, counts), command)
        return answer_to(outcome)

    @router.post("/{order_id}/invoices", dependencies=[Depends(needs(Role.SUPPLIER))])
    async def post_invoice(
        order_id: Name, body: InvoiceBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Order, receipt and invoice are matched: it is paid, or held, and the answer says so."""
        outcome = await orders.change(
            order_id, lambda state: order.match_invoice(state, body.invoice, body.amount_fen), command
        )
        return answer_to(outcome)

    return router
