"""HTTP in: totals and their stream, laws, traces, the pipeline and the journal; and the pages that people see."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from pandapack.runtime.chance import Chance
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.alerts import alerts_router
from services.reporting.api.audit_log import audit_log_files_router, audit_log_router
from services.reporting.api.chart_figures import ChartFigures
from services.reporting.api.charts import charts_router
from services.reporting.api.data import data_router, recount_router
from services.reporting.api.following import Following
from services.reporting.api.history import history_router
from services.reporting.api.iati import iati_router
from services.reporting.api.installation import installation_router
from services.reporting.api.journeys import journey_pages_router, journeys_router
from services.reporting.api.ops import needs_router, ops_router
from services.reporting.api.ops_events import OpsNews, events_router
from services.reporting.api.ops_forward import forward_router
from services.reporting.api.ops_letters import letters_pages_router
from services.reporting.api.pages import pages_router
from services.reporting.api.pipeline import pipeline_router
from services.reporting.api.public_log import public_log_router
from services.reporting.api.public_page import PublicPage
from services.reporting.api.receipt_page import receipt_page_router
from services.reporting.api.receipts import receipts_router
from services.reporting.api.runbooks import Runbooks, runbooks_router
from services.reporting.api.summary import summary_router
from services.reporting.api.totals import MerchantStores, totals_router
from services.reporting.api.trace import TraceLimits, trace_router
from services.reporting.api.verify import verify_router
from services.reporting.store import Stores
from services.reporting.work.alerts import Alerts
from services.reporting.work.audit_log import AuditLog
from services.reporting.work.charts import Charts
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.data_files import DataFiles
from services.reporting.work.examples import Examples
from services.reporting.work.forwarding import Forwarding
from services.reporting.work.history import History
from services.reporting.work.iati_files import IatiFiles
from services.reporting.work.journeys import Journeys
from services.reporting.work.needs import NeedsBook
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Readings
from services.reporting.work.receipts import Receipts
from services.reporting.work.snapshots import Snapshots
from services.reporting.work.streams import Streams
from services.reporting.work.summaries import Summaries
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
    alerts: Alerts
    tracer: Tracer
    journeys: Journeys
    examples: Examples
    streams: Streams
    checkpoints: Checkpoints
    receipts: Receipts
    snapshots: Snapshots
    audit_log: AuditLog
    charts: Charts
    chart_figures: ChartFigures
    iati: IatiFiles
    summaries: Summaries
    needs: NeedsBook
    news: OpsNews
    forwarding: Forwarding
    chance: Chance
    is_demonstration: bool
    service_urls: dict[str, str]


def router(work: Work) -> APIRouter:
    """`/v1/…`, `/log/…`, `/`, `/data`, `/ops`, `/receipt/…`, `/summary/…` and `/verify`."""
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
    v1.include_router(needs_router(work.needs))
    v1.include_router(events_router(work.news))
    v1.include_router(alerts_router(work.alerts))
    v1.include_router(installation_router(work.service_urls, tables))
    v1.include_router(journeys_router(work.journeys))
    v1.include_router(data_router(work.snapshots, DataFiles(), tables))
    v1.include_router(charts_router(work.charts, work.chart_figures, readings))
    v1.include_router(iati_router(work.iati, tables))
    v1.include_router(audit_log_router(work.audit_log))
    whole.include_router(v1)
    whole.include_router(recount_router())
    whole.include_router(audit_log_files_router(work.audit_log))
    whole.include_router(public_log_router(checkpoints, stores.public_log))
    is_demonstration = work.is_demonstration
    follow = Following(work.tracer, limits, work.examples)
    public = PublicPage(readings, follow, tables, checkpoints, work.chart_figures, is_demonstration=is_demonstration)
    whole.include_router(pages_router(public, is_demonstration=is_demonstration))
    whole.include_router(ops_router(work.chance, is_demonstration=is_demonstration))
    whole.include_router(letters_pages_router(work.chance, is_demonstration=is_demonstration))
    whole.include_router(runbooks_router(Runbooks(), is_demonstration=is_demonstration))
    whole.include_router(forward_router(work.forwarding, work.chance))
    whole.include_router(journey_pages_router(work.journeys, is_demonstration=is_demonstration))
    whole.include_router(receipt_page_router(work.tracer, work.receipts, limits, is_demonstration=is_demonstration))
    whole.include_router(
        summary_router(work.summaries, checkpoints, work.chart_figures, tables, is_demonstration=is_demonstration)
    )
    whole.include_router(verify_router(is_demonstration=is_demonstration))
    return whole
