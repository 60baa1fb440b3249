"""Orders: confirmation by the supplier, receipt at the warehouse, invoices, and what a treasurer makes of held ones.

A supplier acts on what was ordered of it, a warehouse on goods that are for it, and each sees no other orders.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field

from pandapack.contracts.procurement import Category
from pandapack.runtime.auth import STAFF_ROLES, Caller, Role, needs
from pandapack.runtime.http import answer_to, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, filters_of, narrowed, page
from pandapack.runtime.parties import Act, acting
from pandapack.runtime.store import Store
from services.procurement import work
from services.procurement.api.bodies import Body, Remark
from services.procurement.domain import matching, order
from services.procurement.domain.order_lines import Line, ReceiptCount
from services.procurement.domain.order_state import (
    HeldFor,
    Order,
    OrderStatus,
    is_suppliers,
    is_warehouses,
    unknown_order,
)
from services.procurement.domain.publication import ITEMS_MAX, PRICE_FEN_MAX
from services.procurement.store import Stores, find_orders, held_for

UNITS_A_COUNT_MAX = 100_000_000
INVOICE_FEN_MAX = 1_000_000_000_000

Price = Annotated[int, Field(ge=1, le=PRICE_FEN_MAX, strict=True)]
Units = Annotated[int, Field(ge=0, le=UNITS_A_COUNT_MAX, strict=True)]
Reader = Annotated[Caller, Depends(needs(*STAFF_ROLES, Role.SUPPLIER, Role.WAREHOUSE))]
Supplying = Annotated[Act, Depends(acting(Role.SUPPLIER))]
Receiving = Annotated[Act, Depends(acting(Role.WAREHOUSE))]
Ruling = Annotated[Act, Depends(acting(Role.TREASURER))]
PRICES = (
    "amount_fen",
    "amount_fen_max",
    "price_tolerance_per_mille",
    "cost",
    "invoices",
    "held",
    "invoice",
    "paid_fen",
)
LINE_PRICES = ("unit_price_fen", "unit_price_fen_max")
STAFF_ONLY = ("invoice_fen_max_unapproved", "rulings")


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


class RulingBody(Body):
    """Why a treasurer rules so."""

    reason: Remark


def shown_order(state: Order, caller: Caller) -> dict[str, Any]:
    """An order as JSON. A supplier is not shown what staff decide by; a warehouse sees what it counts, no prices."""
    fields = state.model_dump(mode="json", exclude={"lines"})
    lines = [_shown_line(line) for line in state.lines]
    if not caller.is_staff:
        fields = _without(fields, STAFF_ONLY)
    if caller.role is Role.WAREHOUSE:
        fields, lines = _without(fields, PRICES), [_without(line, LINE_PRICES) for line in lines]
    return {**fields, "lines": lines}


def _without(fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


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
    _add_reads(router, stores.orders)
    _add_partners(router, stores)
    _add_rulings(router, stores.orders)
    return router


def _add_reads(router: APIRouter, orders: Store[Order]) -> None:
    @router.get("")
    async def get_orders(
        *,
        reader: Reader,
        status: OrderStatus | None = None,
        category: Category | None = None,
        supplier: Name | None = None,
        round: Name | None = None,
        held: HeldFor | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Orders, round after round: a supplier's and a warehouse's own, all for staff.

        `held=treasurer` lists those with an invoice that a treasurer decides on, `held=proof` those whose invoice is
        matched again once the goods, the cost or the delivery are reported.
        """
        asked = filters_of(status=status, category=category, supplier=supplier, round=round)
        where = narrowed({**asked, **held_for(held)}, _own(reader))
        found = [] if where is None else await find_orders(orders, where, after=after, limit=limit + 1)
        return page(found, limit, lambda state: shown_order(state, reader))

    @router.get("/{order_id}")
    async def get_order(order_id: Name, reader: Reader) -> dict[str, Any]:
        """An order: what was bought, what came of it, and what was paid to whom."""
        known = await orders.get(order_id)
        is_own = is_warehouses if reader.role is Role.WAREHOUSE else is_suppliers
        if known is None or not is_own(known, reader.acts_for):
            raise problem_of(unknown_order(order_id))
        return shown_order(known, reader)


def _own(reader: Caller) -> dict[str, Any]:
    match reader.role:
        case Role.SUPPLIER:
            return {"state.supplier": reader.owner}
        case Role.WAREHOUSE:
            return {"state.warehouse": reader.owner, "state.category": Category.GOODS}
        case _:
            return {}


def _add_partners(router: APIRouter, stores: Stores) -> None:
    orders = stores.orders

    @router.post("/{order_id}/confirmation", openapi_extra=COMMAND)
    async def post_confirmation(order_id: Name, body: ConfirmationBody, act: Supplying) -> JSONResponse:
        """The supplier confirms its order, perhaps at other prices, within the tolerance."""
        outcome = await orders.change(order_id, lambda state: order.confirm(state, body.prices, act.by), act.command)
        return answer_to(outcome)

    @router.post("/{order_id}/receipts", openapi_extra=COMMAND)
    async def post_receipt(order_id: Name, body: ReceiptBody, act: Receiving) -> JSONResponse:
        """The warehouse counted and inspected a delivery; what was rejected is ordered again."""
        counts = body.counts()
        outcome = await orders.change(
            order_id, lambda state: order.receive(state, body.receipt, counts, act.by), act.command
        )
        return answer_to(outcome)

    @router.post("/{order_id}/invoices", openapi_extra=COMMAND)
    async def post_invoice(order_id: Name, body: InvoiceBody, act: Supplying) -> JSONResponse:
        """Order, proof and the supplier's invoice are matched: it is paid, or held, and the answer says so.

        Goods are proven by their receipt, freight, insurance and duty by the cost that logistics reports, monitoring
        and administration once every parcel of the round has found its end.
        """
        outcome = await work.match_invoice(stores, order_id, body.invoice, body.amount_fen, act.by, act.command)
        return answer_to(outcome)


def _add_rulings(router: APIRouter, orders: Store[Order]) -> None:
    @router.post("/{order_id}/invoices/{invoice}/release", openapi_extra=COMMAND)
    async def post_release(order_id: Name, invoice: DocumentNumber, body: RulingBody, act: Ruling) -> JSONResponse:
        """A treasurer has a held invoice paid. Its proof must be there, and it asks for no more than was committed.

        Once more changes nothing, and has the same answer.
        """
        outcome = await orders.change(
            order_id, lambda state: matching.release_invoice(state, invoice, body.reason, act.key), act.command
        )
        return answer_to(outcome)

    @router.post("/{order_id}/invoices/{invoice}/refuse", openapi_extra=COMMAND)
    async def post_refuse(order_id: Name, invoice: DocumentNumber, body: RulingBody, act: Ruling) -> JSONResponse:
        """A treasurer refuses a held invoice for good; its supplier may send another, under its own number."""
        outcome = await orders.change(
            order_id, lambda state: matching.refuse_invoice(state, invoice, body.reason, act.key), act.command
        )
        return answer_to(outcome)
