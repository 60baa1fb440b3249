"""Programmes to plan by: the demonstration's own, and a small one whose sums can be done in the head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pandapack.contracts.donations import DonationsRecorded, DonationsReversed, ProgrammeInterval, ProgrammeReversal
from pandapack.contracts.procurement import NeedOpened, ProgrammePublished, SchoolShare

PROGRAMME = "love-parcel"
DATA = Path(__file__).parents[3] / "programmes" / "love-parcel.json"
FACTS_COUNTRIES = ("MM", "NP", "ET", "KH", "LA", "PK", "NA", "UG", "MN", "PH", "ZW")
SEAPORTS = ("MM", "KH", "PK", "NA", "PH")

# A parcel of two pencils (sold by 5 at 10 fen) and one towel (single, 100 fen), from two suppliers; services 60 fen.
SMALL: dict[str, Any] = {
    "name": {"zh": "小", "en": "Small"},
    "warehouse": "demo-warehouse",
    "policy": {"round_parcels": 4, "contingency_per_mille": 100, "price_tolerance_per_mille": 50},
    "items": [
        {
            "id": "pencil",
            "category": "learning",
            "name": {"zh": "铅笔", "en": "Pencil"},
            "unit": "piece",
            "hs_code": "960910",
        },
        {
            "id": "towel",
            "category": "living",
            "name": {"zh": "毛巾", "en": "Towel"},
            "unit": "piece",
            "hs_code": "630260",
        },
    ],
    "specifications": [
        {
            "id": "small",
            "version": 1,
            "effective_from": "2019-02-01",
            "lines": [{"item": "pencil", "quantity": 2}, {"item": "towel", "quantity": 1}],
            "weight_g": 100,
            "volume_cm3": 100,
            "value_fen": 500,
        }
    ],
    "suppliers": [
        {"id": "demo-supplier-01", "name": "Demo Supplier 01"},
        {"id": "demo-supplier-02", "name": "Demo Supplier 02"},
        {"id": "demo-office", "name": "Demo Office"},
    ],
    "catalogue": [
        {"supplier": "demo-supplier-01", "item": "pencil", "unit_price_fen": 10, "pack_size": 5},
        {"supplier": "demo-supplier-02", "item": "towel", "unit_price_fen": 100, "pack_size": 1},
    ],
    "services": [
        {"category": "freight", "supplier": "demo-office", "country": None, "fen_per_parcel": 20},
        {"category": "freight", "supplier": "demo-office", "country": "NP", "fen_per_parcel": 30},
        {"category": "insurance", "supplier": "demo-office", "country": None, "fen_per_parcel": 10},
        {"category": "duty", "supplier": "demo-office", "country": None, "fen_per_parcel": 10},
        {"category": "monitoring", "supplier": "demo-office", "country": None, "fen_per_parcel": 10},
        {"category": "administration", "supplier": "demo-office", "country": None, "fen_per_parcel": 10},
    ],
}


def small(publication: int = 1, **changes: Any) -> ProgrammePublished:
    """The small programme; `changes` replace whole fields."""
    return ProgrammePublished(programme=PROGRAMME, publication=publication, **{**SMALL, **changes})


def demonstration_body() -> dict[str, Any]:
    """The body of PUT /v1/programmes/love-parcel."""
    body: dict[str, Any] = json.loads(DATA.read_text())
    return body


def demonstration() -> ProgrammePublished:
    """The demonstration's programme."""
    return ProgrammePublished(programme=PROGRAMME, publication=1, **demonstration_body())


def schools(*parcels: int) -> tuple[SchoolShare, ...]:
    """Schools S1, S2, … that wait for so many parcels."""
    return tuple(
        SchoolShare(school=f"S{number}", district="D1", pupils=count, parcels=count)
        for number, count in enumerate(parcels, 1)
    )


def need_opened(need: str, country: str, *parcels: int, specification: str = "small", ordinal: int = 1) -> NeedOpened:
    """A need of schools that wait for so many parcels."""
    return NeedOpened(
        need=need,
        programme=PROGRAMME,
        country=country,
        specification=specification,
        schools=schools(*parcels),
        parcels=sum(parcels),
        ordinal=ordinal,
    )


def donations(shard: int, fen_from: int, fen_to: int, programme: str = PROGRAMME) -> DonationsRecorded:
    """A shard recorded donations that occupy `[fen_from, fen_to)` of its fen line."""
    interval = ProgrammeInterval(programme=programme, fen_from=fen_from, fen_to=fen_to, count=1)
    return DonationsRecorded(shard=shard, page=1, count=1, intervals=(interval,), days=())


def reversals(shard: int, fen_from: int, fen_to: int, programme: str = PROGRAMME) -> DonationsReversed:
    """Of all that was ever reversed on a shard, `[fen_from, fen_to)` are new."""
    days = {"2021-11-12": (1, fen_to - fen_from)}
    reversal = ProgrammeReversal(programme=programme, count=1, fen_from=fen_from, fen_to=fen_to, days=days)
    return DonationsReversed(shard=shard, page=1, reversals=(reversal,))
