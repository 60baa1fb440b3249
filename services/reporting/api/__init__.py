"""HTTP in: totals and their stream, laws, traces, the pipeline and the journal; and the pages that people see."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.data import data_router, recount_router
from services.reporting.api.history import history_router
from services.reporting.api.pages import pages_router
from services.reporting.api.pipeline import pipeline_router
from services.reporting.api.public_log import public_log_router
from services.reporting.api.public_page import PublicPage
from services.reporting.api.receipts import receipts_router
from services.reporting.api.totals import MerchantStores, totals_router
from services.reporting.api.trace import TraceLimits, trace_router
from services.reporting.api.verify import verify_router
from services.reporting.store import Stores
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.data_files import DataFiles
from services.reporting.work.history import History
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Readings
from services.reporting.work.receipts import Receipts
from services.reporting.work.snapshots import Snapshots
from services.reporting.work.streams import Streams
from services.reporting.work.tracer import Tracer

TABLES_A_BURST_MAX = 300
TABLES_PER_S = 20.0
"""Tables, laws and the pipeline, from one address: a school behind one, with every table open, and no more than a part
of what this process can read."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the routes call."""

    stores: Stores
    readings: Readings
    history: History
    pipeline: Pipeline
    tracer: Tracer
    streams: Streams
    checkpoints: Checkpoints
    receipts: Receipts
    snapshots: Snapshots
    is_demonstration: bool


def router(work: Work) -> APIRouter:
    """`/v1/…`, `/log/…`, `/`, `/data`, `/ops` and `/verify`."""
    stores, readings, checkpoints = work.stores, work.readings, work.checkpoints
    limits = TraceLimits()
    tables = ReadLimits("tables", burst=TABLES_A_BURST_MAX, per_s=TABLES_PER_S)
    merchants = MerchantStores(stores.shards, stores.merchants, stores.banked_merchants)
    whole, v1 = APIRouter(), APIRouter(prefix="/v1")
    v1.include_router(totals_router(readings, work.streams, merchants, tables))
    v1.include_router(history_router(work.history, tables))
    v1.include_router(trace_router(work.tracer, limits))
    v1.include_router(receipts_router(work.receipts, limits))
    v1.include_router(pipeline_router(work.pipeline, stores.journal, stores.archive, tables))
    v1.include_router(data_router(work.snapshots, DataFiles(), tables))
    whole.include_router(v1)
    whole.include_router(recount_router())
    whole.include_router(public_log_router(checkpoints, stores.public_log))
    is_demonstration = work.is_demonstration
    public = PublicPage(readings, work.tracer, limits, tables, checkpoints, is_demonstration=is_demonstration)
    whole.include_router(pages_router(public, readings, work.pipeline, is_demonstration=is_demonstration))
    whole.include_router(verify_router())
    return whole
