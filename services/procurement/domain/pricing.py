"""What a round of parcels costs in full, before it is ordered: the plan that the fund reserves and the round orders by.

A round never costs more than is reserved. Each order may cost its planned amount and its share of the contingency
(rounded down); a confirmed price lies above the catalogue's by at most the price tolerance; and the tolerance is at
most the contingency. The parts add up exactly: reserved = Σ planned + contingency = Σ amount_fen_max of the orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import Category, OrderLine, ProgrammePublished, ServiceRate
from pandapack.contracts.publication import Policy, Specification

PER_MILLE = 1000
SERVICES = tuple(category for category in Category if category is not Category.GOODS)


class PricedLine(Part):
    """A line of a parcel's bill with its offer: `quantity` base units a parcel, sold in packs of `pack_size`."""

    item: str
    quantity: int
    supplier: str
    unit_price_fen: int
    pack_size: int


class Pricing(Part):
    """All of a publication that a plan needs, and no more: the fund carries it in its state.

    `warehouse` receives the goods and packs the parcels. `in_force`: specification → its first day, and the one from
    which another version takes its place ("": none does).
    """

    policy: Policy
    bills: dict[str, tuple[PricedLine, ...]]  # by specification
    rates: tuple[ServiceRate, ...]
    warehouse: str = ""
    in_force: dict[str, tuple[str, str]] = {}


class PlannedOrder(Part):
    """One order of a round. `tail` ends its name; goods have lines, services none."""

    tail: str
    category: Category
    supplier: str
    lines: tuple[OrderLine, ...] = ()
    amount_fen: int
    amount_fen_max: int


class RoundPlan(Part):
    """A round, costed in full."""

    parcels: int
    orders: tuple[PlannedOrder, ...]
    bill: dict[str, int]  # item → base units a parcel
    plan_fen: dict[Category, int]
    contingency_fen: int
    reserved_fen: int


def with_per_mille(fen: int, per_mille: int) -> int:
    """`fen` and so many thousandths of it on top, rounded down."""
    return fen + fen * per_mille // PER_MILLE


def pricing_of(published: ProgrammePublished) -> Pricing:
    """The prices of a consistent publication."""
    offers = {offer.item: offer for offer in published.catalogue}
    bills = {
        specification.id: tuple(
            PricedLine(
                item=line.item,
                quantity=line.quantity,
                supplier=offers[line.item].supplier,
                unit_price_fen=offers[line.item].unit_price_fen,
                pack_size=offers[line.item].pack_size,
            )
            for line in specification.lines
        )
        for specification in published.specifications
    }
    return Pricing(
        policy=published.policy,
        bills=bills,
        rates=published.services,
        warehouse=published.warehouse,
        in_force={one.id: _days_in_force(one, published.specifications) for one in published.specifications},
    )


def _days_in_force(specification: Specification, known: Sequence[Specification]) -> tuple[str, str]:
    later = (one for one in known if stem_of(one) == stem_of(specification) and one.version > specification.version)
    return specification.effective_from, min((one.effective_from for one in later), default="")


def stem_of(specification: Specification) -> str:
    """What the versions of one parcel have in common: `love-parcel` of `love-parcel-v2`, version 2."""
    return specification.id.removesuffix(f"-v{specification.version}")


def is_in_force(pricing: Pricing, specification: str, day: date) -> bool:
    """Whether parcels of this specification are bought on a day."""
    begins = pricing.in_force.get(specification, ("", ""))[0]
    return begins <= day.isoformat() and not is_superseded(pricing, specification, day)


def is_superseded(pricing: Pricing, specification: str, day: date) -> bool:
    """Whether another version has taken its place by a day."""
    ends = pricing.in_force.get(specification, ("", ""))[1]
    return ends != "" and ends <= day.isoformat()


def rate_of(pricing: Pricing, category: Category, country: str) -> ServiceRate | None:
    """The rate for this country, else the one for all others."""
    rates = [rate for rate in pricing.rates if rate.category is category]
    own = next((rate for rate in rates if rate.country == country), None)
    return own or next((rate for rate in rates if rate.country is None), None)


def serves(pricing: Pricing, specification: str, country: str) -> bool:
    """Whether such a parcel can be bought, and brought to such a country."""
    return specification in pricing.bills and all(rate_of(pricing, c, country) for c in SERVICES)


def plan_round(pricing: Pricing, specification: str, country: str, parcels: int) -> RoundPlan:
    """The orders and the full cost of a round. The specification and the country must be served."""
    assert parcels > 0 and serves(pricing, specification, country)
    bill = pricing.bills[specification]
    orders = (*_goods(pricing, bill, parcels), *_services(pricing, country, parcels))
    plan_fen = {c: sum(order.amount_fen for order in orders if order.category is c) for c in Category}
    reserved_fen = sum(order.amount_fen_max for order in orders)
    return RoundPlan(
        parcels=parcels,
        orders=orders,
        bill={line.item: line.quantity for line in bill},
        plan_fen=plan_fen,
        contingency_fen=reserved_fen - sum(plan_fen.values()),
        reserved_fen=reserved_fen,
    )


def _goods(pricing: Pricing, bill: tuple[PricedLine, ...], parcels: int) -> list[PlannedOrder]:
    orders = []
    for supplier in sorted({line.supplier for line in bill}):
        lines = tuple(_order_line(line, parcels) for line in bill if line.supplier == supplier)
        amount_fen = sum(line.quantity * line.unit_price_fen for line in lines)
        orders.append(_order(pricing, supplier, Category.GOODS, supplier, amount_fen, lines))
    return orders


def _order_line(line: PricedLine, parcels: int) -> OrderLine:
    packs = -(-line.quantity * parcels // line.pack_size)  # what is left of the last pack stays in stock
    return OrderLine(item=line.item, quantity=packs * line.pack_size, unit_price_fen=line.unit_price_fen)


def _services(pricing: Pricing, country: str, parcels: int) -> list[PlannedOrder]:
    orders = []
    for category in SERVICES:
        rate = rate_of(pricing, category, country)
        assert rate is not None
        orders.append(_order(pricing, category.value, category, rate.supplier, rate.fen_per_parcel * parcels, ()))
    return orders


def _order(
    pricing: Pricing, tail: str, category: Category, supplier: str, amount_fen: int, lines: tuple[OrderLine, ...]
) -> PlannedOrder:
    return PlannedOrder(
        tail=tail,
        category=category,
        supplier=supplier,
        lines=lines,
        amount_fen=amount_fen,
        amount_fen_max=with_per_mille(amount_fen, pricing.policy.contingency_per_mille),
    )
