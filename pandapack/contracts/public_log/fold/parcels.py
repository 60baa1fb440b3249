"""What a parcel cost in full, beside the value that is declared of it; and what lies in stock, at what was paid.

Full cost is what closed rounds spent on all, from goods to administration, and on parcels that never arrived, by parcel
that a school accepted. The declared value is what goods would cost on their own where they are imported: customs ask
for it, and no money is counted by it.
"""

from __future__ import annotations

from typing import Any

from pandapack.contracts.public_log.fold.books import Books, RoundBooks, RoundSums, UnitSums
from pandapack.contracts.public_log.fold.rounds import spent, states_of
from pandapack.contracts.public_log.fold.survey_books import ClosedSums

Json = dict[str, Any]


def count_closed(sums: RoundSums, round: RoundBooks, sign: int) -> None:
    """A closed round among those of its specification, or (`sign` -1) no more among them."""
    if not round.closed_at:
        return
    states, known = states_of(round), sums.closed.setdefault(round.specification, ClosedSums())
    known.rounds += sign
    known.packed += sign * states["packed"]
    known.accepted += sign * states["accepted"]
    known.spent += sign * spent(round)


def specification_rows(books: Books, programme: str | None = None) -> list[Json]:
    """`/v1/totals/specification`: a row a programme and specification of which a round is closed.

    `full_cost_a_parcel_fen`: spent by closed rounds, by parcel accepted, the nearest; null while none is accepted.
    `declared_value_fen`: of one parcel; null where no publication has the specification.
    """
    return [
        {
            "programme": name,
            "specification": specification or None,
            "closed_rounds": one.rounds,
            "packed_parcels": one.packed,
            "accepted_parcels": one.accepted,
            "spent_fen": one.spent,
            "full_cost_a_parcel_fen": nearest(one.spent, one.accepted) if one.accepted > 0 else None,
            "declared_value_fen": _value_fen(books, name, specification),
        }
        for name, known in sorted(books.programmes.items())
        if programme in (None, name)
        for specification, one in sorted(known.rounds.closed.items())
        if one.rounds
    ]


def _value_fen(books: Books, programme: str, specification: str) -> int | None:
    published = books.contents.get(programme)
    form = None if published is None else published.specifications.get(specification)
    return None if form is None else form.value_fen


def stock_fen(units: UnitSums) -> int | None:
    """What was paid for units in stock: the nearest, at the mean price of all that was paid of the item; else None."""
    in_stock = max(0, units.accepted - units.kitted)
    return nearest(in_stock * units.paid_fen, units.paid) if units.paid > 0 else None


def nearest(part: int, whole: int) -> int:
    """The nearest whole number; a half goes up. `whole` is more than nothing."""
    return (2 * part + whole) // (2 * whole)
