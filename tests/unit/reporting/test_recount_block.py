""" "Recount this": each query that the page shows gives the answer that stands beside it, at the size that it names."""

from __future__ import annotations

import html
import re
from typing import Any

import duckdb
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pandapack.contracts.public_log.fold.laws import laws
from pandapack.recount.counting import connected, load, sql
from services.reporting.api.texts import TEXTS, Language, PageTexts
from tests.unit.contracts.test_public_fold import FINISHED, Account
from tests.unit.recount.served import lines

ADDRESS = "https://panda.example"
PAGE = (TEXTS.parent / "public.html").read_text()
AHEAD = {"donations": 3, "received_fen": 15, "reversed_fen": 2}
SIZE = 40  # in the middle of everything


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("entries")
    (folder / "entries.ndjson").write_bytes(lines(FINISHED))
    connection = connected(str(folder))
    load(connection, [folder / "entries.ndjson"], SIZE)
    connection.execute(sql())
    return connection


def macros(language: Language) -> Any:
    loader = FileSystemLoader(TEXTS.parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("parts.html").module, PageTexts(language).text


def totals(ahead: dict[str, int] | None) -> dict[str, Any]:
    """What the page has: figures of a snapshot, with what runs ahead of it added where that is known."""
    found = Account(FINISHED[:SIZE]).tables["totals"]
    for name, more in (ahead or {}).items():
        found[name] += more
    found["in_flight_fen"] += (ahead or {}).get("received_fen", 0) - (ahead or {}).get("reversed_fen", 0)
    return {**found, "snapshot": {"size": SIZE, "at": None, "ahead": ahead}}


def shown_codes(block: str) -> list[str]:
    return [html.unescape(code) for code in re.findall(r"<code>(.*?)</code>", block, re.DOTALL)]


def name_lists() -> list[list[str]]:
    """The figures beside which the page has such a block."""
    return [re.findall(r'"([\w.]+)"', found) for found in re.findall(r"parts\.recount\(\[(.*?)\]", PAGE)]


@pytest.mark.parametrize("ahead", [None, AHEAD])
@pytest.mark.parametrize("names", name_lists(), ids=lambda names: names[0])
def test_each_query_gives_the_answer_beside_it(
    counted: duckdb.DuckDBPyConnection, names: list[str], ahead: dict[str, int] | None
) -> None:
    module, text = macros(Language.EN)
    query, answer, command = shown_codes(module.recount(names, totals(ahead), ADDRESS, text))
    [row] = counted.execute(query).fetchall()
    assert answer == " | ".join(map(str, row))
    assert command == f"panda recount {ADDRESS} --size {SIZE}"


@pytest.mark.parametrize("number", range(3))
def test_the_query_of_a_law_gives_its_difference(counted: duckdb.DuckDBPyConnection, number: int) -> None:
    module, text = macros(Language.ZH)
    law = laws(Account(FINISHED[:SIZE]).books)[number]
    query, answer, _ = shown_codes(module.recount_law(law, totals(None), ADDRESS, text))
    assert [(str(value),) for (value,) in counted.execute(query).fetchall()] == [(answer,)] == [("0",)]


def test_the_query_of_countries_is_one_that_the_tables_answer(counted: duckdb.DuckDBPyConnection) -> None:
    [query] = re.findall(r'parts\.recount_block\("(.*?)"', PAGE)
    assert len(counted.execute(query).fetchall()) == len(Account(FINISHED[:SIZE]).tables["country"]) > 0


def test_every_figure_of_totals_can_be_recounted_on_the_page() -> None:
    known = {name for names in name_lists() for name in names}
    figures = set(totals(None)) - {"snapshot", "parcels"} | {f"parcels.{one}" for one in totals(None)["parcels"]}
    assert known <= figures and {"received_fen", "spent_fen", "pupils_reached", "parcels.lost"} <= known


def test_a_page_without_a_snapshot_shows_no_query() -> None:
    module, text = macros(Language.EN)
    without = {name: value for name, value in totals(None).items() if name != "snapshot"}
    assert module.recount(["spent_fen"], without, ADDRESS, text).strip() == ""
