""" "Recount this": each query that the page shows gives the answer that stands beside it, at the size that it names."""

from __future__ import annotations

import html
import re
from typing import Any

import duckdb
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pandapack.contracts.public_log.fold.laws import laws
from pandapack.recount.counting import connected, load
from pandapack.recount.statement import sql
from services.reporting.api.texts import TEXTS, Language, PageTexts
from services.reporting.domain.data_tables import flat
from tests.unit.contracts.public_log_samples import sample_of, written
from tests.unit.contracts.test_public_fold import FINISHED, Account
from tests.unit.recount.served import lines

ADDRESS = "https://panda.example"
PAGE = "".join(one.read_text() for one in sorted((TEXTS.parent / "sections").glob("*.html")))
COSTS = "".join((TEXTS.parent / name).read_text() for name in ("costs.html", "cost_parcel.html"))
SIZE = 40  # in the middle of everything
LOG = [*FINISHED[: SIZE - 1], *written(sample_of("logistics.SurveyReported"))]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("entries")
    (folder / "entries.ndjson").write_bytes(lines(LOG))
    connection = connected(str(folder))
    load(connection, [folder / "entries.ndjson"], SIZE)
    connection.execute(sql())
    return connection


def macros(language: Language) -> Any:
    loader = FileSystemLoader(TEXTS.parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("parts.html").module, PageTexts(language).text


def snapshot() -> dict[str, Any]:
    """What the page knows of the snapshot that its figures are of."""
    return {"totals": Account(LOG).tables["totals"], "size": SIZE, "address": ADDRESS}


def shown_codes(block: str) -> list[str]:
    return [html.unescape(code) for code in re.findall(r"<code>(.*?)</code>", block, re.DOTALL)]


def name_lists() -> list[list[str]]:
    """The figures beside which the page has such a block."""
    return [re.findall(r'"([\w.]+)"', found) for found in re.findall(r"parts\.recount\(\[(.*?)\]", PAGE)]


@pytest.mark.parametrize("names", name_lists(), ids=lambda names: names[0])
def test_each_query_gives_the_answer_beside_it(counted: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    module, text = macros(Language.EN)
    query, answer, command = shown_codes(module.recount(names, snapshot(), text))
    [row] = counted.execute(query).fetchall()
    assert answer == " | ".join(map(str, row))
    assert command == f"panda recount {ADDRESS} --size {SIZE}"


@pytest.mark.parametrize("number", range(3))
def test_the_query_of_a_law_gives_its_difference(counted: duckdb.DuckDBPyConnection, number: int) -> None:
    module, text = macros(Language.ZH)
    law = laws(Account(LOG).books)[number]
    query, answer, _ = shown_codes(module.recount_law(law, snapshot(), text))
    assert [(str(value),) for (value,) in counted.execute(query).fetchall()] == [(answer,)] == [("0",)]


def table_queries() -> list[str]:
    """Those beside whole tables."""
    return re.findall(r'parts\.recount_block\("(.*?)"', PAGE + COSTS)


@pytest.mark.parametrize("query", table_queries())
def test_the_query_beside_a_table_has_its_rows(counted: duckdb.DuckDBPyConnection, query: str) -> None:
    columns, table = re.findall(r"SELECT (.*) FROM (\w+);", query)[0]
    names = columns.split(", ")
    expected = [[flat(row)[name] for name in names] for row in Account(LOG).tables[table]]
    assert [list(row) for row in counted.execute(query).fetchall()] == expected != []


def test_every_figure_that_the_page_has_a_query_for_is_one_of_the_totals() -> None:
    known, totals = {name for names in name_lists() for name in names}, snapshot()["totals"]
    assert known <= {*totals, *(f"parcels.{state}" for state in totals["parcels"])}
    assert {"received_fen", "spent_fen", "pupils_reached", "parcels.lost"} <= known


def test_where_the_snapshot_is_not_known_no_query_is_shown() -> None:
    module, text = macros(Language.EN)
    assert module.recount(["spent_fen"], {**snapshot(), "totals": None}, text).strip() == ""
