"""The fund of a programme: one document that alone takes fen from the fen lines, and gives them to rounds.

Always, to the fen: applied = unallocated + reserved for open rounds + spent by closed rounds + reversed.

How many rounds there are in the end, and which, follows from the donations, the needs and what each round costs, not
from the order in which events are applied: rounds are funded strictly one after the other, each as soon as it can be
paid in full, and none costs more than was reserved for it.
"""

from __future__ import annotations

from datetime import date

from pandapack.contracts.donations import DonationsRecorded, DonationsReversed
from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.procurement import (
    FenInterval,
    FundCredited,
    FundReversed,
    NeedOpened,
    ProgrammePublished,
    RoundClosed,
    RoundFunded,
    length_fen,
    round_name,
)
from pandapack.decision import Decision, Refusal
from services.procurement.domain.allocation import (
    NeedShare,
    Ordinals,
    after_round,
    is_among,
    next_need,
    unmet_parcels,
    with_ordinal,
    without_met,
)
from services.procurement.domain.intervals import Intervals, join, split
from services.procurement.domain.pricing import Pricing, RoundPlan, is_in_force, plan_round, pricing_of, serves

ROUNDS_A_WRITE_MAX = 16
"""More wait for the next write, which the fund's own RoundFunded brings about."""
OPEN_ROUNDS_MAX = 2_000
"""More wait until one is closed: the fund keeps what each of them has."""
PIECES_MAX = 3_000
"""Pieces of fen lines that came back, or that open rounds may give back: a round that takes all of them tells of them
in one event, and the fund keeps them in one document. Beyond, further rounds wait until some are closed."""


class ShardFront(Part):
    """The fen line on a shard: `[0, taken_fen)` went to rounds and reversals, `[taken_fen, applied_fen)` did not.

    `reversed_fen` were ever reversed on the shard; `owed_fen` of them wait for its next fen.
    """

    shard: int
    taken_fen: int = 0
    applied_fen: int = 0
    reversed_fen: int = 0
    owed_fen: int = 0


class Fund(Part):
    """All that the fund knows. What it no longer needs to decide it forgets: met needs, closed rounds.

    `known_needs`: the ordinals of all needs that it ever heard of, so that a need that is met does not come again.
    """

    programme: str
    publication: int = 0
    pricing: Pricing | None = None
    shards: tuple[ShardFront, ...] = ()
    released: Intervals = ()  # first in, first out, before the fronts
    needs: tuple[NeedShare, ...] = ()
    known_needs: Ordinals = ()
    rounds: int = 0
    open_rounds: dict[str, int] = {}  # round → fen reserved for it
    open_pieces: dict[str, int] = {}  # round → how many pieces of fen lines it has
    spent_fen: int = 0  # by closed rounds
    unpublished_credited_fen: int = 0
    unpublished_reversed_fen: int = 0
    unpublished_reversed: Intervals = ()  # what went to reversals, new ones and owed ones
    can_fund_more: bool = False  # a further round, at once


class NextRound(Part):
    """The round that is funded next."""

    need: NeedShare
    plan: RoundPlan


def applied_fen(state: Fund) -> int:
    """All that was ever given to the programme, as far as the fund has applied it."""
    return sum(front.applied_fen for front in state.shards)


def unallocated_fen(state: Fund) -> int:
    """What no round has; negative while more is owed to reversals than is there."""
    free_fen = sum(front.applied_fen - front.taken_fen - front.owed_fen for front in state.shards)
    return free_fen + length_fen(state.released)


def reversed_fen(state: Fund) -> int:
    """All that was ever reversed, as far as the fund has applied it."""
    return sum(front.reversed_fen for front in state.shards)


def open_fen(state: Fund) -> int:
    """What open rounds have, spent or not."""
    return sum(state.open_rounds.values())


def next_round(state: Fund, day: date | None = None) -> NextRound | None:
    """The next round, whether or not there is money for it. None: no need is open that the publication can serve.

    `day`: only specifications that are in force then are bought; None: whichever.
    """
    pricing = state.pricing
    if pricing is None:
        return None
    kinds = {(need.specification, need.country) for need in state.needs}
    bought = {kind for kind in kinds if day is None or is_in_force(pricing, kind[0], day)}
    served = {kind for kind in bought if serves(pricing, *kind)}
    need = next_need(need for need in state.needs if (need.specification, need.country) in served)
    if need is None:
        return None
    parcels = min(pricing.policy.round_parcels, unmet_parcels(need))
    return NextRound(need=need, plan=plan_round(pricing, need.specification, need.country, parcels))


def is_affordable(state: Fund, round: NextRound | None) -> bool:
    """Whether the round can be funded now: there is the money, and room for what may come back of it."""
    return round is not None and round.plan.reserved_fen <= unallocated_fen(state) and _has_room(state, round)


def _has_room(state: Fund, round: NextRound) -> bool:
    if len(state.open_rounds) >= OPEN_ROUNDS_MAX:
        return False
    pieces = len(state.released) + sum(state.open_pieces.values())
    if pieces + len(state.shards) < PIECES_MAX:
        return True
    # While rounds are open some will give back less than they have. With none, the next one takes what there is.
    return not state.open_rounds and len(_draw(state, round.plan.reserved_fen)[1]) <= PIECES_MAX


def credit(state: Fund, event: DonationsRecorded) -> Decision[Fund] | Refusal:
    """A shard recorded donations. New fen begin exactly where the known ones end; anything else is a gap, and stops."""
    interval = next((i for i in event.intervals if i.programme == state.programme), None)
    if interval is None:
        return Decision(state)
    front = _front(state, event.shard)
    if interval.fen_from != front.applied_fen:
        detail = f"shard {event.shard} of {state.programme}: {front.applied_fen} fen applied, then {interval.fen_from}"
        return Refusal("fen_line_gap", detail)
    assert interval.fen_to >= interval.fen_from
    front = front.model_copy(update={"applied_fen": interval.fen_to})
    unpublished_fen = state.unpublished_credited_fen + interval.fen_to - interval.fen_from
    return Decision(_pay_back(state.model_copy(update={"unpublished_credited_fen": unpublished_fen}), front))


def reverse(state: Fund, event: DonationsReversed) -> Decision[Fund] | Refusal:
    """Donations were reversed: they get the front of their fen line, or its next fen. A gap stops here, too."""
    reversal = next((r for r in event.reversals if r.programme == state.programme), None)
    if reversal is None:
        return Decision(state)
    front = _front(state, event.shard)
    if reversal.fen_from != front.reversed_fen:
        known = f"{front.reversed_fen} fen reversed"
        detail = f"shard {event.shard} of {state.programme}: {known}, then {reversal.fen_from}"
        return Refusal("reversal_gap", detail)
    new_fen = reversal.fen_to - reversal.fen_from
    front = front.model_copy(update={"reversed_fen": reversal.fen_to, "owed_fen": front.owed_fen + new_fen})
    unpublished_fen = state.unpublished_reversed_fen + new_fen
    return Decision(_pay_back(state.model_copy(update={"unpublished_reversed_fen": unpublished_fen}), front))


def follow(state: Fund, event: ProgrammePublished) -> Decision[Fund]:
    """From now on rounds are planned by this publication, unless a later one is known."""
    if event.publication <= state.publication:
        return Decision(state)
    update = {"publication": event.publication, "pricing": pricing_of(event)}
    return Decision(state.model_copy(update=update))


def add_need(state: Fund, event: NeedOpened) -> Decision[Fund]:
    """A need may be met from this fund. One whose ordinal is known is a replay."""
    if is_among(state.known_needs, event.ordinal):
        return Decision(state)
    need = NeedShare(
        need=event.need,
        country=event.country,
        specification=event.specification,
        parcels=event.parcels,
    )
    known = with_ordinal(state.known_needs, event.ordinal)
    return Decision(state.model_copy(update={"needs": (*state.needs, need), "known_needs": known}))


def close_round(state: Fund, event: RoundClosed) -> Decision[Fund]:
    """A round is over: what it did not spend comes back. A round that is not open is a replay."""
    if event.round not in state.open_rounds:
        return Decision(state)
    assert length_fen(event.released) == event.released_fen
    assert event.spent_fen + event.released_fen == state.open_rounds[event.round]
    rest = {round: fen for round, fen in state.open_rounds.items() if round != event.round}
    update = {
        "open_rounds": rest,
        "open_pieces": {round: pieces for round, pieces in state.open_pieces.items() if round in rest},
        "spent_fen": state.spent_fen + event.spent_fen,
        "released": join(state.released, event.released),
    }
    return Decision(state.model_copy(update=update))


def resume(state: Fund) -> Decision[Fund]:
    """The fund's own RoundFunded came: nothing changes, and `finish` funds what is left to fund."""
    return Decision(state)


def finish(state: Fund, day: date | None = None) -> Decision[Fund]:
    """Publishes what was credited and reversed, and funds the rounds that can be paid in full, in bounded numbers.

    `day`: today, in Asia/Shanghai (see `next_round`).
    """
    known_fen = applied_fen(state)
    events: list[Event] = []
    if state.unpublished_credited_fen:
        events.append(_credited_event(state))
        state = state.model_copy(update={"unpublished_credited_fen": 0})
    if state.unpublished_reversed_fen or state.unpublished_reversed:
        events.append(_reversed_event(state))
        state = state.model_copy(update={"unpublished_reversed_fen": 0, "unpublished_reversed": ()})
    round = next_round(state, day)
    for _ in range(ROUNDS_A_WRITE_MAX):
        if round is None or not is_affordable(state, round):
            break
        state, round_funded = _fund_round(state, round)
        events.append(round_funded)
        round = next_round(state, day)
    state = state.model_copy(update={"can_fund_more": is_affordable(state, round)})
    used_fen = open_fen(state) + state.spent_fen + reversed_fen(state)
    assert known_fen == unallocated_fen(state) + used_fen, "money is conserved"
    return Decision(state, tuple(events))


def _credited_event(state: Fund) -> FundCredited:
    return FundCredited(
        programme=state.programme,
        credited_fen=state.unpublished_credited_fen,
        applied_fen={front.shard: front.applied_fen for front in state.shards},
    )


def _reversed_event(state: Fund) -> FundReversed:
    return FundReversed(
        programme=state.programme,
        reversed_fen=state.unpublished_reversed_fen,
        intervals=state.unpublished_reversed,
        owed_fen=sum(front.owed_fen for front in state.shards),
    )


def _pay_back(state: Fund, front: ShardFront) -> Fund:
    """The fund with this front, which first pays what it owes to reversals."""
    fen = min(front.owed_fen, front.applied_fen - front.taken_fen)
    upto = front.taken_fen + fen
    reversed_intervals = (FenInterval(shard=front.shard, fen_from=front.taken_fen, fen_to=upto),) if fen else ()
    paid = front.model_copy(update={"taken_fen": upto, "owed_fen": front.owed_fen - fen})
    unpublished = join(state.unpublished_reversed, reversed_intervals)
    return state.model_copy(update={"shards": _with_front(state.shards, paid), "unpublished_reversed": unpublished})


def _front(state: Fund, shard: int) -> ShardFront:
    return next((front for front in state.shards if front.shard == shard), ShardFront(shard=shard))


def _fund_round(state: Fund, round: NextRound) -> tuple[Fund, RoundFunded]:
    need, plan = round.need, round.plan
    assert state.pricing is not None
    ordinal = state.rounds + 1
    name = round_name(ordinal, state.pricing.policy.round_code)
    state, intervals = _draw(state, plan.reserved_fen)
    event = RoundFunded(
        round=name,
        ordinal=ordinal,
        programme=state.programme,
        publication=state.publication,
        need=need.need,
        country=need.country,
        specification=need.specification,
        parcels=plan.parcels,
        plan_fen=plan.plan_fen,
        contingency_fen=plan.contingency_fen,
        reserved_fen=plan.reserved_fen,
        intervals=intervals,
        parcels_before=need.funded_parcels,
        meets_need=plan.parcels == unmet_parcels(need),
    )
    after = after_round(need, plan.parcels)
    update = {
        "rounds": ordinal,
        "needs": without_met([after if known.need == after.need else known for known in state.needs]),
        "open_rounds": {**state.open_rounds, name: plan.reserved_fen},
        "open_pieces": {**state.open_pieces, name: len(intervals)},
    }
    return state.model_copy(update=update), event


def _draw(state: Fund, fen: int) -> tuple[Fund, Intervals]:
    """Draws `fen`: what came back before, first in first out, then from the shards, the fullest first."""
    again, released = split(state.released, min(fen, length_fen(state.released)))
    drawn, shards = list(again), state.shards
    fen -= length_fen(again)
    for front in sorted(shards, key=lambda f: (f.taken_fen - f.applied_fen, f.shard)):
        part = min(fen, front.applied_fen - front.taken_fen)
        if part:
            upto = front.taken_fen + part
            drawn.append(FenInterval(shard=front.shard, fen_from=front.taken_fen, fen_to=upto))
            shards = _with_front(shards, front.model_copy(update={"taken_fen": upto}))
            fen -= part
    assert fen == 0, "only what is there is drawn"
    return state.model_copy(update={"released": released, "shards": shards}), tuple(drawn)


def _with_front(shards: tuple[ShardFront, ...], front: ShardFront) -> tuple[ShardFront, ...]:
    others = (known for known in shards if known.shard != front.shard)
    return tuple(sorted((*others, front), key=lambda known: known.shard))
