"""Settlements come in: read as they stream, kept row by row, and handed to the reconciler."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from pandapack.contracts.donations import Name, line_of
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import Problem, settled
from pandapack.runtime.store import Command
from services.donations.api.reconciler import Reconciler
from services.donations.domain.listing import MERCHANTS_MAX, Listing, Unfit
from services.donations.domain.settlement import By, PartRef, Received, Tally, Terms, receive
from services.donations.store import Stores

SUMS_BYTES_MAX = 32 * 1024 * 1024
FILE_BYTES_MAX = 4 * 1024**3
LOOK_AGAIN_S = 1
FAILURES_SHOWN_MAX = 20

Mark = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/ -]{1,100}$")]


class DaySum(BaseModel):
    """All gifts of one merchant on one day (in Asia/Shanghai), as paid."""

    merchant: Name
    day: date
    count: Annotated[int, Field(gt=0, strict=True)]
    fen: Annotated[int, Field(gt=0, strict=True)]


class SettledSums(BaseModel):
    """A settlement by merchant and day."""

    settlement: Name
    programme: Name
    bank_reference: Mark
    currency: Literal["CNY"]
    sums: Annotated[list[DaySum], Field(min_length=1, max_length=MERCHANTS_MAX)]


def settlement_id(owner: str, name: str) -> str:
    """Our own name for a settlement: two platforms may number theirs alike."""
    return "stl_" + hashlib.sha256(f"{owner}\n{name}".encode()).hexdigest()[:24]


class Counter:
    """Takes settlements in: reads them as they stream, keeps their rows, and hands them to the reconciler."""

    def __init__(self, stores: Stores, clock: Clock, reconciler: Reconciler, lines: int) -> None:
        self._stores, self._clock, self._reconciler, self._lines = stores, clock, reconciler, lines

    async def take_file(self, request: Request, owner: str, terms: Terms, key: str) -> JSONResponse:
        """A file of ids. Raises Problem."""
        id, digest, read_bytes = settlement_id(owner, terms.name), _digest_of(terms), 0
        listing, parts = Listing(terms.programme, self._lines), list[PartRef]()
        try:
            async for chunk in request.stream():
                digest.update(chunk)
                read_bytes += len(chunk)
                if read_bytes > FILE_BYTES_MAX:
                    raise Problem(413, "body_too_large", f"a settlement's file has at most {FILE_BYTES_MAX} bytes")
                listing.feed(chunk)
                if listing.is_full:
                    parts += await self._keep(id, listing)
            listing.end()
        except Unfit as unfit:
            status = 413 if unfit.code == "settlement_too_large" else 422
            raise Problem(status, unfit.code, str(unfit), line=unfit.line) from unfit
        parts += await self._keep(id, listing)
        received = Received(terms=terms, digest=digest.hexdigest(), total=listing.total, parts=tuple(parts))
        return await self._receive(id, owner, received, key)

    async def _keep(self, id: str, listing: Listing) -> list[PartRef]:
        return [await self._stores.settlements.keep_ids(id, *some) for some in listing.drained()]

    async def take_sums(self, request: Request, owner: str, key: str) -> JSONResponse:
        """Sums by merchant and day. Raises Problem."""
        body = await _bounded_body(request)
        try:
            given = SettledSums.model_validate_json(body)
        except ValidationError as error:
            raise _invalid(error) from error
        terms = Terms(
            name=given.settlement,
            programme=given.programme,
            bank_reference=given.bank_reference,
            currency=given.currency,
            by=By.SUMS,
        )
        id, digest = settlement_id(owner, terms.name), _digest_of(terms)
        digest.update(body)
        parts = [
            await self._stores.settlements.keep_sums(id, line, day, cells)
            for (line, day), cells in sorted(self._cells_of(given).items())
        ]
        total = Tally(count=sum(one.count for one in given.sums), fen=sum(one.fen for one in given.sums))
        received = Received(terms=terms, digest=digest.hexdigest(), total=total, parts=tuple(parts))
        return await self._receive(id, owner, received, key)

    def _cells_of(self, given: SettledSums) -> dict[tuple[int, str], dict[str, tuple[int, int]]]:
        cells: dict[tuple[int, str], dict[str, tuple[int, int]]] = {}
        for one in given.sums:
            place = (line_of(one.merchant, self._lines), one.day.isoformat())
            merchants = cells.setdefault(place, {})
            if one.merchant in merchants:
                words = f"{one.merchant} on {one.day.isoformat()} is listed twice: one sum for a merchant and day"
                raise Problem(422, "sum_repeated", words)
            merchants[one.merchant] = (one.count, one.fen)
        return cells

    async def _receive(self, id: str, owner: str, received: Received, key: str) -> JSONResponse:
        decide = partial(receive, owner=owner, received=received, at=self._clock.now())
        outcome = await self._stores.settlements.documents.change(id, decide, Command(key, received.digest))
        self._reconciler.wake()
        return accepted(settled(outcome, status=202), id)


def accepted(answer: JSONResponse, id: str) -> JSONResponse:
    """The same, telling where the statement will be and when to look."""
    answer.headers["Location"] = f"/v1/settlements/{id}"
    answer.headers["Retry-After"] = str(LOOK_AGAIN_S)
    return answer


def _digest_of(terms: Terms) -> Any:
    return hashlib.sha256(terms.model_dump_json().encode() + b"\n")


async def _bounded_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > SUMS_BYTES_MAX:
            raise Problem(413, "body_too_large", f"sums have at most {SUMS_BYTES_MAX} bytes; split the settlement")
    return bytes(body)


def _invalid(error: ValidationError) -> Problem:
    failures = [
        {"pointer": "/" + "/".join(map(str, one["loc"])), "code": one["type"], "detail": one["msg"]}
        for one in error.errors(include_url=False, include_input=False)[:FAILURES_SHOWN_MAX]
    ]
    words = "; ".join(f"{failure['pointer']}: {failure['detail']}" for failure in failures[:3])
    return Problem(422, "invalid_request", f"the settlement does not fit its description: {words}", errors=failures)
