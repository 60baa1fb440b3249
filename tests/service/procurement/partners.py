"""The partners of a round, played through HTTP: suppliers, the warehouse, and what logistics reports."""

from __future__ import annotations

import hashlib
from typing import Any

from pandapack.contracts.logistics import REPORTED_COSTS
from pandapack.contracts.procurement import Category
from tests.service.procurement.world import World


def share(*parts: str) -> float:
    """A number in [0, 1) that follows from an entity alone."""
    return int(hashlib.sha256("/".join(parts).encode()).hexdigest()[:8], 16) / 2**32


async def play(world: World) -> None:
    """Plays until every funded round is closed and no further one can be funded."""
    for _ in range(1_000):
        await world.come_to_rest()
        rounds = (await world.get("/rounds?status=open"))["items"] + (await world.get("/rounds?status=packed"))["items"]
        if not rounds:
            return
        for one in rounds:
            await play_round(world, one)
    raise AssertionError("the rounds never end")


async def play_round(world: World, one: dict[str, Any]) -> None:
    """One step of everything that can be done for the round."""
    orders = (await world.get(f"/orders?round={one['round']}&limit=500"))["items"]
    for order in orders:
        if order["status"] != "closed":
            await play_order(world, order)
    if one["packable"]:
        body = {"lot": f"LOT-{one['packed']}", "parcels": one["packable"]}
        await world.post(f"warehouse@{one['warehouse']}", f"/rounds/{one['round']}/kitting", body)
    source = f"/logistics/consignments/{one['round']}"
    if one["status"] == "packed" and source not in world.numbers:
        for category in REPORTED_COSTS:
            order = next(order for order in orders if order["category"] == category)
            fen = int(order["amount_fen"] * (0.8 + 0.2 * share(order["order"])))
            world.report_cost(one["round"], category, fen, order["supplier"])
        world.end(one["round"], one["parcels"])


async def play_order(world: World, order: dict[str, Any]) -> None:
    path, supplier = f"/orders/{order['order']}", f"supplier@{order['supplier']}"
    if order["category"] in REPORTED_COSTS:
        return
    if order["category"] != Category.GOODS:
        await world.post(
            supplier, f"{path}/invoices", {"invoice": f"INV-{order['order']}", "amount_fen": order["amount_fen"]}
        )
    elif order["status"] == "placed":
        prices = {line["item"]: line["unit_price_fen_max"] for line in order["lines"] if share(line["item"]) < 0.5}
        await world.post(supplier, f"{path}/confirmation", {"prices": prices})
    elif order["status"] == "received":
        await world.post(
            supplier, f"{path}/invoices", {"invoice": f"INV-{order['order']}", "amount_fen": order["amount_fen"]}
        )
    else:
        receipt = f"GRN-{len(order['receipts'])}"
        lines = [counted(order["order"], receipt, line) for line in order["lines"] if line["outstanding"]]
        await world.post(f"warehouse@{order['warehouse']}", f"{path}/receipts", {"receipt": receipt, "lines": lines})


def counted(order: str, receipt: str, line: dict[str, Any]) -> dict[str, Any]:
    """Short, over and bad deliveries, as the line's name has it; the third delivery is always good."""
    luck = share(order, receipt, line["item"]) if receipt < "GRN-2" else 1.0
    count = line["outstanding"]
    if luck < 0.1:
        count = max(1, count // 2)
    elif luck < 0.2:
        count += 3
    rejected = min(2, count) if 0.15 < luck < 0.3 else 0
    reason = {"reason": "damp"} if rejected else {}
    return {"item": line["item"], "counted": count, "rejected": rejected, "lot": f"{order}/{receipt}", **reason}
