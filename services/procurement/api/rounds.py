"""Rounds, and the kitting of their parcels."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field

from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem, answer_to, command_of
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, Reader, filters_of, page
from pandapack.runtime.store import Command, Store
from services.procurement.api.bodies import Body
from services.procurement.domain import round
from services.procurement.domain.publication import ROUND_PARCELS_MAX
from services.procurement.domain.round import Round, RoundStatus
from services.procurement.store import find_rounds


class KittingBody(Body):
    """So many parcels are packed, as one lot."""

    lot: DocumentNumber
    parcels: Annotated[int, Field(ge=1, le=ROUND_PARCELS_MAX, strict=True)]


def shown_round(state: Round) -> dict[str, Any]:
    """A round as JSON: funded_fen = reserved_fen + committed_fen + spent_fen + released_fen, always."""
    fields = state.model_dump(mode="json", exclude={"bill", "accepted", "lots", "consignment_closed"})
    packed, stock = round.packed_parcels(state), round.in_stock(state)
    return {
        **fields,
        "packed": packed,
        "packable": round.packable_parcels(state),
        "reserved_fen": round.reserved_fen(state),
        "committed_fen": round.committed_fen(state),
        "spent_fen": round.spent_fen(state),
        "stock": [
            {
                "item": item,
                "per_parcel": quantity,
                "accepted": state.accepted.get(item, 0),
                "kitted": quantity * packed,
                "in_stock": stock[item],
            }
            for item, quantity in state.bill.items()
        ],
        "lots": [lot.model_dump() for lot in state.lots],
        "consignment_closed": state.consignment_closed,
    }


def rounds_router(rounds: Store[Round]) -> APIRouter:
    """`/rounds`."""
    router = APIRouter(prefix="/rounds", tags=["rounds"])

    @router.get("")
    async def get_rounds(
        *,
        reader: Reader,
        status: RoundStatus | None = None,
        programme: Name | None = None,
        country: Name | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Rounds in the order in which they were funded."""
        where = filters_of(status=status, programme=programme, country=country)
        return page(await find_rounds(rounds, where, after=after, limit=limit + 1), limit, shown_round)

    @router.get("/{round_id}")
    async def get_round(round_id: Name, reader: Reader) -> dict[str, Any]:
        """A round: its money, its orders, its stock and its parcels."""
        known = await rounds.get(round_id)
        if known is None or known.status is RoundStatus.NEW:
            raise Problem(404, "round_unknown", f"there is no round {round_id}")
        return shown_round(known)

    @router.post("/{round_id}/kitting", dependencies=[Depends(needs(Role.WAREHOUSE))])
    async def post_kitting(
        round_id: Name, body: KittingBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Packs parcels from the round's stock, whole ones only."""
        outcome = await rounds.change(round_id, lambda state: round.kit(state, body.lot, body.parcels), command)
        return answer_to(outcome)

    return router
