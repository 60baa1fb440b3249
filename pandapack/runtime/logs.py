"""Logs: one line a thing, JSON with a time, whoever says it; a crash is a line like any other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

import structlog

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.errors import Misconfigured

THIRD_PARTY_LOGGERS = ("aiokafka", "faststream", "pymongo", "uvicorn.access", "httpx", "httpcore")
REPEAT_S = 10.0
"""A library that says the same again and again says it once in so long, with how often it was meant: a client that
tries to reach a server which is away says so several times a second."""
REPEATS_KNOWN_MAX = 256
"""Different things that libraries say; beyond them all are forgotten, and said once more."""
TOLD = "panda_told"
"""An exception with this mark has its line already."""


def mark_told(error: BaseException) -> None:
    """Whoever is raised it to next need not tell of it again."""
    setattr(error, TOLD, True)


class Repeats(logging.Filter):
    """Lets a line of a library pass once in `REPEAT_S`; the next one that passes tells how many were kept back."""

    def __init__(self, now_s: Callable[[], float] = monotonic_s) -> None:
        super().__init__()
        self._now_s = now_s
        self._passed: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.CRITICAL or record.exc_info:
            return True
        key, now_s = (record.name, str(record.msg)), self._now_s()
        passed_s, kept_back = self._passed.get(key, (-REPEAT_S, 0))
        if now_s - passed_s < REPEAT_S:
            self._passed[key] = (passed_s, kept_back + 1)
            return False
        if len(self._passed) >= REPEATS_KNOWN_MAX:
            self._passed.clear()
        self._passed[key] = (now_s, 0)
        if kept_back:
            record.kept_back = kept_back
        return True


class Untold(logging.Filter):
    """Lets a crash pass that nobody has told of yet: the server that runs us prints a copy of what we have logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return not getattr(error, TOLD, False)


class InOwnWords(logging.Filter):
    """A start that fails because the installation contradicts itself is told in its own words, without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        _, name, detail = record.getMessage().rpartition(f"{Misconfigured.__name__}: ")
        if name:
            record.msg, record.args = detail.strip(), ()
        return True


def configure_logs(service: str) -> None:
    """JSON lines on stderr, each with a time and the service's name; third parties only from warnings up."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    root = logging.getLogger()
    if not root.handlers:  # else somebody else's program runs us, with logs of its own
        root.addHandler(third_party_handler(service, shared))
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    for name in THIRD_PARTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def third_party_handler(service: str, shared: list[Any]) -> logging.Handler:
    """Writes what libraries log like our own lines: `logger` says whose it is."""

    def of_service(_: Any, __: str, event: Any) -> Any:
        event.setdefault("service", service)  # a thread of a library's has no context of ours
        return event

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _kept_back, of_service],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(Untold())
    handler.addFilter(Repeats())
    return handler


def _kept_back(_: Any, __: str, event: Any) -> Any:
    record = event.get("_record")
    if kept_back := getattr(record, "kept_back", 0):
        event["kept_back"] = kept_back
    return event


def tell_crashes() -> None:
    """An exception that ends the process is one line, too, and not a traceback over many."""

    def on_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            structlog.get_logger(__name__).critical("process_crashed", exc_info=(kind, error, trace))

    sys.excepthook = on_crash
