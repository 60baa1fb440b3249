"""A settlement: the platform says which donations it has paid, and is answered with dated statements.

"Received" is what the platform told, "banked" what it settled; each donation is banked once. A statement compares the
settlement with the ledger as it is then; asked again later, when late donations have come, it is a new statement beside
the earlier ones. What was banked stays banked, so each statement says only what is newly so.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pandapack.contracts.donations import DonationsBanked
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal, RefusalKind

STATEMENTS_MAX = 100


class By(StrEnum):
    """What a settlement lists: donations, or sums by merchant and day."""

    IDS = "ids"
    SUMS = "sums"


class Status(StrEnum):
    """How far a settlement is."""

    NEW = "new"
    RECONCILING = "reconciling"  # a statement is being drawn up
    RECONCILED = "reconciled"


class Kind(StrEnum):
    """How a donation (or a merchant's day) stands in the settlement against the ledger."""

    MATCHED = "matched"
    MISSING = "missing"  # in the settlement, not in the ledger
    EXTRA = "extra"  # in the ledger, not in the settlement, and banked by no other settlement
    DIFFERING = "differing"  # in both, with another amount, count or programme
    ALREADY_BANKED = "already_banked"  # in both, and banked by an earlier settlement
    REPEATED = "repeated"  # in the settlement a second time


class Tally(Part):
    """Some donations."""

    count: int = 0
    fen: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(count=self.count + other.count, fen=self.fen + other.fen)

    def __sub__(self, other: Tally) -> Tally:
        return Tally(count=self.count - other.count, fen=self.fen - other.fen)


class Sides(Part):
    """The same by the settlement and by the ledger."""

    settlement: Tally = Tally()
    ledger: Tally = Tally()

    def __add__(self, other: Sides) -> Sides:
        return Sides(settlement=self.settlement + other.settlement, ledger=self.ledger + other.ledger)


class Statement(Part):
    """The `number`-th answer to a settlement. `run` names where its differences are listed.

    `banked`: day → what the settlement has banked in all, as of this statement.
    """

    number: int
    at: datetime
    run: str
    kinds: dict[Kind, Sides]
    banked: dict[str, Tally]

    def is_balanced(self) -> bool:
        """Whether the settlement and the ledger say the same."""
        return all(sides == Sides() for kind, sides in self.kinds.items() if kind is not Kind.MATCHED)


class Terms(Part):
    """What stands on the settlement's head. `name` is the platform's own number for it."""

    name: str
    programme: str
    bank_reference: str
    currency: Literal["CNY"]
    by: By


class PartRef(Part):
    """Where some of the settlement's rows are kept, all of one shard and day."""

    id: str
    shard: int
    day: str
    rows: int


class SettlementUpload(Part):
    """A settlement as it came in whole: its head, its rows, the digest of all of it."""

    terms: Terms
    digest: str
    total: Tally
    parts: tuple[PartRef, ...]


class Settlement(Part):
    """`requested` is the number of the statement that was asked for last."""

    settlement: str
    owner: str = ""
    status: Status = Status.NEW
    received: SettlementUpload | None = None
    at: datetime | None = None
    requested: int = 0
    statements: tuple[Statement, ...] = ()
    banked: dict[str, Tally] = {}

    @property
    def days(self) -> list[str]:
        """The days on which the settlement names donations."""
        return sorted({part.day for part in self.received.parts}) if self.received else []


def settlement_source(settlement: str) -> str:
    """The source of a settlement's events."""
    return f"/donations/settlements/{settlement}"


def receive(state: Settlement, owner: str, received: SettlementUpload, at: datetime) -> Decision[Settlement] | Refusal:
    """The platform has sent a settlement: its first statement is to be drawn up."""
    if state.received is not None:
        if state.received.digest == received.digest:
            return Decision(state, answer=_answer(state))
        detail = f"settlement {received.terms.name} is known with another content; send a correction under another name"
        return Refusal("settlement_known", detail)
    taken = state.model_copy(
        update={"owner": owner, "received": received, "at": at, "status": Status.RECONCILING, "requested": 1}
    )
    return Decision(taken, answer=_answer(taken))


def ask_again(state: Settlement) -> Decision[Settlement] | Refusal:
    """Somebody wants a new statement: late donations may have come."""
    if state.received is None:
        return Refusal("settlement_unknown", f"there is no settlement {state.settlement}", RefusalKind.NOT_FOUND)
    if state.status is Status.RECONCILING:
        return Decision(state, answer=_answer(state))
    if state.requested >= STATEMENTS_MAX:
        return Refusal("too_many_statements", f"{state.settlement} has {STATEMENTS_MAX} statements: a person must look")
    asked = state.model_copy(update={"status": Status.RECONCILING, "requested": state.requested + 1})
    return Decision(asked, answer=_answer(asked))


def conclude(state: Settlement, statement: Statement) -> Decision[Settlement]:
    """A statement is drawn up; what it banks for the first time is published.

    Of two under one number the first stands; what the second one saw banked is published all the same.
    """
    assert state.received is not None, "only what was received is reconciled"
    banked, events = dict(state.banked), []
    for day, seen in sorted(statement.banked.items()):
        new = seen - banked.get(day, Tally())
        if new.count > 0 and new.fen > 0:  # else another one saw later, and more: what was banked stays banked
            banked[day] = seen
            events.append(
                DonationsBanked(
                    settlement=state.settlement,
                    programme=state.received.terms.programme,
                    day=day,
                    count=new.count,
                    fen=new.fen,
                )
            )
    concluded = state.model_copy(update={"banked": banked})
    if state.status is Status.RECONCILING and statement.number == state.requested:
        statements = (*state.statements, statement)
        concluded = concluded.model_copy(update={"status": Status.RECONCILED, "statements": statements})
    return Decision(concluded, tuple(events))


def _answer(state: Settlement) -> dict[str, object]:
    return {"settlement": state.settlement, "statement": state.requested, "status": Status.RECONCILING.value}
