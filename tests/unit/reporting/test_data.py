"""The tables to take along: the same bytes for a size, whatever was asked before, and what their package says is so."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI

from pandapack.runtime.http import install_problems
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.data import data_router, recount_router
from services.reporting.api.data_page import QUESTIONS
from services.reporting.domain.data_tables import TABLES, Format, flat
from services.reporting.work import data_files
from services.reporting.work.data_files import EVERYTHING, DataFiles, Filters, TooManyQueries, written
from services.reporting.work.snapshots import Snapshots
from tests.unit.contracts.test_public_fold import FINISHED, Account
from tests.unit.reporting.remembered import snapshots_of

SIZE = len(FINISHED)
PROFILES = Path(__file__).parents[4] / "shared" / "standards"


@pytest.fixture
async def snapshots() -> Snapshots:
    """Those of the finished history, in memory."""
    return await snapshots_of(FINISHED)


@pytest.fixture
async def client(snapshots: Snapshots) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_problems(app)
    app.include_router(data_router(snapshots, DataFiles(), ReadLimits("tables", burst=1_000, per_s=1)), prefix="/v1")
    app.include_router(recount_router())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as browser:
        yield browser


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(StringIO(answer.text)))


@pytest.mark.parametrize("size", [0, 30, SIZE])
@pytest.mark.parametrize("table", TABLES)
async def test_every_format_has_the_rows_of_the_fold(
    client: httpx.AsyncClient, tmp_path: Path, table: str, size: int
) -> None:
    expected = [flat(row) for row in Account(FINISHED[:size]).tables[table]]
    told = rows(await client.get(f"/v1/data/{table}.csv", params={"as_of": size}))
    assert told == [{name: "" if value is None else str(value) for name, value in row.items()} for row in expected]
    assert (await client.get(f"/v1/data/{table}.json", params={"as_of": size})).json() == expected
    (tmp_path / "file").write_bytes((await client.get(f"/v1/data/{table}.parquet?as_of={size}")).content)
    with duckdb.connect() as connection:
        found = connection.read_parquet(str(tmp_path / "file"))
        read = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    assert [{n: v.isoformat() if n == "day" else v for n, v in row.items()} for row in read] == expected


@pytest.mark.parametrize("format", Format)
def test_the_same_rows_give_the_same_bytes(format: Format) -> None:
    table, found = TABLES["round"], Account(FINISHED).tables["round"]
    assert written(table, found, format, EVERYTHING) == written(table, found[::-1], format, EVERYTHING)


async def test_what_is_as_of_a_size_is_kept_for_good_and_what_is_of_now_is_asked_for_again(
    client: httpx.AsyncClient,
) -> None:
    then, now = await client.get(f"/v1/data/day.csv?as_of={SIZE}"), await client.get("/v1/data/day.csv")
    assert "immutable" in then.headers["cache-control"] and now.headers["cache-control"] == "no-cache"
    assert then.headers["etag"] == now.headers["etag"] == f'"{sha256(then.content).hexdigest()}"'
    assert now.headers["panda-snapshot"] == str(SIZE) and now.headers["access-control-allow-origin"] == "*"
    again = await client.get("/v1/data/day.csv", headers={"If-None-Match": f"W/{now.headers['etag']}"})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-2", 206, slice(0, 3)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=3-99999999", 206, slice(3, None)),
        ("bytes=99999999-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
        ("bytes=5-2", 200, slice(None)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)
async def test_a_range_of_bytes_is_answered(client: httpx.AsyncClient, asked: str, status: int, part: slice) -> None:
    whole = (await client.get("/v1/data/day.csv")).content
    answer = await client.get("/v1/data/day.csv", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, whole[part])
    assert (status == 200) is ("content-range" not in answer.headers)
    other = await client.get("/v1/data/day.csv", headers={"Range": asked, "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole)


async def test_engines_may_ask_for_the_length_first(client: httpx.AsyncClient) -> None:
    head = await client.head("/v1/data/day.parquet")
    assert head.status_code == 200 and int(head.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("round.csv?country=NP", ["R-000001"]),
        ("round.csv?programme=another", []),
        ("round.csv?from=2021-11-11&to=2021-11-11&programme=love-parcel", ["R-000001", "R-000002"]),
        ("round.csv?to=2021-11-10", []),
        ("day.csv?from=2021-11-12", ["2021-11-12"]),
        ("day.csv?programme=another", []),
        ("country.csv?country=MM&programme=love-parcel", ["MM"]),
        ("country.csv?programme=another", []),
        ("item.csv?programme=love-parcel", ["love-parcel"]),
        ("programme.csv?programme=another", []),
        ("category.csv?programme=another", []),
        ("year.csv?programme=another", []),
        ("year.csv?programme=love-parcel", ["2021"]),
        ("round.csv?as_of=2021-11-10", []),
        ("round.csv?as_of=2021-11-11", ["R-000001", "R-000002"]),
        ("round.csv?as_of=2021-11-11T10:00:00%2B08:00", ["R-000001", "R-000002"]),
    ],
)
async def test_a_table_is_narrowed(client: httpx.AsyncClient, path: str, names: list[str]) -> None:
    assert [next(iter(row.values())) for row in rows(await client.get(f"/v1/data/{path}"))] == names


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("merchant.csv", 404, "data_unknown"),
        ("day.xlsx", 404, "data_unknown"),
        ("day.csv?country=NP", 422, "data_filter_invalid"),
        ("day.csv?from=2021-11-12&to=2021-11-11", 422, "data_filter_invalid"),
        ("day.csv?as_of=yesterday", 422, "as_of_invalid"),
        (f"day.csv?as_of={SIZE + 1}", 404, "size_unknown"),
    ],
)
async def test_what_is_not_there_is_refused_in_words(
    client: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await client.get(f"/v1/data/{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_package_describes_every_file_as_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/data/datapackage.json", params={"as_of": SIZE})
    package = answer.json()
    assert package["version"] == str(SIZE) and "immutable" in answer.headers["cache-control"]
    assert len(package["resources"]) == len(TABLES) * len(Format)
    for resource in package["resources"]:
        file = (await client.get(str(answer.url.join(resource["path"])))).content
        assert (len(file), f"sha256:{sha256(file).hexdigest()}") == (resource["bytes"], resource["hash"])
        names = [field["name"] for field in resource["schema"]["fields"]]
        if resource["format"] == "csv":
            assert file.decode().splitlines()[0].split(",") == names
        table = TABLES[resource["name"].partition("-")[0]]
        assert set(resource["schema"].get("primaryKey", ())) == (set() if table.is_whole_null else set(table.key))
    again = (await client.get("/v1/data/datapackage.json", params={"as_of": SIZE})).content
    assert again == answer.content and json.loads(again)["suppression"]


async def test_the_package_fits_the_profile_of_data_packages(client: httpx.AsyncClient) -> None:
    found = sorted(PROFILES.rglob("datapackage*.json")) if PROFILES.exists() else []
    if not found:
        pytest.skip("the profile of Data Package v2 is not among the shared standards")
    package = (await client.get("/v1/data/datapackage.json")).json()
    jsonschema_rs.validator_for(json.loads(found[0].read_text())).validate(package)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.title)
async def test_each_question_of_the_page_is_answered_by_the_files(
    client: httpx.AsyncClient, tmp_path: Path, question: Any
) -> None:
    sql = question.sql
    for table in TABLES:
        for format in Format:
            file = tmp_path / f"{table}.{format}"
            file.write_bytes((await client.get(f"/v1/data/{file.name}")).content)
            sql = sql.replace(f"'{file.name}'", f"'{file}'")
    with duckdb.connect() as connection:
        answers = connection.execute(sql).fetchall()
    expected = {
        "question_price": [("MM", 1.21), ("NP", 1.21)],
        "question_banked": [("2021-11", 20.47, 0.0, 0.0)],
        "question_lost": [("R-000001", "NP", 10, 1), ("R-000002", "MM", 10, 1)],
    }
    assert answers == expected[question.title]


async def test_the_published_sql_is_the_one_that_is_tested(client: httpx.AsyncClient) -> None:
    answer = await client.get("/log/recount.sql")
    assert answer.text == (Path(data_files.__file__).parents[3] / "pandapack/recount/recount.sql").read_text()


async def test_more_than_may_wait_are_told_at_once(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "QUERIES_WAITING_MAX", 3)
    files = DataFiles()
    asked = [files.file(snapshots.current, TABLES["round"], Format.CSV, Filters(programme=f"p{n}")) for n in range(5)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(one, TooManyQueries) for one in found] == [False] * 3 + [True] * 2


async def test_files_that_are_kept_are_bounded(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "KEPT_BYTES_MAX", 100)
    files, table = DataFiles(), TABLES["day"]
    first = await files.file(snapshots.current, table, Format.CSV)
    assert await files.file(snapshots.current, table, Format.CSV) == first
    await files.file(snapshots.current, table, Format.JSON)
    assert sum(len(one.content) for one in files._kept.values()) == files._kept_bytes <= 100
