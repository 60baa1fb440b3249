"""Bodies of pushes: what is held is bounded, and what does not come is not waited for."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request

from pandapack.runtime.http import Problem
from services.donations.pushes.api import bodies
from services.donations.pushes.api.bodies import BODIES_BYTES_MAX, BODY_BYTES_MAX, PUSHES_UNDER_WAY_MAX, BodyBudget


async def test_a_body_that_does_not_come_is_not_waited_for_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_READ_S_MAX", 0.01)
    budget, begun = BodyBudget(), iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Any:
        return next(begun, None) or await asyncio.Event().wait()

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(Problem) as refused:
        async with bodies.body_of(request, budget):
            raise AssertionError("half a body is none")
    assert (refused.value.status, refused.value.code) == (408, "body_too_slow")
    assert (budget.held_bytes, budget.pushes) == (0, 0)


async def test_what_a_gzip_body_inflates_to_is_held_in_the_budget_as_well() -> None:
    budget, plain = BodyBudget(), bytes(BODY_BYTES_MAX)
    raw = gzip.compress(plain)

    async def receive() -> Any:
        return {"type": "http.request", "body": raw, "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": [(b"content-encoding", b"gzip")]}, receive)
    async with bodies.body_of(request, budget) as body:
        assert (body.raw, body.plain) == (raw, plain)
        assert (budget.held_bytes, budget.pushes) == (len(raw) + len(plain), 1)
    assert (budget.held_bytes, budget.pushes) == (0, 0)


def test_the_budget_holds_no_more_than_its_bytes_and_its_pushes_and_says_when_to_come_again() -> None:
    budget = BodyBudget()
    for _ in range(BODIES_BYTES_MAX // BODY_BYTES_MAX):
        budget.reserve(BODY_BYTES_MAX)
    for _ in range(PUSHES_UNDER_WAY_MAX):
        budget.enter()
    too_much: list[Callable[[], None]] = [lambda: budget.reserve(BODY_BYTES_MAX), budget.enter]
    for one_more in too_much:
        with pytest.raises(Problem) as refused:
            one_more()
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    budget.release(BODY_BYTES_MAX)
    budget.leave()
    budget.reserve(BODY_BYTES_MAX)
    budget.enter()
