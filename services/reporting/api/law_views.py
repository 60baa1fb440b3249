"""The conservation laws as JSON."""

from __future__ import annotations

from typing import Any

from services.reporting.domain.laws import Law
from services.reporting.work.readings import Books

Json = dict[str, Any]


def shown_books(books: Books) -> Json:
    """`/v1/conservation`, without how fresh it is."""
    return {
        "money_conserved": books.money.holds,
        "items_conserved": books.items.holds,
        "parcels_conserved": books.parcels.holds,
        "laws": [_shown_law(law) for law in books.laws],
    }


def _shown_law(law: Law) -> Json:
    """Its terms over all parts and part by part, the exact difference, and which checks broke."""
    return {
        "name": law.name,
        "unit": law.unit,
        "formula": law.formula,
        "holds": law.holds,
        "difference": law.difference,
        "terms": law.terms,
        "parts": [
            {"of": part.of, "left": dict(part.left), "right": dict(part.right), "difference": part.difference}
            for part in law.parts
        ],
        "checks": law.checks,
        "unbalanced": list(law.unbalanced),
        "broken": [
            {"check": check.name, "of": check.of, "left": check.left, "right": check.right, "at_most": check.at_most}
            for check in law.broken
        ],
    }
