"""What an event of procurement or logistics adds to each of reporting's views, and what a view has.

The views are those that traces are read from; every figure that is shown comes from the public log (`folded`). Plain
code over what events tell. A change names a view, one of its documents (a document a partition, or a name and a
partition) and a figure; `set` figures take the last value of their source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pandapack.audit.facts import Facts, Json
from pandapack.audit.reading import KeptEvent

BUCKET_FEN = 100_000_000
LOG_PART_EVENTS = 512
"""What is taken of fen lines is kept apart for each part of a log."""
SHIPMENT_KINDS = (
    "ShipmentPlanned",
    "LegDeparted",
    "LegArrived",
    "CustomsHeld",
    "CustomsReleased",
    "ShipmentArrived",
)
ROUND_KINDS = (
    "RoundFunded",
    "RoundOpened",
    "ParcelsPacked",
    "RoundClosed",
    "OrderPlaced",
    "OrderConfirmed",
    "GoodsReceived",
    "OrderPaid",
    "OrderClosed",
    "ParcelsDispatched",
    "ParcelsWrittenOff",
    "ParcelsDelivered",
    "ParcelsHandedOut",
    *SHIPMENT_KINDS,
)


class Change(NamedTuple):
    """A figure of a document of a view grows by `fact`, or (a text, or `is_set`) becomes it."""

    view: str
    document: str
    name: str
    fact: int | str
    is_set: bool = False


def documents_of(event: KeptEvent) -> Iterator[tuple[str, str]]:
    """(view, document) of each that applies the event, whether it changes a figure or not. The types are known ones."""
    if event.kind == "FundCredited":
        yield "money", event.partition
    if event.kind in ROUND_KINDS:
        yield "rounds", f"{event.data['round']}/{event.partition}"
    for _, _, bucket in _intervals(event):
        yield "funded_intervals", _log_part(event, bucket)


def changes_of(event: KeptEvent) -> Iterator[Change]:
    """All figures that an event changes."""
    if event.kind == "FundCredited":
        for shard, fen in event.data["applied_fen"].items():
            name = f"{event.data['programme']} applied on shard {shard}"
            yield Change("money", event.partition, name, fen, is_set=True)
    if event.kind in ROUND_KINDS:
        document = f"{event.data['round']}/{event.partition}"
        for name, fact in _round_facts(event):
            yield Change("rounds", document, name, fact, is_set=isinstance(fact, str) or name.startswith("="))
    for name, text, bucket in _intervals(event):
        yield Change("funded_intervals", _log_part(event, bucket), f"{name} {text}", 1)


def _log_part(event: KeptEvent, bucket: str) -> str:
    return f"{bucket}/{event.offset // LOG_PART_EVENTS}/{event.partition}"


def _intervals(event: KeptEvent) -> Iterator[tuple[str, str, str]]:
    """(taken or released, the interval and whose it is, its bucket) of each piece of a fen line."""
    data = event.data
    match event.kind:
        case "RoundFunded":
            name, who, intervals = "taken", f"by {data['round']} #{data['ordinal']}", data["intervals"]
        case "FundReversed":
            name, who, intervals = "taken", "by reversals #0", data["intervals"]
        case "RoundClosed":
            name, who, intervals = "released", f"by {data['round']}", data["released"]
        case _:
            return
    for one in intervals:
        low, high = one["fen_from"], one["fen_to"]
        for number in range(low // BUCKET_FEN, (high - 1) // BUCKET_FEN + 1):
            yield name, f"{low} to {high} {who}", f"{data['programme']}/{one['shard']}/{number}"


def _round_facts(event: KeptEvent) -> Iterator[tuple[str, int | str]]:
    """Facts of a round. Those that begin with `=` are set, all other numbers are added up."""
    data = event.data
    order = f"order {data['order']}" if "order" in data else ""
    match event.kind:
        case "RoundFunded":
            yield from ((name, data[name]) for name in ("ordinal", "specification", "parcels", "reserved_fen"))
            yield from _lengths("interval", data["intervals"])
        case "RoundOpened":
            yield from ((f"school {one['school']}", one["parcels"]) for one in data["schools"])
        case "ParcelsPacked":
            yield f"lot {data['lot']} from {data['first_ordinal']}", data["count"]
        case "RoundClosed":
            yield "closed at", event.time
            yield from _lengths("released", data["released"])
        case "OrderPlaced":
            yield f"={order} amount_fen", data["amount_fen"]
            yield f"{order} supplier", data["supplier"]
            yield f"{order} status", "placed"
        case "OrderConfirmed":
            yield f"={order} amount_fen", data["amount_fen"]
            yield f"{order} status", "confirmed"
        case "GoodsReceived":
            yield f"{order} status", "received" if data["complete"] else "partly_received"
        case "OrderPaid":
            yield f"{order} paid at", event.time
        case "OrderClosed":
            yield f"{order} status", "closed"
        case _:
            yield from _parcel_facts(event)


def _lengths(name: str, intervals: list[Json]) -> Iterator[tuple[str, int]]:
    """Each interval by where it begins: how long it is."""
    for one in intervals:
        yield f"{name} on shard {one['shard']} from {one['fen_from']}", one["fen_to"] - one["fen_from"]


def _parcel_facts(event: KeptEvent) -> Iterator[tuple[str, int | str]]:
    data = event.data
    match event.kind:
        case "ParcelsDispatched":
            yield f"dispatched on {data['shipment']}", data["count"]
        case "ParcelsWrittenOff":
            yield f"report {data['report']} {data['was']} to {data['now']}", len(data["ordinals"])
        case "ParcelsDelivered":
            yield f"proof {data['delivery']} at {data['school']} accepted", len(data["accepted"])
            yield f"proof {data['delivery']} at {data['school']} rejected", len(data["rejected"])
            yield f"proof {data['delivery']} document", data["document"]
        case "ParcelsHandedOut":
            yield f"handout {data['handout']} at {data['school']}", data["at"]
        case _:
            yield from _shipment_facts(event)


def _shipment_facts(event: KeptEvent) -> Iterator[tuple[str, int | str]]:
    data = event.data
    name = f"shipment {data.get('shipment')}"
    match event.kind:
        case "ShipmentPlanned":
            yield f"{name} legs", len(data["legs"])
        case "LegDeparted":
            yield f"{name} departed {data['leg']}", data["at"]
        case "LegArrived":
            yield f"{name} arrived {data['leg']}", data["at"]
        case "CustomsReleased":
            yield f"{name} duty_fen", data["duty_fen"]
        case "ShipmentArrived":
            yield f"{name} arrived", data["at"]
        case _:
            pass  # nothing that is counted


def _money_shown(state: Json) -> Facts:
    facts: Facts = {}
    for programme, shards in state.get("applied_fen", {}).items():
        facts |= {f"{programme} applied on shard {shard}": fen for shard, fen in shards.items()}
    return facts


def _intervals_shown(state: Json) -> Facts:
    facts: Facts = {}
    for name in ("taken", "released"):
        for one in state.get(name, ()):
            who = f"{one['round']} #{one['ordinal']}" if name == "taken" else one["round"]
            text = f"{name} {one['fen_from']} to {one['fen_to']} by {who}"
            facts[text] = int(facts.get(text, 0)) + 1
    return facts


def _rounds_shown(state: Json) -> Facts:
    facts: Facts = {}
    if funding := state.get("funding"):
        facts |= {name: funding[name] for name in ("ordinal", "specification", "parcels", "reserved_fen")}
        facts |= dict(_lengths("interval", funding["intervals"]))
    facts |= {f"school {one['school']}": one["parcels"] for one in state["schools"]}
    for order, known in state["orders"].items():
        facts |= {f"order {order} {name}": known[name] for name in ("supplier", "status")}
        facts |= {f"=order {order} amount_fen": known["amount_fen"], f"order {order} paid at": known["paid_at"] or ""}
    if closing := state.get("closing"):
        facts |= {"closed at": closing["at"], **dict(_lengths("released", closing["released"]))}
    return facts | _round_parcels_shown(state)


def _round_parcels_shown(state: Json) -> Facts:
    facts: Facts = {f"lot {one['lot']} from {one['first_ordinal']}": one["count"] for one in state["lots"]}
    facts |= {f"dispatched on {one['shipment']}": one["count"] for one in state["dispatches"]}
    for one in state["write_offs"]:
        facts[f"report {one['report']} {one['was']} to {one['now']}"] = len(one["ordinals"])
    for one in state["deliveries"]:
        name = f"proof {one['delivery']} at {one['school']}"
        facts |= {f"{name} accepted": len(one["accepted"]), f"{name} rejected": len(one["rejected"])}
        facts[f"proof {one['delivery']} document"] = one["document"]
    facts |= {f"handout {one['handout']} at {one['school']}": one["at"] for one in state["handouts"]}
    for shipment, known in state["shipments"].items():
        name = f"shipment {shipment}"
        facts |= {f"{name} legs": len(known["legs"]), f"{name} arrived": known.get("arrived_at") or ""}
        facts |= {f"{name} departed {leg}": at for leg, at in known["departed"].items()}
        facts |= {f"{name} arrived {leg}": at for leg, at in known["arrived"].items()}
        facts[f"{name} duty_fen"] = sum(one.get("duty_fen") or 0 for one in known["customs"])
    return facts


SHOWN: Mapping[str, Callable[[Json], Facts]] = {
    "money": _money_shown,
    "rounds": _rounds_shown,
    "funded_intervals": _intervals_shown,
}
"""View → the figures that a document of it has."""
