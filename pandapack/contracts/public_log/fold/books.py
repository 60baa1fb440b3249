"""The books: all sums that the figures are made of, as of a size of the log.

`Books` is bounded by programmes, and their countries, items and shards. Rounds and days grow with history; each stands
by itself, so that whoever keeps the books need only have at hand what an entry names (`fold.names_in`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pandapack.contracts.public_log.fold.contents import Contents, OrderedLine
from pandapack.contracts.public_log.fold.line import Line
from pandapack.contracts.public_log.fold.months import Districts, Months
from pandapack.contracts.public_log.fold.survey_books import ClosedSums, SurveyBooks

Json = dict[str, Any]


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    """A group of sums. All of them begin at nothing."""

    def add(self, **more: int) -> None:
        """Some of the sums grow."""
        for name, value in more.items():
            setattr(self, name, getattr(self, name) + value)


class MoneySums(Struct):
    """What the events of funds, rounds and orders tell of money: fen, but for `rounds` and `orders`."""

    credited: int = 0
    reversed: int = 0
    funded: int = 0
    committed: int = 0
    uncommitted: int = 0
    spent: int = 0
    released: int = 0
    rounds: int = 0
    orders: int = 0

    @property
    def unallocated_now(self) -> int:
        """In the fund, and no round has it; negative while more is owed to reversals than is there."""
        return self.credited - self.reversed - self.funded + self.released

    @property
    def reserved_now(self) -> int:
        """Rounds have it, and no order."""
        return self.funded - self.committed + self.uncommitted - self.released

    @property
    def committed_now(self) -> int:
        """Ordered, and not paid."""
        return self.committed - self.uncommitted - self.spent


class ParcelSums(Struct):
    """Parcels by state. `packed` comes from procurement, all others from logistics; `stored`: ever taken over by it.

    `pupils` are those that count, `over_reported` heads that schools reported beyond them.
    """

    packed: int = 0
    stored: int = 0
    warehouse: int = 0
    in_transit: int = 0
    accepted: int = 0
    rejected: int = 0
    damaged: int = 0
    lost: int = 0
    returned: int = 0
    pupils: int = 0
    over_reported: int = 0


class UnitSums(Struct):
    """An item of a programme, in base units. `paid`: units of the orders that were paid, `paid_fen`: with how much."""

    ordered: int = 0
    over_delivered: int = 0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    cancelled: int = 0
    kitted: int = 0
    paid: int = 0
    paid_fen: int = 0


class CountryBooks(Struct):
    """A programme in a country. `rounds`: parcels by state once more, counted round by round.

    `spent`: year of the business day → category → fen. `months`, `districts`: what the aid record tells of it.
    """

    money: MoneySums = msgspec.field(default_factory=MoneySums)
    parcels: ParcelSums = msgspec.field(default_factory=ParcelSums)
    rounds: dict[str, int] = {}
    spent: dict[str, dict[str, int]] = {}
    months: Months = {}
    districts: Districts = {}


class YearSums(Struct):
    """A programme's year in Asia/Shanghai, in fen: received by the gift's day, reversed by the reversal's."""

    received: int = 0
    reversed: int = 0


class RoundSums(Struct):
    """What a programme's rounds say when each is counted by itself: the laws hold them against `MoneySums`.

    Units are by item: `outstanding` is what open orders still owe, order by order. `spent_on`: fen by the category that
    the order was placed for. `closed`: by specification.
    """

    funded: int = 0
    reserved: int = 0
    committed: int = 0
    spent: int = 0
    released: int = 0
    rounds: int = 0
    orders: int = 0
    accepted: dict[str, int] = {}
    kitted: dict[str, int] = {}
    outstanding: dict[str, int] = {}
    spent_on: dict[str, int] = {}
    closed: dict[str, ClosedSums] = {}


class ProgrammeBooks(Struct):
    """A programme. Donations and fen; by shard where the fen line ends (`recorded`), and how far it is applied.

    `received` is the sum of the days, `recorded` comes from the intervals: the laws compare them.
    """

    donations: int = 0
    received: int = 0
    reversed: int = 0
    banked: int = 0
    sealed_donations: int = 0
    sealed: int = 0
    owed: int = 0
    recorded: dict[str, int] = {}
    applied: dict[str, int] = {}
    lines: dict[str, Line] = {}
    money: MoneySums = msgspec.field(default_factory=MoneySums)
    countries: dict[str, CountryBooks] = {}
    items: dict[str, UnitSums] = {}
    years: dict[str, YearSums] = {}
    rounds: RoundSums = msgspec.field(default_factory=RoundSums)
    surveys: SurveyBooks = msgspec.field(default_factory=SurveyBooks)


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`left` should equal `right`, or (`at_most`) not exceed it. `of` is what it is about: a round, an item …"""

    name: str
    of: str
    left: int
    right: int
    at_most: bool = False

    @property
    def difference(self) -> int:
        over = self.left - self.right
        return max(0, over) if self.at_most else over


FAILED_ROUNDS_LISTED_MAX = 100
"""Rounds whose failures are kept word by word. Beyond them failures are counted, so that a breach of all cannot grow
the books."""


class RoundChecks(Struct):
    """Of one law, over all rounds: how many checks there are, what failed in all, and the failures of some rounds."""

    checks: int = 0
    failures: int = 0
    difference: int = 0
    listed: dict[str, list[Check]] = {}


class Books(Struct):
    """All but rounds and days, as of the first `size` entries; `at` is the time of the last one ("": there is none).

    `contents`: programme → what its parcels hold, from its publication on, before it has any figure.
    `pending`: entries that are parts of one whole, until its last part comes; no figure has any of them before.
    """

    size: int = 0
    at: str = ""
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0
    programmes: dict[str, ProgrammeBooks] = {}
    contents: dict[str, Contents] = {}
    checks: dict[str, RoundChecks] = {}
    pending: list[Json] = []


class DayBooks(Struct):
    """A programme's day in Asia/Shanghai. Received and banked are by the day of the gift, reversed by its own."""

    count: int = 0
    fen: int = 0
    reversed_count: int = 0
    reversed_fen: int = 0
    banked_count: int = 0
    banked_fen: int = 0


class OrderBooks(Struct):
    """An order: its money by the round's events and by its own, and what it still owes of goods.

    `lines`: of goods, as confirmed or else as placed, until they are paid.
    """

    committed: int = 0
    spent: int = 0
    uncommitted: int = 0
    is_spent: bool = False
    is_placed: bool = False
    category: str = ""
    paid: int = 0
    outstanding: dict[str, int] = {}
    lines: list[OrderedLine] = []


class RoundBooks(Struct):
    """A round, folded from its own entries. Money in fen, parcels and units in numbers; `…_at`: an entry's time."""

    round: str = ""
    programme: str = ""
    country: str = ""
    specification: str = ""
    ordinal: int = 0
    parcels_planned: int = 0
    funded: int = 0
    planned: int = 0
    interval_fen: int = 0
    dealt: int = 0
    funded_at: str = ""
    orders: dict[str, OrderBooks] = {}
    accepted: dict[str, int] = {}
    kitted: dict[str, int] = {}
    packed: int = 0
    stored: int = 0
    dispatched: int = 0
    delivered: int = 0
    refused: int = 0
    written_off: dict[str, int] = {}
    pupils: int = 0
    over_reported: int = 0
    closed_at: str = ""
    closed_spent: int = 0
    released: int = 0
    released_interval_fen: int = 0
    leftover: dict[str, int] = {}
    ended: dict[str, int] = {}
