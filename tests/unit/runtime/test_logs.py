"""Logs: JSON with a time on every line, whoever says it, and a crash once."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from pandapack.runtime import http
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.logs import REPEAT_S, Repeats, Untold, mark_told

LIBRARIES = """
import logging, warnings
from pandapack.runtime.logs import configure_logs, tell_crashes
import structlog
configure_logs("donations")
tell_crashes()
structlog.get_logger().info("ready", port=1)
logging.getLogger("aiokafka.cluster").error("no broker at %s", "127.0.0.1:1")
logging.getLogger("aiokafka.cluster").info("chatter")
warnings.warn("old")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application\\n")
raise RuntimeError("the end")
"""


def lines_of(program: str) -> list[dict[str, Any]]:
    """What a program says on stderr, each line of it read as JSON."""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_every_line_of_ours_of_libraries_and_of_a_crash_is_json_with_a_time_and_the_service() -> None:
    lines = lines_of(LIBRARIES)
    assert all(line["timestamp"] and line["service"] == "donations" and line["level"] for line in lines)
    ours, kafka, _, crash, end = lines
    assert ours["event"] == "ready"
    assert (kafka["event"], kafka["logger"]) == ("no broker at 127.0.0.1:1", "aiokafka.cluster")
    assert "ZeroDivisionError" in crash["exception"]
    assert (end["event"], end["level"]) == ("process_crashed", "critical") and "the end" in end["exception"]


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "f", 1, message, arguments, None)


def test_a_library_that_says_the_same_again_and_again_says_it_once_a_while_and_how_often() -> None:
    now_s = 100.0
    repeats = Repeats(lambda: now_s)
    assert repeats.filter(record("no broker at %s", "a"))
    assert not any(repeats.filter(record("no broker at %s", "b")) for _ in range(7))
    assert repeats.filter(record("something else"))
    now_s += REPEAT_S
    again = record("no broker at %s", "a")
    assert repeats.filter(again) and again.__dict__["kept_back"] == 7


def app() -> FastAPI:
    app = FastAPI()
    http.install_problems(app)
    app.add_middleware(http.RequestMarks, chance=SeededChance(1))

    @app.get("/crash")
    async def crash() -> None:
        raise ZeroDivisionError("ours")

    @app.get("/well")
    async def well() -> int:
        return 1

    return app


async def answer(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.get(path, headers=headers)


async def test_the_line_of_a_crash_has_the_request_id_that_the_answer_points_to() -> None:
    with structlog.testing.capture_logs() as lines:
        found = await answer("/crash")
    (line,) = lines
    assert found.status_code == 500 and line["event"] == "request_crashed"
    assert line["request_id"] == found.json()["request_id"] == found.headers["x-request-id"] != ""


async def test_a_crash_that_is_logged_is_not_logged_again_by_the_server() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://here") as client:
            await client.get("/crash")
    copy = logging.LogRecord("uvicorn.error", 40, "f", 1, "Exception in ASGI application", (), caught._excinfo)
    assert not Untold().filter(copy)
    untold = ZeroDivisionError()
    other = logging.LogRecord("uvicorn.error", 40, "f", 1, "", (), (ZeroDivisionError, untold, None))
    assert Untold().filter(other)
    mark_told(untold)
    assert not Untold().filter(other)


async def test_a_request_keeps_its_own_id() -> None:
    assert (await answer("/well", **{"X-Request-Id": "order-42.a:b_c"})).headers["x-request-id"] == "order-42.a:b_c"


@pytest.mark.parametrize("strange", ["", "x" * 65, "with space", "<script>", "a;b"])
async def test_an_id_that_could_not_be_kept_is_replaced(strange: str) -> None:
    found = await answer("/well", **{"X-Request-Id": strange})
    assert found.headers["x-request-id"].startswith("req_")
