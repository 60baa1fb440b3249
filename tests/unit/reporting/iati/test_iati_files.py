"""The aid record by HTTP: kept by size, in gzip or not, refused in narrator, and never of the future."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pandapack.decision import Refusal
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.http import install_problems
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.iati import PageNarrator, iati_router, takes_gzip
from services.reporting.domain.iati.publisher import Publisher, publisher_of
from services.reporting.work import iati_files
from services.reporting.work.iati_files import KEPT_MAX, IatiFile, IatiFiles, TooManyFiles
from services.reporting.work.snapshots import Snapshots
from tests.unit.contracts.test_public_fold import FINISHED
from tests.unit.reporting.history import AT
from tests.unit.reporting.iati.rules import faults, parsed
from tests.unit.reporting.iati.test_activities import FOUNDATION
from tests.unit.reporting.remembered import snapshots_of

SIZE = len(FINISHED)
PATH = "/v1/iati/activities.xml"
LATER = datetime(2022, 3, 22, tzinfo=UTC)


@pytest.fixture
async def snapshots() -> Snapshots:
    return await snapshots_of(FINISHED)


def browser(
    snapshots: Snapshots, publisher: Publisher | Refusal = FOUNDATION, now: datetime = LATER
) -> httpx.AsyncClient:
    app = FastAPI()
    install_problems(app)
    files = IatiFiles(snapshots, FixedClock(now), publisher)
    app.include_router(iati_router(files, ReadLimits("tables", burst=1_000, per_s=1)), prefix="/v1")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


async def test_a_size_gives_the_same_bytes_for_good_and_a_reader_that_has_them_gets_none(snapshots: Snapshots) -> None:
    async with browser(snapshots) as client:
        answer = await client.get(PATH, params={"as_of": SIZE})
        assert answer.headers["content-type"] == "application/xml; charset=utf-8"
        assert answer.headers["panda-snapshot"] == str(SIZE) and "immutable" in answer.headers["cache-control"]
        assert faults(parsed(answer.content), LATER.date()) == []
        tag = answer.headers["etag"]
        again = await client.get(PATH, params={"as_of": SIZE}, headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        now = await client.get(PATH)
        assert now.content == answer.content and now.headers["cache-control"] == "no-cache"
        assert (await client.head(PATH)).headers["content-length"] == now.headers["content-length"]


async def test_gzip_is_sent_to_who_takes_it_under_a_name_of_its_own(snapshots: Snapshots) -> None:
    async with browser(snapshots) as client:
        plain = await client.get(PATH, headers={"accept-encoding": "identity"})
        zipped = await client.get(PATH, headers={"accept-encoding": "gzip"})
        assert zipped.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
        assert zipped.content == plain.content and zipped.headers["etag"] != plain.headers["etag"]
        assert int(zipped.headers["content-length"]) * 5 < int(plain.headers["content-length"])
        assert zipped.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("gzip, br", True), ("br;q=1.0, gzip;q=0.8", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_gzip_is_taken_where_it_is_named_and_weighs_something(sent: str, expected: bool) -> None:
    assert takes_gzip({"accept-encoding": sent}) is expected


async def test_what_cannot_be_had_is_refused_by_name(snapshots: Snapshots) -> None:
    nobody = publisher_of("", "", "", "60", is_demonstration=False)
    wrong = publisher_of("ZZ-1", "甲", "A", "60", is_demonstration=False)
    async with browser(snapshots) as known, browser(snapshots, nobody) as unset, browser(snapshots, wrong) as unfit:
        for client, as_of, status, code in (
            (unset, None, 404, "iati_not_configured"),
            (unfit, None, 409, "iati_publisher_invalid"),
            (known, "yesterday", 422, "as_of_invalid"),
            (known, str(SIZE + 1), 404, "size_unknown"),
            (known, "0", 404, "iati_empty"),
            (known, "2019-01-01", 404, "iati_empty"),
        ):
            answer = await client.get(PATH, params={"as_of": as_of} if as_of else {})
            assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_where_the_programmes_clock_runs_ahead_nothing_of_the_future_is_told(snapshots: Snapshots) -> None:
    async with browser(snapshots, now=AT.replace(year=2020)) as client:
        ahead = await client.get(PATH, params={"as_of": SIZE})
        assert (ahead.status_code, ahead.json()["code"]) == (409, "iati_ahead")
        for query in ({}, {"as_of": "2021-11-11"}):
            assert (await client.get(PATH, params=query)).json()["code"] == "iati_empty", "there was nothing yet then"


async def test_many_who_ask_at_once_share_one_writing_and_the_newest_is_kept_for_a_while(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write: Any = iati_files._written

    def counted(snapshot: Any, *rest: Any) -> Any:
        sizes.append(snapshot.size)
        return write(snapshot, *rest)

    monkeypatch.setattr(iati_files, "_written", counted)
    files, narrator = IatiFiles(snapshots, FixedClock(LATER), FOUNDATION), PageNarrator()
    found = await asyncio.gather(*(files.file(None, narrator) for _ in range(5)))
    assert sizes == [SIZE] and len({id(one) for one in found}) == 1
    for size in range(SIZE - KEPT_MAX, SIZE):
        await files.file(str(size), narrator)
    assert sizes == [SIZE, *range(SIZE - KEPT_MAX, SIZE)]
    assert isinstance(await files.file(str(SIZE), narrator), IatiFile) and sizes[-1] == SIZE, "written anew"


async def test_more_who_wait_than_may_are_told_at_once(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iati_files, "WAITING_MAX", 2)
    files, narrator = IatiFiles(snapshots, FixedClock(LATER), FOUNDATION), PageNarrator()
    async with files._writing:
        asked = [asyncio.create_task(files.file(str(SIZE - n), narrator)) for n in range(5)]
        while sum(one.done() for one in asked) < 3:
            await asyncio.wait([one for one in asked if not one.done()], return_when=asyncio.FIRST_COMPLETED)
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["IatiFile"] * 2 + [TooManyFiles.__name__] * 3
