"""Each answer of each service tells browsers what they may do with it."""

from __future__ import annotations

import importlib

import httpx
import pytest

from pandapack.runtime.browser_policy import CONTENT_POLICY, POLICY

SERVICES = ("donations", "procurement", "logistics", "reporting")


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/static/docs.js", 200),
        ("GET", "/problems", 200),
        ("GET", "/nothing", 404),
        ("POST", "/v1/keys", 401),
        ("DELETE", "/healthz", 405),
    ],
)
async def test_every_answer_has_the_policy(name: str, method: str, path: str, status: int) -> None:
    app = importlib.import_module(f"services.{name}.app").create_app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answer = await client.request(method, path, headers={} if status != 401 else {"Authorization": "none"})
    assert answer.status_code == status
    for header in POLICY:
        assert len(answer.headers.get_list(header)) == 1, header
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_a_page_may_say_its_own_and_what_crashes_says_the_common_one() -> None:
    app = importlib.import_module("services.logistics.app").create_app()

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("of a test")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        assert (await client.get("/docs")).headers["content-security-policy"] != CONTENT_POLICY
        crashed = await client.get("/crash")
    assert (crashed.status_code, crashed.headers["content-security-policy"]) == (500, CONTENT_POLICY)
