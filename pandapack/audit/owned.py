"""What events say of a document of procurement or logistics, and what the document says: figures by name, both ways."""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.audit.facts import Facts, Json, add
from pandapack.audit.reading import KeptEvent

Events = Iterable[KeptEvent]
PARCEL_ENDS = ("accepted", "rejected", "damaged", "lost", "returned")


def order_by_events(events: Events) -> Facts:
    """An order: what was bought at which price, what came of it, what was paid."""
    facts: Facts = {}
    for event in events:
        data = event.data
        match event.kind:
            case "OrderPlaced" | "OrderConfirmed":
                facts["amount_fen"] = data["amount_fen"]
                for line in data["lines"]:
                    facts[f"{line['item']} quantity"] = line["quantity"]
                    facts[f"{line['item']} unit_price_fen"] = line["unit_price_fen"]
            case "GoodsReceived":
                add(facts, "receipts", 1)
                for line in data["lines"]:
                    add(facts, f"{line['item']} received", line["counted"])
                    add(facts, f"{line['item']} rejected", line["rejected"])
                    add(facts, f"{line['item']} over_delivered", line.get("over_delivered", 0))
                for item, units in data["reordered"].items():
                    add(facts, f"{item} reordered", units)
            case "OrderPaid":
                add(facts, "paid_fen", data["amount_fen"])
                facts["invoice"] = data["invoice"]
            case "OrderClosed":
                facts["closed"] = 1
                for item, units in data["cancelled"].items():
                    add(facts, f"{item} cancelled", units)
            case _:
                pass
    return facts


def order_by_state(state: Json) -> Facts:
    """The same from the order itself."""
    facts: Facts = {
        "amount_fen": state["amount_fen"],
        "paid_fen": state["paid_fen"],
        "receipts": len(state["receipts"]),
    }
    facts |= {"invoice": state["invoice"] or "", "closed": int(state["status"] == "closed")}
    names = ("quantity", "unit_price_fen", "received", "rejected", "over_delivered", "reordered", "cancelled")
    for line in state["lines"]:
        facts |= {f"{line['item']} {name}": line[name] for name in names}
    return facts


def round_by_events(events: Events, funded: KeptEvent | None, accepted: Facts) -> Facts:
    """A round: its money order by order, its lots, its stock. `accepted`: item → units, by its orders' events."""
    facts: Facts = {f"accepted {item}": units for item, units in accepted.items()}
    if funded is not None:
        facts |= {name: funded.data[name] for name in ("ordinal", "country", "need", "parcels")}
        facts["funded_fen"] = funded.data["reserved_fen"]
        facts |= {f"interval {_interval(one)}": 1 for one in funded.data["intervals"]}
    for event in events:
        data = event.data
        match event.kind:
            case "RoundOpened":
                facts |= {f"school {one['school']}": one["parcels"] for one in data["schools"]}
            case "FundsCommitted":
                add(facts, f"{data['order']} committed_fen", data["fen"])
            case "FundsSpent":
                add(facts, f"{data['order']} committed_fen", -data["fen"] - data["uncommitted_fen"])
                add(facts, f"{data['order']} spent_fen", data["fen"])
            case "ParcelsPacked":
                facts[f"lot {data['lot']} from {data['first_ordinal']}"] = data["count"]
            case "RoundClosed":
                facts["released_fen"] = data["released_fen"]
                facts["closed"] = 1
            case _:
                pass
    return facts


def round_by_state(state: Json) -> Facts:
    """The same from the round itself."""
    facts: Facts = {name: state[name] for name in ("ordinal", "country", "need", "parcels", "funded_fen")}
    facts |= {"released_fen": state["released_fen"], "closed": int(state["status"] == "closed")}
    facts |= {f"school {one['school']}": one["parcels"] for one in state["schools"]}
    facts |= {f"interval {_interval(one)}": 1 for one in state["intervals"]}
    for order in state["orders"]:
        facts |= {f"{order['order']} {name}": order[name] for name in ("committed_fen", "spent_fen")}
    facts |= {f"lot {lot['lot']} from {lot['first_ordinal']}": lot["count"] for lot in state["lots"]}
    return facts | {f"accepted {item}": units for item, units in state["accepted"].items()}


def consignment_by_events(events: Events) -> Facts:
    """A consignment: how many parcels came, which ended how, what schools handed out."""
    facts: Facts = {}
    for event in events:
        data = event.data
        match event.kind:
            case "ConsignmentOpened":
                facts["round_parcels"] = data["round_parcels"]
            case "ParcelsStored":
                add(facts, "stored", data["count"])
            case "ParcelsDispatched":
                facts["dispatched"] = 1
            case "ParcelsWrittenOff":
                facts |= {f"parcel {ordinal}": data["now"] for ordinal in data["ordinals"]}
                facts[f"report {data['report']}"] = 1
            case "ParcelsDelivered":
                for end in ("accepted", "rejected"):
                    facts |= {f"parcel {ordinal}": end for ordinal in data[end]}
                facts[f"proof {data['delivery']} at {data['school']}"] = data["document"]
            case "ParcelsHandedOut":
                facts[f"handout {data['handout']} at {data['school']} girls"] = data["girls"]
                facts[f"handout {data['handout']} at {data['school']} boys"] = data["boys"]
                add(facts, f"{data['school']} handed_out", data["parcels"])
                if (reached := data.get("pupils_reached")) is not None:
                    add(facts, f"{data['school']} pupils", reached)
                    add(facts, f"{data['school']} over_reported", data["pupils_over_reported"])
            case "CostIncurred":
                facts[f"cost of {data['category']}"] = data["fen"]
            case "ConsignmentClosed":
                facts["closed"] = 1
            case _:
                pass
    return facts


def consignment_by_state(state: Json) -> Facts:
    """The same from the consignment itself."""
    facts: Facts = {"round_parcels": state["round_parcels"], "stored": state["stored"]}
    facts |= {"dispatched": int(state["dispatched"]), "closed": int(state["status"] == "closed")}
    for end in PARCEL_ENDS:
        facts |= {f"parcel {ordinal}": end for ordinal in state["ended"].get(end, ())}
    facts |= {f"report {report}": 1 for report in state["written_off"]}
    facts |= {f"proof {one['delivery']} at {one['school']}": one["document"] for one in state["deliveries"]}
    for one in state["handouts"]:
        name = f"handout {one['handout']} at {one['school']}"
        facts |= {f"{name} girls": one["girls"], f"{name} boys": one["boys"]}
    for school, reached in state["reached"].items():
        facts |= {f"{school} {name}": reached[name] for name in ("handed_out", "pupils", "over_reported")}
    for category in state["costs_published"]:
        facts[f"cost of {category}"] = state["costs"][category]["fen"]
    return facts


def shipment_by_events(events: Events) -> Facts:
    """A shipment: its legs, when it went and came, and what customs took."""
    facts: Facts = {}
    for event in events:
        data = event.data
        match event.kind:
            case "ShipmentPlanned":
                facts |= {"round": data["round"], "country": data["country"], "legs": len(data["legs"])}
                for number, leg in enumerate(data["legs"], 1):
                    facts[f"leg {number}"] = f"{leg['carrier']} {leg['origin']} {leg['destination']}"
            case "LegDeparted":
                facts[f"leg {data['leg']} departed"] = data["at"]
            case "LegArrived":
                facts[f"leg {data['leg']} arrived"] = data["at"]
            case "CustomsHeld":
                add(facts, "holds", 1)
            case "CustomsReleased":
                add(facts, "duty_fen", data["duty_fen"])
                facts["released"] = data["at"]
            case _:
                pass
    return facts


def shipment_by_state(state: Json) -> Facts:
    """The same from the shipment itself."""
    facts: Facts = {"round": state["round"], "country": state["country"], "legs": len(state["legs"])}
    for number, one in enumerate(state["legs"], 1):
        leg = one["leg"]
        facts[f"leg {number}"] = f"{leg['carrier']} {leg['origin']} {leg['destination']}"
        facts |= {f"leg {number} departed": one["departed_at"] or "", f"leg {number} arrived": one["arrived_at"] or ""}
    facts["holds"] = sum(stop["held_at"] is not None for stop in state["customs"])
    facts["duty_fen"] = sum(stop["duty_fen"] for stop in state["customs"])
    for stop in state["customs"]:
        if stop["released_at"]:
            facts["released"] = stop["released_at"]
    return facts


def fund_by_events(events: Events, state: Json) -> Facts:
    """A fund: fen applied and taken shard by shard, reversed, owed, its rounds. `state`: which of them are open."""
    facts: Facts = {}
    for event in events:
        data = event.data
        match event.kind:
            case "FundCredited":
                add(facts, "credited_fen", data["credited_fen"])
                facts |= {f"shard {shard} applied_fen": fen for shard, fen in data["applied_fen"].items()}
            case "FundReversed":
                add(facts, "reversed_fen", data["reversed_fen"])
                facts["owed_fen"] = data["owed_fen"]
            case "RoundFunded":
                add(facts, "rounds", 1)
                if data["round"] in state["open_rounds"]:
                    facts[f"open round {data['round']}"] = data["reserved_fen"]
            case _:
                pass
        for one in data.get("intervals", ()):
            name = f"shard {one['shard']} taken_fen"
            facts[name] = max(int(facts.get(name, 0)), one["fen_to"])
    return facts


def fund_by_state(state: Json) -> Facts:
    """The same from the fund itself."""
    facts: Facts = {"rounds": state["rounds"]}
    for front in state["shards"]:
        facts |= {f"shard {front['shard']} {name}": front[name] for name in ("applied_fen", "taken_fen")}
    facts["credited_fen"] = sum(front["applied_fen"] for front in state["shards"])
    for name in ("reversed_fen", "owed_fen"):
        facts[name] = sum(front[name] for front in state["shards"])
    return facts | {f"open round {round_id}": fen for round_id, fen in state["open_rounds"].items()}


def _interval(one: Json) -> str:
    return f"{one['fen_from']} to {one['fen_to']} of shard {one['shard']}"
