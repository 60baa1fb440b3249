"""HTTP in: totals and their stream, laws, traces, the pipeline and the journal; and the pages that people see."""

from __future__ import annotations

from fastapi import APIRouter

from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.history import history_router
from services.reporting.api.pages import pages_router
from services.reporting.api.pipeline import pipeline_router
from services.reporting.api.public_log import public_log_router
from services.reporting.api.totals import MerchantStores, totals_router
from services.reporting.api.trace import TraceLimits, trace_router
from services.reporting.api.verify import verify_router
from services.reporting.store import Stores
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.history import History
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Readings
from services.reporting.work.streams import Streams
from services.reporting.work.tracer import Tracer

TABLES_A_BURST_MAX = 300
TABLES_PER_S = 20.0
"""Tables, laws and the pipeline, from one address: a school behind one, with every table open, and no more than a part
of what this process can read."""


def router(
    stores: Stores,
    readings: Readings,
    history: History,
    *,
    pipeline: Pipeline,
    tracer: Tracer,
    streams: Streams,
    checkpoints: Checkpoints,
) -> APIRouter:
    """`/v1/…`, `/log/…`, `/`, `/ops` and `/verify`."""
    limits = TraceLimits()
    tables = ReadLimits("tables", burst=TABLES_A_BURST_MAX, per_s=TABLES_PER_S)
    merchants = MerchantStores(stores.shards, stores.merchants, stores.banked_merchants)
    whole, v1 = APIRouter(), APIRouter(prefix="/v1")
    v1.include_router(totals_router(readings, streams, merchants, tables))
    v1.include_router(history_router(history, tables))
    v1.include_router(trace_router(tracer, limits))
    v1.include_router(pipeline_router(pipeline, stores.journal, stores.archive, tables))
    whole.include_router(v1)
    whole.include_router(public_log_router(checkpoints, stores.public_log))
    whole.include_router(pages_router(readings, pipeline, tracer, limits, tables))
    whole.include_router(verify_router())
    return whole
