"""HTTP in: settlements, as sums or as a file of ids, and the statements that answer them.

A statement tells of merchants' volumes: the platform that sent the settlement sees it, and staff.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from pandapack.contracts.donations import Name
from pandapack.decision import Refusal
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import (
    JSON_TYPE,
    NDJSON_TYPES,
    Problem,
    answer_to,
    chunks_of,
    command_of,
    invalid_body,
    media_type_of,
    refuse_deep_nesting,
    required_key,
)
from pandapack.runtime.paging import After, Limit, page
from pandapack.runtime.store import Outcome
from services.donations.ledger.store.pages import Pages
from services.donations.settlements.api.statements import banked_rows, shown_difference, shown_settlement
from services.donations.settlements.domain.settled_sums import BankReference, SettledSums
from services.donations.settlements.domain.settlement import By, Kind, Settlement, Statement, Terms, ask_again
from services.donations.settlements.store import Settlements
from services.donations.settlements.work.intake import SettlementIntake

SUMS_BYTES_MAX = 32 * 1024 * 1024
FILE_BYTES_MAX = 4 * 1024**3
LOOK_AGAIN_S = 1
FAILURES_SHOWN_MAX = 20
SETTLEMENTS_A_PAGE = 50
AFTER_PATTERN = r"^(\d{1,8}|\d{4}/\d{10}/\d{1,8})?$"
"""A number of a page of differences, or a page of the ledger and a row on it."""

Asker = Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))]


def settlements_router(
    intake: SettlementIntake, settlements: Settlements, pages: Pages, wake: Callable[[], None]
) -> APIRouter:
    """`/v1/settlements`. `wake` tells the reconciler that a statement is due."""
    router = APIRouter(prefix="/v1/settlements", tags=["settlements"])
    _add_intake(router, intake)
    _add_statements(router, settlements, pages, wake)
    return router


def _add_intake(router: APIRouter, intake: SettlementIntake) -> None:
    @router.post("", status_code=202, openapi_extra=_BODIES)
    async def post_settlement(
        request: Request,
        caller: Annotated[Caller, Depends(needs(Role.PLATFORM))],
        settlement: Annotated[Name | None, Query()] = None,
        programme: Annotated[Name | None, Query()] = None,
        bank_reference: Annotated[BankReference | None, Query()] = None,
        currency: Annotated[Literal["CNY"], Query()] = "CNY",
    ) -> JSONResponse:
        """Takes a settlement: JSON with sums by merchant and day, or NDJSON with a gift a line, its head in the query.

        202: it is kept and will be reconciled; `Location` shows the statement. The same again gets the same answer.
        """
        key, media_type = required_key(request.headers), media_type_of(request.headers)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Problem(415, "encoding_unknown", "a settlement is sent as it is, without a content encoding")
        if media_type == JSON_TYPE:
            raw = await _sums_body(request)
            return _accepted(*await intake.accept_sums(_sums_of(raw), raw, caller.party, key))
        if media_type not in NDJSON_TYPES:
            detail = f"content type {media_type or 'none'} is not taken: send application/json or application/x-ndjson"
            raise Problem(415, "content_type_unknown", detail)
        if settlement is None or programme is None or bank_reference is None:
            detail = "a file's head stands in the query: ?settlement=&programme=&bank_reference=&currency=CNY"
            raise Problem(422, "head_missing", detail)
        terms = Terms(name=settlement, programme=programme, bank_reference=bank_reference, currency=currency, by=By.IDS)
        chunks = chunks_of(request, bytes_max=FILE_BYTES_MAX, advice="may be in a settlement's file; split it")
        return _accepted(*await intake.accept_file(chunks, caller.party, terms, key))


async def _sums_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in chunks_of(request, bytes_max=SUMS_BYTES_MAX, advice="of sums may be sent; split the settlement"):
        body += chunk
    return bytes(body)


def _sums_of(raw: bytes) -> SettledSums:
    refuse_deep_nesting(raw)
    try:
        return SettledSums.model_validate_json(raw)
    except ValidationError as error:
        failures = error.errors(include_url=False, include_input=False)[:FAILURES_SHOWN_MAX]
        raise invalid_body("the settlement does not fit its description", failures) from error


def _accepted(id: str, outcome: Outcome[Settlement] | Refusal) -> JSONResponse:
    """What became of a command, telling where the statement will be and when to look."""
    answer = answer_to(outcome, status=202)
    answer.headers["Location"] = f"/v1/settlements/{id}"
    answer.headers["Retry-After"] = str(LOOK_AGAIN_S)
    return answer


def _add_statements(router: APIRouter, settlements: Settlements, pages: Pages, wake: Callable[[], None]) -> None:
    @router.get("")
    async def get_settlements(caller: Asker, after: After = "", limit: Limit = SETTLEMENTS_A_PAGE) -> dict[str, Any]:
        """Settlements with their statements, by id; a platform sees its own."""
        where = {"state.owner": caller.party} if caller.role is Role.PLATFORM else {}
        found = await settlements.documents.find(where, after=after, limit=limit + 1)
        return page(found, limit, shown_settlement)

    @router.get("/{id}")
    async def get_settlement(id: str, caller: Asker) -> dict[str, Any]:
        """A settlement, how far it is, and all its statements."""
        return shown_settlement(await _known(settlements, id, caller))

    @router.post("/{id}/statements", status_code=202)
    async def post_statement(id: str, request: Request, caller: Asker) -> JSONResponse:
        """Asks for a new statement: late gifts may have come. The earlier ones stay."""
        await _known(settlements, id, caller)
        outcome = await settlements.documents.change(id, ask_again, await command_of(request))
        wake()
        return _accepted(id, outcome)

    @router.get("/{id}/differences")
    async def get_differences(
        id: str,
        caller: Asker,
        kind: Kind,
        statement: Annotated[int | None, Query(ge=1)] = None,
        after: Annotated[str, Query(pattern=AFTER_PATTERN)] = "",
    ) -> dict[str, Any]:
        """What a statement (the latest, unless named) lists under a kind, a page at a time; `next` goes into `after`.

        `matched` lists the gifts that the settlement has banked by now.
        """
        drawn = _statement_of(await _known(settlements, id, caller), statement)
        if kind is Kind.MATCHED:
            return await banked_rows(settlements, pages, id, after if "/" in after else "")
        number = 0 if "/" in after else int(after or 0)
        found, is_more = await settlements.differences(f"{id}/{drawn.number:04d}/{drawn.run}", kind, number)
        return {"items": [shown_difference(one) for one in found], "next": str(number + 1) if is_more else None}


async def _known(settlements: Settlements, id: str, caller: Caller) -> Settlement:
    state = await settlements.documents.get(id)
    if state is None or (caller.role is Role.PLATFORM and state.owner != caller.party):
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
