"""What people decide, as pure functions of the seed and of the id of what they decide about.

No decision knows when it is asked for, how often, or what else was decided: a repeat decides the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandapack.contracts.logistics import DAMAGE_REASONS, LOSS_REASONS, REFUSAL_REASONS
from simulator.chance import draw, draw_int, pick

PER_MILLE = 1000
PRICE_DRIFT_SHARE = 0.4
PRICE_DRIFT_PER_MILLE = (-15, 20)
WRONG_INVOICE_SHARE = 0.1
SHORT_SHARE = 0.03
OVER_SHARE = 0.02
REJECTED_SHARE = 0.02
RECEIPTS_WITH_FAULTS_MAX = 2
"""After so many deliveries a supplier takes care: the next is whole and sound, so every order comes to its end."""
REJECT_REASONS = ("broken in transport", "wrong colour", "seam open", "print unreadable", "past its date")
TWO_LOTS_SHARE = 0.25
LOSS_BLOCK = 64
"""One parcel in every so many finds its end on the way: 1.6 %."""
LOST_SHARE = 0.4
REJECT_BLOCK = 50
LATE_SHARE = 0.15
LATE_DAYS_MAX = 12.0
BROKEN_REPORT_SHARE = 0.06
HANDOUT_FIRST_SHARE = 0.15
TWO_DELIVERIES_SHARE = 0.3
SERVICE_PER_MILLE = {
    "freight": (930, 1025),
    "insurance": (1000, 1000),
    "duty": (850, 1020),
    "monitoring": (940, 1010),
    "administration": (1000, 1000),
}
"""What a service costs of what was planned: always below the contingency that is reserved with it (1030)."""

Json = dict[str, Any]


# --- suppliers ----------------------------------------------------------------------------------------


def confirmed_prices(seed: int, order: Json) -> dict[str, int]:
    """Item → price where the supplier asks for another than was ordered, within the order's tolerance."""
    prices = {}
    for line in order["lines"]:
        about = (order["order"], line["item"])
        if draw(seed, "price drifts", *about) < PRICE_DRIFT_SHARE:
            drift_fen = line["unit_price_fen"] * draw_int(*PRICE_DRIFT_PER_MILLE, seed, "price", *about) // PER_MILLE
            price_fen = max(1, min(line["unit_price_fen"] + drift_fen, line["unit_price_fen_max"]))
            if price_fen != line["unit_price_fen"]:
                prices[line["item"]] = price_fen
    return prices


def goods_invoices(seed: int, order_id: str, amount_fen: int) -> tuple[int, ...]:
    """The amounts of a supplier's invoices one after the other: the last is right."""
    if draw(seed, "wrong invoice", order_id) < WRONG_INVOICE_SHARE:
        return (amount_fen + draw_int(1, max(1, amount_fen // 20), seed, "wrong by", order_id), amount_fen)
    return (amount_fen,)


def service_fen(seed: int, order: Json) -> int:
    """What a service comes to, never more than its order allows."""
    low, high = SERVICE_PER_MILLE[order["category"]]
    fen = int(order["amount_fen"]) * draw_int(low, high, seed, "service", order["order"]) // PER_MILLE
    return min(fen, int(order["amount_fen_max"]))


# --- warehouse ----------------------------------------------------------------------------------------


def receipt_lines(seed: int, order: Json) -> list[Json]:
    """The next delivery of an order as it is counted: what is outstanding, short, over, in part rejected."""
    number = len(order["receipts"]) + 1
    return [_counted(seed, order["order"], number, line) for line in order["lines"] if line["outstanding"] > 0]


def _counted(seed: int, order_id: str, number: int, line: Json) -> Json:
    about = (order_id, number, line["item"])
    outstanding = int(line["outstanding"])
    count, rejected = outstanding, 0
    if number <= RECEIPTS_WITH_FAULTS_MAX:
        how = draw(seed, "counted", *about)
        if how < SHORT_SHARE and outstanding > 1:  # nothing at all is no delivery
            count = outstanding - draw_int(1, max(1, outstanding // 4), seed, "short by", *about)
        elif how < SHORT_SHARE + OVER_SHARE:
            count = outstanding + draw_int(1, max(1, outstanding // 10), seed, "over by", *about)
        if draw(seed, "rejected", *about) < REJECTED_SHARE:
            rejected = draw_int(1, max(1, count // 8), seed, "rejected of", *about)
    lot = f"L-{order_id}-{number}"
    reason = pick(REJECT_REASONS, seed, "reject reason", *about) if rejected else None
    return {"item": line["item"], "counted": count, "rejected": rejected, "reason": reason, "lot": lot}


def lots(seed: int, round_id: str, parcels: int) -> tuple[int, ...]:
    """How many parcels each lot of a round has."""
    if parcels > 1 and draw(seed, "two lots", round_id) < TWO_LOTS_SHARE:
        first = draw_int(1, parcels - 1, seed, "first lot", round_id)
        return (first, parcels - first)
    return (parcels,)


# --- on the way ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loss:
    """A parcel that ends on the way: `now` is damaged or lost."""

    ordinal: int
    now: str
    reason: str


def number_of(round_id: str) -> int:
    """`R-000007` → 7."""
    return int(round_id.rpartition("-")[2])


def losses(seed: int, round_id: str, parcels: int) -> tuple[Loss, ...]:
    """The parcels of a round that are damaged or lost. Every `LOSS_BLOCK` parcels of the programme hold one."""
    found = []
    for ordinal in _marked(seed, "loss", LOSS_BLOCK, round_id, parcels):
        is_lost = draw(seed, "lost", round_id, ordinal) < LOST_SHARE
        reasons = LOSS_REASONS if is_lost else DAMAGE_REASONS
        reason = pick(reasons, seed, "loss reason", round_id, ordinal)
        found.append(Loss(ordinal, "lost" if is_lost else "damaged", reason))
    return tuple(found)


def _marked(seed: int, purpose: str, block: int, round_id: str, parcels: int) -> list[int]:
    """Ordinals of a round that are marked, one in every `block` parcels, counted over rounds of this size."""
    before = (number_of(round_id) - 1) * parcels
    return [
        ordinal
        for ordinal in range(1, parcels + 1)
        if draw_int(0, block - 1, seed, purpose, (before + ordinal) // block) == (before + ordinal) % block
    ]


# --- schools ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """A delivery as the school proves it."""

    delivery: str
    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
    reason: str | None
    document: str


@dataclass(frozen=True, slots=True)
class HandoutPlan:
    """Parcels that a school hands out to pupils: headcounts, a pupil a parcel."""

    handout: str
    parcels: int
    girls: int
    boys: int


def ordinals_of(school: Mapping[str, Any], lost: Sequence[Loss]) -> tuple[int, ...]:
    """The parcels that reach a school of a consignment."""
    gone = {loss.ordinal for loss in lost}
    first = int(school["first_ordinal"])
    return tuple(one for one in range(first, first + int(school["parcels"])) if one not in gone)


def proofs(seed: int, round_id: str, parcels: int, school: Json) -> tuple[Proof, ...]:
    """The deliveries of a round at one school: one, or two; none where no parcel gets there."""
    arriving = ordinals_of(school, losses(seed, round_id, parcels))
    about = (round_id, school["school"])
    cut = len(arriving)
    if len(arriving) > 1 and draw(seed, "two deliveries", *about) < TWO_DELIVERIES_SHARE:
        cut = draw_int(1, len(arriving) - 1, seed, "first delivery", *about)
    refused = set(_marked(seed, "refused", REJECT_BLOCK, round_id, parcels))
    parts = [part for part in (arriving[:cut], arriving[cut:]) if part]
    return tuple(_proof(seed, round_id, school["school"], n, part, refused) for n, part in enumerate(parts, 1))


def accepted_parcels(seed: int, round_id: str, parcels: int) -> int:
    """How many parcels of a round schools will have accepted: a pupil gets each of them."""
    gone = {loss.ordinal for loss in losses(seed, round_id, parcels)}
    return parcels - len(gone | set(_marked(seed, "refused", REJECT_BLOCK, round_id, parcels)))


def _proof(seed: int, round_id: str, school: str, number: int, ordinals: Sequence[int], refused: set[int]) -> Proof:
    delivery = f"POD-{round_id}-{school}-{number}"
    rejected = tuple(one for one in ordinals if one in refused)
    return Proof(
        delivery=delivery,
        accepted=tuple(one for one in ordinals if one not in refused),
        rejected=rejected,
        reason=pick(REFUSAL_REASONS, seed, "refusal reason", delivery) if rejected else None,
        document=hashlib.sha256(f"{seed} {delivery}".encode()).hexdigest(),
    )


def handout_plan(seed: int, round_id: str, proof: Proof) -> HandoutPlan | None:
    """The handout of what a delivery brought; None where nothing was accepted."""
    if not proof.accepted:
        return None
    girls = sum(draw(seed, "a girl", round_id, ordinal) < 0.5 for ordinal in proof.accepted)
    parcels = len(proof.accepted)
    return HandoutPlan(proof.delivery.replace("POD-", "HO-"), parcels, girls, parcels - girls)


def late_days(seed: int, *about: str | int) -> float:
    """How many days after it happened something is reported: most is at once, some papers travel for days."""
    if draw(seed, "late", *about) >= LATE_SHARE:
        return 0.0
    return LATE_DAYS_MAX * draw(seed, "late by", *about)


def is_sent_broken(seed: int, delivery: str) -> bool:
    """Whether a school's first report of a delivery cannot be taken: it is made again right."""
    return draw(seed, "broken report", delivery) < BROKEN_REPORT_SHARE


def reports_handout_first(seed: int, round_id: str, school: str) -> bool:
    """Whether the school posts its handout before its delivery."""
    return draw(seed, "handout first", round_id, school) < HANDOUT_FIRST_SHARE
