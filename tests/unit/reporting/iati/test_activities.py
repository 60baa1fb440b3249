"""The aid record: valid by schema and rules for any log whatever, and its sums are those of the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from pandapack.contracts.public_log.fold import costs, figures, fold, surveys
from services.reporting.api.iati import PageNarrator
from services.reporting.domain.iati.activities import accounts_of, activities_file
from services.reporting.domain.iati.publisher import Publisher, publisher_of
from tests.unit.contracts.public_log_samples import sample_of
from tests.unit.contracts.public_log_samples import written as written_entries
from tests.unit.contracts.test_public_fold import FINISHED, Account
from tests.unit.recount.random_log import logs
from tests.unit.reporting.history import PROGRAMME
from tests.unit.reporting.iati.rules import faults, fen_of, parsed, today_of

SCHEMA = Path(__file__).parents[5] / "shared" / "standards" / "iati-2.03" / "iati-activities-schema.xsd"
FOUNDATION = Publisher("CN-USCI-53100000500020000X", "某基金会", "A foundation")
NARRATOR = PageNarrator()
INCOMING, COMMITMENT, DISBURSEMENT, EXPENDITURE = "1", "2", "3", "4"


def demonstration() -> Publisher:
    found = publisher_of("", "", "", "60", is_demonstration=True)
    assert isinstance(found, Publisher)
    return found


def written(account: Account, publisher: Publisher = FOUNDATION) -> bytes:
    books = account.books
    accounts = accounts_of(books, account.days)
    return activities_file(accounts, publisher, NARRATOR, size=books.size, at=books.at)


def check(account: Account) -> Element:
    """Nothing is wrong with the file on the very day of the last entry, and its sums are the page's."""
    root = parsed(written(account))
    assert faults(root, today_of(account.books.at)) == []
    check_sums(root, account)
    return root


def check_sums(root: Element, account: Account) -> None:
    activities = list(root.iter("iati-activity"))
    parents = [one for one in activities if one.get("hierarchy") == "1"]
    children = [one for one in activities if one.get("hierarchy") == "2"]
    totals = figures.totals(account.books)
    assert sum(fen_of(one, INCOMING, 1) for one in parents) == totals["received_fen"]
    assert sum(fen_of(one, INCOMING, -1) for one in parents) == -totals["reversed_fen"]
    assert all(not fen_of(one, EXPENDITURE) and not fen_of(one, COMMITMENT) for one in parents)
    for row in figures.country_rows(account.books):
        own = [one for one in children if country_of(one) == row["country"]]
        incoming, ordered, paid = (
            sum(fen_of(one, type) for one in own) for type in (INCOMING, COMMITMENT, EXPENDITURE)
        )
        assert (incoming, paid) == (row["net_funded_fen"], row["spent_fen"])
        assert ordered == row["committed_fen"] + row["spent_fen"]
        assert sum(fen_of(one, INCOMING, -1) for one in own) == -row["released_fen"]
        assert sum(value_of(one, 0) for one in own) == row["parcels"]["accepted"]
        assert sum(value_of(one, 1) for one in own) == row["pupils_reached"]
    disbursed = sum(fen_of(one, DISBURSEMENT) for one in parents)
    assert disbursed == sum(fen_of(one, INCOMING) for one in children)
    for year in costs.year_rows(account.books):
        own = [one for one in children if (one.findtext("iati-identifier") or "").endswith(f"-{year['year']}")]
        assert sum(fen_of(one, EXPENDITURE) for one in own) == year["spent_fen"]


def country_of(activity: Element) -> str:
    found = activity.find("recipient-country")
    assert found is not None
    return found.get("code", "")


def value_of(activity: Element, indicator: int) -> int:
    found = activity.findall("result/indicator/period/actual")
    return int(found[indicator].get("value", "")) if found else 0


def test_after_each_entry_of_a_programme_the_file_is_valid_and_its_sums_are_the_pages() -> None:
    account = Account()
    for entry in FINISHED:
        account.add(fold.read(entry))
        check(account)


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(logs())
def test_of_any_log_whatever_the_file_is_valid_and_its_sums_are_the_pages(entries: list[bytes]) -> None:
    account = Account(entries)
    if accounts_of(account.books, account.days):
        check(account)


def entry_of(type: str, on: str, at: str, **fields: Any) -> dict[str, Any]:
    of = {"round": "R-1", "programme": "p", "country": "NP", "order": "O-1", "category": "goods"}
    return {"type": f"procurement.{type}", "on": on, "at": at, **of, **fields}


def test_the_first_hours_of_a_day_in_china_are_told_of_the_day_before() -> None:
    account = Account()
    paid = entry_of("FundsSpent", "2022-01-01", "2021-12-31T17:00:00Z", fen=5, uncommitted_fen=0)
    account.add(paid)
    root = parsed(written(account))
    assert faults(root, today_of("2021-12-31T17:00:00Z")) == []
    assert {one.get("iso-date") for one in root.iter("transaction-date")} == {"2021-12-31"}


def test_a_year_that_is_over_is_closed_and_never_changes() -> None:
    account = Account()
    account.add(entry_of("FundsCommitted", "2020-05-01", "2020-05-01T00:00:00Z", fen=100))
    account.add(entry_of("FundsSpent", "2020-06-01", "2020-06-01T00:00:00Z", fen=90, uncommitted_fen=10))
    account.add(entry_of("FundsSpent", "2021-01-02", "2021-01-02T00:00:00Z", fen=7, uncommitted_fen=0))
    before = year_of(written(account), "2020")
    account.add(entry_of("FundsSpent", "2022-03-04", "2022-03-04T00:00:00Z", fen=3, uncommitted_fen=0))
    assert year_of(written(account), "2020") == before
    assert '<activity-status code="4"' in before and 'type="4"' in before
    assert '<activity-status code="2"' in year_of(written(account), "2022")


def year_of(content: bytes, year: str) -> str:
    """A country's year as text, but for when the file was updated."""
    parts = re.findall(r"<iati-activity .*?</iati-activity>", content.decode(), re.DOTALL)
    found = next(one for one in parts if f"-NP-{year}</iati-identifier>" in one)
    return re.sub(r'last-updated-datetime="[^"]*"', "", found)


def test_what_is_taken_back_is_a_visible_transaction_below_nothing() -> None:
    root = parsed(written(Account(FINISHED)))
    told = {one.get("ref", "")[8:]: one.findtext("value") for one in root.iter("transaction")}
    assert told["released"] == "-0.40" and told["uncommitted"] == "-0.10"
    assert told["released-NP"] == "-0.40"


def test_a_demonstration_says_so_in_every_activity_and_is_nobody_else() -> None:
    root = parsed(written(Account(FINISHED), demonstration()))
    assert faults(root, today_of(Account(FINISHED).books.at)) == []
    for activity in root.iter("iati-activity"):
        told = " ".join(one.text or "" for one in activity.iter("narrative"))
        assert "all names, gifts and parcels in it are made up" in told and "全部为虚构" in told
        assert {one.get("ref") for one in activity.iter("reporting-org")} == {"XE-EXAMPLE-PANDAPACK"}


def test_locations_are_districts_and_no_school_is_named() -> None:
    content = written(Account(FINISHED)).decode()
    assert "Chitwan" in content and "S-1" not in content and "<point" not in content


def test_a_district_with_signs_that_xml_cannot_write_breaks_no_file() -> None:
    account = Account()
    for entry in FINISHED:
        one = fold.read(entry)
        account.add({**one, **({"district": "\x00<&]]>\ud800\n\uffff"} if "district" in one else {})})
    check(account)


def evaluated() -> Account:
    account = Account(FINISHED)
    account.add({**fold.read(written_entries(sample_of("logistics.SurveyReported"))[0]), "programme": PROGRAMME})
    return account


def test_what_pupils_said_is_an_outcome_of_the_programme_in_per_cent_by_country_and_none_that_is_suppressed() -> None:
    account = evaluated()
    root = check(account)
    parent, *children = root.iter("iati-activity")
    assert all({one.get("type") for one in child.iter("result")} == {"1"} for child in children)
    [result] = parent.findall("result")
    assert (result.get("type"), result.get("aggregation-status")) == ("2", "0")
    assert "95 %" in " ".join(one.text or "" for one in result.findall("description/narrative"))
    told = list[tuple[str, str | None, str | None]]()
    for indicator in result.findall("indicator"):
        assert indicator.get("measure") == "2"
        for actual in indicator.findall("period/actual"):
            countries = [one.get("value") for one in actual.findall("dimension")]
            name = indicator.findtext("title/narrative") or ""
            told.append((name, countries[0] if countries else None, actual.get("value")))
            assert "pupils said yes; the interval is" in (actual.findtext("comment/narrative") or "")
    shown = [
        (NARRATOR.indicator(row["indicator"]).en, row["country"], f"{row['share_per_mille'] / 10:.1f}")
        for row in surveys.indicator_rows(account.books)
        if not row["suppressed"]
    ]
    assert told == shown and ("Likes the parcel very much", None, "83.1") in told
    assert len(shown) < len(surveys.indicator_rows(account.books)), "one of the sample's is suppressed"


def test_where_nothing_was_asked_or_all_is_suppressed_no_result_of_it_stands_there() -> None:
    account = evaluated()
    for countries in account.books.programmes[PROGRAMME].surveys.answers.values():
        for sums in countries.values():
            sums.surveys = 0
    for one in (account, Account(FINISHED)):
        assert not [result for result in check(one).iter("result") if result.get("type") == "2"]


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert written(Account(FINISHED)) == written(Account(FINISHED))


@pytest.mark.skipif(not SCHEMA.exists(), reason="the schema of IATI 2.03 is not among the shared standards")
@pytest.mark.parametrize("publisher", [FOUNDATION, demonstration()], ids=["foundation", "demonstration"])
def test_the_file_is_valid_by_the_schema_after_each_entry(publisher: Publisher) -> None:
    schema, account = etree.XMLSchema(etree.parse(SCHEMA)), Account()
    for entry in FINISHED:
        account.add(fold.read(entry))
        schema.assertValid(etree.fromstring(written(account, publisher)))
    schema.assertValid(etree.fromstring(written(evaluated(), publisher)))


@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_the_file_of_any_log_is_valid_by_the_schema(data: st.DataObject) -> None:
    if not SCHEMA.exists():
        pytest.skip("the schema of IATI 2.03 is not among the shared standards")
    account = Account(data.draw(logs()))
    if accounts_of(account.books, account.days):
        etree.XMLSchema(etree.parse(SCHEMA)).assertValid(etree.fromstring(written(account)))
