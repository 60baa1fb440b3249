"""What the reporting service answers: totals, laws, traces, the stream and the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service.reporting.conftest import Reporting
from tests.service.reporting.ledger import DAY
from tests.unit.reporting.history import TOTALS, enveloped, programme, records
from tests.waiting import eventually


@pytest.fixture(scope="module")
def reporting(shared: Reporting) -> Reporting:
    shared.publish(records(enveloped(programme())))
    shared.await_totals(TOTALS)
    return shared


@pytest.fixture
def auditor(reporting: Reporting) -> Iterator[httpx.Client]:
    with reporting.client("auditor") as client:
        yield client


def items(reporting: Reporting, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = reporting.get(f"/v1/totals/{table}").json()["items"]
    return rows


def test_every_table_adds_up_to_the_totals(reporting: Reporting) -> None:
    assert sum(row["fen"] for row in items(reporting, "day")) == TOTALS["received_fen"]
    assert sum(row["spent_fen"] for row in items(reporting, "country")) == TOTALS["spent_fen"]
    assert sum(row["spent_fen"] for row in items(reporting, "round")) == TOTALS["spent_fen"]
    assert sum(row["donations"] for row in items(reporting, "programme")) == TOTALS["donations"]
    assert [(row["item"], row["kitted"], row["in_stock"]) for row in items(reporting, "item")] == [("pencil", 40, 2)]


def test_totals_tell_how_fresh_they_are(reporting: Reporting) -> None:
    eventually(lambda: reporting.totals()["behind_s"] == 0.0, "nothing is left to consume")
    assert reporting.totals()["complete_to"].endswith("+00:00")


def test_the_laws_show_every_term_and_the_exact_difference(reporting: Reporting) -> None:
    shown = reporting.get("/v1/conservation").json()
    assert (shown["money_conserved"], shown["items_conserved"], shown["parcels_conserved"]) == (True, True, True)
    money = shown["laws"][0]
    assert (money["terms"]["received"], money["terms"]["spent"], money["difference"]) == (2047, 1940, 0)
    assert money["checks"] > 20 and money["broken"] == []


TRACES: list[tuple[str, str, list[tuple[int, str, str | None, str | None]]]] = [
    ("first", "funded", [(5, "funded", "R-000001-0001", "accepted")]),
    (
        "straddling",
        "funded",
        [(2, "funded", "R-000001-0007", "accepted"), (3, "funded", "R-000002-0001", "warehouse")],
    ),
    (
        "given-back",
        "funded",
        [(2, "funded", "R-000001-0010", "rejected"), (2, "funded", "R-000002-0001", "warehouse")],
    ),
    ("waiting", "unallocated", [(5, "unallocated", None, None)]),
]


@pytest.mark.parametrize(("id", "state", "pieces"), TRACES, ids=[row[0] for row in TRACES])
def test_a_donation_is_followed_to_its_parcels(
    reporting: Reporting, id: str, state: str, pieces: list[tuple[int, str, str | None, str | None]]
) -> None:
    found = reporting.get(f"/v1/trace/shop/M0/{id}", params={"day": DAY}).json()
    assert (found["donation"]["id"], found["state"], found["funded"]) == (id, state, state == "funded")
    shown = [
        (p["fen"], p["state"], p["parcel"] and p["parcel"]["serial"], p["parcel"] and p["parcel"]["state"])
        for p in found["pieces"]
    ]
    assert shown == pieces
    if state == "funded":
        parcel = found["pieces"][0]["parcel"]
        assert parcel["district"] in {"Chitwan", "Kaski"} and "school" not in parcel
        assert parcel["share"].startswith("1/") and parcel["transport"]["legs"][0]["origin"] == "CNSHA"


def test_only_staff_learn_the_school(auditor: httpx.Client) -> None:
    found = auditor.get("/v1/trace/shop/M0/first", params={"day": DAY}).json()
    assert found["pieces"][0]["parcel"]["school"] == "S-1"


REFUSED: list[tuple[str, str | None, str, int, str]] = [
    ("a donation that the ledger does not know", None, f"/v1/trace/shop/M0/nix?day={DAY}", 404, "donation_unknown"),
    ("a donation on another day", None, "/v1/trace/shop/M0/first?day=2021-11-12", 404, "donation_unknown"),
    ("a day that is none", None, "/v1/trace/shop/M0/first?day=yesterday", 422, "invalid_request"),
    ("a merchant that can be none", None, f"/v1/trace/shop/M%200/first?day={DAY}", 422, "invalid_request"),
    ("merchants without a key", None, "/v1/totals/merchant", 401, "key_unknown"),
    ("merchants with a school's key", "school", "/v1/totals/merchant", 403, "role_not_allowed"),
    ("the journal without a key", None, "/v1/journal?source=/procurement/rounds/R-000001", 401, "key_unknown"),
    ("a source that published nothing", "auditor", "/v1/journal?source=/procurement/rounds/R-9", 404, "source_unknown"),
    ("a table that is none", None, "/v1/totals/pupil", 404, "not_found"),
]


def test_what_cannot_be_answered_is_refused_by_name(reporting: Reporting) -> None:
    for what, role, path, status, code in REFUSED:
        headers = {"Authorization": f"Bearer {reporting.service.keys[role]}"} if role else {}
        answer = reporting.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what


def test_staff_see_merchants_by_day(reporting: Reporting, auditor: httpx.Client) -> None:
    def shown() -> dict[str, tuple[int, int, int, int]]:
        rows = auditor.get("/v1/totals/merchant", params={"day": DAY}).json()["items"]
        return {row["merchant"]: (row["count"], row["fen"], row["banked_count"], row["banked_fen"]) for row in rows}

    expected = {"M0": (120, 600, 0, 0), "M1": (110, 440, 0, 0)}
    eventually(lambda: shown() == expected, "the merchants of the day are counted, and none of it is banked")
    row = reporting.get("/v1/totals/day").json()["items"][0]
    assert (row["banked_count"], row["banked_fen"]) == (0, 0)
    assert reporting.get("/v1/conservation").json()["banked_fen"] == 0


def test_the_journal_shows_a_source_as_it_published(auditor: httpx.Client) -> None:
    source = "/procurement/rounds/R-000001"
    first = auditor.get("/v1/journal", params={"source": source, "limit": 2}).json()
    rest = auditor.get("/v1/journal", params={"source": source, "after": first["next"]}).json()
    types = [event["type"].partition(".")[2] for event in (*first["items"], *rest["items"])]
    assert types == [
        "RoundOpened",
        "FundsCommitted",
        "FundsSpent",
        "FundsCommitted",
        "FundsSpent",
        "ParcelsPacked",
        "RoundClosed",
    ]
    assert rest["next"] is None and first["items"][1]["data"]["fen"] == 900


def test_the_pipeline_knows_what_it_does_not_know(reporting: Reporting) -> None:
    services = {row["service"]: row for row in reporting.pipeline()["services"]}
    assert (services["reporting"]["ready"], services["reporting"]["stopped"]) == (True, [])
    assert (services["logistics"]["answers"], services["logistics"]["lag_records"]) == (False, None)


def events(reporting: Reporting, count: int, headers: dict[str, str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    with httpx.stream(
        "GET", f"{reporting.service.url}/v1/events", headers=headers, trust_env=False, timeout=120
    ) as stream:
        fields: dict[str, str] = {}
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "event" in fields:
                found.append(fields)
                fields = {}
                if len(found) == count:
                    break
            else:
                fields = {}
    return found


def test_the_stream_begins_with_all_figures_and_resumes_where_a_reader_left(reporting: Reporting) -> None:
    first, second = events(reporting, 2, {})
    assert (first["event"], json.loads(first["data"])["donations"]) == ("totals", TOTALS["donations"])
    assert (second["event"], second["id"]) == ("fresh", first["id"])
    (again,) = events(reporting, 1, {"Last-Event-ID": first["id"]})
    assert again["event"] == "fresh" and "donations" not in again["data"]


def drawn(reporting: Reporting, headers: dict[str, str]) -> httpx.Response | None:
    """The page, once its charts are drawn."""
    page = reporting.get("/", headers=headers)
    return None if "data-soon" in page.text else page


def test_the_page_has_its_numbers_in_both_languages_without_javascript(reporting: Reporting) -> None:
    english = eventually(lambda: drawn(reporting, {"Accept-Language": "fr, en;q=0.5"}), "its charts are drawn")
    chinese = reporting.get("/?lang=zh", headers={"Accept-Language": "en"})
    assert "431</b> gifts" in english.text and 'lang="en"' in english.text
    assert "431</b> 笔" in chinese.text and "尼泊尔" in chinese.text and "19.40 元" in chinese.text
    assert "default-src 'none'" in english.headers["content-security-policy"]
    assert "style=" not in english.text and "<script>" not in english.text
    others = re.findall(r".{0,40}://.{0,40}", english.text.replace(reporting.service.url, ""))
    assert others == [], "it names its own address alone"


def test_the_page_follows_a_donation_step_by_step(reporting: Reporting) -> None:
    page = reporting.get("/", params={"lang": "en", "merchant": "M0", "id": "straddling", "day": DAY}).text
    steps = [
        "5 fen",
        "Round 1, for Nepal",
        "R-000001-0007",
        "A school in Kaski",
        "R-000002-0001",
        "from fen 598, up to and without fen 603",
    ]
    indices = [page.index(step) for step in steps]
    assert indices == sorted(indices)
    unknown = reporting.get("/", params={"lang": "en", "merchant": "M0", "id": "nix", "day": DAY}).text
    assert "The ledger has no such gift" in unknown
    broken = reporting.get("/", params={"lang": "en", "merchant": "<M>", "id": "x", "day": "?"}).text
    assert "does not look like" in broken and "<M>" not in broken


def test_operations_asks_for_a_key_and_then_shows_the_pipeline(reporting: Reporting) -> None:
    closed = reporting.get("/ops")
    assert (closed.status_code, closed.headers["location"]) == (303, "/login?next=/ops")
    with httpx.Client(base_url=reporting.service.url, trust_env=False, timeout=120, follow_redirects=True) as browser:
        page = browser.post("/login", data={"key": reporting.service.keys["operator"], "next": "/ops"})
    assert page.status_code == 200
    assert "The logistics service does not answer" in page.text and "R-000002" in page.text


def test_traces_without_a_key_are_limited_and_tell_when_to_come_again(
    reporting: Reporting, auditor: httpx.Client
) -> None:
    answers = [reporting.get(f"/v1/trace/shop/M0/nix?day={DAY}") for _ in range(90)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited and limited[0].json()["code"] == "too_many_traces" and limited[0].headers["retry-after"] == "1"
    assert auditor.get("/v1/trace/shop/M0/first", params={"day": DAY}).status_code == 200
