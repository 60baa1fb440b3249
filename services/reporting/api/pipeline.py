"""How the pipeline is: each service as it says itself, and what this one has heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query

from pandapack.contracts.envelope import decode
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem
from services.reporting import store
from services.reporting.api.neighbours import Neighbours
from services.reporting.api.readings import Readings, shown_freshness

EVENTS_DEFAULT = 100
EVENTS_MAX = 500
SOURCE_PATTERN = r"^/(donations|procurement|logistics)/[A-Za-z0-9._:/-]{1,200}$"

Json = dict[str, Any]
Readiness = Callable[[], Awaitable[Json]]


class Pipeline:
    """All four services, side by side."""

    def __init__(self, readings: Readings, neighbours: Neighbours, own: Readiness) -> None:
        self._readings, self._neighbours, self._own = readings, neighbours, own

    async def read(self) -> Json:
        """A row a service; whatever is unknown is null, never zero."""
        others = await self._neighbours.readiness()
        asked: Mapping[str, Json | None] = {**others, "reporting": await self._own()}
        fresh = await self._readings.freshness()
        heard = await store.all_of(self._readings.stores.pipeline)
        heard += [line.last for line in (await self._readings.views()).lines]
        return {
            "services": [_shown_service(name, said) for name, said in asked.items()],
            "lag_records": fresh.lag_records,
            **shown_freshness(fresh),
            "heard": [one.model_dump() for one in sorted(heard, key=lambda one: (one.topic, one.partition))],
        }


def _shown_service(name: str, said: Json | None) -> Json:
    if said is None:
        unknown = dict.fromkeys(("ready", "store", "lag_records", "outbox_age_s", "producer_renewals"))
        return {"service": name, "answers": False, **unknown, "stopped": None}
    return {
        "service": name,
        "answers": True,
        "ready": said.get("ready"),
        "store": said.get("store"),
        "lag_records": lag_of(said.get("lag")),
        "outbox_age_s": said.get("outbox_age_s"),
        "producer_renewals": said.get("producer_renewals"),
        "stopped": said.get("stopped"),
    }


def lag_of(rows: Sequence[Json] | None) -> int | None:
    """Records not taken over all partitions; None where one of them is unknown, or there is none."""
    if not rows or any(row["records"] is None for row in rows):
        return None
    return sum(int(row["records"]) for row in rows)


def pipeline_router(pipeline: Pipeline, readings: Readings) -> APIRouter:
    """`/pipeline`, `/journal`."""
    router = APIRouter(tags=["pipeline"])

    @router.get("/pipeline")
    async def get_pipeline() -> Json:
        """Readiness, lag, outbox and stopped partitions of each service; unknown is null."""
        return await pipeline.read()

    @router.get("/journal", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_journal(
        source: Annotated[str, Query(pattern=SOURCE_PATTERN)],
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=EVENTS_MAX)] = EVENTS_DEFAULT,
    ) -> Json:
        """A source's events as they travelled, in order, with where Kafka has each; `next` is the `after` behind."""
        stores = readings.stores
        journal = stores.archive if source.startswith("/donations/") else stores.journal
        rows = await journal.said_by(source, after=after, limit=limit + 1)
        if not rows and after == 0:
            raise Problem(404, "source_unknown", f"nothing was ever heard of {source}")
        items = [_shown_event(row) for row in rows[:limit]]
        return {"items": items, "next": items[-1]["sequence"] if len(rows) > limit else None}

    return router


def _shown_event(row: Json) -> Json:
    envelope = decode(bytes(row["envelope"]))
    return {
        "sequence": envelope.number,
        "type": envelope.type,
        "source": envelope.source,
        "time": envelope.time,
        "topic": row["topic"],
        "partition": row["partition"],
        "offset": row["offset"],
        "appended_at_ms": row["appended_at_ms"],
        "data": msgspec.json.decode(envelope.data),
    }
