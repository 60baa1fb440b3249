"""The fold of the public log: figures as the history has them, and laws that hold after each entry, or break."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.envelope import encode
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.fold import contents, costs, figures, fold, parcels, surveys
from pandapack.contracts.public_log.fold.books import FAILED_ROUNDS_LISTED_MAX, Books, DayBooks, RoundBooks
from pandapack.contracts.public_log.fold.fold import Day
from pandapack.contracts.public_log.fold.laws import conservation, laws
from pandapack.contracts.public_log.fold.line import Line
from pandapack.contracts.public_log.sums import summed_entries
from pandapack.contracts.public_log.veil import Veil
from tests.unit.reporting.history import AT, PROGRAMME, TOTALS, SourceEvent, enveloped, finished, programme

VEIL = Veil("5e" * 32)


def entries(published: Sequence[SourceEvent]) -> list[bytes]:
    """An entry an event."""
    found = []
    for envelope in enveloped(published):
        one = Journaled(envelope, encode(envelope))
        is_summed = envelope.type.startswith("donations.")
        found += summed_entries([one], AT, VEIL) if is_summed else entries_of([one], AT, VEIL)
    return found


class Account:
    """Books with all their rounds and days."""

    def __init__(self, of: Iterable[bytes] = ()) -> None:
        self.books, self.rounds, self.days = Books(), dict[str, RoundBooks](), dict[Day, DayBooks]()
        for entry in of:
            self.add(fold.read(entry))

    def add(self, entry: dict[str, Any]) -> None:
        names = fold.names_in(self.books, entry)
        rounds = {name: self.rounds[name] for name in names.rounds if name in self.rounds}
        days = {day: self.days[day] for day in names.days if day in self.days}
        fold.add(self.books, rounds, days, entry)
        assert rounds.keys() <= names.rounds and days.keys() <= names.days, "nothing is changed that was not named"
        self.rounds |= rounds
        self.days |= days

    @property
    def tables(self) -> dict[str, Any]:
        return {
            "totals": figures.totals(self.books),
            "programme": figures.programme_rows(self.books),
            "country": figures.country_rows(self.books),
            "item": figures.item_rows(self.books),
            "content": contents.content_rows(self.books),
            "category": costs.category_rows(self.books),
            "year": costs.year_rows(self.books),
            "specification": parcels.specification_rows(self.books),
            "indicator": surveys.indicator_rows(self.books),
            "complaint": surveys.complaint_rows(self.books),
            "day": figures.day_rows(self.days),
            "round": [figures.round_row(self.rounds[name]) for name in sorted(self.rounds)],
            "conservation": conservation(self.books),
        }


ALL, FINISHED = entries(programme()), entries(finished())


def holds(books: Books) -> bool:
    return all(law.holds for law in laws(books))


def test_the_history_gives_its_totals() -> None:
    shown = figures.totals(Account(ALL).books)
    assert {name: shown[name] for name in TOTALS} == TOTALS


def test_the_tables_say_the_same_as_the_totals() -> None:
    tables = Account(ALL).tables
    [row], rounds = tables["programme"], tables["round"]
    intake = ("duplicates", "conflicts", "refused")
    assert row == {"programme": PROGRAMME, **{k: v for k, v in tables["totals"].items() if k not in intake}}
    assert [(one["round"], one["status"]) for one in rounds] == [("R-000001", "closed"), ("R-000002", "packing")]
    for name in ("spent_fen", "reserved_fen", "committed_fen", "pupils_reached"):
        assert sum(one[name] for one in rounds) == sum(one[name] for one in tables["country"]) == tables["totals"][name]
    assert sum(one["fen"] for one in tables["day"]) == tables["totals"]["received_fen"]


def test_the_laws_hold_after_each_entry() -> None:
    account = Account()
    for entry in FINISHED:
        account.add(fold.read(entry))
        assert holds(account.books), entry
    assert account.books.checks["money"].checks and account.books.size == len(FINISHED)


@pytest.mark.parametrize("lost", range(len(FINISHED) - 2))  # nothing follows yet from the last two
def test_a_lost_entry_breaks_a_law_or_tells_of_no_figure(lost: int) -> None:
    without = Account([entry for n, entry in enumerate(FINISHED) if n != lost])
    same = {**without.tables, "conservation": 0} == {**Account(FINISHED).tables, "conservation": 0}
    alone = {"donations.DonationsRecorded", "logistics.ParcelsHandedOut"}  # nothing in the history follows from these
    assert same or not holds(without.books) or fold.read(FINISHED[lost])["type"] in alone


@pytest.mark.parametrize("doubled", range(len(FINISHED)))
def test_a_doubled_entry_breaks_a_law_or_tells_of_no_figure(doubled: int) -> None:
    twice = Account([*FINISHED[: doubled + 1], FINISHED[doubled], *FINISHED[doubled + 1 :]])
    same = {**twice.tables, "conservation": 0} == {**Account(FINISHED).tables, "conservation": 0}
    alone = {"logistics.ParcelsHandedOut"}  # heads are counted by what schools report, and by nothing else
    assert same or not holds(twice.books) or fold.read(FINISHED[doubled])["type"] in alone


def test_a_whole_in_parts_counts_when_its_last_part_comes() -> None:
    [whole] = entries(programme()[:1])
    entry = json.loads(whole)
    head = {name: value for name, value in entry.items() if name not in ("days", "intervals")}
    tail = {name: entry[name] for name in ("v", "type", "at", "on", "source", "sequence", "hash")}
    first = {**head, "days": entry["days"], "part": 1, "parts": 2}
    second = {**tail, "intervals": entry["intervals"], "part": 2, "parts": 2}
    account = Account()
    account.add(first)
    assert figures.totals(account.books)["donations"] == 0 and holds(account.books)
    account.add(second)
    assert {**account.tables} == Account([whole]).tables
    assert account.books.size == 2


@given(cut=st.integers(0, len(FINISHED)))
def test_books_that_were_written_and_read_again_go_on_as_if_nothing_had_been(cut: int) -> None:
    account = Account(FINISHED[:cut])
    account.books = msgspec.msgpack.decode(msgspec.msgpack.encode(account.books), type=Books)
    account.rounds = msgspec.msgpack.decode(msgspec.msgpack.encode(account.rounds), type=dict[str, RoundBooks])
    for entry in FINISHED[cut:]:
        account.add(fold.read(entry))
    assert account.tables == Account(FINISHED).tables


def test_failures_beyond_what_is_listed_are_counted() -> None:
    account, broken = Account(), FAILED_ROUNDS_LISTED_MAX + 3
    [template] = [fold.read(entry) for entry in ALL if b"RoundFunded" in entry and b"R-000001" in entry]
    for n in range(broken):
        account.add({**template, "round": f"R-{n:06d}", "contingency_fen": template["contingency_fen"] + 1})
    money = laws(account.books)[0]
    assert (len([one for one in money.broken if "plan" in one.name]), money.unlisted) == (broken - 3, (3, 3))
    account.add({**template, "round": "R-000000"})
    assert "R-000000" not in account.books.checks["money"].listed, "what is well again is no failure any more"


Move = tuple[bool, int, int]
moves = st.lists(
    st.tuples(st.booleans(), st.integers(0, 40), st.integers(1, 12)).map(lambda m: (m[0], m[1], m[1] + m[2])),
    max_size=30,
)


@given(moves)
def test_a_line_knows_which_fen_are_taken_twice(moves: list[Move]) -> None:
    line, taken, twice, front = Line(), set[int](), 0, 0
    for is_taking, low, high in moves:
        fen = set(range(low, high))
        if is_taking:
            twice += len(fen & taken)
            taken |= fen
            front = max(front, high)
            line.take(low, high)
        elif high <= front:
            taken -= fen
            line.release(low, high)
    free = {fen for low, high in line.free for fen in range(low, high)}
    assert (line.twice, line.front) == (twice, front)
    assert free == set(range(front)) - taken
    assert line.free == sorted(line.free)
    assert all(one[1] < other[0] for one, other in pairwise(line.free)), "what touches is one run"
