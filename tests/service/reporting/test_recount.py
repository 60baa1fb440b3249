"""Whoever has the address and DuckDB arrives at the page's figures, with the project's program and without it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from pandapack.cli.main import app
from tests.service.reporting.conftest import Reporting, _reporting
from tests.service.reporting.test_public_log import caused, whole
from tests.stack import Servers
from tests.unit.reporting.history import TOTALS, records
from tests.waiting import eventually

STRANGER = Path(__file__).with_name("stranger.py")
STRANGER_WAIT_S = 300
UNTOLD = ("content", "indicator", "complaint")
"""Tables of which the history tells nothing: it publishes no programme, and nobody is asked in it."""
FORMATS = ("csv", "json", "parquet")
TABLES = (
    *("programme", "day", "country", "item", "content", "category", "year", "round"),
    *("specification", "indicator", "complaint"),
)


@pytest.fixture(scope="module")
def logged(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    with _reporting(stack, tmp_path_factory.mktemp("recount")) as reporting:
        reporting.publish(records(caused()))
        size = whole(reporting).size
        eventually(lambda: reporting.get("/v1/totals").json()["snapshot"]["size"] == size, "the figures have all of it")
        yield reporting


def duckdb_alone(folder: Path) -> Path:
    """A folder with DuckDB and no other package."""
    found = importlib.util.find_spec("duckdb")
    assert found is not None and found.origin is not None
    packages = Path(found.origin).parents[1]
    for one in (*packages.glob("duckdb*"), *packages.glob("_duckdb*")):
        (folder / one.name).symlink_to(one)
    return folder


@pytest.fixture(scope="module")
def counted(logged: Reporting, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the stranger's program prints, in a Python that has neither this project nor its environment."""
    packages, folder = duckdb_alone(tmp_path_factory.mktemp("packages")), tmp_path_factory.mktemp("entries")
    start = f"import sys, runpy; sys.path.append({str(packages)!r}); runpy.run_path({str(STRANGER)!r})"
    command = [sys.executable, "-I", "-S", "-c", start, logged.service.url, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STRANGER_WAIT_S, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_stranger_with_duckdb_alone_arrives_at_the_figures_of_the_page(
    logged: Reporting, counted: dict[str, Any]
) -> None:
    assert counted["modules"] == []
    [totals], shown = counted["totals"], logged.get("/v1/totals").json()
    assert {name: totals[name] for name in ("rounds", "orders", "spent_fen", "pupils_reached")} == {
        name: shown[name] for name in ("rounds", "orders", "spent_fen", "pupils_reached")
    }
    assert totals["spent_fen"] == TOTALS["spent_fen"]
    assert {state: totals[f"parcels_{state}"] for state in shown["parcels"]} == shown["parcels"]
    assert counted["laws"] and all(law["difference"] == 0 for law in counted["laws"])


@pytest.mark.parametrize("table", TABLES)
def test_the_files_to_take_along_are_what_the_stranger_counted(
    logged: Reporting, counted: dict[str, Any], table: str
) -> None:
    answer = logged.get(f"/v1/data/{table}.json", params={"as_of": counted["size"]})
    assert answer.json() == counted[table]
    assert (counted[table] == []) is (table in UNTOLD)


def test_the_command_compares_every_figure_of_the_page(
    logged: Reporting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "snapshot" not in logged.get("/v1/totals").json():
        pytest.skip("the page does not say yet as of which size its figures are")
    monkeypatch.setenv("PANDA_CACHE", str(tmp_path))
    for size in ([], ["--size", "20"]):
        done = CliRunner().invoke(app, ["recount", logged.service.url, "--json", *size])
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        assert found["differences"] == [] and found["compared"] > 30


@pytest.mark.parametrize(("lang", "title"), [("en", "Every public figure"), ("zh", "所有公开数字")])
def test_the_page_of_data_explains_each_table_in_both_languages(logged: Reporting, lang: str, title: str) -> None:
    page = logged.get("/data", params={"lang": lang})
    assert page.status_code == 200 and title in page.text and "question_" not in page.text
    for table in TABLES:
        assert f'href="/v1/data/{table}.parquet"' in page.text
    assert f"panda recount {logged.service.url}" in page.text


PRIVATE = ("O-R-0000", "S-1", "S-2", "BL-1", "overboard", '"H-R-', "D-R-0000", "W-R-0000", "L-G-", "P-R-", "ab" * 32)
"""Orders, schools, documents, reasons, reports and lots of the history; parties and merchants have too short names."""
PUBLIC = (
    *(
        "/",
        "/data",
        "/log/entries.ndjson",
        "/log/tile/entries/000.p/5",
        "/log/recount.sql",
        "/v1/data/datapackage.json",
    ),
    *(f"/v1/data/{table}.{format}" for table in TABLES for format in FORMATS),
    *(
        "/v1/totals",
        *(f"/v1/totals/{by}" for by in TABLES),
    ),
    "/v1/conservation",
)


@pytest.mark.parametrize("path", PUBLIC)
def test_nothing_private_is_in_what_anyone_may_read(logged: Reporting, path: str) -> None:
    answer = logged.get(path)
    assert answer.status_code == 200
    assert [one for one in PRIVATE if one.encode() in answer.content] == []


def test_nothing_private_is_in_the_stream(logged: Reporting) -> None:
    with httpx.stream("GET", f"{logged.service.url}/v1/events", trust_env=False, timeout=120) as stream:
        told = next(line for line in stream.iter_lines() if line.startswith("data: "))
    assert "received_fen" in told and [one for one in PRIVATE if one in told] == []
