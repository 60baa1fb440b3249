"""What "Inside a parcel" shows of a reading: each item of each parcel, by what it is for, and the price paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pandapack.contracts.public_log.fold.books import UnitSums
from pandapack.contracts.public_log.fold.contents import Contents, SpecificationForm
from services.reporting.work.readings import Reading

Json = dict[str, Any]
KINDS = ("learning", "living", "hygiene", "knowledge")
"""What items are for, in the order in which they are shown; others follow by name."""
PARCELS_SHOWN_MAX = 2
"""Parcels side by side, the newest at the right: more columns do not fit a phone."""


def shown_contents(reading: Reading) -> list[Json]:
    """A programme each that has published a parcel: its `parcels` side by side, and `kinds` with their items."""
    books = reading.snapshot.books
    return [
        _programme(name, contents, books.programmes[name].items if name in books.programmes else {})
        for name, contents in sorted(books.contents.items())
        if contents.specifications
    ]


def motto_of(reading: Reading) -> Mapping[str, str]:
    """What parcels want to say, by language; nothing where no programme has said it."""
    return next((one.motto for _, one in sorted(reading.snapshot.books.contents.items()) if one.motto), {})


def _programme(name: str, contents: Contents, bought: Mapping[str, UnitSums]) -> Json:
    newest = sorted(contents.specifications.items(), key=lambda one: (one[1].effective_from, one[1].version))
    shown = newest[-PARCELS_SHOWN_MAX:]
    prices = {item: price for item, units in bought.items() if (price := _price_fen(units)) is not None}
    items = list(dict.fromkeys(item for _, one in reversed(shown) for item in one.lines))
    kinds = sorted({contents.items[item].category for item in items}, key=_place)
    forms = [one for _, one in shown]
    return {
        "programme": name,
        "name": contents.name,
        "parcels": [_parcel(id, one, contents, prices) for id, one in shown],
        "kinds": [
            _kind(kind, [item for item in items if kind == contents.items[item].category], contents, forms, prices)
            for kind in kinds
        ],
    }


def _place(kind: str) -> tuple[int, str]:
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), kind)


def _parcel(id: str, one: SpecificationForm, contents: Contents, prices: Mapping[str, int]) -> Json:
    """`cost_fen`: its goods at the average price paid, to the fen; None while one of its items is not paid for."""
    is_known = all(item in prices for item in one.lines)
    kinds = [contents.items[item].category for item in one.lines]
    return {
        "id": id,
        "year": one.effective_from[:4],
        "effective_from": one.effective_from,
        "items": len(one.lines),
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds), key=_place)},
        "weight_g": one.weight_g,
        "value_fen": one.value_fen,
        "cost_fen": sum(prices[item] * quantity for item, quantity in one.lines.items()) if is_known else None,
    }


def _kind(
    kind: str,
    items: Sequence[str],
    contents: Contents,
    parcels: Sequence[SpecificationForm],
    prices: Mapping[str, int],
) -> Json:
    rows = [_row(item, contents, parcels, prices) for item in items]
    return {
        "kind": kind,
        "rows": rows,
        "counts": [sum(row["quantities"][place] > 0 for row in rows) for place in range(len(parcels))],
    }


def _row(item: str, contents: Contents, parcels: Sequence[SpecificationForm], prices: Mapping[str, int]) -> Json:
    """`quantities`: in a parcel each; 0: it is not in it. `price_fen`: of a unit; None: none has been paid for."""
    form = contents.items[item]
    return {
        "item": item,
        "name": form.name or {"zh": item, "en": item},
        "unit": form.unit,
        "quantities": [one.lines.get(item, 0) for one in parcels],
        "price_fen": prices.get(item),
    }


def _price_fen(units: UnitSums) -> int | None:
    """What a unit cost on average, to the nearest fen; None: none has been paid for."""
    return (2 * units.paid_fen + units.paid) // (2 * units.paid) if units.paid else None
