"""The one way in for what platforms send: donations, reversals, settlements.

Whatever it is, the same is looked at in the same order, and the first thing that is wrong is the answer: key and role
(`sender`), a registered platform, its rate, the request's own name, content type, content encoding, the headers of the
signature; then, as the body comes, its size and its signature over the raw bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from pandapack.contracts.signing import ID_HEADER
from pandapack.decision import Refusal, Refused
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import IDEMPOTENCY_KEY_CHARACTERS_MAX, Problem, idempotency_key
from services.donations.door.api.bodies import (
    Body,
    BodyBudget,
    BodyLimits,
    body_of,
    encoding_of,
    inflated_chunks,
    raw_chunks,
    taken_type_of,
)
from services.donations.door.domain.signatures import PassingSignature
from services.donations.door.domain.test_names import TEST_UNAVAILABLE, refusal_of
from services.donations.door.work.admission import Admission, Visitor

Sender = Annotated[Caller, Depends(needs(Role.PLATFORM))]
"""Who sends: a dependency of every route behind the door."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a route takes. `types`: content types, of which `shown` are told to who sent another one.

    `is_named`: whether a request must have a name of its own, by which a repeat is known.
    """

    types: Sequence[str]
    shown: Sequence[str]
    is_named: bool = False


class Entry:
    """A request that may come in. `platform`: whose it is; `name`: its Idempotency-Key or webhook-id; `kind`: its type.

    `is_test`: it is validated and answered, and touches nothing that counts.
    """

    def __init__(
        self, request: Request, budget: BodyBudget, visitor: Visitor, signature: PassingSignature | None
    ) -> None:
        self._request, self._budget, self._visitor, self._signature = request, budget, visitor, signature
        self.platform, self.is_test = visitor.platform, visitor.is_testing
        self.name: str | None = None
        self.kind = ""

    @asynccontextmanager
    async def body(self, limits: BodyLimits) -> AsyncIterator[Body]:
        """The whole body, once it is known to be signed as it should be. Raises Refused, Problem 400, 408, 413, 429."""
        async with body_of(self._request, self._budget, limits, self._visitor.holder) as body:
            if self._signature is not None:
                _raise_if(self._signature.refusal_of_whole(body.raw))
            yield body

    async def chunks(self, limits: BodyLimits) -> AsyncIterator[bytes]:
        """A body that is too long to be held, inflated, as it comes. Raises Problem 400, 413; Refused.

        Whether it is signed as it should be is known at its end: until this ends, nothing may be concluded from it.
        """
        chunks = self._passing(limits)
        if encoding_of(self._request.headers) == "gzip":
            chunks = inflated_chunks(chunks, limits)
        async for chunk in chunks:
            yield chunk
        if self._signature is not None:
            _raise_if(self._signature.refusal())

    def charge(self, lines: int) -> None:
        """So many lines count against the platform's rate."""
        self._visitor.charge(lines)

    async def _passing(self, limits: BodyLimits) -> AsyncIterator[bytes]:
        async for chunk in raw_chunks(self._request, limits):
            if self._signature is not None:
                self._signature.feed(chunk)
            yield chunk


class Entrance:
    """Lets requests in, for all routes that platforms send something to."""

    def __init__(self, admission: Admission, budget: BodyBudget) -> None:
        self._admission, self._budget = admission, budget

    async def enter(self, request: Request, caller: Caller, wanted: Wanted) -> Entry:
        """Raises Refused (403, 429, 401), Problem 400, 415: nothing of the body was read."""
        platform = caller.owner if caller.role is Role.PLATFORM else ""
        visitor = await self._admission.admit(platform, is_testing=caller.is_testing)
        name = idempotency_key(request.headers, ID_HEADER)
        if visitor.is_testing:
            _raise_if(refusal_of(name))
            if name == TEST_UNAVAILABLE:
                raise Unavailable(f"{name} is what is told while Kafka or MongoDB is away")
        if name is None and wanted.is_named:
            raise _nameless()
        kind = taken_type_of(request.headers, wanted.types, wanted.shown)
        encoding_of(request.headers)
        entry = Entry(request, self._budget, visitor, self._admission.signature_of(visitor, request.headers))
        entry.name, entry.kind = name, kind
        return entry


def _raise_if(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Refused(refusal)


def _nameless() -> Problem:
    return Problem(
        400,
        "idempotency_key_missing",
        f"send the header Idempotency-Key, or sign with a {ID_HEADER}: 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} "
        "characters that stay the same when you repeat this request",
    )
