"""The three conservation laws of the stored views, by which their projection is tested: each term, the exact
difference, and whether it holds.

A law that is computed from one figure by subtraction can never fail, and proves nothing. So the two sides of each law
come from different folds of the events, kept in different documents, and beside the balance there are checks of what
the balance cannot see. What each part catches is said at each law.

Partitions are consumed at different moments: an effect may be known before its cause, and a law then looks broken for
a moment. So a single reading proves only what holds; what fails must be read again (`lasting`), and only the same
failure in every reading is a breach. Each failure therefore has a name: law, check and what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from pandapack.contracts.logistics import PARCEL_STATES, ParcelState
from pandapack.contracts.procurement import length_fen
from services.reporting.domain.donations import ProgrammeDonations
from services.reporting.domain.figures import figures_by_name
from services.reporting.domain.items import Units, item_name, units_added
from services.reporting.domain.money import Money, MoneyFigures, applied_fen
from services.reporting.domain.parcels import Parcels, ParcelStates
from services.reporting.domain.rounds.figures import kept_intervals, parcels_by_state
from services.reporting.domain.rounds.state import Round
from tests.unit.reporting.view_totals import (
    Views,
    banked_fen,
    money_by_programme,
    outstanding_units,
    programmes_of,
)

Terms = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Check:
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

    @property
    def holds(self) -> bool:
        return self.difference == 0


@dataclass(frozen=True, slots=True)
class Balance:
    """One part of a law: the terms on both sides must add up to the same."""

    of: str
    left: Terms
    right: Terms

    @property
    def difference(self) -> int:
        return sum(self.left.values()) - sum(self.right.values())

    @property
    def terms(self) -> dict[str, int]:
        return {**self.left, **self.right}


@dataclass(frozen=True, slots=True)
class Law:
    """A law with its parts. `broken` are the checks that failed; `checks` counts all of them."""

    name: str
    unit: str
    formula: str
    parts: Sequence[Balance]
    broken: Sequence[Check] = ()
    checks: int = 0
    unbalanced: Sequence[str] = field(default=())

    @property
    def difference(self) -> int:
        """How much is missing or too much in all, never offset against each other; 0 if the law holds."""
        parts = sum(abs(part.difference) for part in self.parts if part.of in self.unbalanced)
        return parts + sum(abs(check.difference) for check in self.broken)

    @property
    def holds(self) -> bool:
        return self.difference == 0

    @property
    def terms(self) -> dict[str, int]:
        """Each term over all parts."""
        whole: dict[str, int] = {}
        for part in self.parts:
            whole = units_added(whole, part.terms)
        return whole


def law(name: str, unit: str, formula: str, parts: Sequence[Balance], checks: Iterable[Check]) -> Law:
    """A law as one reading shows it."""
    every = list(checks)
    broken = [check for check in every if not check.holds]
    unbalanced = [part.of for part in parts if part.difference]
    return Law(name, unit, formula, parts, broken, len(every) + len(parts), unbalanced)


def lasting(before: Law, now: Law) -> Law:
    """The later reading, with only those failures that the earlier one had, too."""
    known = {(check.name, check.of) for check in before.broken}
    broken = [check for check in now.broken if (check.name, check.of) in known]
    unbalanced = [of for of in now.unbalanced if of in before.unbalanced]
    return replace(now, broken=broken, unbalanced=unbalanced)


def money_law(views: Views, rounds: Mapping[str, Round]) -> Law:
    """`received − reversed = in flight + unallocated + reserved + committed + spent`, a programme, to the fen.

    Received is the sum of the days that the shards recorded, reversed what they recorded as taken back. In flight is,
    shard by shard, what is recorded beyond what the fund has applied, less the reversals that it has not applied.
    Unallocated comes from the money view. Reserved, committed and spent come from the rounds' documents. So the balance
    catches a donation that is counted in the days and not on the fen line (or the other way), a fund that missed or
    repeated a shard's event, and a round whose money differs from what the fund gave or the view booked.

    Checks: no term is negative, but for what the fund owes to reversals; the fund applied no fen and no reversal that
    no shard recorded; what the fund credited is what it applied; no more is banked than was received; view and rounds
    agree in each sum; a round's reserved money is its plan with contingency and the length of its intervals; a closed
    round's funding is spent and released, to the fen, and so is each paid order's commitment; no fen has two rounds at
    once, and none lies beyond what the fund has applied.
    """
    money, parts, checks = money_by_programme(views), [], []
    for programme in programmes_of(views):
        own = [round for round in rounds.values() if round.programme == programme]
        shards = {str(shard.shard): shard.programmes.get(programme, ProgrammeDonations()) for shard in views.shards}
        applied = applied_fen(views.money, programme)
        balance = _money_balance(programme, shards, applied, money.get(programme, MoneyFigures()), own)
        parts.append(balance)
        checks += _sign_checks(programme, balance, views.money, money.get(programme, MoneyFigures()))
        checks.append(_banked_check(views, programme, balance))
        checks += _shard_checks(programme, shards, applied, money.get(programme, MoneyFigures()))
        checks += _agreement_checks(programme, money.get(programme, MoneyFigures()), own)
        checks += _owner_checks(programme, own, applied)
        checks += [check for round in own for check in _round_checks(round)]
    formula = "received - reversed = in flight + unallocated + reserved + committed + spent"
    return law("money", "fen", formula, parts, checks)


def _money_balance(
    programme: str, shards: Mapping[str, ProgrammeDonations], applied: Terms, money: MoneyFigures, own: Sequence[Round]
) -> Balance:
    days_fen = sum(fen for donations in shards.values() for _, fen in donations.days.values())
    recorded_fen = {shard: donations.fen_to for shard, donations in shards.items()}
    reversed_fen = sum(donations.reversed_fen for donations in shards.values())
    coming_fen = sum(recorded_fen.get(shard, 0) - applied.get(shard, 0) for shard in {*recorded_fen, *applied})
    return Balance(
        programme,
        {"received": days_fen, "reversed": -reversed_fen},
        {
            "in_flight": coming_fen - (reversed_fen - money.reversed_fen),
            "unallocated": money.unallocated_now_fen,
            "reserved": sum(round.reserved_fen for round in own),
            "committed": sum(round.committed_fen for round in own),
            "spent": sum(round.spent_fen for round in own),
        },
    )


def _sign_checks(programme: str, balance: Balance, parts: Sequence[Money], money: MoneyFigures) -> list[Check]:
    owed_fen = sum(part.owed_fen.get(programme, 0) for part in parts)
    coming_back_fen = max(0, -balance.left["reversed"] - money.reversed_fen)
    least = {"unallocated": -owed_fen, "in_flight": -coming_back_fen}
    return [
        Check(f"{name} is not negative", programme, -fen, -least.get(name, 0), True)
        for name, fen in balance.right.items()
    ]


def _banked_check(views: Views, programme: str, balance: Balance) -> Check:
    paid_fen = banked_fen(views, programme)
    return Check("no more is banked than was received", programme, paid_fen, balance.left["received"], True)


def _shard_checks(
    programme: str, shards: Mapping[str, ProgrammeDonations], applied: Terms, money: MoneyFigures
) -> list[Check]:
    checks = [Check("the fund credited what it applied", programme, money.credited_fen, sum(applied.values()))]
    reversed_fen = sum(donations.reversed_fen for donations in shards.values())
    name = "the fund applied only reversals that shards recorded"
    checks.append(Check(name, programme, money.reversed_fen, reversed_fen, True))
    for shard, fen in applied.items():
        recorded_fen = shards.get(shard, ProgrammeDonations()).fen_to
        checks.append(
            Check("the fund applied only what the shard recorded", f"{programme}/{shard}", fen, recorded_fen, True)
        )
    return checks


def _agreement_checks(programme: str, money: MoneyFigures, own: Sequence[Round]) -> list[Check]:
    sums = {
        "funded": (money.funded_fen, sum(round.funded_fen for round in own)),
        "committed": (money.committed_now_fen, sum(round.committed_fen for round in own)),
        "spent": (money.spent_fen, sum(round.spent_fen for round in own)),
        "released": (money.released_fen, sum(round.released_fen for round in own)),
        "rounds": (money.rounds, sum(round.funding is not None for round in own)),
        "orders": (money.orders, sum(len(round.orders) for round in own)),
    }
    return [Check(f"view and rounds agree: {name}", programme, *sides) for name, sides in sums.items()]


def _round_checks(round: Round) -> list[Check]:
    name, funding, closing = round.round, round.funding, round.closing
    checks = [Check("a round's reserve is not negative", name, -round.reserved_fen, 0, True)]
    if funding is not None:
        planned_fen = sum(funding.plan_fen.values()) + funding.contingency_fen
        checks.append(Check("a round's funding is its plan", name, funding.reserved_fen, planned_fen))
        checks.append(
            Check("a round's funding is its intervals", name, funding.reserved_fen, length_fen(funding.intervals))
        )
    if closing is not None:
        checks.append(
            Check("what a round released is its intervals", name, closing.released_fen, length_fen(closing.released))
        )
        checks.append(Check("a round spent what its orders cost", name, closing.spent_fen, round.spent_fen))
        checks.append(Check("nothing is left in a closed round", name, round.reserved_fen + round.committed_fen, 0))
    for order, money in round.commitments.items():
        if money.paid:
            settled_fen = money.spent_fen + money.uncommitted_fen
            checks.append(Check("a paid order used up its commitment", order, money.committed_fen, settled_fen))
        known = round.orders.get(order)
        if known is not None and money.paid:
            checks.append(Check("a round spent what its order paid", order, money.spent_fen, known.paid_fen))
    return checks


def _owner_checks(programme: str, own: Sequence[Round], applied: Terms) -> list[Check]:
    """No fen has two rounds at once, and none has one before the fund has applied it."""
    by_shard: dict[str, list[tuple[int, int]]] = {}
    for round in own:
        for interval in kept_intervals(round):
            by_shard.setdefault(str(interval.shard), []).append((interval.fen_from, interval.fen_to))
    checks = []
    for shard, intervals in by_shard.items():
        intervals.sort()
        twice_fen = sum(max(0, before[1] - after[0]) for before, after in pairwise(intervals))
        checks.append(Check("no fen has two rounds", f"{programme}/{shard}", twice_fen, 0))
        end = max(fen_to for _, fen_to in intervals)
        checks.append(Check("no round has fen not applied", f"{programme}/{shard}", end, applied.get(shard, 0), True))
    return checks


def item_law(views: Views, rounds: Mapping[str, Round]) -> Law:
    """`ordered + over-delivered = received + outstanding + cancelled`, an item, in base units.

    Outstanding is kept order by order, the other terms are sums: the balance catches an order that was closed although
    goods neither came nor were cancelled, and a receipt that is counted wrongly.

    Checks: `received = accepted + rejected`; nothing outstanding or in stock is negative; what the sums say was
    accepted and kitted is what the rounds' documents say; the stock of a closed round is exactly what its closing left
    over; and in every round `accepted = kitted + in stock`.
    """
    units, outstanding = figures_by_name(Units, (part.items for part in views.items)), outstanding_units(views.items)
    accepted: dict[str, int] = {}
    kitted: dict[str, int] = {}
    checks: list[Check] = []
    for round in rounds.values():
        accepted = units_added(accepted, {item_name(round.programme, i): n for i, n in round.accepted.items()})
        kitted = units_added(kitted, {item_name(round.programme, i): n for i, n in round.kitted.items()})
        checks += _stock_checks(round)
    parts = []
    for name, one in units.items():
        owed = outstanding.get(name, 0)
        left = {"ordered": one.ordered, "over_delivered": one.over_delivered}
        parts.append(Balance(name, left, {"received": one.received, "outstanding": owed, "cancelled": one.cancelled}))
        checks += [
            Check("received = accepted + rejected", name, one.received, one.accepted + one.rejected),
            Check("outstanding is not negative", name, -owed, 0, True),
            Check("view and rounds agree: accepted", name, one.accepted, accepted.get(name, 0)),
            Check("view and rounds agree: kitted", name, one.kitted, kitted.get(name, 0)),
        ]
    formula = "ordered + over-delivered = received + outstanding + cancelled"
    return law("items", "units", formula, parts, checks)


def _stock_checks(round: Round) -> list[Check]:
    checks = []
    for item in sorted({*round.accepted, *round.kitted}):
        in_stock = round.accepted.get(item, 0) - round.kitted.get(item, 0)
        of = f"{round.round}/{item}"
        checks.append(Check("stock is not negative", of, -in_stock, 0, True))
        if round.closing is not None:
            checks.append(Check("stock is what the round left over", of, in_stock, round.closing.leftover.get(item, 0)))
    return checks


def parcel_law(parcels: Sequence[ParcelStates], rounds: Mapping[str, Round]) -> Law:
    """`packed = warehouse + in transit + accepted + rejected + damaged + lost + returned`, a country.

    Packed comes from procurement, by the parcels view; the states are counted from what the rounds' documents tell of
    each parcel. So the balance catches a parcel that was packed and of which logistics knows nothing, and one that
    logistics moved twice.

    Checks: view and rounds agree in each state; no round has a negative state; no parcel has two ends; only packed
    parcels were taken over, and only those leave; no more are packed than were funded; a closed consignment counts
    what its reports say.
    """
    view: dict[str, Parcels] = {}
    for name, one in figures_by_name(Parcels, (part.countries for part in parcels)).items():
        country = name.partition("/")[2]
        view[country] = view.get(country, Parcels()).and_all(one)
    counted: dict[str, dict[str, int]] = {country: dict.fromkeys(PARCEL_STATES, 0) for country in view}
    checks: list[Check] = []
    for round in rounds.values():
        states = parcels_by_state(round)
        counted[round.country] = units_added(counted.get(round.country, {}), states)
        checks += _parcel_checks(round, states)
    parts = []
    for country, states in sorted(counted.items()):
        shown = view.get(country, Parcels()).by_state()
        others = {state: states.get(state, 0) for state in PARCEL_STATES if state != "packed"}
        parts.append(Balance(country, {"packed": shown["packed"]}, others))
        checks += [
            Check(f"view and rounds agree: {state}", country, shown[state], states.get(state, 0))
            for state in PARCEL_STATES
        ]
    formula = "packed = warehouse + in transit + accepted + rejected + damaged + lost + returned"
    return law("parcels", "parcels", formula, parts, checks)


def _parcel_checks(round: Round, states: Mapping[str, int]) -> list[Check]:
    name, ends = round.round, _ends(round)
    taken_over = sum(stored.count for stored in round.stored)
    checks = [Check(f"{state} is not negative", name, -count, 0, True) for state, count in states.items()]
    checks.append(Check("a parcel has one end", name, len(ends), len(set(ends))))
    checks.append(Check("only packed parcels are taken over", name, taken_over, states["packed"], True))
    left = sum(dispatch.count for dispatch in round.dispatches)
    left += sum(len(report.ordinals) for report in round.write_offs if report.was is ParcelState.WAREHOUSE)
    checks.append(Check("only parcels taken over leave the warehouse", name, left, taken_over, True))
    if round.funding is not None:
        checks.append(Check("no more is packed than was funded", name, states["packed"], round.funding.parcels, True))
    dealt = sum(share.parcels for share in round.schools)
    checks.append(Check("no more is packed than was dealt out to schools", name, states["packed"], dealt, True))
    if round.ended is not None:
        for state, count in round.ended.model_dump().items():
            checks.append(Check(f"the consignment closed with its reports: {state}", name, count, states[state]))
    return checks


def _ends(round: Round) -> list[int]:
    """The ordinals of all parcels that were delivered or written off, each as often as that was reported."""
    delivered = [ordinal for one in round.deliveries for ordinal in (*one.accepted, *one.rejected)]
    return delivered + [ordinal for report in round.write_offs for ordinal in report.ordinals]
