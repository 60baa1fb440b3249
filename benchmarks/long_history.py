"""A history that is made, not played: the public log of a programme of years, entry after entry, all laws holding.

It is a programme of its own, so that whatever else a stack counts stays what it is. Each round is bought, packed,
shipped and closed in sixteen entries; every day each shard records gifts and the fund is credited. All is a pure
function of the counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pandapack.contracts.public_log.entries import VERSION, moment

PROGRAMME = "long-history"
COUNTRIES = ("BI", "GM", "IQ", "KE", "KH", "LA", "LK", "MM", "MN", "NP", "PK")
ITEMS = tuple(f"item-{number:03d}" for number in range(102))
ITEMS_A_ROUND = 10
SHARDS = 8
PARCELS = 20
GOODS_FEN, RESERVED_FEN = 9_000, 10_000
SECONDS_A_STEP = 2
"""Between two entries: a day's stand within some minutes, as after a morning's reports."""

Json = dict[str, Any]
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(slots=True)
class LongHistory:
    """`rounds` over `days` from `begin` on. `entries()` gives (time, entry) in order."""

    rounds: int
    days: int
    begin: datetime = datetime(2019, 2, 27, 2, 0, tzinfo=UTC)
    _sequences: dict[str, int] = field(default_factory=dict)
    _at: datetime = datetime(2019, 2, 27, 2, 0, tzinfo=UTC)
    _recorded: int = 0
    _taken: int = 0

    def entries(self) -> Iterator[tuple[datetime, bytes]]:
        """Each entry with the time at which it is appended."""
        done = 0
        for day in range(self.days):
            self._at = self.begin + timedelta(days=day)
            until = self.rounds * (day + 1) // self.days
            yield from self._donations(until - done)
            for ordinal in range(done + 1, until + 1):
                yield from self._round(ordinal)
            done = until

    def _entry(self, type: str, source: str, **fields: Any) -> tuple[datetime, bytes]:
        self._at += timedelta(seconds=SECONDS_A_STEP)
        number = self._sequences[source] = self._sequences.get(source, 0) + 1
        head = {
            "v": VERSION,
            "type": type,
            "at": moment(self._at),
            "on": self._at.date().isoformat(),
            "source": source,
            "sequence": number,
            "hash": hashlib.sha256(f"{source}#{number}".encode()).hexdigest(),
        }
        return self._at, _encode({**head, **fields})

    def _donations(self, rounds: int) -> Iterator[tuple[datetime, bytes]]:
        """What the day's rounds need, on all shards alike, and the fund's credit of it."""
        fen = RESERVED_FEN * rounds
        before, self._recorded = self._recorded, self._recorded + fen
        for shard in range(SHARDS if fen else 0):
            interval = {"programme": PROGRAMME, "fen_from": before, "fen_to": before + fen}
            cell = {"programme": PROGRAMME, "day": self._at.date().isoformat(), "count": fen // 5, "fen": fen}
            yield self._entry(
                "donations.DonationsRecorded",
                f"/donations/shards/{shard}",
                shard=shard,
                days=[cell],
                intervals=[interval],
                duplicates=0,
                conflicts=0,
                refused=0,
            )
        if fen:
            applied = {str(shard): self._recorded for shard in range(SHARDS)}
            credited = {"programme": PROGRAMME, "credited_fen": fen * SHARDS, "applied_fen": applied}
            yield self._entry("procurement.FundCredited", f"/procurement/funds/{PROGRAMME}", **credited)

    def _round(self, ordinal: int) -> Iterator[tuple[datetime, bytes]]:
        country, round = COUNTRIES[ordinal % len(COUNTRIES)], f"LH-{ordinal:06d}"
        of = {"round": round, "programme": PROGRAMME, "country": country}
        yield self._funded(ordinal, of)
        yield from self._bought(ordinal, of)
        yield from self._shipped(of)
        left_fen = RESERVED_FEN - GOODS_FEN
        yield self._entry(
            "procurement.RoundClosed",
            f"/procurement/rounds/{round}",
            **of,
            spent_fen=GOODS_FEN,
            released_fen=left_fen,
            released=[{"shard": 0, "fen_from": self._taken - left_fen, "fen_to": self._taken}],
            leftover={},
        )

    def _funded(self, ordinal: int, of: Json) -> tuple[datetime, bytes]:
        """All rounds take of the first shard: what the one before has released, and then behind it."""
        before = self._taken - (RESERVED_FEN - GOODS_FEN if self._taken else 0)
        self._taken = before + RESERVED_FEN
        return self._entry(
            "procurement.RoundFunded",
            f"/procurement/funds/{PROGRAMME}",
            **of,
            ordinal=ordinal,
            publication=1,
            specification="long-1",
            parcels=PARCELS,
            plan_fen={"goods": GOODS_FEN},
            contingency_fen=RESERVED_FEN - GOODS_FEN,
            reserved_fen=RESERVED_FEN,
            intervals=[{"shard": 0, "fen_from": before, "fen_to": self._taken}],
            parcels_before=0,
            meets_need=True,
            need=_name(f"need-{ordinal}"),
        )

    def _bought(self, ordinal: int, of: Json) -> Iterator[tuple[datetime, bytes]]:
        source, order = f"/procurement/rounds/{of['round']}", _name(f"order-{ordinal}")
        items = [ITEMS[(ordinal + n) % len(ITEMS)] for n in range(ITEMS_A_ROUND)]
        districts = [{"district": "Synthetic", "pupils": PARCELS, "parcels": PARCELS}]
        lines = [{"item": item, "quantity": PARCELS, "unit_price_fen": 45} for item in items]
        counted = {"counted": PARCELS, "accepted": PARCELS, "rejected": 0, "over_delivered": 0}
        received = [{"item": item, **counted} for item in items]
        mine = {"order": order, "category": "goods"}
        yield self._entry(
            "procurement.RoundOpened", source, **of, parcels=PARCELS, need=_name(f"need-{ordinal}"), districts=districts
        )
        yield self._entry("procurement.FundsCommitted", source, **of, **mine, fen=GOODS_FEN)
        yield self._entry("procurement.OrderPlaced", order, **of, **mine, lines=lines, amount_fen=GOODS_FEN)
        told = {"round": of["round"], "programme": PROGRAMME, "order": order}
        yield self._entry("procurement.GoodsReceived", order, **told, reordered={}, complete=True, lines=received)
        yield self._entry("procurement.OrderPaid", order, **told, category="goods", amount_fen=GOODS_FEN)
        yield self._entry("procurement.OrderClosed", order, **told, cancelled={})
        yield self._entry("procurement.FundsSpent", source, **of, **mine, fen=GOODS_FEN, uncommitted_fen=0)
        yield self._entry(
            "procurement.ParcelsPacked",
            source,
            **of,
            specification="long-1",
            first_ordinal=1,
            count=PARCELS,
            round_parcels=PARCELS,
            consumed=dict.fromkeys(items, PARCELS),
        )

    def _shipped(self, of: Json) -> Iterator[tuple[datetime, bytes]]:
        source, on = f"/logistics/consignments/{of['round']}", self._at.date().isoformat()
        lost, reached = 1, PARCELS - 1
        end = {"accepted": reached, "rejected": 0, "damaged": 0, "lost": lost, "returned": 0}
        steps: list[tuple[str, Json]] = [
            ("ParcelsStored", {"first_ordinal": 1, "count": PARCELS}),
            ("ParcelsDispatched", {"shipment": f"SH-{of['round']}", "count": PARCELS, "happened_on": on}),
            ("ParcelsWrittenOff", {"was": "in_transit", "now": "lost", "count": lost, "happened_on": on}),
            ("ParcelsDelivered", {"accepted": reached, "rejected": 0, "district": "Synthetic", "happened_on": on}),
            (
                "ParcelsHandedOut",
                {"parcels": reached, "pupils_reached": reached, "pupils_over_reported": 0, "happened_on": on},
            ),
            ("ConsignmentClosed", end),
        ]
        for name, fields in steps:
            yield self._entry(f"logistics.{name}", source, **of, **fields)


def _name(text: str) -> str:
    """As a veiled name looks."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
