"""Counting again, from what is kept: pages and seals of the ledger, events of the journal.

It shares the contracts with the services and nothing else, so that a mistake in a view cannot hide in the recount.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pymongo.database import Database

Collections = Database[dict[str, Any]]
STATES = ("packed", "warehouse", "in_transit", "accepted", "rejected", "damaged", "lost", "returned")


@dataclass
class Books:
    """What events record of money (fen) and parcels: of the whole programme, of a country or of a round."""

    money: Counter[str] = field(default_factory=Counter)
    parcels: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    orders: int = 0
    pupils: int = 0
    pupils_over_reported: int = 0

    def figures(self) -> dict[str, Any]:
        """By the names under which `/v1/totals` and its tables show them."""
        money = self.money
        return {
            "unallocated_fen": money["credited"] - money["reversed"] - money["funded"] + money["released"],
            "funded_fen": money["funded"],
            "reserved_fen": money["funded"] - money["committed"] + money["uncommitted"] - money["released"],
            "committed_fen": money["committed"] - money["spent"] - money["uncommitted"],
            "spent_fen": money["spent"],
            "released_fen": money["released"],
            "rounds": self.rounds,
            "orders": self.orders,
            "pupils_reached": self.pupils,
            "pupils_over_reported": self.pupils_over_reported,
            "parcels": {state: self.parcels[state] for state in STATES},
        }


@dataclass
class Recount:
    """What was counted, and every difference in a sentence."""

    differences: list[str] = field(default_factory=list)
    pages: int = 0
    seals: int = 0
    events: int = 0
    donations: int = 0
    received_fen: int = 0
    reversed_fen: int = 0
    days: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Day in Asia/Shanghai → (count, fen)."""
    received_by_programme: Counter[str] = field(default_factory=Counter)
    books: Books = field(default_factory=Books)
    countries: dict[str, Books] = field(default_factory=dict)
    rounds: dict[str, Books] = field(default_factory=dict)

    def same(self, what: str, recounted: object, shown: object) -> None:
        """Notes a difference between what was counted and what is shown."""
        if recounted != shown:
            self.differences.append(f"{what}: recounted {recounted}, shown {shown}")

    def totals(self) -> dict[str, Any]:
        """The figures of the whole."""
        of_pages = {"donations": self.donations, "received_fen": self.received_fen, "reversed_fen": self.reversed_fen}
        return {**of_pages, **self.books.figures()}
