"""Suppliers: confirm orders of goods, perhaps at other prices, and invoice; monitors and the foundation invoice."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.api_client import ApiClient, Json, together
from simulator.decisions import confirmed_prices, goods_invoices, service_fen

INVOICED = ("monitoring", "administration")
"""The other services are paid by what carriers and customs report."""


class Suppliers:
    """All suppliers of goods and of services that are invoiced. Each looks at its own orders."""

    def __init__(self, api: ApiClient, seed: int, suppliers: Iterable[str]) -> None:
        self._api, self._seed, self._suppliers = api, seed, tuple(suppliers)
        self._served: set[str] = set()

    async def turn(self) -> int:
        """Serves the orders that are new."""
        return sum(await together(self._look(supplier) for supplier in self._suppliers))

    async def _look(self, supplier: str) -> int:
        new = []
        async for order in self._api.items("procurement", supplier, "/v1/orders", status="placed"):
            if order["order"] not in self._served and order["category"] in ("goods", *INVOICED):
                new.append(order)
        await together(self._serve(order) for order in new)
        return len(new)

    async def _serve(self, order: Json) -> None:
        order_id: str = order["order"]
        if order["category"] == "goods":
            prices = confirmed_prices(self._seed, order)
            await self._post(order, "confirmation", {"prices": prices}, key=f"confirm-{order_id}")
            # The price is settled, so the invoice can travel ahead of the goods: it is paid when they are all there.
            lines = order["lines"]
            amount_fen = sum(line["quantity"] * prices.get(line["item"], line["unit_price_fen"]) for line in lines)
            amounts = goods_invoices(self._seed, order_id, amount_fen)
        else:
            amounts = (service_fen(self._seed, order),)
        for number, fen in enumerate(amounts, 1):
            invoice = f"INV-{order_id}-{number}"
            # A service is proven once the round's parcels have found their end: until then its invoice waits.
            await self._post(order, "invoices", {"invoice": invoice, "amount_fen": fen}, key=invoice)
        self._served.add(order_id)

    async def _post(self, order: Json, what: str, body: Json, *, key: str) -> None:
        await self._api.submit("procurement", order["supplier"], f"/v1/orders/{order['order']}/{what}", body, key=key)
