"""The pipeline: each service by its own readiness, what this one has consumed, and the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query

from pandapack.contracts.envelope import decode
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem
from pandapack.runtime.neighbours import Neighbour
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.domain.hops import worst_first
from services.reporting.store.journal import SET_ASIDE, Journal
from services.reporting.store.pulses import STEP_S
from services.reporting.work.pipeline import Pipeline, PipelineState

EVENTS_DEFAULT = 100
EVENTS_MAX = 500
MINUTES_MAX = 60
"""As long as a spark is."""
SOURCE_PATTERN = r"^/(donations|procurement|logistics)/[A-Za-z0-9._:/-]{1,200}$"

Json = dict[str, Any]


def pipeline_router(pipeline: Pipeline, journal: Journal, archive: Journal, limits: ReadLimits) -> APIRouter:
    """`/pipeline`, `/pipeline/history`, `/journal`."""
    router = APIRouter(tags=["pipeline"])

    @router.get("/pipeline", dependencies=[Depends(needs(Role.AUDITOR)), Depends(limits)])
    async def get_pipeline() -> Json:
        """Readiness, lag, outbox and stopped partitions of each service and process; unknown is null.

        `hops`: each consumer's lag in records and in seconds, the worst first. `business_lag`: from a push at the door
        to its gifts in the public figures, measured on real pushes of the last `window_s` seconds. `flow`: a second.

        `log`: how far the public log is. Where `waiting_partitions` and `unread_records` are 0, a snapshot of its
        `size` has all that this service has read.
        """
        return shown_pipeline(await pipeline.read())

    @router.get("/pipeline/history", dependencies=[Depends(needs(Role.AUDITOR)), Depends(limits)])
    async def get_history(minutes: Annotated[int, Query(ge=1, le=MINUTES_MAX)] = MINUTES_MAX) -> Json:
        """The hops' lag and throughput, the business lag and the flow of the last minutes, a row each `step_s`.

        A step in which no process of reporting was at work has no row.
        """
        return {"step_s": STEP_S, "items": await pipeline.history(minutes)}

    @router.get("/journal", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_journal(
        source: Annotated[str, Query(pattern=SOURCE_PATTERN)],
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=EVENTS_MAX)] = EVENTS_DEFAULT,
    ) -> Json:
        """A source's events as they travelled, in order, with their positions; `next` is the next page's `after`."""
        events = archive if source.startswith("/donations/") else journal
        rows = await events.events_of(source, after=after, limit=limit + 1)
        if not rows and after == 0:
            raise Problem(404, "source_unknown", f"there is no event of {source}")
        items = [_shown_event(row) for row in rows[:limit]]
        return {"items": items, "next": items[-1]["sequence"] if len(rows) > limit else None}

    return router


def shown_pipeline(state: PipelineState) -> Json:
    """A row a service, a hop, a process, and the public log; whatever is unknown is null, never zero."""
    return {
        "hops": [lag.as_json(state.rates.get(lag.hop)) for lag in worst_first(state.hops)],
        "business_lag": state.business_lag.as_json(),
        "instances": list(state.instances),
        "flow": state.flow.as_json(),
        "services": [_shown_service(one) for one in state.services],
        "lag_records": state.freshness.lag_records,
        **state.freshness.as_json(),
        "consumed": [last.model_dump() for last in state.consumed],
        "log": {
            "size": state.log.size,
            "waiting_partitions": state.log.waiting_partitions,
            "unread_records": state.log.unread_records,
        },
        "snapshot": state.snapshot,
    }


def _shown_service(one: Neighbour) -> Json:
    if one.readiness is None:
        unknown = dict.fromkeys(
            ("ready", "store", "kafka", "lag_records", "waiting_s", "outbox_age_s", "producer_renewals")
        )
        return {**one.as_json(), **unknown, "stopped": None, "stalled": None, "public_log": None}
    readiness = one.readiness
    return {
        **one.as_json(),
        "ready": readiness.get("ready"),
        "store": readiness.get("store"),
        "kafka": readiness.get("kafka"),
        "lag_records": lag_of(readiness.get("lag")),
        "waiting_s": waiting_s_of(readiness.get("lag")),
        "outbox_age_s": readiness.get("outbox_age_s"),
        "producer_renewals": readiness.get("producer_renewals"),
        "stopped": readiness.get("stopped"),
        "stalled": readiness.get("stalled"),
        "public_log": readiness.get("public_log"),
    }


def lag_of(rows: Sequence[Json] | None) -> int | None:
    """Records not consumed over all partitions; None where one of them is unknown, or there is none."""
    if not rows or any(row["records"] is None for row in rows):
        return None
    return sum(int(row["records"]) for row in rows)


def waiting_s_of(rows: Sequence[Json] | None) -> float | None:
    """The age of the oldest record not done yet, over all partitions; None where one of them is unknown."""
    if not rows or any(row["waiting_s"] is None for row in rows):
        return None
    return max(float(row["waiting_s"]) for row in rows)


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
        "set_aside": row.get(SET_ASIDE, False),
        "data": msgspec.json.decode(envelope.data),
    }
