"""HTTP in: settlements, as sums or as a file of ids, and the statements that answer them.

A statement tells of merchants' volumes: the platform that sent the settlement sees it, and staff.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from pandapack.contracts.donations import Name
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import IDEMPOTENCY_KEY_CHARACTERS_MAX, Problem, command_of, settled
from services.donations.api.counter import LOOK_AGAIN_S, Counter, Mark, SettledSums, accepted
from services.donations.api.reconciler import Reconciler
from services.donations.api.statements import banked_rows, shown_difference, shown_settlement
from services.donations.domain.settlement import By, Kind, Settlement, Statement, Terms, ask_again
from services.donations.settings import Settings
from services.donations.store import Stores

NDJSON = ("application/x-ndjson", "application/jsonl", "application/ndjson")
LISTED_MAX = 200
AFTER_PATTERN = r"^(\d{1,8}|\d{4}/\d{10}/\d{1,8})?$"
"""A number of a page of differences, or a page of the ledger and a row on it."""

Asker = Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))]


def owner_of(caller: Caller) -> str:
    """Whose settlements a caller's are."""
    return caller.party


def settlements_router(stores: Stores, clock: Clock, settings: Settings, reconciler: Reconciler) -> APIRouter:
    """`/v1/settlements`."""
    router = APIRouter(prefix="/v1/settlements", tags=["settlements"])
    _add_settling(router, Counter(stores, clock, reconciler, settings.lines))
    _add_statements(router, stores, reconciler)
    return router


def _add_settling(router: APIRouter, counter: Counter) -> None:
    @router.post("", status_code=202, openapi_extra=_BODIES)
    async def settle(
        request: Request,
        caller: Annotated[Caller, Depends(needs(Role.PLATFORM))],
        settlement: Annotated[Name | None, Query()] = None,
        programme: Annotated[Name | None, Query()] = None,
        bank_reference: Annotated[Mark | None, Query()] = None,
        currency: Annotated[Literal["CNY"], Query()] = "CNY",
    ) -> JSONResponse:
        """Takes a settlement: JSON with sums by merchant and day, or NDJSON with a gift a line, its head in the query.

        202: it is kept and will be reconciled; `Location` shows the statement. The same again gets the same answer.
        """
        key, kind = _key_of(request), request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Problem(415, "encoding_unknown", "a settlement is sent as it is, without a content encoding")
        if kind == "application/json":
            return await counter.take_sums(request, owner_of(caller), key)
        if kind not in NDJSON:
            words = f"content type {kind or 'none'} is not taken: send application/json or application/x-ndjson"
            raise Problem(415, "content_type_unknown", words)
        if settlement is None or programme is None or bank_reference is None:
            words = "a file's head stands in the query: ?settlement=&programme=&bank_reference=&currency=CNY"
            raise Problem(422, "head_missing", words)
        terms = Terms(name=settlement, programme=programme, bank_reference=bank_reference, currency=currency, by=By.IDS)
        return await counter.take_file(request, owner_of(caller), terms, key)


def _add_statements(router: APIRouter, stores: Stores, reconciler: Reconciler) -> None:
    @router.get("")
    async def all_settlements(
        caller: Asker, after: str = "", limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 50
    ) -> dict[str, Any]:
        """Settlements with their statements, by id; a platform sees its own."""
        where = {"state.owner": owner_of(caller)} if caller.role is Role.PLATFORM else {}
        found = await stores.settlements.documents.find(where, after=after, limit=limit + 1)
        items = [shown_settlement(state) for _, state in found[:limit]]
        return {"items": items, "next": found[limit - 1][0] if len(found) > limit else None}

    @router.get("/{id}")
    async def one_settlement(id: str, caller: Asker) -> dict[str, Any]:
        """A settlement, how far it is, and all its statements."""
        return shown_settlement(await _known(stores, id, caller))

    @router.post("/{id}/statements", status_code=202)
    async def another_statement(id: str, request: Request, caller: Asker) -> JSONResponse:
        """Asks for a new statement: late gifts may have come. The earlier ones stay."""
        await _known(stores, id, caller)
        outcome = await stores.settlements.documents.change(id, ask_again, await command_of(request))
        reconciler.wake()
        return accepted(settled(outcome, status=202), id)

    @router.get("/{id}/differences")
    async def differences(
        id: str,
        caller: Asker,
        kind: Kind,
        statement: Annotated[int | None, Query(ge=1)] = None,
        after: Annotated[str, Query(pattern=AFTER_PATTERN)] = "",
    ) -> dict[str, Any]:
        """What a statement (the latest, unless named) lists under a kind, a page at a time; `next` goes into `after`.

        `matched` lists the gifts that the settlement has banked by now.
        """
        drawn = _statement_of(await _known(stores, id, caller), statement)
        if kind is Kind.MATCHED:
            return await banked_rows(stores, id, after if "/" in after else "")
        page = 0 if "/" in after else int(after or 0)
        found, is_more = await stores.settlements.differences(f"{id}/{drawn.number:04d}/{drawn.run}", kind, page)
        return {"items": [shown_difference(one) for one in found], "next": str(page + 1) if is_more else None}


async def _known(stores: Stores, id: str, caller: Caller) -> Settlement:
    state = await stores.settlements.documents.get(id)
    if state is None or (caller.role is Role.PLATFORM and state.owner != owner_of(caller)):
        raise Problem(404, "settlement_unknown", f"there is no settlement {id} of yours")
    return state


_BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": SettledSums.model_json_schema(ref_template="#/components/schemas/{model}")},
            "application/x-ndjson": {"schema": {"type": "string", "description": "A gift a line: merchant, id, day."}},
        },
    }
}


def _statement_of(state: Settlement, number: int | None) -> Statement:
    found = [drawn for drawn in state.statements if number in (None, drawn.number)]
    if not found:
        raise Problem(404, "statement_unknown", "there is no such statement yet").retry_after(LOOK_AGAIN_S)
    return found[-1]


def _key_of(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX:
        words = f"send the header Idempotency-Key with 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} characters"
        raise Problem(400, "idempotency_key_missing", words)
    return key
