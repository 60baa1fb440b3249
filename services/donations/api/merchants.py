"""Merchants: operators register them; with a key of their own they see their volumes and gifts, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from pandapack.contracts.donations import Name, day_of_name, line_of
from pandapack.runtime.auth import Caller, Keys, NewKey, Role, keys_of, needs
from pandapack.runtime.http import Problem, command_of, settled
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.store import Command, Store
from services.donations.api.party_answers import MerchantKey, MerchantMade, ShownMerchant, ShownMerchants, ShownVolumes
from services.donations.api.platforms import known_platform
from services.donations.domain.platforms import Merchant, Title, enrol, move
from services.donations.domain.volumes import Volume
from services.donations.settings import Settings
from services.donations.store import Stores
from services.donations.store.platforms import Platforms

LISTED_MAX = 500
VOLUMES_AT_ONCE_MAX = 2
"""Counting a festival day reads thousands of pages: so many at once, the others are asked to wait."""
VOLUMES_RETRY_S = 2
DAY_FIRST = date(1970, 1, 2)

MerchantName = Annotated[Name, Path()]
Gate = Callable[..., Awaitable[Caller]]


class MerchantTerms(BaseModel):
    """What people call a merchant, and the platform whose it is.

    Gifts of a platform's merchants that its settlements leave out are listed there as extra.
    """

    name: Title
    platform: Name | None = None


class NewMerchant(MerchantTerms):
    """A merchant. `merchant` is its name on the ledger, for good."""

    merchant: Name


class KeyPurpose(BaseModel):
    """What a key is for."""

    name: Title = "unnamed"


def of_merchant(*roles: Role) -> Gate:
    """A dependency: the merchant that the path names, or one of the roles. Raises Problem 401, 403."""

    # As a default, since an annotation is read where `roles` is not known.
    async def allowed(merchant: str, caller: Caller = Depends(needs(Role.MERCHANT, *roles))) -> Caller:
        if caller.role is Role.MERCHANT and caller.owner != merchant:
            raise Problem(403, "merchant_is_another", f"this key is of merchant {caller.owner}, and sees no other's")
        return caller

    return allowed


def merchants_router(stores: Stores, settings: Settings) -> APIRouter:
    """`/merchants`."""
    router = APIRouter(prefix="/merchants", tags=["merchants"])
    _add_registration(router, stores.merchants, stores.platforms)
    counting = asyncio.Semaphore(VOLUMES_AT_ONCE_MAX)

    @router.get("/{merchant}/volumes", dependencies=[Depends(of_merchant(Role.AUDITOR))], response_model=ShownVolumes)
    async def volumes(merchant: MerchantName, day: Annotated[date, Query(gt=DAY_FIRST)]) -> dict[str, Any]:
        """What a merchant gave on a day (Asia/Shanghai), by programme, counted from the pages of the ledger.

        A merchant's volumes are its trade secret: it sees its own, and staff do.
        """
        if counting.locked():
            words = f"{VOLUMES_AT_ONCE_MAX} days are being counted; ask again in {VOLUMES_RETRY_S} s"
            raise Problem(429, "busy", words).retry_after(VOLUMES_RETRY_S)
        volume = Volume(merchant, day_of_name(day.isoformat()))
        async with counting:
            async for _, columns in stores.pages.of_day(line_of(merchant, settings.lines), volume.day):
                volume.add(columns)
        shown = [{"programme": name, "count": n, "fen": fen} for name, (n, fen) in sorted(volume.programmes.items())]
        return {"merchant": merchant, "day": day.isoformat(), "programmes": shown}

    return router


def _add_registration(router: APIRouter, merchants: Store[Merchant], platforms: Platforms) -> None:
    @router.post(
        "",
        status_code=201,
        dependencies=[Depends(needs())],
        responses={201: {"model": MerchantMade}},
        openapi_extra=COMMAND,
    )
    async def add(
        new: NewMerchant, command: Annotated[Command, Depends(command_of)], keys: Annotated[Keys, Depends(keys_of)]
    ) -> JSONResponse:
        """Registers a merchant. Its first key is shown once, here; a repeat of the request has none."""
        if new.platform is not None:
            await known_platform(platforms, new.platform)
        terms = new.model_dump(exclude={"merchant"})
        outcome = await merchants.change(new.merchant, lambda state: enrol(state, **terms), command)
        answer = settled(outcome, status=201)
        if answer.headers.get("Idempotent-Replayed"):
            return answer
        key = await keys.add(NewKey(role=Role.MERCHANT, name=new.name), owner=new.merchant)
        return JSONResponse({**new.model_dump(), "key": key}, 201)

    @router.put(
        "/{merchant}", dependencies=[Depends(needs())], responses={200: {"model": ShownMerchant}}, openapi_extra=COMMAND
    )
    async def change(
        merchant: MerchantName, terms: MerchantTerms, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Another name for people, or another platform. What is drawn up from now on follows it."""
        if terms.platform is not None:
            await known_platform(platforms, terms.platform)
        outcome = await merchants.change(merchant, lambda state: move(state, **terms.model_dump()), command)
        return settled(outcome)

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))], response_model=ShownMerchants)
    async def listed(
        after: Annotated[str, Query(max_length=200)] = "", limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 100
    ) -> dict[str, Any]:
        """Registered merchants by name."""
        found = await merchants.find({}, after=after, limit=limit + 1)
        items = [state.model_dump() for _, state in found[:limit]]
        return {"items": items, "next": found[limit - 1][0] if len(found) > limit else None}

    @router.post("/{merchant}/keys", status_code=201, dependencies=[Depends(needs())], response_model=MerchantKey)
    async def add_key(
        merchant: MerchantName, purpose: KeyPurpose, keys: Annotated[Keys, Depends(keys_of)]
    ) -> dict[str, str]:
        """One more key of a registered merchant. It is shown once."""
        if await merchants.get(merchant) is None:
            raise Problem(404, "merchant_unknown", f"there is no registered merchant {merchant}")
        key = await keys.add(NewKey(role=Role.MERCHANT, name=purpose.name), owner=merchant)
        return {"merchant": merchant, "key": key, "name": purpose.name}
