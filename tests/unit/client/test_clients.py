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

from pandapack.client import AsyncClient, BatchLimits, Client, NotTaken, PushError, Rejected, Report, Retry
from pandapack.client.resume import state_path
from pandapack.contracts.signing import secret_words
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
        asked: dict[str, Any] = {"retry": HASTY, "limits": SMALL, **options}
        async with AsyncClient("http://api", "key", transport=httpx.MockTransport(api), **asked) as client:
            return await (client.push_file(what) if isinstance(what, Path) else client.push(what))

    return asyncio.run(run())


both = pytest.mark.parametrize("push", [synchronously, asynchronously])


def lines(count: int) -> list[bytes]:
    return [json.dumps({"id": str(number)}).encode() for number in range(count)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gifts.ndjson"
    path.write_bytes(b"\n".join(lines(20)) + b"\n")
    return path


@both
def test_all_is_taken_and_refused_lines_are_named(push: Any) -> None:
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
    assert push(PushApi(keys=[KEY]), lines(4), secret=secret_words(KEY)).accepted == 4
    with pytest.raises(Rejected, match="signature_wrong"):
        push(PushApi(keys=[b"another key, 24 bytes ..."]), lines(4), secret=secret_words(KEY))


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
    with pytest.raises(NotTaken, match="lines 1 to 3 were not taken after 4 attempts"):
        push(api, lines(10), at_once=1)


@both
def test_no_more_batches_are_under_way_than_allowed(push: Any) -> None:
    taken: list[int] = []

    def endless() -> Iterable[bytes]:
        for number in range(10_000):
            taken.append(number)
            yield b"{}"

    with pytest.raises(Rejected):
        push(PushApi([403]), endless(), at_once=2)
    assert len(taken) <= 3 * (2 + 2)  # what was read ahead is bounded, however much there is


@both
def test_a_file_goes_on_behind_what_was_taken(push: Any, file: Path) -> None:
    api = PushApi(["none", "none", *[500] * 4])
    with pytest.raises(NotTaken):
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
def test_a_file_that_is_through_can_be_pushed_again_and_reports_the_same(push: Any, file: Path) -> None:
    api = PushApi()
    assert push(api, file) == push(api, file)
    assert len(api.counted) == 20


CUT = st.tuples(st.integers(0, 7), st.integers(0, 400))


@both
@given(CUT)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_state_file_torn_anywhere_loses_and_doubles_nothing(push: Any, file: Path, cut: tuple[int, int]) -> None:
    taken, kept_bytes = cut
    api = PushApi(["none"] * taken + [403])
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
