"""A figure through time: which there are, and what each is at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pandapack.contracts.public_log.fold import figures
from pandapack.contracts.public_log.fold.books import Books, CountryBooks, ProgrammeBooks
from pandapack.decision import Refusal, RefusalKind
from services.reporting.domain.changes import flat

Json = dict[str, Any]
OF_ALL = frozenset(flat(figures.totals(Books())))
"""Figures of the totals."""
OF_PROGRAMME = frozenset(flat(figures.totals(Books(), "")))
"""Those of them that a programme has."""
OF_COUNTRY = frozenset(
    flat(figures.country_rows(Books(programmes={"": ProgrammeBooks(countries={"": CountryBooks()})}))[0])
)
"""Figures of a row of the table by country."""


def refuse_figure(figure: str, programme: str | None, country: str | None) -> Refusal | None:
    """Why there is no such series; None: there is one."""
    if programme is not None and country is not None:
        detail = "a series is of all, of one programme or of one country: leave out programme or country"
        return Refusal("series_of_both", detail, RefusalKind.INVALID)
    known = OF_COUNTRY if country is not None else OF_ALL if programme is None else OF_PROGRAMME
    if figure in known:
        return None
    of = "a country" if country is not None else "all" if programme is None else "a programme"
    return Refusal("figure_unknown", f"figures of {of} are {', '.join(sorted(known))}", RefusalKind.NOT_FOUND)


def value_of(
    figure: str,
    programme: str | None,
    country: str | None,
    *,
    totals: Mapping[str, Any],
    programmes: Mapping[str, Mapping[str, Any]],
    countries: Iterable[Mapping[str, Any]],
) -> int:
    """The figure among those of a moment; 0 where the programme or country had nothing yet."""
    row = totals
    if programme is not None:
        row = programmes.get(programme, {})
    elif country is not None:
        row = next((one for one in countries if one["country"] == country), {})
    return flat(row).get(figure, 0)
