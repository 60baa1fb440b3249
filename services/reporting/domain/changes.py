"""What changed between two sizes of the public log: each figure of the totals, and the entries between by figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandapack.contracts.public_log.fold import figures, fold
from pandapack.contracts.public_log.fold.books import Books

Json = dict[str, Any]
ENTRIES_COMPARED_MAX = 1_024
"""Of one answer: one reading of the kept entries, folded in well under a tenth of a second; `next` names the rest."""
COUNTRIES = "countries"


def flat(row: Mapping[str, Any]) -> dict[str, int]:
    """The figures of totals, or of a row, by name; those of groups are dotted: `parcels.accepted`."""
    found: dict[str, int] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{part}": figure for part, figure in flat(value).items()}
        elif isinstance(value, int):
            found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class EntryChanges:
    """An entry of the log: its index and type, and figure → by how much it changed it (never 0)."""

    index: int
    type: str
    changes: Mapping[str, int]


def entry_changes(before: Books, entries: Sequence[bytes]) -> Iterator[EntryChanges]:
    """What each of these entries, which follow the books, changed. Of a whole in parts, the last part changed it all.

    All figures but the number of countries are sums, so an entry's part in them is what it makes of nothing.
    """
    accepted = {country: one.parcels.accepted for country, one in figures.countries_of(before).items()}
    pending, nothing = list(before.pending), flat(figures.totals(Books()))
    for index, raw in enumerate(entries, before.size):
        own, entry = Books(pending=pending), fold.read(raw)
        fold.add_sums(own, entry)
        pending = own.pending
        changes = {name: value for name, value in flat(figures.totals(own)).items() if value != nothing[name]}
        changes.pop(COUNTRIES, None)
        if reached := _reached(accepted, own):
            changes[COUNTRIES] = reached
        yield EntryChanges(index, entry["type"], changes)


def _reached(accepted: dict[str, int], own: Books) -> int:
    """By how many the countries grew in which parcels are accepted; `accepted` is brought up to date."""
    grown = 0
    for country, one in figures.countries_of(own).items():
        before = accepted.get(country, 0)
        accepted[country] = before + one.parcels.accepted
        grown += int(accepted[country] > 0) - int(before > 0)
    return grown


def changes(before: Books, after: Books, between: Sequence[EntryChanges]) -> list[Json]:
    """A row a figure: from, to, the change, and which of the entries between changed it by how much."""
    first, last = flat(figures.totals(before)), flat(figures.totals(after))
    by_figure: dict[str, list[Json]] = {name: [] for name in first}
    for entry in between:
        for name, change in entry.changes.items():
            by_figure[name].append({"index": entry.index, "type": entry.type, "change": change})
    return [
        {"figure": name, "from": was, "to": last[name], "change": last[name] - was, "entries": by_figure[name]}
        for name, was in first.items()
    ]
