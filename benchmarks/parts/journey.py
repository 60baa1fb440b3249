"""Journeys: `GET /v1/journeys/…` of random ids over a journal of so many events, one after the other.

The journal is made and put into reporting's database, in a partition that no consumer has: rounds of the same events,
each with its orders, its shipment and its schools, under names of their own. So the index has as many rows as if they
had come, and nothing else of the service takes them for its own.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import percentile
from benchmarks.load import SEED
from benchmarks.plan import Plan
from benchmarks.pusher import Connection
from benchmarks.testbed import Collections, Testbed, log
from pandapack.contracts.envelope import decode, sequence_of
from services.reporting.domain.journal import Entry, LogPosition
from services.reporting.domain.journeys.subjects import causes_of, subjects_of
from services.reporting.store.journal import row_of
from services.reporting.store.journey_index import rows_of

MS = 1000.0
PARTITION = 1_000_000
"""Kafka has no such partition of ours: no consumer and no owner of the log looks for it."""
ROUNDS_A_WRITE = 40
FUND = "/procurement/funds/bench"
ORDERS, SCHOOLS, LEGS = 5, 8, 3
SHARES = [{"school": f"S-{number}", "district": "D", "pupils": 50, "parcels": 50} for number in range(SCHOOLS)]
AT = "2021-11-11T02:00:00+00:00"

Published = tuple[str, int, str, dict[str, Any], str]
"""Source, sequence, type, data, causes."""


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """p50 and p99 over rounds, orders, parcels, shipments, schools' lots and events. Raises RuntimeError."""
    with testbed.database("reporting") as reporting:
        rounds = _fill(reporting, plan.journeyed)
    drawn, took = random.Random(SEED), dict[str, list[float]]()
    connection = Connection(testbed.stack.addresses["reporting"], testbed.staff_key)
    try:
        for _ in range(plan.traces):
            kind, id = _drawn(drawn, rounds)
            began_s = time.perf_counter()
            answer = connection.get(f"/v1/journeys/{kind}/{id}")
            took.setdefault(kind, []).append((time.perf_counter() - began_s) * MS)
            if answer.status != 200 or not answer.json()["events"]:
                raise RuntimeError(f"{kind} {id} answered {answer.status}: {answer.body[:500]!r}")
    finally:
        connection.close()
    whole = [ms for own in took.values() for ms in own]
    by_kind = {f"{kind}_ms_p99": round(percentile(own, 99), 1) for kind, own in sorted(took.items())}
    return {
        "journey_ms_p99": round(percentile(whole, 99), 1),
        "journey": {
            "journeys": len(whole),
            "events": rounds * len(_round(1)),
            "journey_ms_p50": round(percentile(whole, 50), 1),
            **by_kind,
        },
    }


def _drawn(drawn: random.Random, rounds: int) -> tuple[str, str]:
    name = f"B-{drawn.randint(1, rounds):06d}"
    return drawn.choice(
        [
            ("round", name),
            ("order", f"O-{name}-0"),
            ("parcel", f"{name}-{drawn.randint(1, SCHOOLS * 50):04d}"),
            ("shipment", f"SH-{name}"),
            ("lot", f"P-{name}"),
            ("event", f"procurement/orders/O-{name}-1%232"),
        ]
    )


def _fill(reporting: Collections, events: int) -> int:
    """Writes rounds until there are as many events; how many rounds."""
    rounds = -(-events // len(_round(1)))
    for first in range(1, rounds + 1, ROUNDS_A_WRITE):
        entries = [entry for number in range(first, min(first + ROUNDS_A_WRITE, rounds + 1)) for entry in _of(number)]
        reporting["journeys"].insert_many([row for entry in entries for row in rows_of(entry)], ordered=False)
        reporting["journal"].insert_many([row_of(entry) for entry in entries], ordered=False)
        if first % (ROUNDS_A_WRITE * 50) == 1:
            log(f"journey: {first} of {rounds} rounds are journaled")
    reporting.client.admin.command("fsync")  # a checkpoint: or what a million inserts leave to do would be measured
    return rounds


def _of(number: int) -> Iterator[Entry]:
    for position, (source, sequence, type, data, causes) in enumerate(_round(number)):
        fields = {"specversion": "1.0", "id": sequence_of(sequence), "source": source, "type": type, "time": AT}
        fields |= {"sequence": sequence_of(sequence)} | ({"causes": causes} if causes else {})
        raw = json.dumps({**fields, "data": data}).encode()
        envelope, offset = decode(raw), number * 1_000 + position
        yield Entry(
            source=source,
            number=sequence,
            type=type,
            position=LogPosition("procurement.events", PARTITION, offset),
            appended_at_ms=1_600_000_000_000 + offset,
            digest="00" * 16,
            envelope=raw,
            subjects=subjects_of(envelope),
            causes=causes_of(envelope),
        )


def _round(number: int) -> list[Published]:
    """A round's events: funded, opened, ordered, packed, shipped, delivered, handed out, closed."""
    name, shipment = f"B-{number:06d}", f"SH-B-{number:06d}"
    of = {"round": name, "programme": "bench", "country": "ET"}
    parcels, own = SCHOOLS * 50, f"/procurement/rounds/{name}"
    consignment, way = f"/logistics/consignments/{name}", f"/logistics/shipments/{shipment}"
    pushed = f"/donations/shards/0#{number}"
    told: list[Published] = [
        (FUND, number * 2 - 1, "procurement.FundCredited", {"programme": "bench", "credited_fen": 9}, pushed),
        (FUND, number * 2, "procurement.RoundFunded", {**of, "need": "N-1", "parcels": parcels}, ""),
        (own, 1, "procurement.RoundOpened", {**of, "need": "N-1", "schools": SHARES}, f"{FUND}#{number * 2}"),
    ]
    for one in range(ORDERS):
        order = {**of, "order": f"O-{name}-{one}", "category": "goods", "amount_fen": 100}
        source = f"/procurement/orders/O-{name}-{one}"
        told.append((own, one + 2, "procurement.OrderRequested", order, ""))
        told.append((source, 1, "procurement.OrderPlaced", order, f"{own}#{one + 2}"))
        told.append((source, 2, "procurement.OrderConfirmed", order, ""))
        told.append((source, 3, "procurement.GoodsReceived", {**order, "complete": True}, ""))
        told.append((source, 4, "procurement.OrderPaid", order, ""))
    packed = {**of, "lot": f"P-{name}", "first_ordinal": 1, "count": parcels}
    told.append((own, ORDERS + 2, "procurement.ParcelsPacked", packed, f"{source}#3"))
    told.append((consignment, 1, "logistics.ParcelsStored", packed, f"{own}#{ORDERS + 2}"))
    ship = {**of, "shipment": shipment}
    told.append((way, 1, "logistics.ShipmentPlanned", {**ship, "legs": [{"mode": "sea"}] * LEGS}, ""))
    for leg in range(1, LEGS + 1):
        told.append((way, leg * 2, "logistics.LegDeparted", {**ship, "leg": leg}, ""))
        told.append((way, leg * 2 + 1, "logistics.LegArrived", {**ship, "leg": leg}, ""))
    told.append((way, LEGS * 2 + 2, "logistics.ShipmentArrived", ship, ""))
    for one, share in enumerate(SHARES):
        accepted = list(range(one * 50 + 1, one * 50 + 51))
        at = {**of, "school": f"{share['school']}-{number % 500}", "accepted": accepted, "rejected": []}
        given = {**of, "school": at["school"], "parcels": 50}
        told.append((consignment, one * 2 + 2, "logistics.ParcelsDelivered", at, f"{way}#{LEGS * 2 + 2}"))
        told.append((consignment, one * 2 + 3, "logistics.ParcelsHandedOut", given, ""))
    return told
