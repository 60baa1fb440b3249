"""The figures that an address shows as of a size, held against those that follow from its entries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx

from pandapack.transparency.findings import Fault, Wrong
from pandapack.transparency.reading import Reading
from pandapack.transparency.sources import AddressSource, Unanswered

ROWS_A_PAGE = 1_000
NOT_YET = "size_unknown"
"""The code with which figures are refused that have not come as far as the log."""
VERDICTS = ("money_conserved", "items_conserved", "parcels_conserved", "banked_fen")
"""Of `/v1/conservation`: its terms are those of the totals."""

Json = dict[str, Any]


class FiguresBehind(Exception):
    """The address has figures, and not yet as of this size."""


def compare(source: AddressSource, reading: Reading) -> int | None:
    """How many figures the address shows that follow from the entries read so far: all of them.

    None: it shows none as of sizes. Raises Wrong for the first that does not follow, FiguresBehind, Unanswered.
    """
    size = reading.size
    shown = _asked(source, f"/v1/totals?as_of={size}")
    if shown is None:
        return None
    told = shown.get("snapshot")
    if isinstance(told, dict) and told.get("size") != size:
        raise Wrong(Fault.FIGURE_DIFFERS, f"asked for totals as of {size}, it answers those as of {told.get('size')}")
    compared = _compare("totals", reading.totals, shown, size)
    for name, rows, keys in reading.tables():
        found = _rows(source, f"/v1/totals/{name}", size)
        if found is not None:
            compared += _compare_rows(name, rows, found, keys, size)
    laws = _asked(source, f"/v1/conservation?as_of={size}")
    if laws is not None:
        ours = reading.conservation
        compared += _compare("conservation", {name: ours[name] for name in VERDICTS}, laws, size)
    return compared


def _compare_rows(name: str, ours: Iterable[Json], shown: Sequence[Json], keys: tuple[str, ...], size: int) -> int:
    by_key = {tuple(row.get(key) for key in keys): row for row in shown}
    compared = 0
    for row in ours:
        key = tuple(row[one] for one in keys)
        place = f"{name} {'/'.join(map(str, key))}"
        if key not in by_key:
            raise Wrong(Fault.FIGURE_DIFFERS, f"{place} as of {size} entries is not shown, and follows from them")
        compared += _compare(place, row, by_key.pop(key), size)
    if by_key:
        place = "/".join(map(str, next(iter(by_key))))
        raise Wrong(Fault.FIGURE_DIFFERS, f"{name} {place} as of {size} entries is shown, and follows from none")
    return compared


def _compare(place: str, ours: Mapping[str, Any], shown: Mapping[str, Any], size: int) -> int:
    compared = 0
    for name, value in ours.items():
        if isinstance(value, dict):
            inner = shown.get(name)
            compared += _compare(f"{place} {name}", value, inner if isinstance(inner, dict) else {}, size)
        elif name not in shown or shown[name] != value:
            told = shown.get(name, "nothing")
            detail = f"{place} {name}: {told} is shown as of {size} entries, and {value} follows from them"
            raise Wrong(Fault.FIGURE_DIFFERS, detail)
        else:
            compared += 1
    return compared


def _rows(source: AddressSource, path: str, size: int) -> list[Json] | None:
    """All rows of a table, page after page."""
    rows, after = list[Json](), ""
    while True:
        paged = f"&limit={ROWS_A_PAGE}&after={after}" if path.endswith("/round") else ""
        page = _asked(source, f"{path}?as_of={size}{paged}")
        if page is None:
            return None
        rows += page.get("items", [])
        after = page.get("next") or ""
        if not after:
            return rows


def _asked(source: AddressSource, path: str) -> Json | None:
    status, raw = source.answer(path)
    if status != httpx.codes.OK:
        if NOT_YET.encode() in raw:
            raise FiguresBehind(path)
        return None
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise Unanswered(f"{source.name}{path} answers no JSON") from error
    if not isinstance(found, dict):
        raise Unanswered(f"{source.name}{path} answers no object")
    return found
