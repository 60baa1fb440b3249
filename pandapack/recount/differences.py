"""Compares what was recounted with what the page says, figure by figure. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandapack.recount.counting import TABLES, Figures, Json

NOT_FIGURES = frozenset({"complete_to", "behind_s", "snapshot"})
"""What stands beside the figures of `/v1/totals` and says of when they are."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that the entries do not lead to. None on one side: it is only on the other."""

    figure: str
    recounted: Any
    shown: Any

    def __str__(self) -> str:
        return f"{self.figure}: recounted {_told(self.recounted)}, shown {_told(self.shown)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many figures were compared, and those that differ."""

    figures: int
    differences: Sequence[Difference]


def compare(recounted: Figures, shown: Figures) -> Comparison:
    """Every figure of both: what is on one side alone differs, too."""
    pairs = list(_pairs(recounted, shown))
    found = [Difference(*pair) for pair in pairs if pair[1] != pair[2]]
    return Comparison(len(pairs), found)


def shown_figures(totals: Json, tables: Mapping[str, Sequence[Json]], conservation: Json) -> Figures:
    """What the page's addresses answered, without what is no figure."""
    laws = {
        law["name"]: {part["of"]: {"left": part["left"], "right": part["right"]} for part in law["parts"]}
        for law in conservation["laws"]
    }
    return Figures({name: value for name, value in totals.items() if name not in NOT_FIGURES}, tables, laws)


def _pairs(recounted: Figures, shown: Figures) -> Iterator[tuple[str, Any, Any]]:
    yield from _fields("totals", recounted.totals, shown.totals)
    for table, names in TABLES.items():
        sides = [
            {tuple(row.get(name) for name in names): row for row in one.tables.get(table, ())}
            for one in (recounted, shown)
        ]
        counted, told = (len(one.tables.get(table, ())) for one in (recounted, shown))
        yield f"{table}: rows", counted, told
        for key in sorted({*sides[0], *sides[1]}, key=str):
            name = f"{table} {'/'.join(map(str, key))}"
            yield from _fields(name, *(side.get(key, {}) for side in sides))
    for law in ("money", "items", "parcels"):
        yield from _fields(f"law of {law}", recounted.laws.get(law, {}), shown.laws.get(law, {}))


def _fields(name: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Field by field, down to those that hold nothing else."""
    if not isinstance(one, Mapping | None) or not isinstance(other, Mapping | None) or one == other is None:
        yield name, one, other
        return
    one, other = one or {}, other or {}
    for field in sorted({*one, *other}, key=str):
        yield from _fields(f"{name} {field}", one.get(field), other.get(field))


def _told(value: Any) -> str:
    return "nothing" if value is None else str(value)
