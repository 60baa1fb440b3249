"""A country's months: what a public aid record (IATI) tells of each, from the same entries as the sums over all time.

Bounded by programme, country and month: no round, order or report is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Json = Mapping[str, Any]
MONTH_CHARACTERS = len("2021-11")
YEAR_CHARACTERS = len("2021")
DISTRICTS_A_YEAR_MAX = 200
"""Of a programme in a country: several times what a country of eleven has had. Of further ones no name is kept, so that
reports cannot grow the books; their parcels are counted all the same."""


class MonthBooks(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A programme in a country in one month of the business day: fen, parcels and pupils; all begin at nothing.

    `first`, `last`: the days on which any of it happened. `accepted`: by schools, less what was written off there
    later. What was taken back stands beside what it was taken from, and not in it: `released` of `funded`,
    `uncommitted` of `committed`.
    """

    first: str = ""
    last: str = ""
    funded: int = 0
    released: int = 0
    committed: int = 0
    uncommitted: int = 0
    spent: int = 0
    accepted: int = 0
    pupils: int = 0


Months = dict[str, MonthBooks]
"""Month (`2021-11`) → its books."""
Districts = dict[str, dict[str, int]]
"""Year → district → parcels accepted there, as far as the log names it."""


def add_to_month(months: Months, districts: Districts, entry: Json) -> None:
    """One more entry of the country. Types that tell nothing of a month change nothing."""
    told = TOLD.get(entry["type"])
    if told is None:
        return
    day: str = entry["on"]
    known = months.setdefault(day[:MONTH_CHARACTERS], MonthBooks())
    known.first, known.last = min(known.first or day, day), max(known.last, day)
    for name, value in told(entry).items():
        setattr(known, name, getattr(known, name) + value)
    if entry["type"] == DELIVERED and entry["accepted"] and "district" in entry:
        _add_district(districts.setdefault(day[:YEAR_CHARACTERS], {}), entry["district"], entry["accepted"])


def _add_district(known: dict[str, int], district: str, parcels: int) -> None:
    if district in known or len(known) < DISTRICTS_A_YEAR_MAX:
        known[district] = known.get(district, 0) + parcels


def _written_off(entry: Json) -> dict[str, int]:
    change = (entry["now"] == "accepted") - (entry["was"] == "accepted")
    return {"accepted": change * entry["count"]}


DELIVERED = "logistics.ParcelsDelivered"
TOLD: Mapping[str, Callable[[Json], dict[str, int]]] = {
    "procurement.RoundFunded": lambda entry: {"funded": entry["reserved_fen"]},
    "procurement.RoundClosed": lambda entry: {"released": entry["released_fen"]},
    "procurement.FundsCommitted": lambda entry: {"committed": entry["fen"]},
    "procurement.FundsSpent": lambda entry: {"spent": entry["fen"], "uncommitted": entry["uncommitted_fen"]},
    DELIVERED: lambda entry: {"accepted": entry["accepted"]},
    "logistics.ParcelsWrittenOff": _written_off,
    "logistics.ParcelsHandedOut": lambda entry: {"pupils": entry["pupils_reached"]},
}
"""Type of an entry → what it adds to its month."""
