"""A traced donation as JSON: itself, and each piece of it with the round, the parcel and the way to the school."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.reporting.domain.rounds.figures import status_of
from services.reporting.domain.rounds.state import Round, ShipmentFacts
from services.reporting.domain.trace import FenState, ParcelTrace, Piece, parcel_trace
from services.reporting.work.tracer import Trace

Json = dict[str, Any]

ATTRIBUTION = {
    "en": "Money is fungible: this is attribution by a published rule. Fen lie end to end on the fen line; rounds take "
    "them from the front; a round's fen are dealt to its parcels in order, an equal share each.",
    "zh": "钱不分彼此，这里是按公开规则的归属：善款在分线上首尾相接，"
    "每一批次从最前面取用，再依次平均分给该批次的每个包裹。",
}
STATE_MESSAGES = {
    FenState.IN_FLIGHT: {
        "en": "Recorded in the ledger; the fund has not received it yet.",
        "zh": "已记入账本，基金尚未收到。",
    },
    FenState.UNALLOCATED: {
        "en": "Not yet funded: it waits in the fund for the next round of parcels.",
        "zh": "尚未使用：正在基金中等待下一批包裹。",
    },
    FenState.REVERSED: {
        "en": "It left the programme: by the rule, these fen went to refunded orders of the same fen line.",
        "zh": "已离开项目：按规则，这些分用于同一分线上被退款的订单。",
    },
    FenState.FUNDED: {"en": "It helps to pay for a parcel.", "zh": "已用于一个包裹。"},
    FenState.GIVEN_BACK: {
        "en": "It was given back in full, and pays for no parcel.",
        "zh": "已全额退还，不用于任何包裹。",
    },
}
PARTLY_FUNDED = {"en": "A part of it helps to pay for a parcel.", "zh": "其中一部分已用于一个包裹。"}
GIVEN_BACK_IN_PART = {
    "en": "Of its {whole_fen} fen, {back_fen} were given back, and pay for no parcel. As for the rest: ",
    "zh": "这笔捐赠共 {whole_fen} 分，其中 {back_fen} 分已退还，不用于任何包裹。其余部分：",
}


def shown_trace(trace: Trace, *, staff: bool) -> Json:
    """The whole answer. Schools are named to staff only: in public, geography stops at the district.

    So are hashes of documents that this installation does not keep: nobody could compare them with anything.
    """
    back_fen = sum(piece.fen for piece in trace.pieces if piece.state is FenState.GIVEN_BACK)
    states = {piece.state for piece in trace.pieces}
    if len(states) > 1:
        states -= {FenState.GIVEN_BACK}  # what is left of the gift says how it stands
    state = next(iter(states)) if len(states) == 1 else None
    message = STATE_MESSAGES[state] if state else PARTLY_FUNDED
    if back_fen and state is not FenState.GIVEN_BACK:
        given = {"whole_fen": trace.donation["amount_fen"], "back_fen": back_fen}
        message = {lang: GIVEN_BACK_IN_PART[lang].format(**given) + text for lang, text in message.items()}
    return {
        "donation": trace.donation,
        "funded": states == {FenState.FUNDED},
        "state": state.value if state else "partly_funded",
        "message": message,
        "attribution": ATTRIBUTION,
        "pieces": [_shown_piece(piece, trace.rounds, staff) for piece in trace.pieces],
        **trace.freshness.as_json(),
    }


def _shown_piece(piece: Piece, rounds: Mapping[str, Round], staff: bool) -> Json:
    shown: Json = {
        "fen_from": piece.fen_from,
        "fen_to": piece.fen_to,
        "fen": piece.fen,
        "state": piece.state.value,
        "earlier_rounds": list(piece.earlier),
        "round": None,
        "parcel": None,
    }
    if piece.round is None or piece.ordinal is None or piece.of_fen is None:
        return shown
    round = rounds[piece.round]
    parcel = parcel_trace(round, piece.ordinal)
    share = {"paid_fen": piece.fen, "of_fen": piece.of_fen, "share": _share(piece.fen, piece.of_fen)}
    return shown | {"round": _shown_round(round), "parcel": {**_shown_parcel(parcel, staff), **share}}


def _share(fen: int, of_fen: int) -> str:
    """`5 of 11,403` → `1/2281`: the nearest one-part share."""
    return f"1/{(of_fen + fen // 2) // fen}"


def _shown_round(round: Round) -> Json:
    assert round.funding is not None, "a round that took fen was funded"
    return {
        "round": round.round,
        "ordinal": round.funding.ordinal,
        "country": round.country,
        "specification": round.funding.specification,
        "parcels": round.funding.parcels,
        "funded_fen": round.funded_fen,
        "funded_at": round.funding.at,
        "status": status_of(round),
        "final": round.closing is not None,
        "paid_fen": sum(order.paid_fen or 0 for order in round.orders.values()),
        "planned_fen": sum(order.amount_fen for order in round.orders.values() if order.paid_fen is None),
        "orders": [
            {
                "order": name,
                "category": order.category.value,
                "supplier": order.supplier,
                "status": order.status,
                "amount_fen": order.amount_fen,
                "placed_at": order.placed_at,
                "paid_at": order.paid_at,
                "paid_fen": order.paid_fen,
            }
            for name, order in sorted(round.orders.items())
        ],
    }


def _shown_parcel(parcel: ParcelTrace, staff: bool) -> Json:
    delivery = parcel.delivery
    return {
        "ordinal": parcel.ordinal,
        "serial": parcel.serial,
        "state": parcel.state,
        "reason": parcel.reason,
        "lot": parcel.lot and parcel.lot.lot,
        "packed_at": parcel.lot and parcel.lot.at,
        "district": parcel.school and parcel.school.district,
        **({"school": parcel.school and parcel.school.school} if staff else {}),
        "shipment": parcel.shipment,
        "transport": _shown_transport(parcel.shipment_facts),
        "delivered_at": delivery and delivery.at,
        **({"proof_sha256": delivery and delivery.document} if staff else {}),
        "handed_out_at": max((handout.at for handout in parcel.handouts), default=None),
    }


def _shown_transport(facts: ShipmentFacts | None) -> Json | None:
    if facts is None:
        return None
    return {
        "legs": [
            {
                **leg.model_dump(),
                "departed_at": facts.departed.get(str(number)),
                "arrived_at": facts.arrived.get(str(number)),
            }
            for number, leg in enumerate(facts.legs, 1)
        ],
        "customs": [customs.model_dump() for customs in facts.customs],
        "arrived_at": facts.arrived_at,
    }
