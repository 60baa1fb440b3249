"""The fund of a programme: one document that alone takes fen from the lines, and gives them to rounds.

Always, to the fen: heard = unallocated + reserved for open rounds + spent by closed rounds + reversed.

How many rounds there are in the end, and which, follows from the gifts, the needs and what each round costs, not from
the order in which things are heard: rounds are funded strictly one after the other, each as soon as it can be paid in
full, and none costs more than was reserved for it.
"""

from __future__ import annotations

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
    round_name,
)
from pandapack.decision import Decision, Refusal
from services.procurement.domain.allocation import NeedShare, after_round, deal, next_need, unmet_parcels
from services.procurement.domain.intervals import Intervals, joined, length_fen, split
from services.procurement.domain.pricing import Pricing, RoundPlan, plan_round, pricing_of, serves

ROUNDS_A_WRITE_MAX = 16
"""More wait for the next write, which the fund's own RoundFunded brings about."""


class LineFront(Part):
    """A line as the fund knows it: `[0, taken_fen)` went to rounds and reversals, `[taken_fen, heard_fen)` did not.

    `reversed_fen` were ever reversed on the line; `owed_fen` of them wait for its next fen.
    """

    line: int
    taken_fen: int = 0
    heard_fen: int = 0
    reversed_fen: int = 0
    owed_fen: int = 0


class Fund(Part):
    """All that the fund knows. What it no longer needs to decide it forgets: met needs' schools, closed rounds."""

    programme: str
    publication: int = 0
    pricing: Pricing | None = None
    lines: tuple[LineFront, ...] = ()
    released: Intervals = ()  # first in, first out, before the lines
    needs: tuple[NeedShare, ...] = ()
    rounds: int = 0
    open_rounds: dict[str, int] = {}  # round → fen reserved for it
    spent_fen: int = 0  # by closed rounds
    credited_fen: int = 0  # heard, but not yet said
    taken_back_fen: int = 0  # reversals heard, but not yet said
    taken_back: Intervals = ()  # what went to reversals, but is not yet said
    more: bool = False  # a further round could be funded at once


class NextRound(Part):
    """The round that is funded next."""

    need: NeedShare
    plan: RoundPlan


def heard_fen(state: Fund) -> int:
    """All that was ever given to the programme, as far as the fund has heard."""
    return sum(front.heard_fen for front in state.lines)


def unallocated_fen(state: Fund) -> int:
    """What no round has; negative while more is owed to reversals than is there."""
    free_fen = sum(front.heard_fen - front.taken_fen - front.owed_fen for front in state.lines)
    return free_fen + length_fen(state.released)


def reversed_fen(state: Fund) -> int:
    """All that was ever taken back, as far as the fund has heard."""
    return sum(front.reversed_fen for front in state.lines)


def open_fen(state: Fund) -> int:
    """What open rounds have, spent or not."""
    return sum(state.open_rounds.values())


def next_round(state: Fund) -> NextRound | None:
    """The next round, whether or not there is money for it. None: no need is open that the publication can serve."""
    pricing = state.pricing
    if pricing is None:
        return None
    need = next_need(need for need in state.needs if serves(pricing, need.specification, need.country))
    if need is None:
        return None
    parcels = min(pricing.policy.round_parcels, unmet_parcels(need))
    return NextRound(need=need, plan=plan_round(pricing, need.specification, need.country, parcels))


def affordable(state: Fund, round: NextRound | None) -> bool:
    """Whether the round can be funded now."""
    return round is not None and round.plan.reserved_fen <= unallocated_fen(state)


def credit(state: Fund, event: DonationsRecorded) -> Decision[Fund] | Refusal:
    """A line recorded gifts. New fen begin exactly where the known ones end; anything else is a gap, and stops."""
    interval = next((i for i in event.intervals if i.programme == state.programme), None)
    if interval is None:
        return Decision(state)
    front = _front(state, event.line)
    if interval.fen_from != front.heard_fen:
        words = f"line {event.line} of {state.programme}: heard up to {front.heard_fen} fen, then {interval.fen_from}"
        return Refusal("fen_line_gap", words)
    assert interval.fen_to >= interval.fen_from
    front = front.model_copy(update={"heard_fen": interval.fen_to})
    credited_fen = state.credited_fen + interval.fen_to - interval.fen_from
    return Decision(_paid_back(state.model_copy(update={"credited_fen": credited_fen}), front))


def reverse(state: Fund, event: DonationsReversed) -> Decision[Fund] | Refusal:
    """Gifts were taken back: they get the front of their line, or its next fen. A gap stops, as with gifts."""
    told = next((r for r in event.reversals if r.programme == state.programme), None)
    if told is None:
        return Decision(state)
    front = _front(state, event.line)
    if told.fen_from != front.reversed_fen:
        words = f"line {event.line} of {state.programme}: reversed {front.reversed_fen} fen, then from {told.fen_from}"
        return Refusal("reversal_gap", words)
    new_fen = told.fen_to - told.fen_from
    front = front.model_copy(update={"reversed_fen": told.fen_to, "owed_fen": front.owed_fen + new_fen})
    return Decision(_paid_back(state.model_copy(update={"taken_back_fen": state.taken_back_fen + new_fen}), front))


def follow(state: Fund, event: ProgrammePublished) -> Decision[Fund]:
    """From now on rounds are planned by this publication, unless a later one is known."""
    if event.publication <= state.publication:
        return Decision(state)
    update = {"publication": event.publication, "pricing": pricing_of(event)}
    return Decision(state.model_copy(update=update))


def meet(state: Fund, event: NeedOpened) -> Decision[Fund]:
    """A need may be met from this fund. Its source says nothing else, so a need that is known is a replay."""
    if any(need.need == event.need for need in state.needs):
        return Decision(state)
    need = NeedShare(
        need=event.need,
        country=event.country,
        specification=event.specification,
        parcels=event.parcels,
        schools=event.schools,
    )
    return Decision(state.model_copy(update={"needs": (*state.needs, need)}))


def close(state: Fund, event: RoundClosed) -> Decision[Fund]:
    """A round is over: what it did not spend comes back. A round that is not open is a replay."""
    if event.round not in state.open_rounds:
        return Decision(state)
    assert length_fen(event.released) == event.released_fen
    assert event.spent_fen + event.released_fen == state.open_rounds[event.round]
    rest = {round: fen for round, fen in state.open_rounds.items() if round != event.round}
    update = {
        "open_rounds": rest,
        "spent_fen": state.spent_fen + event.spent_fen,
        "released": joined(state.released, event.released),
    }
    return Decision(state.model_copy(update=update))


def go_on(state: Fund) -> Decision[Fund]:
    """The fund hears that it funded a round: nothing changes, and what is left to fund is settled after."""
    return Decision(state)


def settle(state: Fund) -> Decision[Fund]:
    """Says what was credited, and funds the rounds that can be paid in full, at most `ROUNDS_A_WRITE_MAX` of them."""
    known_fen = heard_fen(state)
    events: list[Event] = []
    if state.credited_fen:
        fronts = {front.line: front.heard_fen for front in state.lines}
        events.append(FundCredited(programme=state.programme, credited_fen=state.credited_fen, heard_fen=fronts))
        state = state.model_copy(update={"credited_fen": 0})
    if state.taken_back_fen or state.taken_back:
        events.append(_reversed_event(state))
        state = state.model_copy(update={"taken_back_fen": 0, "taken_back": ()})
    round = next_round(state)
    for _ in range(ROUNDS_A_WRITE_MAX):
        if round is None or not affordable(state, round):
            break
        state, funded = _fund(state, round)
        events.append(funded)
        round = next_round(state)
    state = state.model_copy(update={"more": affordable(state, round)})
    used_fen = open_fen(state) + state.spent_fen + reversed_fen(state)
    assert known_fen == unallocated_fen(state) + used_fen, "money is conserved"
    return Decision(state, tuple(events))


def _reversed_event(state: Fund) -> FundReversed:
    return FundReversed(
        programme=state.programme,
        reversed_fen=state.taken_back_fen,
        intervals=state.taken_back,
        owed_fen=sum(front.owed_fen for front in state.lines),
    )


def _paid_back(state: Fund, front: LineFront) -> Fund:
    """The fund with this front, which first gives what it owes to reversals."""
    fen = min(front.owed_fen, front.heard_fen - front.taken_fen)
    upto = front.taken_fen + fen
    given = (FenInterval(line=front.line, fen_from=front.taken_fen, fen_to=upto),) if fen else ()
    paid = front.model_copy(update={"taken_fen": upto, "owed_fen": front.owed_fen - fen})
    update = {"lines": _with(state.lines, paid), "taken_back": joined(state.taken_back, given)}
    return state.model_copy(update=update)


def _front(state: Fund, line: int) -> LineFront:
    return next((front for front in state.lines if front.line == line), LineFront(line=line))


def _fund(state: Fund, round: NextRound) -> tuple[Fund, RoundFunded]:
    need, plan = round.need, round.plan
    assert state.pricing is not None
    ordinal = state.rounds + 1
    name = round_name(ordinal, state.pricing.policy.round_code)
    state, intervals = _take(state, plan.reserved_fen)
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
        schools=deal(need.schools, need.funded_parcels, plan.parcels),
    )
    met = after_round(need, plan.parcels)
    update = {
        "rounds": ordinal,
        "needs": tuple(met if known.need == met.need else known for known in state.needs),
        "open_rounds": {**state.open_rounds, name: plan.reserved_fen},
    }
    return state.model_copy(update=update), event


def _take(state: Fund, fen: int) -> tuple[Fund, Intervals]:
    """Takes `fen`: what came back before, first in first out, then the lines, the fullest first."""
    again, released = split(state.released, min(fen, length_fen(state.released)))
    taken, lines = list(again), state.lines
    fen -= length_fen(again)
    for front in sorted(lines, key=lambda f: (f.taken_fen - f.heard_fen, f.line)):
        part = min(fen, front.heard_fen - front.taken_fen)
        if part:
            upto = front.taken_fen + part
            taken.append(FenInterval(line=front.line, fen_from=front.taken_fen, fen_to=upto))
            lines = _with(lines, front.model_copy(update={"taken_fen": upto}))
            fen -= part
    assert fen == 0, "only what is there is taken"
    return state.model_copy(update={"released": released, "lines": lines}), tuple(taken)


def _with(lines: tuple[LineFront, ...], front: LineFront) -> tuple[LineFront, ...]:
    others = (known for known in lines if known.line != front.line)
    return tuple(sorted((*others, front), key=lambda known: known.line))
