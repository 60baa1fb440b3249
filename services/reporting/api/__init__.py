"""HTTP in: totals and their stream, laws, traces, the pipeline and the journal; and the pages that people see."""

from __future__ import annotations

from fastapi import APIRouter

from services.reporting.api.neighbours import Neighbours
from services.reporting.api.pages import pages_router
from services.reporting.api.pipeline import Pipeline, Readiness, pipeline_router
from services.reporting.api.readings import Readings
from services.reporting.api.totals import Streams, totals_router
from services.reporting.api.trace import Limiter, Tracer, trace_router
from services.reporting.api.verify import verify_router


def router(readings: Readings, neighbours: Neighbours, streams: Streams, own: Readiness) -> APIRouter:
    """`/v1/…`, `/` and `/ops`. `own`: what this service says of itself."""
    pipeline, tracer, limiter = Pipeline(readings, neighbours, own), Tracer(readings, neighbours), Limiter()
    whole, v1 = APIRouter(), APIRouter(prefix="/v1")
    v1.include_router(totals_router(readings, streams))
    v1.include_router(trace_router(tracer, limiter))
    v1.include_router(pipeline_router(pipeline, readings))
    whole.include_router(v1)
    whole.include_router(pages_router(readings, pipeline, tracer, limiter))
    whole.include_router(verify_router())
    return whole
