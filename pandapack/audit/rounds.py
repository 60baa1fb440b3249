"""Rounds with all that belongs to them: orders, consignment, shipments, each against its own events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from pandapack.audit.documents import Documents, OwnDocument, kept_of
from pandapack.audit.facts import Facts, add
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.owned import (
    consignment_by_events,
    consignment_by_state,
    order_by_events,
    order_by_state,
    round_by_events,
    round_by_state,
    shipment_by_events,
    shipment_by_state,
)
from pandapack.audit.reading import KeptEvent, event_of, key_of

ROUNDS_AT_ONCE = 64


class Rounds:
    """Compares all rounds, some at a time."""

    def __init__(self, documents: Documents, findings: Findings) -> None:
        self._documents, self._findings = documents, findings

    def compare(self) -> None:
        """Every round, order, consignment and shipment. What belongs to no round is compared by itself."""
        for batch in self._batches():
            self._compare_batch(batch)
        self._compare_kind("consignments")
        self._compare_kind("shipments")

    def _batches(self) -> Iterator[list[OwnDocument]]:
        rows = self._documents.rows("rounds").find({}).sort("_id", 1)
        kept = (kept_of("rounds", row) for row in rows)
        while batch := list(islice(kept, ROUNDS_AT_ONCE)):
            yield batch

    def _compare_batch(self, rounds: Sequence[OwnDocument]) -> None:
        names = [one.id for one in rounds]
        rows = self._documents.rows("orders").find({"state.round": {"$in": names}})
        orders: dict[str, list[OwnDocument]] = {}
        for order in (kept_of("orders", row) for row in rows):
            orders.setdefault(order.state["round"], []).append(order)
        for kept in rounds:
            events: dict[str, list[KeptEvent]] = {}
            for order in orders.get(kept.id, []):
                own = events[order.id] = self._documents.events_of(order)
                self._documents.compare(order, order_by_events(own), order_by_state(order.state))
            self._compare_round(kept, events)

    def _compare_round(self, kept: OwnDocument, orders: dict[str, list[KeptEvent]]) -> None:
        events, accepted = self._documents.events_of(kept), Facts()
        closed = {one["order"] for one in kept.state["orders"] if one["status"] == "closed"}
        for order, own in orders.items():
            # A closed order publishes nothing more, so the round's inbox has forgotten it.
            upto = own[-1].number if order in closed and own else kept.inbox.get(f"/procurement/orders/{order}", 0)
            for event in own:
                if event.kind == "GoodsReceived" and event.number <= upto:
                    for line in event.data["lines"]:
                        add(accepted, line["item"], line["accepted"])
        self._documents.compare(kept, round_by_events(events, self._funded(kept), accepted), round_by_state(kept.state))
        self._compare_payments(kept, events, orders)

    def _funded(self, kept: OwnDocument) -> KeptEvent | None:
        """The event that opened the round: its number is in the round's inbox."""
        for source, number in kept.inbox.items():
            if source.startswith("/procurement/funds/"):
                row = self._documents.wait_for(source, number)
                event = event_of(row) if row else None
                if event is None or event.data.get("round") != kept.id:
                    self._documents.wrong(
                        kept, f"the journal has no funding of it at {key_of(source, number)}", (source,)
                    )
                    return None
                return event
        return None

    def _compare_payments(
        self, kept: OwnDocument, events: Sequence[KeptEvent], orders: dict[str, list[KeptEvent]]
    ) -> None:
        """A round spends what its orders were paid."""
        for event in events:
            if event.kind != "FundsSpent":
                continue
            order = event.data["order"]
            paid = sum(one.data["amount_fen"] for one in orders.get(order, ()) if one.kind == "OrderPaid")
            if paid != event.data["fen"]:
                text = f"journal {event.id}: {event.data['fen']} fen spent for {order}, which was paid {paid}"
                because = (event.id, kept.name, kept.source, f"/procurement/orders/{order}", f"document orders {order}")
                self._findings.add(Layer.OWNED, text, explains=(event.id,), because=because)

    def _compare_kind(self, kind: str) -> None:
        by_events, by_state = {
            "consignments": (consignment_by_events, consignment_by_state),
            "shipments": (shipment_by_events, shipment_by_state),
        }[kind]
        for row in self._documents.rows(kind).find({}).sort("_id", 1):
            kept = kept_of(kind, row)
            if kept.sequence:  # before that, reports wait, and nothing is told of them
                self._documents.compare(kept, by_events(self._documents.events_of(kept)), by_state(kept.state))
