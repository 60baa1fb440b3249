"""The warehouse: counts and inspects what is delivered, and packs parcels once all of a lot's goods are there."""

from __future__ import annotations

from simulator.api_client import ApiClient, Json, together
from simulator.decisions import lots, receipt_lines

COMING = ("confirmed", "partly_received")
OVER = ("received", "closed")


class Warehouse:
    """Receives and kits."""

    def __init__(self, api: ApiClient, seed: int, warehouse: str) -> None:
        self._api, self._seed, self._warehouse = api, seed, warehouse

    async def turn(self) -> int:
        """Receives all that is on its way, and packs all that can be packed."""
        coming = []
        for status in COMING:
            async for order in self._api.items(
                "procurement", self._warehouse, "/v1/orders", status=status, category="goods"
            ):
                coming.append(order)
        await together(self._receive(order) for order in coming)
        packed = await self._pack()
        return len(coming) + packed

    async def _receive(self, order: Json) -> None:
        """Delivery after delivery, until the order is whole."""
        path = f"/v1/orders/{order['order']}"
        while order["status"] not in OVER:
            receipt = f"GRN-{order['order']}-{len(order['receipts']) + 1}"
            body = {"receipt": receipt, "lines": receipt_lines(self._seed, order)}
            answer = await self._api.submit("procurement", self._warehouse, f"{path}/receipts", body, key=receipt)
            if answer is not None and answer["status"] in OVER:
                return
            order = await self._api.get("procurement", self._warehouse, path)

    async def _pack(self) -> int:
        ready = []
        async for one in self._api.items("procurement", self._warehouse, "/v1/rounds", status="open"):
            if one["packable"] == one["parcels"] - one["packed"] > 0:
                ready.append(one)
        await together(self._kit(one) for one in ready)
        return len(ready)

    async def _kit(self, one: Json) -> None:
        packed, round_id = len(one["lots"]), one["round"]
        for number, parcels in enumerate(lots(self._seed, round_id, one["parcels"]), 1):
            if number <= packed:
                continue
            lot = f"LOT-{round_id}-{number}"
            body = {"lot": lot, "parcels": parcels}
            await self._api.submit("procurement", self._warehouse, f"/v1/rounds/{round_id}/kitting", body, key=lot)
