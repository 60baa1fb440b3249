"""`/v1/partitions`: what stands still, why, and how it goes on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from pandapack.contracts.breakage import Law
from pandapack.runtime.acts import NotesActs
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.partition_repairs import PartitionRepairs
from pandapack.runtime.set_aside import Passing

PARTITION_MAX = 9_999
OFFSET_MAX = 2**53 - 1
REASON_CHARACTERS_MAX = 500

Topic = Annotated[str, Path(pattern=r"^[a-z.-]{1,64}$")]
Partition = Annotated[int, Path(ge=0, le=PARTITION_MAX)]
Operator = Annotated[Caller, Depends(needs())]


class SetAsideBody(BaseModel):
    """Why a record is passed over, and which law may break by it; with `dry_run` it is only told which would."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    breaks: Law | None = None
    dry_run: bool = False


def partitions_router(repairs: PartitionRepairs) -> APIRouter:
    """`GET /v1/partitions`, and of one of them: show, retry, set a record aside."""
    router = APIRouter(prefix="/v1/partitions", tags=["partitions"])
    reader = Depends(needs(Role.AUDITOR))

    @router.get("", dependencies=[reader])
    async def get_partitions() -> dict[str, Any]:
        """The partitions that stand still in this service, whichever of its processes owns them."""
        return {"items": await repairs.standing()}

    @router.get("/{topic}/{partition}", dependencies=[reader])
    async def get_partition(
        topic: Topic, partition: Partition, offset: Annotated[int | None, Query(ge=0, le=OFFSET_MAX)] = None
    ) -> dict[str, Any]:
        """One partition: who consumes it here, what stands still and why, and the record that it stands before."""
        return await repairs.show(topic, partition, offset)

    @router.post("/{topic}/{partition}/retry")
    async def post_retry(topic: Topic, partition: Partition, caller: Operator, noting: NotesActs) -> dict[str, Any]:
        """Tries again within a second, instead of after the growing pause. Safe to repeat."""
        return await repairs.retry(topic, partition, noting)

    @router.post("/{topic}/{partition}/records/{offset}/set-aside")
    async def post_set_aside(
        topic: Topic,
        partition: Partition,
        offset: Annotated[int, Path(ge=0, le=OFFSET_MAX)],
        body: SetAsideBody,
        caller: Operator,
        noting: NotesActs,
    ) -> dict[str, Any]:
        """Passes over the record that the partition stands before; it is kept who said so, when and why.

        A genuine event is passed over only where `breaks` accepts what the answer to a dry run says.
        """
        passing = Passing(f"{caller.name} ({caller.prefix})", body.reason, body.breaks or "")
        return await repairs.pass_over(topic, partition, offset, passing, None if body.dry_run else noting)

    return router
