"""Small cells: what would point at few people is merged with others, or not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pandapack.contracts.procurement import SchoolShare

CELL_MIN = 5
"""Fewer pupils or parcels than this are not shown for a place: they could be counted on the fingers of one hand."""

Cell = tuple[int, int]
"""Pupils and parcels."""


def is_small(*counts: int) -> bool:
    """Whether a cell with these counts would point at few people."""
    return any(count < CELL_MIN for count in counts)


def district_cells(schools: Iterable[SchoolShare]) -> list[dict[str, object]]:
    """What schools have together, by district, and last (`district` null) what small districts have together.

    Where that is small itself, the smallest district that could be shown joins it: else it would be the difference
    between the whole and what is shown.
    """
    cells: dict[str, Cell] = {}
    for share in schools:
        pupils, parcels = cells.get(share.district, (0, 0))
        cells[share.district] = (pupils + share.pupils, parcels + share.parcels)
    shown = {district: cell for district, cell in cells.items() if not is_small(*cell)}
    hidden = [cell for district, cell in cells.items() if district not in shown]
    while hidden and shown and is_small(*_sum(hidden)):
        hidden.append(shown.pop(_smallest(shown)))
    found = [_cell(district, shown[district]) for district in sorted(shown)]
    return [*found, _cell(None, _sum(hidden))] if hidden else found


def _smallest(cells: Mapping[str, Cell]) -> str:
    return min(cells, key=lambda district: (min(cells[district]), district))


def _sum(cells: Iterable[Cell]) -> Cell:
    known = list(cells)
    return sum(cell[0] for cell in known), sum(cell[1] for cell in known)


def _cell(district: str | None, cell: Cell) -> dict[str, object]:
    return {"district": district, "pupils": cell[0], "parcels": cell[1]}
