"""Daily roots of the time before the public log, as they were signed. No new ones are made: the log has their place."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query

from pandapack.contracts.proof import DailyRoot, Signer
from pandapack.runtime.http import Problem
from services.donations.proofs.store import DailyRoots

ROOTS_LISTED_MAX = 100


def known_signer(signer: Signer | None) -> Signer:
    """The signer. Raises Problem where this installation has none."""
    if signer is None:
        raise Problem(503, "no_signing_key", "this installation has no key to sign with: set PANDA_SIGNING_KEY_FILE")
    return signer


def roots_router(roots: DailyRoots, signer: Signer | None) -> APIRouter:
    """`GET /v1/roots`, `/v1/roots/key`, `/v1/roots/{day}`."""
    router = APIRouter(prefix="/v1/roots", tags=["daily roots"])

    @router.get("")
    async def get_roots(
        limit: Annotated[int, Query(ge=1, le=ROOTS_LISTED_MAX)] = ROOTS_LISTED_MAX,
        before: Annotated[date | None, Query(description="Only days before this one.")] = None,
    ) -> dict[str, Any]:
        """The signed daily roots, newest first. No new ones are made: the public log has their place."""
        found = await roots.newest(limit, before.isoformat() if before else "")
        return {"items": [_root_view(root) for root in found]}

    @router.get("/key")
    async def get_key() -> dict[str, str]:
        """The public key that signs receipts of the first form. Keep it from a day on which you trust us.

        `panda verify --key` takes this file.
        """
        return {"algorithm": "Ed25519", "key": known_signer(signer).public}

    @router.get("/{day}")
    async def get_root(day: date) -> dict[str, Any]:
        """The signed root of a day."""
        found = await roots.one(day.isoformat())
        if found is None:
            raise Problem(404, "root_unknown", f"{day.isoformat()} has no signed root (yet)")
        return _root_view(found)

    return router


def _root_view(root: DailyRoot) -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(root)
    return view
