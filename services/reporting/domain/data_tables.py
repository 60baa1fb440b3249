"""The tables that anyone may take along: their columns, flat as in `recount.sql`, and what a Data Package says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pandapack.contracts.public_log.fold.costs import CATEGORIES
from pandapack.contracts.public_log.fold.surveys import METHOD
from pandapack.contracts.public_log.suppression import CELL_MIN

Json = dict[str, Any]
Text = Callable[[str], str]


class Format(StrEnum):
    """Of a file."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


MEDIA_TYPES: Mapping[Format, str] = {
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.JSON: "application/json",
}


@dataclass(frozen=True, slots=True)
class Column:
    """`type` as a Table Schema has it: string, integer, boolean, date, datetime. A datetime is RFC 3339, in UTC."""

    name: str
    type: str = "integer"


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `filters`: the parameters that it can be narrowed by.

    `is_whole_null`: the row of all has nothing in its key's last column, so that the key is no primary one.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    filters: tuple[str, ...] = ()
    is_whole_null: bool = False


def _integers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "string") for name in names)


PARCELS = tuple(
    f"parcels_{state}"
    for state in ("packed", "warehouse", "in_transit", "accepted", "rejected", "damaged", "lost", "returned")
)
PUPILS = ("pupils_reached", "pupils_over_reported")
BY_CATEGORY = tuple(f"{category}_fen" for category in CATEGORIES)
RATIOS = tuple(
    f"{ratio}_{part}"
    for ratio in ("activities_to_income", "administration_to_spent")
    for part in ("numerator_fen", "denominator_fen", "per_mille")
)
SURVEYED = ("surveys", *(f"survey_{name}" for name in METHOD))
PERIOD = ("from", "to")
TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "programme",
            ("programme",),
            (
                *_texts("programme"),
                *_integers("donations", "received_fen", "reversed_fen", "banked_fen", "sealed_donations", "sealed_fen"),
                *_integers(
                    "in_flight_fen",
                    "unallocated_fen",
                    "net_funded_fen",
                    "reserved_fen",
                    "committed_fen",
                    "spent_fen",
                    "rounds",
                ),
                *_integers("orders", *PARCELS, *PUPILS, "stock_units", *SURVEYED, "countries"),
            ),
            ("programme",),
        ),
        Table(
            "day",
            ("day",),
            (
                Column("day", "date"),
                *_integers("count", "fen", "reversed_count", "reversed_fen", "banked_count", "banked_fen"),
            ),
            ("programme", *PERIOD),
        ),
        Table(
            "country",
            ("country",),
            (
                *_texts("country"),
                *_integers("rounds", "funded_fen", "net_funded_fen", "reserved_fen", "committed_fen", "spent_fen"),
                *_integers(*BY_CATEGORY, "released_fen", *PARCELS, *PUPILS),
            ),
            ("programme", "country"),
        ),
        Table(
            "item",
            ("programme", "item"),
            (
                *_texts("programme", "item"),
                *_integers("ordered", "over_delivered", "received", "accepted", "rejected", "cancelled", "kitted"),
                *_integers("paid", "paid_fen", "outstanding", "in_stock", "in_stock_fen"),
            ),
            ("programme",),
        ),
        Table(
            "content",
            ("programme", "specification", "item"),
            (
                *_texts("programme", "specification"),
                *_integers("version"),
                Column("effective_from", "date"),
                *_integers("position"),
                *_texts("item", "category", "unit", "hs_code", "name_zh", "name_en"),
                *_integers("quantity"),
            ),
            ("programme",),
        ),
        Table("category", ("category",), (*_texts("category"), *_integers("spent_fen", "per_mille")), ("programme",)),
        Table(
            "year",
            ("year",),
            _integers("year", "received_fen", "reversed_fen", "spent_fen", *BY_CATEGORY, *RATIOS),
            ("programme",),
        ),
        Table(
            "specification",
            ("programme", "specification"),
            (
                *_texts("programme", "specification"),
                *_integers("closed_rounds", "packed_parcels", "accepted_parcels", "spent_fen"),
                *_integers("full_cost_a_parcel_fen", "declared_value_fen"),
            ),
            ("programme",),
        ),
        Table(
            "indicator",
            ("indicator", "country"),
            (
                *_texts("indicator", "country"),
                *_integers("numerator", "denominator", "share_per_mille", "low_per_mille", "high_per_mille"),
                *_integers("interviewed", "surveys"),
                Column("suppressed", "boolean"),
            ),
            ("programme", "country"),
            is_whole_null=True,
        ),
        Table(
            "complaint",
            ("kind",),
            (
                *_texts("kind"),
                *_integers("complaints_received", "complaints_resolved", "surveys"),
                Column("suppressed", "boolean"),
            ),
            ("programme",),
            is_whole_null=True,
        ),
        Table(
            "round",
            ("round",),
            (
                *_texts("round"),
                Column("ordinal"),
                *_texts("programme", "country", "specification", "status"),
                *_integers("parcels_planned", "funded_fen", "reserved_fen", "committed_fen", "spent_fen"),
                *_integers("released_fen", "orders", *PARCELS, *PUPILS),
                Column("funded_at", "datetime"),
                Column("closed_at", "datetime"),
            ),
            ("programme", "country", *PERIOD),
        ),
    )
}


def flat(row: Json) -> Json:
    """A row of `/v1/totals/{by}` with what is nested there beside the rest: `parcels_packed` and so on."""
    parcels = row.get("parcels", {})
    rest = {name: value for name, value in row.items() if name != "parcels"}
    return rest | {f"parcels_{state}": count for state, count in parcels.items()}


PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
LICENCE: Json = {
    "name": "CC-BY-4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
    "title": "Creative Commons Attribution 4.0",
}
SUPPRESSION = (
    "No row is about a pupil, a school, a merchant, a party, an order number or a single gift.",
    f"Places with fewer than {CELL_MIN} pupils or parcels are shown together, with the next smallest if needed.",
    f"Of surveys no figure of fewer than {CELL_MIN} pupils who said yes, or did not, nor any that leads to one.",
    "Gifts are sums by programme and day; no time of a gift is finer than a day.",
    "Merchants' daily volumes are trade secrets and in no table.",
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A file of the package: which table, in which format, how long, under which SHA-256 (hex)."""

    table: Table
    format: Format
    bytes: int
    sha256: str


def package(size: int, at: str, resources: Iterable[Resource], text: Text) -> Json:
    """A Data Package (v2) of the tables as of a size. `text`: `table_…` or `column_…` → what
    it says of the table or the column.

    Paths are relative to `/v1/data/datapackage.json`.
    """
    return {
        "$schema": PROFILE,
        "name": "panda-pack",
        "title": "Panda Pack: every fen and every parcel accounted for",
        "description": (
            f"All public figures as of the first {size} entries of the public log. Whoever counts those entries with "
            "../../log/recount.sql arrives at the same rows. Money is in fen (0.01 CNY)."
        ),
        "version": str(size),
        **({"created": at} if at else {}),
        "licenses": [LICENCE],
        "sources": [
            {"title": "The public log: entries", "path": "../../log/entries.ndjson", "version": str(size)},
            {"title": "The public log: signed checkpoint", "path": "../../log/checkpoint"},
        ],
        "suppression": list(SUPPRESSION),
        "resources": [_resource(one, size, text) for one in resources],
    }


def _resource(one: Resource, size: int, text: Text) -> Json:
    return {
        "name": f"{one.table.name}-{one.format}",
        "path": f"{one.table.name}.{one.format}?as_of={size}",
        "type": "table",
        "title": text(f"table_{one.table.name}"),
        "format": one.format.value,
        "mediatype": MEDIA_TYPES[one.format],
        **({} if one.format is Format.PARQUET else {"encoding": "utf-8"}),
        "bytes": one.bytes,
        "hash": f"sha256:{one.sha256}",
        "schema": {
            "fields": [_field(column, text) for column in one.table.columns],
            **({} if one.table.is_whole_null else {"primaryKey": list(one.table.key)}),
        },
    }


def _field(column: Column, text: Text) -> Json:
    return {"name": column.name, "type": column.type, "description": text(f"column_{column.name}")}


def duckdb_types(columns: Sequence[Column]) -> dict[str, str]:
    """Column → its type in DuckDB. Moments stay texts, so that every format writes them as RFC 3339."""
    return {
        one.name: {"integer": "BIGINT", "date": "DATE", "boolean": "BOOLEAN"}.get(one.type, "VARCHAR")
        for one in columns
    }
