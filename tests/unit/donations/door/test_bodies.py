"""Bodies at the door: what is held is bounded, and what does not come is not waited for."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import Request

from pandapack.runtime.http import Problem
from services.donations.door.api import bodies
from services.donations.door.api.bodies import BODIES_BYTES_MAX, PUSHES_UNDER_WAY_MAX, BodyBudget, BodyLimits

BODY_BYTES_MAX = 5 * 1024 * 1024
LIMITS = BodyLimits(BODY_BYTES_MAX, 0.01, "may be sent")


async def test_a_body_that_does_not_come_is_not_waited_for_and_leaves_no_trace() -> None:
    budget, begun = BodyBudget(), iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Any:
        return next(begun, None) or await asyncio.Event().wait()

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(Problem) as refused:
        async with bodies.body_of(request, budget, LIMITS, "p"):
            raise AssertionError("half a body is none")
    assert (refused.value.status, refused.value.code) == (408, "body_too_slow")
    assert (budget.held_bytes, budget.pushes_under_way) == (0, 0)


async def test_what_a_gzip_body_inflates_to_is_held_in_the_budget_as_well() -> None:
    budget, plain = BodyBudget(), bytes(BODY_BYTES_MAX)
    raw = gzip.compress(plain)

    async def receive() -> Any:
        return {"type": "http.request", "body": raw, "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": [(b"content-encoding", b"gzip")]}, receive)
    async with bodies.body_of(request, budget, LIMITS, "p") as body:
        assert (body.raw, body.plain) == (raw, plain)
        assert (budget.held_bytes, budget.pushes_under_way) == (len(raw) + len(plain), 1)
    assert (budget.held_bytes, budget.pushes_under_way) == (0, 0)


def test_a_platform_holds_half_of_the_budget_at_most_and_is_told_when_to_come_again_and_another_finds_room() -> None:
    budget = BodyBudget()
    for _ in range(BODIES_BYTES_MAX // BODY_BYTES_MAX // 2):
        budget.reserve("greedy", BODY_BYTES_MAX)
    for _ in range(PUSHES_UNDER_WAY_MAX // 2):
        budget.enter("greedy")
    too_much: list[Callable[[], None]] = [
        lambda: budget.reserve("greedy", BODY_BYTES_MAX),
        lambda: budget.enter("greedy"),
    ]
    for one_more in too_much:
        with pytest.raises(Problem) as refused:
            one_more()
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    budget.reserve("another", BODY_BYTES_MAX)
    budget.enter("another")
    budget.release("greedy", BODY_BYTES_MAX)
    budget.leave("greedy")
    budget.release("another", BODY_BYTES_MAX)
    budget.reserve("greedy", BODY_BYTES_MAX)


async def chunks_of(whole: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(whole), size):
        yield whole[begin : begin + size]


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_packed_stream_is_inflated_as_it_comes_wherever_it_is_cut(size: int) -> None:
    plain = b"".join(b"line %d\n" % number for number in range(2_000))
    inflated = [chunk async for chunk in bodies.inflated_chunks(chunks_of(gzip.compress(plain), size), LIMITS)]
    assert b"".join(inflated) == plain


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (gzip.compress(bytes(BODY_BYTES_MAX + 1)), "body_too_large"),
        (gzip.compress(b"x")[:-1], "not_gzip"),
        (gzip.compress(b"x") * 2, "not_gzip"),
        (b"no gzip at all", "not_gzip"),
    ],
    ids=["too much in it", "cut off", "two streams", "another thing"],
)
async def test_a_packed_stream_that_is_wrong_is_refused_by_name(sent: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        _ = [chunk async for chunk in bodies.inflated_chunks(chunks_of(sent, 1_000), LIMITS)]
    assert refused.value.code == code
