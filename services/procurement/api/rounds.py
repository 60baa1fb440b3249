"""Rounds, and the kitting of their parcels. A warehouse sees and packs its own rounds, and no money."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field

from pandapack.runtime.auth import STAFF_ROLES, Caller, Role, needs
from pandapack.runtime.http import answer_to, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, filters_of, narrowed, page
from pandapack.runtime.parties import Act, acting
from pandapack.runtime.store import Store
from services.procurement.api.bodies import Body
from services.procurement.domain import round
from services.procurement.domain.publication import ROUND_PARCELS_MAX
from services.procurement.domain.round import Round, RoundStatus
from services.procurement.store import find_rounds

Reader = Annotated[Caller, Depends(needs(*STAFF_ROLES, Role.WAREHOUSE))]
Packing = Annotated[Act, Depends(acting(Role.WAREHOUSE))]
WAREHOUSE_SEES = (
    *("round", "programme", "country", "specification", "status", "parcels", "packed", "packable"),
    *("warehouse", "schools", "stock", "lots"),
)


class KittingBody(Body):
    """So many parcels are packed, as one lot."""

    lot: DocumentNumber
    parcels: Annotated[int, Field(ge=1, le=ROUND_PARCELS_MAX, strict=True)]


def shown_round(state: Round, caller: Caller) -> dict[str, Any]:
    """A round as JSON; a warehouse sees what it packs, and no money.

    funded_fen = reserved_fen + committed_fen + spent_fen + released_fen, always.
    """
    fields = state.model_dump(mode="json", exclude={"bill", "accepted", "lots", "consignment_closed"})
    packed, stock = round.packed_parcels(state), round.in_stock(state)
    shown = {
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
    return shown if caller.is_staff else {name: shown[name] for name in WAREHOUSE_SEES}


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
        """Rounds in the order in which they were funded: a warehouse's own, all for staff."""
        own = {} if reader.is_staff else {"state.warehouse": reader.owner}
        where = narrowed(filters_of(status=status, programme=programme, country=country), own)
        found = [] if where is None else await find_rounds(rounds, where, after=after, limit=limit + 1)
        return page(found, limit, lambda state: shown_round(state, reader))

    @router.get("/{round_id}")
    async def get_round(round_id: Name, reader: Reader) -> dict[str, Any]:
        """A round: its money, its orders, its stock and its parcels."""
        known = await rounds.get(round_id)
        if known is None or not round.is_warehouses(known, reader.acts_for):
            raise problem_of(round.unknown_round(round_id))
        return shown_round(known, reader)

    @router.post("/{round_id}/kitting", openapi_extra=COMMAND)
    async def post_kitting(round_id: Name, body: KittingBody, act: Packing) -> JSONResponse:
        """The round's warehouse packs parcels from its stock, whole ones only."""
        outcome = await rounds.change(
            round_id, lambda state: round.kit(state, body.lot, body.parcels, act.by), act.command
        )
        return answer_to(outcome)

    return router
