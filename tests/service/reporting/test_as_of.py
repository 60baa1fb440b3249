"""Any figure as of any time, what changed, and figures through time; on a page all of it is of one snapshot."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pandapack.contracts.public_log.fold import fold
from tests.service.reporting.conftest import Reporting
from tests.unit.contracts.test_public_fold import Account
from tests.unit.reporting.history import PROGRAMME, TOTALS, enveloped, finished, programme, records

TABLES = (
    "programme",
    "country",
    "item",
    "content",
    "category",
    "year",
    "day",
    "round",
    "specification",
    "indicator",
    "complaint",
)
NOT_FIGURES = ("snapshot", "complete_to", "behind_s", "next")
KEPT_FOR_GOOD = "public, max-age=86400, immutable"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def reporting(shared: Reporting) -> Reporting:
    shared.publish(records(enveloped(programme())))
    shared.await_totals(TOTALS)
    shared.await_log()
    return shared


@pytest.fixture
def auditor(reporting: Reporting) -> Iterator[httpx.Client]:
    """With a key, so that nothing is limited."""
    with reporting.client("auditor") as client:
        yield client


def entries(reporting: Reporting) -> list[bytes]:
    return reporting.get("/log/entries.ndjson").content.splitlines()


def shown(client: httpx.Client, **query: str) -> Json:
    """All tables, as `Account.tables` has them."""
    found = {"totals": client.get("/v1/totals", params=query).json()}
    found |= {table: client.get(f"/v1/totals/{table}", params=query).json()["items"] for table in TABLES}
    found["conservation"] = client.get("/v1/conservation", params=query).json()
    for name in ("totals", "conservation"):
        found[name] = {figure: value for figure, value in found[name].items() if figure not in NOT_FIGURES}
    return found


def test_as_of_any_size_and_any_moment_every_figure_is_that_of_a_replay_from_nothing(
    reporting: Reporting, auditor: httpx.Client
) -> None:
    log, chance = entries(reporting), random.Random(12)
    times = [datetime.fromisoformat(fold.read(entry)["at"]) for entry in log]
    asked = [(size, str(size)) for size in (chance.randrange(len(log) + 1) for _ in range(60))]
    for _ in range(40):
        at = times[0] + timedelta(seconds=chance.uniform(-3, (times[-1] - times[0]).total_seconds() + 3))
        asked.append((sum(time <= at for time in times), at.isoformat()))
    for size, text in sorted(asked):
        assert shown(auditor, as_of=text) == Account(log[:size]).tables, (size, text)
        stamp = {"size": size, "at": fold.read(log[size - 1])["at"] if size else None, "ahead": None}
        assert auditor.get("/v1/totals", params={"as_of": text}).json()["snapshot"] == stamp


def test_what_is_shown_now_is_of_the_whole_log(reporting: Reporting, auditor: httpx.Client) -> None:
    log = entries(reporting)
    assert shown(auditor) == Account(log).tables
    assert reporting.totals()["snapshot"]["size"] == len(log)


def test_a_day_counts_to_its_end(reporting: Reporting) -> None:
    today = datetime.now(UTC).date()
    assert reporting.get(f"/v1/totals?as_of={today + timedelta(days=2)}").json()["donations"] == TOTALS["donations"]
    assert reporting.get(f"/v1/totals?as_of={today - timedelta(days=2)}").json()["donations"] == 0


REFUSED = [
    ("/v1/totals?as_of=99999", 404, "size_unknown"),
    ("/v1/totals?as_of=yesterday", 422, "as_of_invalid"),
    ("/v1/totals/day?as_of=2021-11-11T10:05:03", 422, "as_of_invalid"),
    ("/v1/totals/day?as_off=3", 422, "unknown_parameter"),
    ("/v1/conservation?as_of=-1", 422, "as_of_invalid"),
    ("/v1/changes?from=3", 422, "invalid_request"),
    ("/v1/changes?from=3&to=2", 422, "changes_range_invalid"),
    ("/v1/changes?from=0&to=99999", 404, "size_unknown"),
    ("/v1/series/presents", 404, "figure_unknown"),
    ("/v1/series/rounds?by=week", 422, "invalid_request"),
    ("/v1/series/rounds?from=12", 422, "as_of_invalid"),
    (f"/v1/series/rounds?country=NP&programme={PROGRAMME}", 422, "series_of_both"),
]


def test_what_cannot_be_had_is_refused_by_name(reporting: Reporting, auditor: httpx.Client) -> None:
    for path, status, code in REFUSED:
        answer = reporting.get(path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    merchants = auditor.get("/v1/totals/merchant?as_of=3")
    assert (merchants.status_code, merchants.json()["code"]) == (422, "as_of_unknown_here")


def test_the_changes_between_two_sizes_add_up(reporting: Reporting) -> None:
    size = len(entries(reporting))
    for first, end in ((0, size), (7, 19), (size, size)):
        found = reporting.get("/v1/changes", params={"from": first, "to": end}).json()
        assert found["next"] is None and (found["from"]["size"], found["to"]["size"]) == (first, end)
        for row in found["figures"]:
            assert sum(entry["change"] for entry in row["entries"]) == row["change"] == row["to"] - row["from"]
    whole = reporting.get(f"/v1/changes?from=0&to={size}").json()["figures"]
    by_figure = {row["figure"]: row for row in whole}
    assert by_figure["spent_fen"]["change"] == TOTALS["spent_fen"]
    assert {entry["type"] for entry in by_figure["spent_fen"]["entries"]} == {"procurement.FundsSpent"}


def test_the_last_value_of_a_series_is_the_total(reporting: Reporting) -> None:
    for by in ("minute", "hour", "day", "month"):
        rows = reporting.get(f"/v1/series/parcels.accepted?by={by}").json()["items"]
        assert rows[-1]["value"] == TOTALS["parcels"]["accepted"] and rows[-1]["size"] == len(entries(reporting))
    of_programme = reporting.get(f"/v1/series/spent_fen?programme={PROGRAMME}").json()["items"]
    assert of_programme[-1]["value"] == TOTALS["spent_fen"]
    assert reporting.get("/v1/series/rounds?country=NP").json()["items"][-1]["value"] == 1


def test_all_of_a_page_is_of_one_snapshot_which_it_names_in_both_languages(reporting: Reporting) -> None:
    size = len(entries(reporting))
    english, chinese = (reporting.get("/", params={"lang": lang}).text for lang in ("en", "zh"))
    assert len(re.findall(rf"Snapshot (<span[^>]*>)?{size}\b", english)) == 2
    assert len(re.findall(rf"快照 (<span[^>]*>)?{size}\b", chinese)) == 2
    with httpx.Client(base_url=reporting.service.url, trust_env=False, timeout=120, follow_redirects=True) as browser:
        page = browser.post("/login", data={"key": reporting.service.keys["operator"], "next": "/ops"}).text
    assert f"Snapshot {size} of" in page and "R-000002" in page and ">R-000001<" not in page


def test_the_page_shows_what_was_known_and_does_not_move_then(reporting: Reporting) -> None:
    then = reporting.get("/", params={"lang": "en", "as_of": "3"}).text
    assert "as known on" in then and 'data-page="past"' in then
    for asked in ("99999", "never"):
        now = reporting.get("/", params={"lang": "en", "as_of": asked}).text
        assert "There is no such snapshot" in now and 'data-page="public"' in now


def test_an_answer_of_a_size_never_changes_and_may_be_kept(reporting: Reporting, auditor: httpx.Client) -> None:
    size = len(entries(reporting))
    paths = [f"/v1/totals?as_of={size}", f"/v1/changes?from=2&to={size}", f"/v1/conservation?as_of={size}"]
    paths += [f"/v1/totals/{table}?as_of={size}" for table in TABLES]
    before = {path: auditor.get(path) for path in paths}
    reporting.publish(records(enveloped(finished())))
    reporting.await_totals({"in_flight_fen": 0, "spent_fen": TOTALS["spent_fen"]})
    assert reporting.await_log() > size
    for path, answer in before.items():
        again = auditor.get(path)
        assert again.content == answer.content, f"{path}: {again.status_code} {again.text}"
        assert again.headers["cache-control"] == answer.headers["cache-control"] == KEPT_FOR_GOOD
        known = auditor.get(path, headers={"If-None-Match": f'"other", W/{answer.headers["etag"]}'})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert auditor.get("/v1/totals").headers["cache-control"] == "no-cache"
    ahead = auditor.get("/v1/totals", params={"as_of": (datetime.now(UTC) + timedelta(days=1)).isoformat()})
    assert ahead.headers["cache-control"] == "no-cache" and ahead.headers["etag"]
