"""The three conservation laws as the books show them: each term, the exact difference, and whether it holds.

A law that is computed from one figure by subtraction can never fail, and proves nothing. So the two sides of each law
come from different folds of the entries: sums over all that events tell, and what every round (and in it every order)
says by itself. Beside the balance there are checks of what the balance cannot see. What each part catches is said at
each law.

Every effect stands behind its causes in the log, so a law holds after each entry, and what fails is a breach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandapack.contracts.logistics import PARCEL_STATES
from pandapack.contracts.public_log.fold.books import Books, Check, CountryBooks, ProgrammeBooks, RoundChecks
from pandapack.contracts.public_log.fold.costs import spent_on
from pandapack.contracts.public_log.fold.figures import by_state, countries_of, units_of

Terms = Mapping[str, int]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Balance:
    """One part of a law: the terms on both sides must add up to the same."""

    of: str
    left: Terms
    right: Terms

    @property
    def difference(self) -> int:
        return sum(self.left.values()) - sum(self.right.values())


@dataclass(frozen=True, slots=True)
class Law:
    """A law with its parts. `broken` are checks that failed; `checks` counts all, also those that hold.

    `unlisted`: how many more failed, in more rounds than are told word by word, and by how much in all.
    """

    name: str
    unit: str
    formula: str
    parts: Sequence[Balance]
    broken: Sequence[Check] = ()
    checks: int = 0
    unlisted: tuple[int, int] = (0, 0)

    @property
    def unbalanced(self) -> list[str]:
        """The parts of which the two sides differ."""
        return [part.of for part in self.parts if part.difference]

    @property
    def difference(self) -> int:
        """How much is missing or too much in all, never offset against each other; 0 if the law holds."""
        balances = sum(abs(part.difference) for part in self.parts)
        return balances + sum(abs(check.difference) for check in self.broken) + self.unlisted[1]

    @property
    def holds(self) -> bool:
        return self.difference == 0

    @property
    def terms(self) -> dict[str, int]:
        """Each term over all parts."""
        whole: dict[str, int] = {}
        for part in self.parts:
            for name, value in {**part.left, **part.right}.items():
                whole[name] = whole.get(name, 0) + value
        return whole


def laws(books: Books) -> tuple[Law, Law, Law]:
    """Money, items, parcels."""
    return money_law(books), item_law(books), parcel_law(books)


def _law(books: Books, name: str, unit: str, formula: str, parts: Sequence[Balance], checks: Iterable[Check]) -> Law:
    """With what the rounds' own checks found."""
    every, of_rounds = list(checks), books.checks.get(name, RoundChecks())
    listed = [check for _, failures in sorted(of_rounds.listed.items()) for check in failures]
    unlisted = of_rounds.failures - len(listed), of_rounds.difference - sum(abs(one.difference) for one in listed)
    broken = [check for check in every if check.difference] + listed
    return Law(name, unit, formula, parts, broken, len(every) + len(parts) + of_rounds.checks, unlisted)


def money_law(books: Books) -> Law:
    """`received - reversed = in flight + unallocated + reserved + committed + spent`, a programme, to the fen.

    Received is the sum of the days that the shards recorded. In flight is, shard by shard, how far the fen line reaches
    beyond what the fund has applied, less the reversals that it has not applied. Unallocated is what the fund's events
    leave. Reserved, committed and spent are added up round by round, and in them order by order. So the balance catches
    a gift that is counted in the days and not on the fen line (or the other way), a fund that missed or repeated a
    shard's event, and a round whose money differs from what the fund gave.

    Checks: no term is negative, but for what the fund owes to reversals; the fund applied no fen and no reversal that
    no shard recorded; what the fund credited is what it applied; no more is banked or sealed than was received; sums
    and rounds agree, in each category, too, where an order says by itself what it was placed for; what was spent by
    category adds up to what was spent; no fen has two takers at once, and none is taken before the fund has applied
    it; and of each round (`rounds.failures_of`) that its money is its plan, its intervals and its orders, and all of it
    is spent or released in the end.
    """
    parts, checks = [], list[Check]()
    for name, programme in sorted(books.programmes.items()):
        balance = _money_balance(name, programme)
        parts.append(balance)
        checks += _sign_checks(name, balance, programme)
        checks.append(Check("no more is banked than was received", name, programme.banked, programme.received, True))
        checks.append(Check("no more is sealed than was received", name, programme.sealed, programme.received, True))
        checks += _shard_checks(name, programme)
        checks += _agreement_checks(name, programme)
    formula = "received - reversed = in flight + unallocated + reserved + committed + spent"
    return _law(books, "money", "fen", formula, parts, checks)


def _money_balance(name: str, programme: ProgrammeBooks) -> Balance:
    recorded, applied, money = programme.recorded, programme.applied, programme.money
    coming = sum(recorded.get(shard, 0) - applied.get(shard, 0) for shard in {*recorded, *applied})
    return Balance(
        name,
        {"received": programme.received, "reversed": -programme.reversed},
        {
            "in_flight": coming - (programme.reversed - money.reversed),
            "unallocated": money.unallocated_now,
            "reserved": programme.rounds.reserved,
            "committed": programme.rounds.committed,
            "spent": programme.rounds.spent,
        },
    )


def _sign_checks(name: str, balance: Balance, programme: ProgrammeBooks) -> list[Check]:
    coming_back = max(0, programme.reversed - programme.money.reversed)
    least = {"unallocated": -programme.owed, "in_flight": -coming_back}
    return [
        Check(f"{term} is not negative", name, -fen, -least.get(term, 0), True) for term, fen in balance.right.items()
    ]


def _shard_checks(name: str, programme: ProgrammeBooks) -> list[Check]:
    applied, money = programme.applied, programme.money
    checks = [Check("the fund credited what it applied", name, money.credited, sum(applied.values()))]
    what = "the fund applied only reversals that shards recorded"
    checks.append(Check(what, name, money.reversed, programme.reversed, True))
    for shard, fen in sorted(applied.items()):
        recorded = programme.recorded.get(shard, 0)
        checks.append(Check("the fund applied only what the shard recorded", f"{name}/{shard}", fen, recorded, True))
    for shard, line in sorted(programme.lines.items()):
        of = f"{name}/{shard}"
        checks.append(Check("no fen has two takers", of, line.twice, 0))
        checks.append(Check("no fen is taken that is not applied", of, line.front, applied.get(shard, 0), True))
    return checks


def _agreement_checks(name: str, programme: ProgrammeBooks) -> list[Check]:
    money, rounds = programme.money, programme.rounds
    sums = {
        "funded": (money.funded, rounds.funded),
        "committed": (money.committed_now, rounds.committed),
        "spent": (money.spent, rounds.spent),
        "released": (money.released, rounds.released),
        "rounds": (money.rounds, rounds.rounds),
        "orders": (money.orders, rounds.orders),
    }
    checks = [Check(f"sums and rounds agree: {what}", name, *sides) for what, sides in sums.items()]
    return checks + _category_checks(name, programme)


def _category_checks(name: str, programme: ProgrammeBooks) -> list[Check]:
    """By category once as payments say, and once as the orders say that were paid."""
    paid, ordered = spent_on(programme.countries.values()), programme.rounds.spent_on
    checks = [
        Check(f"sums and rounds agree: spent on {category or 'no category'}", name, fen, ordered.get(category, 0))
        for category, fen in ({**dict.fromkeys(ordered, 0), **paid}).items()
    ]
    what = "what was spent by category is what was spent"
    return [*checks, Check(what, name, sum(paid.values()), programme.money.spent)]


def item_law(books: Books) -> Law:
    """`ordered + over-delivered = received + outstanding + cancelled`, an item of a programme, in base units.

    Outstanding is kept order by order, the other terms are sums: the balance catches an order that was closed although
    goods neither came nor were cancelled, and a receipt that is counted wrongly.

    Checks: `received = accepted + rejected`; nothing outstanding is negative; sums and rounds agree in what was
    accepted and kitted; and in each round that no stock is negative, and that a closed round's is what it left over.
    """
    parts, checks = [], list[Check]()
    for name, units, programme, item in units_of(books):
        owed = programme.rounds.outstanding.get(item, 0)
        left = {"ordered": units.ordered, "over_delivered": units.over_delivered}
        right = {"received": units.received, "outstanding": owed, "cancelled": units.cancelled}
        parts.append(Balance(name, left, right))
        checks += [
            Check("received = accepted + rejected", name, units.received, units.accepted + units.rejected),
            Check("outstanding is not negative", name, -owed, 0, True),
            Check("sums and rounds agree: accepted", name, units.accepted, programme.rounds.accepted.get(item, 0)),
            Check("sums and rounds agree: kitted", name, units.kitted, programme.rounds.kitted.get(item, 0)),
        ]
    formula = "ordered + over-delivered = received + outstanding + cancelled"
    return _law(books, "items", "units", formula, parts, checks)


def parcel_law(books: Books) -> Law:
    """`packed = warehouse + in transit + accepted + rejected + damaged + lost + returned`, a country.

    Packed is what procurement's events add up to; the states are counted round by round from what logistics reported.

    Checks: sums and rounds agree in every state; and in each round that no state is negative, that only packed parcels
    are taken over and only those leave, that no more is packed than was funded and dealt out, and that a consignment
    closed with its reports.
    """
    parts, checks = [], list[Check]()
    for country, found in countries_of(books).items():
        shown, counted = by_state(found.parcels), _counted(found)
        right = {state: counted[state] for state in PARCEL_STATES if state != "packed"}
        parts.append(Balance(country, {"packed": shown["packed"]}, right))
        checks += [
            Check(f"sums and rounds agree: {state}", country, shown[state], counted[state]) for state in PARCEL_STATES
        ]
    formula = "packed = warehouse + in transit + accepted + rejected + damaged + lost + returned"
    return _law(books, "parcels", "parcels", formula, parts, checks)


def _counted(country: CountryBooks) -> dict[str, int]:
    return {state: country.rounds.get(state, 0) for state in PARCEL_STATES}


def conservation(books: Books) -> Json:
    """`/v1/conservation`: the three laws, and what settlements have paid beside the term "received"."""
    money, items, parcels = laws(books)
    return {
        "money_conserved": money.holds,
        "items_conserved": items.holds,
        "parcels_conserved": parcels.holds,
        "laws": [_shown(one) for one in (money, items, parcels)],
        "banked_fen": sum(one.banked for one in books.programmes.values()),
        "banked_by_programme": {name: one.banked for name, one in sorted(books.programmes.items())},
    }


def _shown(law: Law) -> Json:
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
        "unbalanced": law.unbalanced,
        "broken": [
            {"check": check.name, "of": check.of, "left": check.left, "right": check.right, "at_most": check.at_most}
            for check in law.broken
        ],
        "broken_unlisted": law.unlisted[0],
    }
