"""A settlement: the platform says which donations it has paid, and is answered with dated statements.

"Received" is what the platform told, "banked" what it settled; each donation is banked once. A settlement is net: it
pays what is left of each donation by its cut-off. A statement compares the settlement with the ledger as it is then;
asked again later, when late donations have come, it is a new statement beside the earlier ones. What was banked stays
banked, and what is reversed of it since is listed as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Literal

from pandapack.contracts.donations import DonationsBanked
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal, RefusalKind

OUR_NAME = "stl_"
STATEMENTS_MAX = 100
MERCHANTS_AN_EVENT_MAX = 2_048
"""With names as long as they may be: less than an event may measure."""


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
    REVERSED = "reversed"  # not in the settlement, and rightly: nothing was left of it by the cut-off
    REVERSED_SINCE = "reversed_since"  # banked by this settlement, and taken back after that: the fund owes it


AGREEING = (Kind.MATCHED, Kind.REVERSED, Kind.REVERSED_SINCE)
"""Where these are all that a statement lists, settlement and ledger said the same at the cut-off."""


class Why(StrEnum):
    """Why a donation (or a merchant's day) is differing."""

    AMOUNT = "amount"  # the amounts, or the counts, are not the same
    REVERSED = "reversed"  # settled as if nothing had been taken back of it
    PROGRAMME = "programme"  # it was given to another programme than the settlement's


class Tally(Part):
    """Some donations."""

    count: int = 0
    fen: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(count=self.count + other.count, fen=self.fen + other.fen)

    def __sub__(self, other: Tally) -> Tally:
        return Tally(count=self.count - other.count, fen=self.fen - other.fen)


class Sides(Part):
    """The same by the settlement and by the ledger. `ledger` is net: `reversed_fen` is deducted from it already."""

    settlement: Tally = Tally()
    ledger: Tally = Tally()
    reversed_fen: int = 0

    def __add__(self, other: Sides) -> Sides:
        return Sides(
            settlement=self.settlement + other.settlement,
            ledger=self.ledger + other.ledger,
            reversed_fen=self.reversed_fen + other.reversed_fen,
        )


class BankedStep(Part):
    """What one write banked of a page and a day of donations: merchant → (count, fen), net of what was deducted."""

    day: str
    merchants: dict[str, tuple[int, int]]

    @property
    def tally(self) -> Tally:
        """All its merchants together."""
        counts, fens = zip(*self.merchants.values(), strict=True)
        return Tally(count=sum(counts), fen=sum(fens))


class Statement(Part):
    """The `number`-th answer to a settlement. `run` names where its differences are listed.

    `cut_off`: reversals up to then are deducted. `banked`: day → what the settlement has banked in all, as of this
    statement.
    """

    number: int
    at: datetime
    run: str
    kinds: dict[Kind, Sides]
    banked: dict[str, Tally]
    cut_off: datetime

    def is_balanced(self) -> bool:
        """Whether the settlement and the ledger said the same at the cut-off."""
        return all(sides == Sides() for kind, sides in self.kinds.items() if kind not in AGREEING)

    @property
    def ledger(self) -> Sides:
        """All that the ledger has of what the settlement is about: net, and what was deducted."""
        known = (sides for kind, sides in self.kinds.items() if kind is not Kind.REVERSED_SINCE)
        return sum(known, start=Sides())


class Terms(Part):
    """What stands on the settlement's head. `name` is the platform's own number for it.

    `cut_off`: the moment up to which reversals are deducted; where it says none, that is when the settlement came.
    """

    name: str
    programme: str
    bank_reference: str
    currency: Literal["CNY"]
    by: By
    cut_off: datetime | None = None


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
    """`requested` is the number of the statement that was asked for last.

    `banked`: day → what is banked and published; `told`: page of the ledger → how many of its steps are in there.
    """

    settlement: str
    owner: str = ""
    status: Status = Status.NEW
    received: SettlementUpload | None = None
    at: datetime | None = None
    requested: int = 0
    statements: tuple[Statement, ...] = ()
    banked: dict[str, Tally] = {}
    told: dict[str, int] = {}

    @property
    def cut_off(self) -> datetime:
        """Reversals up to then are deducted from what the settlement pays."""
        assert self.received is not None and self.at is not None, "a settlement is received in its first write"
        return self.received.terms.cut_off or self.at

    @property
    def days(self) -> list[str]:
        """The days on which the settlement names donations."""
        return sorted({part.day for part in self.received.parts}) if self.received else []


def settlement_source(settlement: str) -> str:
    """The source of a settlement's events."""
    return f"/donations/settlements/{settlement}"


def settlement_id(owner: str, name: str) -> str:
    """Our own name for a settlement: two platforms may number theirs alike."""
    return OUR_NAME + sha256(f"{owner}\n{name}".encode()).hexdigest()[:24]


def possible_ids(name: str, owner: str | None) -> tuple[str, ...]:
    """What a settlement that is called so may have as its id: by a platform (`owner`), or by staff (None)."""
    if owner is None:
        platform, mark, own_name = name.partition(":")
        named = (settlement_id(platform, own_name),) if mark else ()
    else:
        named = (settlement_id(owner, name),)
    return (*named, name) if name.startswith(OUR_NAME) else named


def receive(state: Settlement, owner: str, received: SettlementUpload, at: datetime) -> Decision[Settlement] | Refusal:
    """The platform has sent a settlement: its first statement is to be drawn up."""
    if state.received is not None:
        if state.received.digest == received.digest:
            return Decision(state, answer=_answer(state))
        detail = f"settlement {received.terms.name} is known with another content; send a correction under another name"
        return Refusal("settlement_known", detail)
    cut_off = received.terms.cut_off
    if cut_off is not None and cut_off > at:
        moments = f"cut_off {cut_off.isoformat()} is yet to come: it is {at.isoformat()}"
        detail = f"{moments}; leave it out, or say up to when you deducted reversals"
        return Refusal("cut_off_in_the_future", detail, RefusalKind.INVALID)
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


def tell(state: Settlement, pages: Mapping[str, Sequence[BankedStep]]) -> Decision[Settlement]:
    """Publishes what was banked on some pages. Of each page all steps are given, and those told before passed over."""
    assert state.received is not None, "only what was received is reconciled"
    new: dict[str, dict[str, tuple[int, int]]] = {}
    for page, steps in pages.items():
        for step in steps[state.told.get(page, 0) :]:
            merchants = new.setdefault(step.day, {})
            for merchant, (count, fen) in step.merchants.items():
                before = merchants.get(merchant, (0, 0))
                merchants[merchant] = (before[0] + count, before[1] + fen)
    events, banked = list[DonationsBanked](), dict(state.banked)
    for day, merchants in sorted(new.items()):
        banked[day] = banked.get(day, Tally()) + BankedStep(day=day, merchants=merchants).tally
        events += _events_of(state.settlement, state.received.terms.programme, day, merchants)
    told = {page: max(len(steps), state.told.get(page, 0)) for page, steps in pages.items()}
    return Decision(state.model_copy(update={"banked": banked, "told": state.told | told}), tuple(events))


def _events_of(
    settlement: str, programme: str, day: str, merchants: Mapping[str, tuple[int, int]]
) -> list[DonationsBanked]:
    """What is newly banked of a day, in events of at most `MERCHANTS_AN_EVENT_MAX` merchants each."""
    names, events = sorted(merchants), list[DonationsBanked]()
    for begin in range(0, len(names), MERCHANTS_AN_EVENT_MAX):
        part = BankedStep(day=day, merchants={name: merchants[name] for name in names[begin:][:MERCHANTS_AN_EVENT_MAX]})
        events.append(
            DonationsBanked(
                settlement=settlement,
                programme=programme,
                day=day,
                count=part.tally.count,
                fen=part.tally.fen,
                merchants=part.merchants,
            )
        )
    return events


def conclude(state: Settlement, statement: Statement) -> Decision[Settlement]:
    """A statement is drawn up, and all that is banked is told: of two under one number the first stands."""
    if state.status is not Status.RECONCILING or statement.number != state.requested:
        return Decision(state)
    concluded = statement.model_copy(update={"banked": state.banked})
    update = {"status": Status.RECONCILED, "statements": (*state.statements, concluded)}
    return Decision(state.model_copy(update=update))


def _answer(state: Settlement) -> dict[str, object]:
    return {"settlement": state.settlement, "statement": state.requested, "status": Status.RECONCILING.value}
