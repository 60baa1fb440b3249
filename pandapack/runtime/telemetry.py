"""Structured logs and the metrics that every process shows at `/metrics`."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import Counter, Gauge, Histogram

EVENTS_PUBLISHED = Counter("panda_events_published_total", "Events acknowledged by Kafka")
RECORDS_CONSUMED = Counter("panda_records_consumed_total", "Records consumed from Kafka", ["topic"])
RECORDS_DISTRUSTED = Counter("panda_records_distrusted_total", "Records not believed, by cause", ["topic", "cause"])
DEAD_LETTERS = Counter("panda_dead_letters_total", "Dead letters sent, by cause", ["cause"])
PARTITIONS_STOPPED = Gauge("panda_partitions_stopped", "Partitions that stand still here, by group", ["group"])
OUTBOX_AGE_S = Gauge("panda_outbox_age_seconds", "Age of the oldest event that waits to be published")
LAG_RECORDS = Gauge("panda_lag_records", "Records not consumed yet", ["topic", "partition"])
LOOP_RUNS = Counter("panda_loop_runs_total", "Runs of a background loop that ended well", ["loop"])
LOOP_FAILURES = Counter("panda_loop_failures_total", "Runs of a background loop that failed", ["loop"])
HTTP_SECONDS = Histogram("panda_http_seconds", "Requests by method, route and status", ["method", "route", "status"])

THIRD_PARTY_LOGGERS = ("aiokafka", "faststream", "pymongo", "uvicorn.access", "httpx")


def configure_logs(service: str) -> None:
    """JSON lines on stderr, each with the service's name; third parties only from warnings up."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for name in THIRD_PARTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
