"""Both shells against a push API in memory: one suite, run on each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pandapack.client import (
    AsyncClient,
    BatchLimits,
    Client,
    PushError,
    PushFailed,
    PushResult,
    Rejected,
    Report,
    Retry,
)
from pandapack.client.resume import state_path
from pandapack.contracts.signing import secret_text
from tests.unit.client.standin import PushApi, Trouble

KEY = b"0123456789abcdef01234567"
HASTY = Retry(attempts_max=4, pause_s_first=0.0, pause_s_max=0.0)
SMALL = BatchLimits(lines_max=3)
Pushes = Callable[[PushApi, Iterable[Any] | Path], Report]


def synchronously(api: PushApi, what: Iterable[Any] | Path, **options: Any) -> Report:
    options = {"retry": HASTY, "limits": SMALL, **options}
    with Client("http://api", "key", transport=httpx.MockTransport(api), **options) as client:
        return client.push_file(what) if isinstance(what, Path) else client.push(what)


def asynchronously(api: PushApi, what: Iterable[Any] | Path, **options: Any) -> Report:
    async def run() -> Report:
        settings: dict[str, Any] = {"retry": HASTY, "limits": SMALL, **options}
        async with AsyncClient("http://api", "key", transport=httpx.MockTransport(api), **settings) as client:
            return await (client.push_file(what) if isinstance(what, Path) else client.push(what))

    return asyncio.run(run())


both = pytest.mark.parametrize("push", [synchronously, asynchronously])


def lines(count: int) -> list[bytes]:
    return [json.dumps({"id": str(number)}).encode() for number in range(count)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "donations.ndjson"
    path.write_bytes(b"\n".join(lines(20)) + b"\n")
    return path


@both
def test_all_is_accepted_and_refused_lines_are_named(push: Any) -> None:
    api = PushApi()
    given_lines = lines(8)
    given_lines[4] = b"{oops"
    report = push(api, given_lines)
    assert (report.accepted, [one.line for one in report.refused], len(report.pushes)) == (7, [5], 3)
    assert sorted(api.counted) == sorted(line for line in given_lines if line != b"{oops")


@both
def test_a_batch_of_nothing_but_broken_lines_stops_nobody(push: Any) -> None:
    report = push(PushApi(), [b"{", b"{", b"{", b"{}"])
    assert (report.accepted, report.rejected) == (1, 3)


@both
def test_pushes_are_signed_where_there_is_a_secret(push: Any) -> None:
    assert push(PushApi(keys=[KEY]), lines(4), secret=secret_text(KEY)).accepted == 4
    with pytest.raises(Rejected, match="signature_wrong"):
        push(PushApi(keys=[b"another key, 24 bytes ..."]), lines(4), secret=secret_text(KEY))


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_secret_that_is_none_is_refused_at_once(client: Any) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        client("http://api", "key", secret="secret")


TROUBLE = st.lists(st.sampled_from([429, 500, 503, "lost", "deaf"]), max_size=3)


@both
@given(TROUBLE)
@settings(max_examples=25, deadline=None)
def test_any_trouble_within_the_limits_counts_every_line_once(push: Any, trouble: list[Trouble]) -> None:
    api = PushApi(trouble)
    report = push(api, lines(10), at_once=1)
    assert (report.accepted, sorted(api.counted)) == (10, sorted(lines(10)))


@both
def test_a_service_that_stays_silent_ends_the_push_with_the_lines_named(push: Any) -> None:
    api = PushApi(["deaf"] * 100)
    with pytest.raises(PushFailed, match="lines 1 to 3 were not accepted after 4 attempts"):
        push(api, lines(10), at_once=1)


@both
def test_no_more_batches_are_under_way_than_allowed(push: Any) -> None:
    drawn: list[int] = []

    def endless() -> Iterable[bytes]:
        for number in range(10_000):
            drawn.append(number)
            yield b"{}"

    with pytest.raises(Rejected):
        push(PushApi([403]), endless(), at_once=2)
    assert len(drawn) <= 3 * (2 + 2)  # what was read ahead is bounded, however much there is


def ndjson_synchronously(api: PushApi, body: bytes) -> PushResult:
    with Client("http://api", "key", retry=HASTY, limits=SMALL, transport=httpx.MockTransport(api)) as client:
        return client.push_ndjson(body, id="day")


def ndjson_asynchronously(api: PushApi, body: bytes) -> PushResult:
    async def run() -> PushResult:
        transport = httpx.MockTransport(api)
        async with AsyncClient("http://api", "key", retry=HASTY, limits=SMALL, transport=transport) as client:
            return await client.push_ndjson(body, id="day")

    return asyncio.run(run())


@pytest.mark.parametrize("push_ndjson", [ndjson_synchronously, ndjson_asynchronously])
def test_what_is_laid_out_already_is_pushed_as_it_is_in_one_batch_under_its_id(push_ndjson: Any) -> None:
    body = b"\n".join([b"{oops", *lines(9)])
    api = PushApi([503, "lost"])
    for _ in range(2):
        result = push_ndjson(api, body)
        assert (result.accepted, [one.line for one in result.refused], result.id) == (9, [1], "day.1")
    assert {request.content for request in api.requests} == {body}
    assert {request.headers["idempotency-key"] for request in api.requests} == {"day.1"}
    assert sorted(api.counted) == sorted(lines(9))


@both
def test_a_file_resumes_behind_what_was_accepted(push: Any, file: Path) -> None:
    api = PushApi(["none", "none", *[500] * 4])
    with pytest.raises(PushFailed):
        push(api, file, at_once=1)
    api.requests.clear()
    report = push(api, file, at_once=1)
    assert (report.accepted, report.resumed_lines, len(api.requests)) == (20, 6, 5)
    assert sorted(api.counted) == sorted(lines(20))
    assert not state_path(file).exists()


@both
def test_a_changed_file_starts_over(push: Any, file: Path) -> None:
    api = PushApi(["none", 401])
    with pytest.raises(Rejected):
        push(api, file, at_once=1)
    assert state_path(file).exists()
    file.write_bytes(file.read_bytes().replace(b'"19"', b'"29"'))
    api.requests.clear()
    report = push(api, file)
    assert (report.resumed_lines, len(api.requests)) == (0, 7)


@both
def test_a_file_that_is_pushed_can_be_pushed_again_and_reports_the_same(push: Any, file: Path) -> None:
    api = PushApi()
    assert push(api, file) == push(api, file)
    assert len(api.counted) == 20


CUT = st.tuples(st.integers(0, 7), st.integers(0, 400))


@both
@given(CUT)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_state_file_torn_anywhere_loses_and_doubles_nothing(push: Any, file: Path, cut: tuple[int, int]) -> None:
    accepted, kept_bytes = cut
    api = PushApi(["none"] * accepted + [403])
    try:
        push(api, file, at_once=1)
    except PushError:
        state = state_path(file)
        state.write_bytes(state.read_bytes()[: -kept_bytes or None])
    api.trouble.clear()
    report = push(api, file)
    assert report.accepted == 20
    assert sorted(api.counted) == sorted(lines(20))


@both
def test_lines_that_are_longer_than_a_batch_are_refused_here(push: Any, tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    path.write_bytes(b'{}\n{"x": "' + b"y" * 500 + b'"}\n{}')
    report = push(PushApi(), path, limits=BatchLimits(bytes_max=64))
    assert (report.accepted, [(one.line, one.code) for one in report.refused]) == (2, [(2, "line_too_long")])
