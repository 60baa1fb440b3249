"""Everything of procurement as large as it may be: names at their longest, lists at their ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pandapack.contracts.procurement import (
    FenInterval,
    NeedOpened,
    ProgrammePublished,
    RoundFunded,
    SchoolShare,
    ServiceRate,
)
from pandapack.contracts.publication import BillLine, Item, LocalizedName, Offer, Policy, Specification, Supplier
from services.procurement.domain.allocation import NeedShare
from services.procurement.domain.fund import OPEN_ROUNDS_MAX, PIECES_MAX, Fund, ShardFront
from services.procurement.domain.need import (
    DISTRICT_CHARACTERS_MAX,
    PARCELS_A_SCHOOL_MAX,
    PUPILS_A_SCHOOL_MAX,
    SCHOOLS_A_NEED_MAX,
)
from services.procurement.domain.need_book import OPEN_NEEDS_MAX
from services.procurement.domain.pricing import SERVICES, pricing_of
from services.procurement.domain.publication import (
    BILL_LINES_MAX,
    ITEMS_MAX,
    NAME_CHARACTERS_MAX,
    RATES_MAX,
    ROUND_PARCELS_MAX,
    SPECIFICATIONS_MAX,
    SUPPLIERS_MAX,
    UNIT_CHARACTERS_MAX,
)

AT = datetime(2021, 11, 11, tzinfo=UTC)
RARE = "𠮷"
"""A character of four bytes in UTF-8: no text of as many characters is longer."""
SHARDS_MAX = 1_024
BIG_FEN = 10**15
PROGRAMME, NEED, ROUND = "p" * 64, "n" * 64, "ABCDEFGH-000001"


def named(prefix: str, number: int, characters: int = 48) -> str:
    """A name at its longest, and the only one of its number."""
    return f"{prefix}{number:07d}".ljust(characters, "x")


def programme(*, round_parcels: int = 50, **changes: Any) -> ProgrammePublished:
    """A publication at all its ends; what a round costs is within its own."""
    item_ids = [named("i", n) for n in range(ITEMS_MAX)]
    supplier_ids = [named("s", n) for n in range(SUPPLIERS_MAX)]
    long = LocalizedName(zh=RARE * NAME_CHARACTERS_MAX, en=RARE * NAME_CHARACTERS_MAX)
    lines = BILL_LINES_MAX // 4  # four specifications have all the lines but those of the rest
    countries = [f"{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(RATES_MAX // len(SERVICES))]
    small = SPECIFICATIONS_MAX - 4
    content = ProgrammePublished(
        programme=PROGRAMME,
        publication=999,
        name=long,
        policy=Policy(
            round_parcels=round_parcels,
            contingency_per_mille=100,
            price_tolerance_per_mille=100,
            round_code="ABCDEFGH",
            invoice_fen_max_unapproved=10**12,
        ),
        items=tuple(
            Item(id=id, category="c" * 48, name=long, unit=RARE * UNIT_CHARACTERS_MAX, hs_code="9" * 12)
            for id in item_ids
        ),
        specifications=tuple(
            Specification(
                id=named("v", n),
                version=9_999_999,
                effective_from="2099-12-31",
                lines=tuple(
                    BillLine(item=id, quantity=100)
                    for id in (item_ids[:1] if n >= 4 else item_ids[: lines - (small if n == 3 else 0)])
                ),
                weight_g=9_999_999,
                volume_cm3=9_999_999,
                value_fen=9_999_999,
            )
            for n in range(SPECIFICATIONS_MAX)
        ),
        suppliers=tuple(Supplier(id=id, name=RARE * NAME_CHARACTERS_MAX) for id in supplier_ids),
        catalogue=tuple(
            Offer(supplier=supplier_ids[n % SUPPLIERS_MAX], item=id, unit_price_fen=99_999, pack_size=9_999)
            for n, id in enumerate(item_ids)
        ),
        services=tuple(
            ServiceRate(category=category, supplier=supplier_ids[0], country=country, fen_per_parcel=9_999_999)
            for category in SERVICES
            for country in countries
        ),
        warehouse="w" * 48,
    )
    return content.model_copy(update=changes)


def schools(count: int = SCHOOLS_A_NEED_MAX, parcels: int = PARCELS_A_SCHOOL_MAX) -> tuple[SchoolShare, ...]:
    """Schools with the longest names."""
    district = RARE * DISTRICT_CHARACTERS_MAX
    return tuple(
        SchoolShare(school=named("S", n, 64), district=district, pupils=PUPILS_A_SCHOOL_MAX, parcels=parcels)
        for n in range(count)
    )


def need_opened() -> NeedOpened:
    """A need of as many schools as may be."""
    return NeedOpened(
        need=NEED,
        programme=PROGRAMME,
        country="AA",
        specification=named("v", 0),
        schools=schools(),
        parcels=SCHOOLS_A_NEED_MAX * PARCELS_A_SCHOOL_MAX,
        ordinal=999_999_999,
    )


def pieces(count: int, fen_each: int = 1) -> tuple[FenInterval, ...]:
    """Pieces of fen lines far out, none of which touches another."""
    return tuple(
        FenInterval(shard=1_023, fen_from=BIG_FEN + 10 * n * fen_each, fen_to=BIG_FEN + (10 * n + 1) * fen_each)
        for n in range(count)
    )


def fund(*, released: int = PIECES_MAX, fen_each: int = 1) -> Fund:
    """A fund at all its ends, with nothing left on its shards."""
    content = programme()
    return Fund(
        programme=PROGRAMME,
        publication=999,
        pricing=pricing_of(content),
        shards=tuple(ShardFront(shard=n, taken_fen=BIG_FEN, applied_fen=BIG_FEN) for n in range(SHARDS_MAX)),
        released=pieces(released, fen_each),
        needs=tuple(
            NeedShare(
                need=named("n", n, 64),
                country="AA",
                specification=named("v", 0),
                parcels=SCHOOLS_A_NEED_MAX * PARCELS_A_SCHOOL_MAX,
            )
            for n in range(OPEN_NEEDS_MAX)
        ),
        known_needs=tuple((10 * n + 1, 10 * n + 5) for n in range(OPEN_NEEDS_MAX)),
        rounds=999_999,
        spent_fen=SHARDS_MAX * BIG_FEN - released * fen_each,
    )


def open_rounds(count: int = OPEN_ROUNDS_MAX) -> dict[str, int]:
    """As many rounds as may be open, each of which has a piece of money."""
    return {f"ABCDEFGH-{n:06d}": 10**12 for n in range(count)}


def round_funded(reserved_fen: int, parcels: int = ROUND_PARCELS_MAX, pieces_max: int = PIECES_MAX) -> RoundFunded:
    """A round that has as many pieces of money as there may be."""
    small = pieces(pieces_max - 1)
    last = FenInterval(shard=1_022, fen_from=BIG_FEN, fen_to=BIG_FEN + reserved_fen - len(small))
    return RoundFunded(
        round=ROUND,
        ordinal=1,
        programme=PROGRAMME,
        publication=999,
        need=NEED,
        country="AA",
        specification=named("v", 0),
        parcels=parcels,
        plan_fen={},
        contingency_fen=0,
        reserved_fen=reserved_fen,
        intervals=(*small, last),
        parcels_before=0,
        meets_need=False,
    )
