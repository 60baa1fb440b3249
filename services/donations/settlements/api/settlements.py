"""HTTP in: settlements, as sums or as a file of ids, and the statements that answer them.

A statement tells of merchants' volumes: the platform that sent the settlement sees it, and staff. The platform finds it
by its own name for it, staff by `platform:name`, both by ours (`stl_…`).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from pandapack.contracts.donations import Name
from pandapack.contracts.times import Time
from pandapack.decision import Refusal
from pandapack.runtime.acts import NotesActs, Noting
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import (
    JSON_TYPE,
    NDJSON_TYPES,
    Problem,
    answer_to,
    command_of,
    invalid_body,
    refuse_deep_nesting,
)
from pandapack.runtime.paging import After, Limit, page
from pandapack.runtime.store import Outcome
from pandapack.runtime.strict import refuse_unknown
from services.donations.door.api.bodies import BodyLimits
from services.donations.door.api.door import Entrance, Sender, Wanted
from services.donations.platforms.api.access import shown_merchant, tests_of
from services.donations.settlements.api.statements import banked_rows, shown_difference, shown_settlement
from services.donations.settlements.domain.settled_sums import BankReference, SettledSums
from services.donations.settlements.domain.settlement import (
    By,
    Kind,
    Settlement,
    Statement,
    Terms,
    ask_again,
    possible_ids,
)
from services.donations.settlements.work.book import SettlementBook, SettlementsOf
from services.donations.settlements.work.intake import IncomingSettlement

SUMS_BYTES_MAX = 32 * 1024 * 1024
SUMS_READ_S_MAX = 120
SUMS_LIMITS = BodyLimits(SUMS_BYTES_MAX, SUMS_READ_S_MAX, "of sums may be sent; split the settlement")
SUMS_SCHEMA = SettledSums.model_json_schema()
FILE_BYTES_MAX = 4 * 1024**3
FILE_LIMITS = BodyLimits(FILE_BYTES_MAX, math.inf, "may be in a settlement's file; split it")
SETTLEMENTS = Wanted((JSON_TYPE, *NDJSON_TYPES), (JSON_TYPE, NDJSON_TYPES[0]), is_named=True)
LINES_A_SETTLEMENT = 1
"""What a settlement counts against the rate: it lists what was pushed already, and must not keep gifts waiting."""
LOOK_AGAIN_S = 1
SETTLEMENTS_A_PAGE = 50
AFTER_PATTERN = r"^([0-9]{1,8}|[0-9]{4}/[0-9]{10}/[0-9]{1,8})?$"
"""A number of a page of differences, or a page of the ledger and a row on it."""

SettlementName = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,81}$")]
"""A platform's own name for it, staff's `platform:name`, or ours."""
Asker = Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))]


def settlements_router(settlements_of: SettlementsOf, door: Entrance) -> APIRouter:
    """`/v1/settlements`."""
    router = APIRouter(prefix="/v1/settlements", tags=["settlements"])
    _add_intake(router, settlements_of, door)
    _add_statements(router, settlements_of)
    return router


def _add_intake(router: APIRouter, settlements_of: SettlementsOf, door: Entrance) -> None:
    @router.post("", status_code=202, openapi_extra=_BODIES)
    async def post_settlement(
        request: Request,
        caller: Sender,
        noting: NotesActs,
        *,
        settlement: Annotated[Name | None, Query()] = None,
        programme: Annotated[Name | None, Query()] = None,
        bank_reference: Annotated[BankReference | None, Query()] = None,
        currency: Annotated[Literal["CNY"], Query()] = "CNY",
        cut_off: Annotated[Time | None, Query()] = None,
    ) -> JSONResponse:
        """Takes a settlement: JSON with sums by merchant and day, or NDJSON with a gift a line, its head in the query.

        It is net: each gift with what is left of it, less the reversals up to `cut_off` (default: now). What was
        reversed in full by then is not listed. Its lines add up to what arrives in the bank.

        202: it is kept and will be reconciled; `Location` shows the statement. The same again gets the same answer.
        """
        entry = await door.enter(request, caller, SETTLEMENTS)
        assert entry.name is not None, "a settlement has a name, or it does not come in"
        incoming, book = IncomingSettlement(entry.platform, entry.name), await settlements_of(tests_of(caller))
        entry.charge(LINES_A_SETTLEMENT)
        if entry.kind == JSON_TYPE:
            async with entry.body(SUMS_LIMITS) as body:
                accepted = await book.intake.accept_sums(_sums_of(body.plain), body.plain, incoming)
            answer = await _accepted(book, *accepted)
            await _note(noting, accepted[0], is_test=entry.is_test)
            return answer
        if settlement is None or programme is None or bank_reference is None:
            detail = "a file's head stands in the query: ?settlement=&programme=&bank_reference=&currency=CNY"
            raise Problem(422, "head_missing", detail)
        terms = Terms(
            name=settlement,
            programme=programme,
            bank_reference=bank_reference,
            currency=currency,
            by=By.IDS,
            cut_off=cut_off,
        )
        accepted = await book.intake.accept_file(entry.chunks(FILE_LIMITS), incoming, terms)
        answer = await _accepted(book, *accepted)
        await _note(noting, accepted[0], is_test=entry.is_test)
        return answer


def _sums_of(raw: bytes) -> SettledSums:
    refuse_deep_nesting(raw)
    refuse_unknown(raw, SUMS_SCHEMA)
    try:
        return SettledSums.model_validate_json(raw)
    except ValidationError as error:
        failures = error.errors(include_url=False, include_input=False)
        raise invalid_body("the settlement does not fit its description", failures) from error


async def _note(noting: Noting, id: str, *, is_test: bool) -> None:
    """It is told who sent it, or asked for a statement; tests are told nowhere."""
    if not is_test:
        await noting(f"settlements/{id}")


async def _accepted(book: SettlementBook, id: str, outcome: Outcome[Settlement] | Refusal) -> JSONResponse:
    """What became of a command, telling where the statement will be and when to look."""
    answer = answer_to(outcome, status=202)
    await book.draw_up()
    answer.headers["Location"] = f"/v1/settlements/{id}"
    answer.headers["Retry-After"] = str(LOOK_AGAIN_S)
    return answer


def _add_statements(router: APIRouter, settlements_of: SettlementsOf) -> None:
    @router.get("")
    async def get_settlements(caller: Asker, after: After = "", limit: Limit = SETTLEMENTS_A_PAGE) -> dict[str, Any]:
        """Settlements with their statements, by id; a platform sees its own."""
        settlements = (await settlements_of(tests_of(caller))).settlements
        where = {"state.owner": caller.owner} if caller.role is Role.PLATFORM else {}
        found = await settlements.documents.find(where, after=after, limit=limit + 1)
        return page(found, limit, shown_settlement)

    @router.get("/{id}")
    async def get_settlement(id: SettlementName, caller: Asker) -> dict[str, Any]:
        """A settlement, how far it is, and all its statements."""
        return shown_settlement(await _known(await settlements_of(tests_of(caller)), id, caller))

    @router.post("/{id}/statements", status_code=202)
    async def post_statement(id: SettlementName, request: Request, caller: Asker, noting: NotesActs) -> JSONResponse:
        """Asks for a new statement: late gifts or reversals may have come. The earlier ones stay."""
        book = await settlements_of(tests_of(caller))
        ours = (await _known(book, id, caller)).settlement
        outcome = await book.settlements.documents.change(ours, ask_again, await command_of(request))
        answer = await _accepted(book, ours, outcome)
        await _note(noting, ours, is_test=caller.is_testing)
        return answer

    @router.get("/{id}/differences")
    async def get_differences(
        id: SettlementName,
        caller: Asker,
        kind: Kind,
        statement: Annotated[int | None, Query(ge=1)] = None,
        after: Annotated[str, Query(pattern=AFTER_PATTERN)] = "",
    ) -> dict[str, Any]:
        """What a statement (the latest, unless named) lists under a kind, a page at a time; `next` goes into `after`.

        `matched` lists the gifts that the settlement has banked by now, with `banked_fen`, less `reversed_fen`.
        """
        book = await settlements_of(tests_of(caller))
        known = await _known(book, id, caller)
        ours, drawn = known.settlement, _statement_of(known, statement)
        shown = partial(shown_merchant, caller)
        if kind is Kind.MATCHED:
            return await banked_rows(book.settlements, book.pages, ours, after if "/" in after else "", shown)
        number = 0 if "/" in after else int(after or 0)
        found, is_more = await book.settlements.differences(f"{ours}/{drawn.number:04d}/{drawn.run}", kind, number)
        return {"items": [shown_difference(one, shown) for one in found], "next": str(number + 1) if is_more else None}


async def _known(book: SettlementBook, name: str, caller: Caller) -> Settlement:
    """The settlement that a caller calls so. Raises Problem 404, also for another platform's."""
    is_platform = caller.role is Role.PLATFORM
    for id in possible_ids(name, caller.owner if is_platform else None):
        state = await book.settlements.documents.get(id)
        if state is not None and not (is_platform and state.owner != caller.owner):
            return state
    whose = "of yours" if is_platform else "(staff name it platform:name, or by its stl_… number)"
    raise Problem(404, "settlement_unknown", f"there is no settlement {name} {whose}")


_BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": SettledSums.model_json_schema(ref_template="#/components/schemas/{model}")},
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "A gift a line, with what is left of it."}
            },
        },
    }
}


def _statement_of(state: Settlement, number: int | None) -> Statement:
    found = [drawn for drawn in state.statements if number in (None, drawn.number)]
    if not found:
        raise Problem(404, "statement_unknown", "there is no such statement yet").retry_after(LOOK_AGAIN_S)
    return found[-1]
