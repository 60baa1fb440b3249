"""What an event of procurement or logistics adds to each of reporting's views, and what a view has.

Plain code over what events tell. A change names a view, one of its documents (a document a partition, or a name and a
partition) and a figure; `set` figures take the last value of their source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from zlib import crc32

from pandapack.audit.facts import Facts, Json
from pandapack.audit.reading import KeptEvent

BUCKET_FEN = 100_000_000
ITEM_BUCKETS, SCHOOL_BUCKETS = 8, 16
"""An order's goods and a round's lots, and a school, are counted in one of so many documents, by the name's CRC-32."""
LOG_PART_EVENTS = 512
"""What is taken of fen lines is kept apart for each part of a log."""
GOODS_KINDS = ("OrderPlaced", "GoodsReceived", "OrderClosed", "ParcelsPacked")
MONEY_FIGURES = {
    "FundCredited": {"credited_fen": "credited_fen"},
    "FundReversed": {"reversed_fen": "reversed_fen"},
    "RoundFunded": {"funded_fen": "reserved_fen"},
    "FundsCommitted": {"committed_fen": "fen"},
    "FundsSpent": {"spent_fen": "fen", "uncommitted_fen": "uncommitted_fen"},
    "RoundClosed": {"released_fen": "released_fen"},
}
"""Event → figure → the event's field that it grows by."""
COUNTED = {"RoundFunded": "rounds", "OrderPlaced": "orders"}
WITHOUT_COUNTRY = ("FundCredited", "FundReversed")
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
    "FundsCommitted",
    "FundsSpent",
    "ParcelsPacked",
    "RoundClosed",
    "OrderPlaced",
    "OrderConfirmed",
    "GoodsReceived",
    "OrderPaid",
    "OrderClosed",
    "ConsignmentOpened",
    "ParcelsStored",
    "ParcelsDispatched",
    "ParcelsWrittenOff",
    "ParcelsDelivered",
    "ParcelsHandedOut",
    "ConsignmentClosed",
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
    here = event.partition
    for view in ("money", "parcels"):
        yield view, here
    if event.kind in GOODS_KINDS:
        yield "items", _items_document(event)
    if event.kind in ROUND_KINDS:
        yield "rounds", f"{event.data['round']}/{here}"
    if event.kind in ("ParcelsDelivered", "ParcelsHandedOut"):
        yield "destinations", _place(event)
    for _, _, bucket in _intervals(event):
        yield "funded_intervals", _log_part(event, bucket)


def changes_of(event: KeptEvent, pupils: tuple[int, int]) -> Iterator[Change]:
    """All figures that an event changes. `pupils`: those it adds by the law (reached, over-reported)."""
    yield from _money(event)
    yield from _items(event)
    yield from _parcels(event, pupils)
    yield from _rounds(event, pupils)
    for name, text, bucket in _intervals(event):
        yield Change("funded_intervals", _log_part(event, bucket), f"{name} {text}", 1)


def _log_part(event: KeptEvent, bucket: str) -> str:
    return f"{bucket}/{event.offset // LOG_PART_EVENTS}/{event.partition}"


def _items_document(event: KeptEvent) -> str:
    name = event.data["round" if event.kind == "ParcelsPacked" else "order"]
    return f"{crc32(name.encode()) % ITEM_BUCKETS:02d}/{event.partition}"


def _place(event: KeptEvent) -> str:
    bucket = crc32(event.data["school"].encode()) % SCHOOL_BUCKETS
    return f"{event.data['country']}/{bucket:02d}/{event.partition}"


def _money(event: KeptEvent) -> Iterator[Change]:
    data, here = event.data, event.partition
    grown = {figure: data[field] for figure, field in MONEY_FIGURES.get(event.kind, {}).items()}
    if event.kind in COUNTED:
        grown[COUNTED[event.kind]] = 1
    for figure, more in grown.items():
        yield Change("money", here, f"programme {data['programme']} {figure}", more)
        if event.kind not in WITHOUT_COUNTRY:
            yield Change("money", here, f"country {data['country']} {figure}", more)
    if event.kind == "FundCredited":
        for shard, fen in data["applied_fen"].items():
            yield Change("money", here, f"{data['programme']} applied on shard {shard}", fen, is_set=True)
    if event.kind == "FundReversed":
        yield Change("money", here, f"{data['programme']} owed_fen", data["owed_fen"], is_set=True)


def _items(event: KeptEvent) -> Iterator[Change]:
    data = event.data
    match event.kind:
        case "OrderPlaced" if data["category"] == "goods":
            for line in data["lines"]:
                yield from _units(event, line["item"], {"ordered": line["quantity"]}, line["quantity"])
        case "GoodsReceived":
            for item, units in data["reordered"].items():
                yield from _units(event, item, {"ordered": units}, units)
            for line in data["lines"]:
                over = line.get("over_delivered", 0)
                more = {"received": line["counted"], "accepted": line["accepted"], "rejected": line["rejected"]}
                yield from _units(event, line["item"], {**more, "over_delivered": over}, over - line["counted"])
        case "OrderClosed":
            for item, units in data["cancelled"].items():
                yield from _units(event, item, {"cancelled": units}, -units)
        case "ParcelsPacked":
            for item, units in data["consumed"].items():
                yield from _units(event, item, {"kitted": units}, 0)
        case _:
            pass  # no goods


def _units(event: KeptEvent, item: str, grown: Mapping[str, int], owed: int) -> Iterator[Change]:
    name = f"{event.data['programme']}/{item}"
    for figure, more in grown.items():
        yield Change("items", _items_document(event), f"{name} {figure}", more)
    if owed:
        yield Change("items", _items_document(event), f"{event.data['order']} still owes {name}", owed)


def _parcels(event: KeptEvent, pupils: tuple[int, int]) -> Iterator[Change]:
    data = event.data
    school: dict[str, int] = {}
    match event.kind:
        case "ParcelsPacked":
            more = {"packed": data["count"]}
        case "ParcelsStored":
            more = {"stored": data["count"], "warehouse": data["count"]}
        case "ParcelsDispatched":
            more = {"warehouse": -data["count"], "in_transit": data["count"]}
        case "ParcelsWrittenOff":
            more = {data["was"]: -len(data["ordinals"]), data["now"]: len(data["ordinals"])}
        case "ParcelsDelivered":
            school = {"accepted": len(data["accepted"]), "rejected": len(data["rejected"])}
            more = {"in_transit": -sum(school.values()), **school}
        case "ParcelsHandedOut":
            more = {"pupils": pupils[0], "over_reported": pupils[1]}
            school = {"handed_out": data["parcels"], **more}
        case _:
            return
    for state, parcels in more.items():
        yield Change("parcels", event.partition, f"{data['programme']}/{data['country']} {state}", parcels)
    for figure, parcels in school.items():
        yield Change("destinations", _place(event), f"{data['district']}/{data['school']} {figure}", parcels)


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


def _rounds(event: KeptEvent, pupils: tuple[int, int]) -> Iterator[Change]:
    if event.kind not in ROUND_KINDS:
        return
    document = f"{event.data['round']}/{event.partition}"
    for name, fact in _round_facts(event, pupils):
        yield Change("rounds", document, name, fact, is_set=isinstance(fact, str) or name.startswith("="))


def _round_facts(event: KeptEvent, pupils: tuple[int, int]) -> Iterator[tuple[str, int | str]]:
    """Facts of a round. Those that begin with `=` are set, all other numbers are added up."""
    data = event.data
    order = f"order {data['order']}" if "order" in data else ""
    match event.kind:
        case "RoundFunded":
            yield from ((name, data[name]) for name in ("ordinal", "publication", "specification", "parcels"))
            yield from ((name, data[name]) for name in ("reserved_fen", "contingency_fen"))
            yield from ((f"plan {category}", fen) for category, fen in data["plan_fen"].items())
        case "RoundOpened":
            yield from ((f"school {one['school']}", one["parcels"]) for one in data["schools"])
        case "FundsCommitted":
            yield f"{order} committed_fen", data["fen"]
        case "FundsSpent":
            yield f"{order} spent_fen", data["fen"]
            yield f"{order} uncommitted_fen", data["uncommitted_fen"]
        case "ParcelsPacked":
            yield f"lot {data['lot']} from {data['first_ordinal']}", data["count"]
            yield from ((f"kitted {item}", units) for item, units in data["consumed"].items())
        case "RoundClosed":
            yield "closed with spent_fen", data["spent_fen"]
            yield "released_fen", data["released_fen"]
        case "OrderPlaced" | "OrderConfirmed":
            yield f"={order} amount_fen", data["amount_fen"]
        case "GoodsReceived":
            yield from ((f"accepted {line['item']}", line["accepted"]) for line in data["lines"])
        case "OrderPaid":
            yield f"{order} paid_fen", data["amount_fen"]
        case _:
            yield from _parcel_facts(event, pupils)


def _parcel_facts(event: KeptEvent, pupils: tuple[int, int]) -> Iterator[tuple[str, int | str]]:
    data = event.data
    match event.kind:
        case "ParcelsStored":
            yield f"stored from {data['first_ordinal']}", data["count"]
        case "ParcelsDispatched":
            yield f"dispatched on {data['shipment']}", data["count"]
        case "ParcelsWrittenOff":
            yield f"report {data['report']} {data['was']} to {data['now']}", len(data["ordinals"])
        case "ParcelsDelivered":
            yield f"proof {data['delivery']} at {data['school']} accepted", len(data["accepted"])
            yield f"proof {data['delivery']} at {data['school']} rejected", len(data["rejected"])
            yield f"proof {data['delivery']} document", data["document"]
        case "ParcelsHandedOut":
            yield f"handout {data['handout']} at {data['school']} parcels", data["parcels"]
            yield f"handout {data['handout']} pupils", pupils[0]
            yield f"handout {data['handout']} over_reported", pupils[1]
        case "ConsignmentClosed":
            yield from ((f"ended {name}", data[name]) for name in ("accepted", "rejected", "damaged", "lost"))
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
    for group, name in (("programmes", "programme"), ("countries", "country")):
        for of, figures in state.get(group, {}).items():
            facts |= {f"{name} {of} {figure}": value for figure, value in figures.items()}
    for programme, shards in state.get("applied_fen", {}).items():
        facts |= {f"{programme} applied on shard {shard}": fen for shard, fen in shards.items()}
    return facts | {f"{programme} owed_fen": fen for programme, fen in state.get("owed_fen", {}).items()}


def _items_shown(state: Json) -> Facts:
    facts: Facts = {}
    for item, units in state.get("items", {}).items():
        facts |= {f"{item} {figure}": value for figure, value in units.items()}
    for order, owed in state.get("outstanding", {}).items():
        facts |= {f"{order} still owes {item}": units for item, units in owed.items()}
    return facts


def _grouped(group: str) -> Callable[[Json], Facts]:
    def shown(state: Json) -> Facts:
        return {
            f"{of} {name}": value for of, figures in state.get(group, {}).items() for name, value in figures.items()
        }

    return shown


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
        for name in ("ordinal", "publication", "specification", "parcels", "reserved_fen", "contingency_fen"):
            facts[name] = funding[name]
        facts |= {f"plan {category}": fen for category, fen in funding["plan_fen"].items()}
    facts |= {f"school {one['school']}": one["parcels"] for one in state["schools"]}
    for order, known in state["commitments"].items():
        facts |= {f"order {order} {name}": known[name] for name in ("committed_fen", "spent_fen", "uncommitted_fen")}
    for order, known in state["orders"].items():
        facts |= {f"=order {order} amount_fen": known["amount_fen"], f"order {order} paid_fen": known["paid_fen"]}
    if closing := state.get("closing"):
        facts |= {"closed with spent_fen": closing["spent_fen"], "released_fen": closing["released_fen"]}
    for name in ("kitted", "accepted"):
        facts |= {f"{name} {item}": units for item, units in state[name].items()}
    return facts | _round_parcels_shown(state)


def _round_parcels_shown(state: Json) -> Facts:
    facts: Facts = {f"lot {one['lot']} from {one['first_ordinal']}": one["count"] for one in state["lots"]}
    facts |= {f"stored from {one['first_ordinal']}": one["count"] for one in state["stored"]}
    facts |= {f"dispatched on {one['shipment']}": one["count"] for one in state["dispatches"]}
    for one in state["write_offs"]:
        facts[f"report {one['report']} {one['was']} to {one['now']}"] = len(one["ordinals"])
    for one in state["deliveries"]:
        name = f"proof {one['delivery']} at {one['school']}"
        facts |= {f"{name} accepted": len(one["accepted"]), f"{name} rejected": len(one["rejected"])}
        facts[f"proof {one['delivery']} document"] = one["document"]
    for one in state["handouts"]:
        facts[f"handout {one['handout']} at {one['school']} parcels"] = one["parcels"]
        facts |= {f"handout {one['handout']} {name}": one[name] for name in ("pupils", "over_reported")}
    if ended := state.get("ended"):
        facts |= {f"ended {name}": ended[name] for name in ("accepted", "rejected", "damaged", "lost")}
    for shipment, known in state["shipments"].items():
        name = f"shipment {shipment}"
        facts |= {f"{name} legs": len(known["legs"]), f"{name} arrived": known.get("arrived_at") or ""}
        facts |= {f"{name} departed {leg}": at for leg, at in known["departed"].items()}
        facts |= {f"{name} arrived {leg}": at for leg, at in known["arrived"].items()}
        facts[f"{name} duty_fen"] = sum(one.get("duty_fen") or 0 for one in known["customs"])
    return facts


SHOWN: Mapping[str, Callable[[Json], Facts]] = {
    "money": _money_shown,
    "items": _items_shown,
    "parcels": _grouped("countries"),
    "destinations": _grouped("schools"),
    "rounds": _rounds_shown,
    "funded_intervals": _intervals_shown,
}
"""View → the figures that a document of it has."""
