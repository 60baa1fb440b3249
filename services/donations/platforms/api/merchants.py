"""Merchants: operators register them, and give them keys to look with."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, field_validator

from pandapack.contracts.donations import Name, unscoped
from pandapack.runtime.acts import NotesActs
from pandapack.runtime.auth import KeysHere, NewKey, Role, needs
from pandapack.runtime.http import Problem, answer_to, command_of, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, page
from pandapack.runtime.store import Command, Store
from services.donations.platforms.api.platforms import known_platform
from services.donations.platforms.api.schemas import (
    KeyPurpose,
    MerchantKey,
    MerchantList,
    MerchantView,
    NewMerchantView,
)
from services.donations.platforms.domain.platforms import Merchant, Title, enrol, rename, unknown_merchant
from services.donations.platforms.store.platforms import Platforms

MerchantName = Annotated[Name, Path()]
MOVES_NOT = (
    "a merchant's platform stands in its name, and is not sent: it does not move; under another platform it is another "
    "merchant, register platform:merchant there"
)


class MerchantTerms(BaseModel):
    """What people call a merchant."""

    name: Title
    platform: Annotated[str | None, Field(exclude=True, deprecated=True, description=MOVES_NOT)] = None

    @field_validator("platform")
    @classmethod
    def _moves_not(cls, given: str | None) -> None:
        if given is not None:
            raise ValueError(MOVES_NOT)


class NewMerchant(MerchantTerms):
    """A merchant. `merchant` is its name on the ledger, `platform:merchant`, for good."""

    merchant: Name


def merchants_router(merchants: Store[Merchant], platforms: Platforms) -> APIRouter:
    """`/v1/merchants`."""
    router = APIRouter(prefix="/v1/merchants", tags=["merchants"])

    @router.post(
        "",
        status_code=201,
        dependencies=[Depends(needs())],
        responses={201: {"model": NewMerchantView}},
        openapi_extra=COMMAND,
    )
    async def post_merchant(
        new: NewMerchant, command: Annotated[Command, Depends(command_of)], keys: KeysHere, noting: NotesActs
    ) -> JSONResponse:
        """Registers a merchant of a registered platform, as `platform:merchant`.

        Its first key is shown once, here; a repeat of the request has none.
        """
        await known_platform(platforms, _platform_of(new.merchant))
        outcome = await merchants.change(new.merchant, lambda state: enrol(state, name=new.name), command)
        answer = answer_to(outcome, status=201)
        if answer.headers.get("Idempotent-Replayed"):
            return answer
        note = partial(noting.key, of=f"merchants/{new.merchant}/", made_for=f"{Role.MERCHANT}: {new.name}")
        key = await keys.add(NewKey(role=Role.MERCHANT, name=new.name), owner=new.merchant, note=note)
        return JSONResponse({**new.model_dump(), "key": key}, 201)

    @router.put(
        "/{merchant}", dependencies=[Depends(needs())], responses={200: {"model": MerchantView}}, openapi_extra=COMMAND
    )
    async def put_merchant(
        merchant: MerchantName, terms: MerchantTerms, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Another name for people. It stays its platform's: its gifts lie on the ledger under that."""
        outcome = await merchants.change(merchant, lambda state: rename(state, name=terms.name), command)
        return answer_to(outcome)

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))], response_model=MerchantList)
    async def get_merchants(after: After = "", limit: Limit = PAGE_DEFAULT) -> dict[str, Any]:
        """Registered merchants by name."""
        return page(await merchants.find({}, after=after, limit=limit + 1), limit, Merchant.model_dump)

    @router.post("/{merchant}/keys", status_code=201, dependencies=[Depends(needs())], response_model=MerchantKey)
    async def post_key(
        merchant: MerchantName, purpose: KeyPurpose, keys: KeysHere, noting: NotesActs
    ) -> dict[str, str]:
        """One more key of a registered merchant. It is shown once."""
        if await merchants.get(merchant) is None:
            raise problem_of(unknown_merchant(merchant))
        note = partial(noting.key, of=f"merchants/{merchant}/", made_for=f"{Role.MERCHANT}: {purpose.name}")
        key = await keys.add(NewKey(role=Role.MERCHANT, name=purpose.name), owner=merchant, note=note)
        return {"merchant": merchant, "key": key, "name": purpose.name}

    return router


def _platform_of(merchant: str) -> str:
    try:
        return unscoped(merchant)[0]
    except ValueError as error:
        raise Problem(422, "merchant_unscoped", f"{error}: say whose it is, such as taobao:M00001") from error
