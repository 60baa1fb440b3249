"""The aid record of the running service: its sums are those of the page at the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.reporting.domain.iati.publisher import DEMONSTRATION_REF
from tests.service.reporting.conftest import Reporting, _reporting
from tests.stack import Servers
from tests.unit.reporting.history import TOTALS, enveloped, programme, records
from tests.unit.reporting.iati.rules import faults, fen_of, parsed

PATH = "/v1/iati/activities.xml"


@pytest.fixture(scope="module")
def reporting(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    folder: Path = tmp_path_factory.mktemp("iati")
    with _reporting(stack, folder, {"PANDA_DEMONSTRATION": "true"}) as service:
        service.publish(records(enveloped(programme())))
        service.await_totals(TOTALS)
        service.await_log()
        yield service


def test_the_sums_of_the_file_are_those_of_the_page_at_the_same_snapshot(reporting: Reporting) -> None:
    answer = reporting.get(PATH)
    assert answer.status_code == 200, answer.text
    size, root = answer.headers["panda-snapshot"], parsed(answer.content)
    assert faults(root, datetime.now(UTC).date()) == []
    totals = reporting.get(f"/v1/totals?as_of={size}").json()
    countries = reporting.get(f"/v1/totals/country?as_of={size}").json()["items"]
    years = reporting.get(f"/v1/totals/year?as_of={size}").json()["items"]
    activities = {one.findtext("iati-identifier") or "": one for one in root.iter("iati-activity")}
    parent = activities[f"{DEMONSTRATION_REF}-love-parcel"]
    assert fen_of(parent, "1") == totals["received_fen"] - totals["reversed_fen"] == TOTALS["received_fen"]
    for row in countries:
        own = [one for name, one in activities.items() if f"-{row['country']}-" in name]
        incoming, ordered, paid = (sum(fen_of(one, type) for one in own) for type in ("1", "2", "4"))
        assert (incoming, paid) == (row["net_funded_fen"], row["spent_fen"])
        assert ordered == row["committed_fen"] + row["spent_fen"]
    for year in years:
        own = [one for name, one in activities.items() if name.endswith(f"-{year['year']}")]
        assert sum(fen_of(one, "4") for one in own) == year["spent_fen"]


def test_a_size_is_kept_for_good_and_named_on_the_page_of_data(reporting: Reporting) -> None:
    answer = reporting.get(f"{PATH}?as_of=12")
    again = reporting.get(f"{PATH}?as_of=12", headers={"If-None-Match": answer.headers["etag"]})
    assert (answer.headers["panda-snapshot"], again.status_code) == ("12", 304)
    assert answer.headers["content-encoding"] == "gzip" and "immutable" in answer.headers["cache-control"]
    for lang, told in (("en", "Aid activities, as published"), ("zh", "援助活动公开文件")):
        page = reporting.get(f"/data?lang={lang}").text
        assert told in page and f'href="{PATH}"' in page
