"""Where the services of this installation are: one address leads to all four."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends

from pandapack.runtime.read_limits import ReadLimits


def installation_router(urls: Mapping[str, str], limits: ReadLimits) -> APIRouter:
    """`GET /v1/installation`. `urls`: service → address."""
    router = APIRouter(tags=["pipeline"])

    @router.get("/installation", dependencies=[Depends(limits)])
    async def get_installation() -> dict[str, Any]:
        """The addresses of the other services, as `PANDA_PUBLIC_URLS` has them, or else as this one reaches them.

        An address is no secret: each service asks whoever comes for a key. `panda --url` begins here.
        """
        return {"services": dict(urls)}

    return router
