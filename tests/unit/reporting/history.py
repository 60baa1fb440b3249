"""A small programme from donations to pupils as events, each source in its order: what reporting consumes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from pandapack.contracts import logistics, procurement
from pandapack.contracts.donations import DayPart, DonationsRecorded, ProgrammeInterval, shard_source
from pandapack.contracts.envelope import Envelope, Event, encode, envelop
from pandapack.contracts.logistics import Leg, ParcelState
from pandapack.contracts.procurement import Category, FenInterval, OrderLine, ReceiptLine, SchoolShare

PROGRAMME = "love-parcel"
AT = datetime(2021, 11, 11, 2, 0, tzinfo=UTC)
DAY = "2021-11-11"
PARTITIONS = 4
SCHOOLS = (
    SchoolShare(school="S-1", district="Chitwan", pupils=6, parcels=6),
    SchoolShare(school="S-2", district="Kaski", pupils=4, parcels=4),
)
PARCELS = 10
GOODS_FEN, FREIGHT_FEN, CONTINGENCY_FEN = 900, 80, 30
RESERVED_FEN = GOODS_FEN + FREIGHT_FEN + CONTINGENCY_FEN

SourceEvent = tuple[str, Event]
"""A source and an event that it publishes."""


@dataclass
class FakeRecord:
    """A Kafka record as the handlers see it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def donations(shard: int, page: int, fen_from: int, amounts_fen: Sequence[int], day: str = DAY) -> SourceEvent:
    """A page of donations, all of one merchant."""
    fen, count = sum(amounts_fen), len(amounts_fen)
    interval = ProgrammeInterval(programme=PROGRAMME, fen_from=fen_from, fen_to=fen_from + fen, count=count)
    part = DayPart(programme=PROGRAMME, day=day, count=count, fen=fen, merchants={f"M{shard}": (count, fen)})
    event = DonationsRecorded(shard=shard, page=page, count=count, intervals=(interval,), days=(part,))
    return shard_source(shard), event


def credited(shard: int, fen: int, applied_fen: int) -> SourceEvent:
    event = procurement.FundCredited(programme=PROGRAMME, credited_fen=fen, applied_fen={shard: applied_fen})
    return f"/procurement/funds/{PROGRAMME}", event


def funded(ordinal: int, country: str, intervals: Sequence[FenInterval]) -> SourceEvent:
    event = procurement.RoundFunded(
        round=f"R-{ordinal:06d}",
        ordinal=ordinal,
        programme=PROGRAMME,
        publication=1,
        need=f"N-{country}",
        country=country,
        specification="love-parcel-1",
        parcels=PARCELS,
        plan_fen={Category.GOODS: GOODS_FEN, Category.FREIGHT: FREIGHT_FEN},
        contingency_fen=CONTINGENCY_FEN,
        reserved_fen=RESERVED_FEN,
        intervals=tuple(intervals),
        parcels_before=0,
        meets_need=False,
    )
    return f"/procurement/funds/{PROGRAMME}", event


def bought(round: str, country: str) -> list[SourceEvent]:
    """Goods (short first, one rejected and sent again, one too many) and freight, paid, and ten parcels packed."""
    of = {"round": round, "programme": PROGRAMME, "country": country}
    goods, freight = f"O-{round}-goods", f"O-{round}-freight"
    line = OrderLine(item="pencil", quantity=20, unit_price_fen=45)
    source, own = f"/procurement/rounds/{round}", f"/procurement/orders/{goods}"
    return [
        (source, procurement.RoundOpened(**of, need=f"N-{country}", parcels=PARCELS, schools=SCHOOLS)),
        (source, procurement.FundsCommitted(**of, order=goods, category=Category.GOODS, fen=900)),
        (own, _placed(of, goods, Category.GOODS, (line,), 900)),
        (own, procurement.OrderConfirmed(order=goods, round=round, lines=(line,), amount_fen=900)),
        (own, _received(round, goods, "G-1", counted=15, rejected=1, over=0, complete=False)),
        (own, _received(round, goods, "G-2", counted=7, rejected=0, over=1, complete=True)),
        (own, _paid(of, goods, Category.GOODS, 890)),
        (own, procurement.OrderClosed(order=goods, round=round, programme=PROGRAMME, cancelled={})),
        (source, procurement.FundsSpent(**of, order=goods, category=Category.GOODS, fen=890, uncommitted_fen=10)),
        (source, procurement.FundsCommitted(**of, order=freight, category=Category.FREIGHT, fen=80)),
        (f"/procurement/orders/{freight}", _placed(of, freight, Category.FREIGHT, (), 80)),
        (f"/procurement/orders/{freight}", _paid(of, freight, Category.FREIGHT, 80)),
        (source, procurement.FundsSpent(**of, order=freight, category=Category.FREIGHT, fen=80, uncommitted_fen=0)),
        (source, _packed(of)),
    ]


def _placed(of: dict[str, str], order: str, category: Category, lines: tuple[OrderLine, ...], fen: int) -> Event:
    return procurement.OrderPlaced(**of, order=order, category=category, supplier="S1", lines=lines, amount_fen=fen)


def _paid(of: dict[str, str], order: str, category: Category, fen: int) -> Event:
    return procurement.OrderPaid(
        order=order, round=of["round"], programme=PROGRAMME, category=category, invoice=f"I-{order}", amount_fen=fen
    )


def _received(round: str, order: str, receipt: str, *, counted: int, rejected: int, over: int, complete: bool) -> Event:
    line = ReceiptLine(
        item="pencil",
        counted=counted,
        accepted=counted - rejected,
        rejected=rejected,
        over_delivered=over,
        reason="bent" if rejected else None,
        lot=f"L-{receipt}",
    )
    reordered = {"pencil": rejected} if rejected else {}
    return procurement.GoodsReceived(
        order=order,
        round=round,
        programme=PROGRAMME,
        receipt=receipt,
        lines=(line,),
        reordered=reordered,
        complete=complete,
    )


def _packed(of: dict[str, str]) -> Event:
    return procurement.ParcelsPacked(
        **of,
        specification="love-parcel-1",
        lot=f"P-{of['round']}",
        first_ordinal=1,
        count=PARCELS,
        round_parcels=PARCELS,
        consumed={"pencil": 20},
        schools=SCHOOLS,
    )


def shipped(round: str, country: str) -> list[SourceEvent]:
    """One parcel lost on the way, one rejected at a school, eight handed out."""
    of = {"round": round, "programme": PROGRAMME, "country": country}
    source, shipment, at = f"/logistics/consignments/{round}", f"SH-{round}", AT.isoformat()
    ship = {"shipment": shipment, "round": round, "country": country}
    leg = Leg(mode="sea", carrier="C1", document="BL-1", origin="CNSHA", destination="INCCU")
    own = f"/logistics/shipments/{shipment}"
    return [
        (source, logistics.ConsignmentOpened(**of, round_parcels=PARCELS)),
        (source, logistics.ParcelsStored(**of, first_ordinal=1, count=PARCELS)),
        (own, logistics.ShipmentPlanned(**ship, legs=(leg,))),
        (own, logistics.LegDeparted(**ship, leg=1, at=at)),
        (source, logistics.ParcelsDispatched(**of, shipment=shipment, count=PARCELS, at=at)),
        (own, logistics.CustomsHeld(**ship, reason="papers", at=at)),
        (own, logistics.CustomsReleased(**ship, duty_fen=5, at=at)),
        (own, logistics.LegArrived(**ship, leg=1, at=at)),
        (own, logistics.ShipmentArrived(**ship, at=at)),
        (source, _lost(of, (3,))),
        (source, _delivered(of, "S-1", "Chitwan", (1, 2, 4, 5, 6), ())),
        (source, _delivered(of, "S-2", "Kaski", (7, 8, 9), (10,))),
        (source, _handed_out(of, "S-1", "Chitwan", 3, 2)),
        (source, _handed_out(of, "S-2", "Kaski", 1, 2)),
        (source, logistics.ConsignmentClosed(**of, accepted=8, rejected=1, damaged=0, lost=1, returned=0)),
    ]


def _lost(of: dict[str, str], ordinals: tuple[int, ...]) -> Event:
    return logistics.ParcelsWrittenOff(
        **of,
        report=f"W-{of['round']}",
        ordinals=ordinals,
        was=ParcelState.IN_TRANSIT,
        now=ParcelState.LOST,
        reason="overboard",
        at=AT.isoformat(),
    )


def _delivered(
    of: dict[str, str], school: str, district: str, accepted: tuple[int, ...], rejected: tuple[int, ...]
) -> Event:
    return logistics.ParcelsDelivered(
        **of,
        school=school,
        district=district,
        delivery=f"D-{of['round']}-{school}",
        accepted=accepted,
        rejected=rejected,
        reason="wet" if rejected else None,
        at=AT.isoformat(),
        document="ab" * 32,
    )


def _handed_out(of: dict[str, str], school: str, district: str, girls: int, boys: int) -> Event:
    return logistics.ParcelsHandedOut(
        **of,
        school=school,
        district=district,
        handout=f"H-{of['round']}-{school}",
        parcels=girls + boys,
        girls=girls,
        boys=boys,
        at=AT.isoformat(),
    )


def closed(round: str, country: str, released: Sequence[FenInterval]) -> SourceEvent:
    """970 fen were spent; the other 40 go back, and one pencil stays."""
    event = procurement.RoundClosed(
        round=round,
        programme=PROGRAMME,
        country=country,
        spent_fen=970,
        released_fen=40,
        released=tuple(released),
        leftover={"pencil": 1},
    )
    return f"/procurement/rounds/{round}", event


def programme() -> list[SourceEvent]:
    """Two shards of donations, two rounds one after the other: the first closed, the second on its way to parcels."""
    first = [FenInterval(shard=0, fen_from=0, fen_to=600), FenInterval(shard=1, fen_from=0, fen_to=410)]
    back = FenInterval(shard=1, fen_from=370, fen_to=410)
    second = [back, FenInterval(shard=0, fen_from=600, fen_to=1570)]
    return [
        donations(0, 0, 0, [5] * 120),
        donations(1, 0, 0, [4] * 110),
        credited(0, 600, 600),
        credited(1, 440, 440),
        funded(1, "NP", first),
        *bought("R-000001", "NP"),
        *shipped("R-000001", "NP"),
        closed("R-000001", "NP", [back]),
        donations(0, 1, 600, [5] * 200, "2021-11-12"),
        credited(0, 1000, 1600),
        funded(2, "MM", second),
        *bought("R-000002", "MM"),
        donations(1, 1, 440, [7], "2021-11-12"),
    ]


TOTALS: dict[str, Any] = {
    "donations": 431,
    "received_fen": 2047,
    "in_flight_fen": 7,
    "unallocated_fen": 2040 - 1010 + 40 - 1010,
    "reserved_fen": 40,
    "committed_fen": 0,
    "spent_fen": 1940,
    "rounds": 2,
    "orders": 4,
    "pupils_reached": 8,
    "countries": 1,
    "parcels": {
        "packed": 20,
        "warehouse": 10,
        "in_transit": 0,
        "accepted": 8,
        "rejected": 1,
        "damaged": 0,
        "lost": 1,
        "returned": 0,
    },
}
"""What `/v1/totals` shows of `programme()`."""


def finished() -> list[SourceEvent]:
    """The programme until its second round is closed, too: then nothing that is missing can still be on its way."""
    return [
        *programme(),
        *shipped("R-000002", "MM"),
        closed("R-000002", "MM", [FenInterval(shard=0, fen_from=1530, fen_to=1570)]),
        credited(1, 7, 447),
    ]


def enveloped(published: Iterable[SourceEvent]) -> list[Envelope]:
    """Each source's events numbered from 1."""
    numbers: dict[str, int] = {}
    envelopes = []
    for source, event in published:
        numbers[source] = numbers.get(source, 0) + 1
        envelopes.append(envelop(event, source=source, number=numbers[source], at=AT))
    return envelopes


def records(envelopes: Iterable[Envelope], offsets: dict[tuple[str, int], int] | None = None) -> list[FakeRecord]:
    """As Kafka would hold them: topic by publisher, partition by source, offsets from 0 or from `offsets` on."""
    offsets = {} if offsets is None else offsets
    found = []
    for envelope in envelopes:
        topic = f"{envelope.source.split('/')[1]}.events"
        partition = crc32(envelope.source.encode()) % PARTITIONS
        offset = offsets.get((topic, partition), 0)
        offsets[topic, partition] = offset + 1
        found.append(FakeRecord(topic, partition, offset, 1_600_000_000_000 + offset, encode(envelope)))
    return found
