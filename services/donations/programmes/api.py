"""HTTP in: which programmes can be paid into."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from pandapack.runtime.auth import Caller, caller_of
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, page
from pandapack.runtime.store import Store
from services.donations.programmes.domain.programmes import Programme


class ProgrammesView(BaseModel):
    """A page of programmes; `next` goes into `after`, and is null where nothing is behind."""

    items: list[Programme]
    next: str | None


def shown_programme(state: Programme) -> dict[str, Any]:
    """A programme as JSON."""
    return state.model_dump(mode="json")


def programmes_router(programmes: Store[Programme]) -> APIRouter:
    """`/v1/programmes`."""
    router = APIRouter(prefix="/v1/programmes", tags=["programmes"])

    @router.get("", response_model=ProgrammesView)
    async def get_programmes(
        caller: Annotated[Caller, Depends(caller_of)], after: After = "", limit: Limit = PAGE_DEFAULT
    ) -> dict[str, Any]:
        """What can be paid into, by name, for whoever has a key. A gift to any other programme is refused by line.

        One that was published just now is known here within seconds.
        """
        return page(await programmes.find({}, after=after, limit=limit + 1), limit, shown_programme)

    return router
