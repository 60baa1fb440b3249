"""Every entry read once, in order: whether it is well-formed and may stand there, and what the figures are by then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pandapack.contracts.public_log.fold import contents, costs, figures, fold, parcels, surveys
from pandapack.contracts.public_log.fold.books import Books, DayBooks, RoundBooks
from pandapack.contracts.public_log.fold.fold import Day
from pandapack.contracts.public_log.fold.laws import conservation, laws
from pandapack.contracts.public_log.well_formed import SET_ASIDE, EntryForms, EntryOrder, Unfit, read_entry
from pandapack.transparency.findings import Fault, Wrong

Json = dict[str, Any]


class Reading:
    """The books of the entries so far. Memory grows with rounds, days and sources, and not with entries."""

    def __init__(self) -> None:
        self.books, self._rounds, self._days = Books(), dict[str, RoundBooks](), dict[Day, DayBooks]()
        self._forms, self._order = EntryForms(), EntryOrder()
        self.set_aside = 0
        """Events that an operator passed over, and that the log tells of: laws may be broken by them, and are not
        judged any more."""

    @property
    def size(self) -> int:
        """Entries that are read."""
        return self.books.size

    def read(self, raw: bytes) -> None:
        """The next entry. Raises Wrong where it is not as it must be, or cannot stand here."""
        try:
            entry = read_entry(raw)
            self._forms.check(entry)
            self._order.check(entry)
        except Unfit as why:
            raise Wrong(Fault.ENTRY_UNFIT, f"entry {self.size}: {why}") from why
        self.set_aside += entry["type"] == SET_ASIDE
        fold.add(self.books, self._rounds, self._days, entry)

    def judge_laws(self) -> None:
        """Raises Wrong where a law of conservation does not hold, and nothing that the log tells of broke it."""
        for law in laws(self.books):
            if not law.holds and not self.set_aside:
                first = next(iter(law.broken), None)
                where = f"; {first.name} of {first.of}: {first.left}, not {first.right}" if first is not None else ""
                where = f"; of {', '.join(law.unbalanced)}" if law.unbalanced else where
                detail = f"the law of {law.name} does not hold after {self.size} entries: {law.difference} {law.unit}"
                raise Wrong(Fault.LAW_BROKEN, detail + where)

    @property
    def broken_laws(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(law.name for law in laws(self.books) if not law.holds)

    @property
    def totals(self) -> Json:
        """As `/v1/totals` has them."""
        return figures.totals(self.books)

    def tables(self) -> Iterator[tuple[str, list[Json], tuple[str, ...]]]:
        """Each table of `/v1/totals/…`: its name, its rows, and which fields name a row."""
        yield "programme", figures.programme_rows(self.books), ("programme",)
        yield "country", figures.country_rows(self.books), ("country",)
        yield "item", figures.item_rows(self.books), ("programme", "item")
        yield "content", contents.content_rows(self.books), ("programme", "specification", "item")
        yield "category", costs.category_rows(self.books), ("category",)
        yield "year", costs.year_rows(self.books), ("year",)
        yield "specification", parcels.specification_rows(self.books), ("programme", "specification")
        yield "indicator", surveys.indicator_rows(self.books), ("indicator", "country")
        yield "complaint", surveys.complaint_rows(self.books), ("kind",)
        yield "day", figures.day_rows(self._days), ("day",)
        yield "round", [figures.round_row(self._rounds[name]) for name in sorted(self._rounds)], ("round",)

    @property
    def conservation(self) -> Json:
        """As `/v1/conservation` has it."""
        return conservation(self.books)
