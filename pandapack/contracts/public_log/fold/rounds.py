"""A round folded from its own entries, and what must hold of it. Each type of entry has one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pandapack.contracts.public_log.fold.books import Check, OrderBooks, RoundBooks
from pandapack.contracts.public_log.fold.contents import ordered_lines

Json = Mapping[str, Any]
LEFT_STATES = ("damaged", "lost", "returned")
"""States that only a write-off leads to."""
GOODS = "goods"


def add_units(known: dict[str, int], more: Iterable[tuple[str, int]]) -> None:
    """Item → units, grown."""
    for item, units in more:
        known[item] = known.get(item, 0) + units


def _length_fen(intervals: Iterable[Json]) -> int:
    return sum(int(one["fen_to"]) - int(one["fen_from"]) for one in intervals)


def _funded(round: RoundBooks, entry: Json) -> None:
    round.specification, round.ordinal = entry["specification"], entry["ordinal"]
    round.parcels_planned, round.funded = entry["parcels"], entry["reserved_fen"]
    round.planned = sum(entry["plan_fen"].values()) + entry["contingency_fen"]
    round.interval_fen, round.funded_at = _length_fen(entry["intervals"]), entry["at"]


def _opened(round: RoundBooks, entry: Json) -> None:
    round.dealt = sum(one["parcels"] for one in entry["districts"])


def _committed(round: RoundBooks, entry: Json) -> None:
    _order(round, entry).committed = entry["fen"]


def _spent(round: RoundBooks, entry: Json) -> None:
    order = _order(round, entry)
    order.spent, order.uncommitted, order.is_spent = entry["fen"], entry["uncommitted_fen"], True


def _placed(round: RoundBooks, entry: Json) -> None:
    order = _order(round, entry)
    order.is_placed, order.category = True, entry["category"]
    if entry["category"] == GOODS:
        add_units(order.outstanding, ((line["item"], line["quantity"]) for line in entry["lines"]))
        order.lines = ordered_lines(entry["lines"])


def _confirmed(round: RoundBooks, entry: Json) -> None:
    order = _order(round, entry)
    if order.category == GOODS:
        order.lines = ordered_lines(entry["lines"])


def _received(round: RoundBooks, entry: Json) -> None:
    order, lines = _order(round, entry), entry["lines"]
    add_units(round.accepted, ((line["item"], line["accepted"]) for line in lines))
    add_units(order.outstanding, entry["reordered"].items())
    add_units(order.outstanding, ((line["item"], line["over_delivered"] - line["counted"]) for line in lines))
    order.outstanding = _nonzero(order.outstanding)


def _order_closed(round: RoundBooks, entry: Json) -> None:
    """What a closed order still owes and did not cancel stays: the law then shows it."""
    order = _order(round, entry)
    add_units(order.outstanding, ((item, -units) for item, units in entry["cancelled"].items()))
    order.outstanding = _nonzero(order.outstanding)


def _paid(round: RoundBooks, entry: Json) -> None:
    _order(round, entry).paid = entry["amount_fen"]


def _packed(round: RoundBooks, entry: Json) -> None:
    round.packed += entry["count"]
    add_units(round.kitted, entry["consumed"].items())


def _stored(round: RoundBooks, entry: Json) -> None:
    round.stored += entry["count"]


def _dispatched(round: RoundBooks, entry: Json) -> None:
    round.dispatched += entry["count"]


def _written_off(round: RoundBooks, entry: Json) -> None:
    add_units(round.written_off, [(entry["was"], entry["count"]), (entry["now"], -entry["count"])])


def _delivered(round: RoundBooks, entry: Json) -> None:
    round.delivered += entry["accepted"]
    round.refused += entry["rejected"]


def _handed_out(round: RoundBooks, entry: Json) -> None:
    round.pupils += entry["pupils_reached"]
    round.over_reported += entry["pupils_over_reported"]


def _round_closed(round: RoundBooks, entry: Json) -> None:
    round.closed_at, round.closed_spent = entry["at"], entry["spent_fen"]
    round.released, round.released_interval_fen = entry["released_fen"], _length_fen(entry["released"])
    round.leftover = dict(entry["leftover"])


def _consignment_closed(round: RoundBooks, entry: Json) -> None:
    round.ended = {state: entry[state] for state in ("accepted", "rejected", *LEFT_STATES)}


def _nothing(round: RoundBooks, entry: Json) -> None:
    """The entry names the round, and tells of none of its figures."""


def _order(round: RoundBooks, entry: Json) -> OrderBooks:
    return round.orders.setdefault(entry["order"], OrderBooks())


def _nonzero(units: Mapping[str, int]) -> dict[str, int]:
    return {item: count for item, count in units.items() if count}


OF_ROUND: Mapping[str, Callable[[RoundBooks, Json], None]] = {
    "procurement.RoundFunded": _funded,
    "procurement.RoundOpened": _opened,
    "procurement.FundsCommitted": _committed,
    "procurement.FundsSpent": _spent,
    "procurement.ParcelsPacked": _packed,
    "procurement.RoundClosed": _round_closed,
    "procurement.OrderPlaced": _placed,
    "procurement.OrderConfirmed": _confirmed,
    "procurement.GoodsReceived": _received,
    "procurement.OrderPaid": _paid,
    "procurement.OrderClosed": _order_closed,
    "logistics.ConsignmentOpened": _nothing,
    "logistics.ParcelsStored": _stored,
    "logistics.ParcelsDispatched": _dispatched,
    "logistics.ParcelsWrittenOff": _written_off,
    "logistics.ParcelsDelivered": _delivered,
    "logistics.ParcelsHandedOut": _handed_out,
    "logistics.ConsignmentClosed": _consignment_closed,
}
"""Type of an entry → what it changes in its round. All other types tell of no round's figures."""


def grow(round: RoundBooks, entry: Json) -> None:
    """The round with one more of its entries."""
    round.round = entry["round"]
    round.programme = entry.get("programme") or round.programme
    round.country = entry.get("country") or round.country
    OF_ROUND[entry["type"]](round, entry)


def committed_now(round: RoundBooks) -> int:
    """Ordered, and not paid."""
    return sum(one.committed for one in round.orders.values() if not one.is_spent)


def spent(round: RoundBooks) -> int:
    """Paid."""
    return sum(one.spent for one in round.orders.values())


def spent_on(round: RoundBooks) -> Iterator[tuple[str, int]]:
    """(category that an order was placed for, fen paid for it)."""
    return ((one.category, one.spent) for one in round.orders.values() if one.is_spent)


def reserved_now(round: RoundBooks) -> int:
    """Not ordered, and not released."""
    return round.funded - round.released - committed_now(round) - spent(round)


def orders_of(round: RoundBooks) -> int:
    """How many orders were placed."""
    return sum(one.is_placed for one in round.orders.values())


def states_of(round: RoundBooks) -> dict[str, int]:
    """Parcels by state, counted from what the round's reports say."""
    left = round.written_off.get
    return {
        "packed": round.packed,
        "warehouse": round.packed - round.dispatched - left("warehouse", 0),
        "in_transit": round.dispatched - round.delivered - round.refused - left("in_transit", 0),
        "accepted": round.delivered - left("accepted", 0),
        "rejected": round.refused - left("rejected", 0),
        **{state: -left(state, 0) for state in LEFT_STATES},
    }


def status_of(round: RoundBooks) -> str:
    """How far a round is: funded, ordered, packing, on_the_way, handing_over, closed."""
    if round.closed_at:
        return "closed"
    if round.delivered or round.refused:
        return "handing_over"
    if round.dispatched:
        return "on_the_way"
    if round.packed:
        return "packing"
    return "ordered" if orders_of(round) else "funded"


Checked = tuple[str, str, str, int, int, bool]
"""law, name of the check, what it is about, left, right, whether left may be less."""


def failures_of(round: RoundBooks) -> dict[str, tuple[int, list[Check]]]:
    """Law → how many checks of the round there are, and those that do not hold."""
    counts: dict[str, int] = {}
    failed: dict[str, list[Check]] = {}
    for law, name, of, left, right, at_most in _checks(round):
        counts[law] = counts.get(law, 0) + 1
        if left > right or (left < right and not at_most):
            failed.setdefault(law, []).append(Check(name, of, left, right, at_most))
    return {law: (count, failed.get(law, [])) for law, count in counts.items()}


def _checks(round: RoundBooks) -> Iterator[Checked]:
    yield from _money_checks(round)
    yield from _stock_checks(round)
    yield from _parcel_checks(round)


def _money_checks(round: RoundBooks) -> Iterator[Checked]:
    name, reserved = round.round, reserved_now(round)
    yield "money", "a round's reserve is not negative", name, -reserved, 0, True
    yield "money", "a round's funding is its plan", name, round.funded, round.planned, False
    yield "money", "a round's funding is its intervals", name, round.funded, round.interval_fen, False
    if round.closed_at:
        interval_fen = round.released_interval_fen
        yield "money", "what a round released is its intervals", name, round.released, interval_fen, False
        yield "money", "a round spent what its orders cost", name, round.closed_spent, spent(round), False
        yield "money", "nothing is left in a closed round", name, reserved + committed_now(round), 0, False
    for order, one in round.orders.items():
        if one.is_spent:
            settled = one.spent + one.uncommitted
            yield "money", "a paid order used up its commitment", order, one.committed, settled, False
            yield "money", "a round spent what its order paid", order, one.spent, one.paid, False
            yield "money", "a paid order was placed", order, one.is_spent, one.is_placed, False


def _stock_checks(round: RoundBooks) -> Iterator[Checked]:
    for item in {**round.accepted, **round.kitted}:
        in_stock = round.accepted.get(item, 0) - round.kitted.get(item, 0)
        of = f"{round.round}/{item}"
        yield "items", "stock is not negative", of, -in_stock, 0, True
        if round.closed_at:
            left_over = round.leftover.get(item, 0)
            yield "items", "stock is what the round left over", of, in_stock, left_over, False


def _parcel_checks(round: RoundBooks) -> Iterator[Checked]:
    name, states = round.round, states_of(round)
    for state, count in states.items():
        yield "parcels", f"{state} is not negative", name, -count, 0, True
    yield "parcels", "only packed parcels are taken over", name, round.stored, round.packed, True
    left = round.dispatched + max(0, round.written_off.get("warehouse", 0))
    yield "parcels", "only parcels taken over leave the warehouse", name, left, round.stored, True
    yield "parcels", "no more is packed than was funded", name, round.packed, round.parcels_planned, True
    yield "parcels", "no more is packed than was dealt out to schools", name, round.packed, round.dealt, True
    for state, count in round.ended.items():
        check = f"the consignment closed with its reports: {state}"
        yield "parcels", check, name, count, states[state], False
