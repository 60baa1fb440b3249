"""What is reported beyond parcels and enrolment is in no headline, and is shown wherever the headline is."""

from __future__ import annotations

import httpx

from pandapack.audit.findings import Findings
from pandapack.audit.folded import FoldAudit
from pandapack.audit.journal import Journal
from pandapack.audit.public_log import PublicLogAudit
from pandapack.audit.reading import Patience, databases
from pandapack.contracts.logistics import ParcelsHandedOut
from tests.service.reporting.conftest import Reporting
from tests.unit.reporting.history import TOTALS, SourceEvent, enveloped, programme, records

BOASTED = {
    "girls": 9_999,
    "boys": 9_999,
    "enrolled": 6,
    "pupils_reached": 5,
    "pupils_over_reported": 19_993,
}
"""Of five parcels for the six pupils of S-1."""
NOTES = {"en": "19,993 more were over-reported and are not counted", "zh": "另有 19,993 人为超报，未计入"}
HEADINGS = {"en": "Over-reported pupils", "zh": "超报人数"}


def boasting() -> list[SourceEvent]:
    """The programme as ever, but that one school reports many more heads."""
    return [
        (source, event.model_copy(update=BOASTED))
        if isinstance(event, ParcelsHandedOut) and event.school == "S-1"
        else (source, event)
        for source, event in programme()
    ]


def operations_page(reporting: Reporting, language: str) -> str:
    with httpx.Client(base_url=reporting.service.url, trust_env=False, timeout=120, follow_redirects=True) as browser:
        browser.post("/login", data={"key": reporting.service.keys["operator"], "next": "/ops"})
        return browser.get("/ops", params={"lang": language}).text


def test_over_reported_pupils_are_shown_beside_the_headline_and_are_not_in_it(reporting: Reporting) -> None:
    reporting.publish(records(enveloped(boasting())))
    reporting.await_totals({**TOTALS, "pupils_over_reported": 19_993})
    for table in ("programme", "country", "round"):
        rows = reporting.get(f"/v1/totals/{table}").json()["items"]
        assert sum(row["pupils_reached"] for row in rows) == TOTALS["pupils_reached"], table
        assert sum(row["pupils_over_reported"] for row in rows) == 19_993, table
    for language in ("en", "zh"):
        assert NOTES[language] in reporting.get("/", params={"lang": language}).text
        operations = operations_page(reporting, language)
        assert HEADINGS[language] in operations and "19,993" in operations and "/v1/totals/round" in operations


def test_the_recount_of_the_journal_and_of_the_log_finds_the_same_pupils(reporting: Reporting) -> None:
    reporting.publish(records(enveloped(boasting())))
    reporting.await_totals({**TOTALS, "pupils_over_reported": 19_993})
    findings = Findings()
    kept = databases(reporting.database.client, reporting.namespace)
    journal = Journal(kept, findings, Patience())
    journal.read_views()
    journal.count()
    journal.compare()
    folded = FoldAudit(kept, findings)
    PublicLogAudit(kept, None, findings).audit(folded)
    assert findings.causes() == []
    assert (folded.figures["pupils"], folded.figures["over_reported"]) == (8, 19_993)


def test_where_nothing_is_over_reported_no_page_speaks_of_it(reporting: Reporting) -> None:
    reporting.publish(records(enveloped(programme())))
    reporting.await_totals({**TOTALS, "pupils_over_reported": 0})
    for language in ("en", "zh"):
        pages = reporting.get("/", params={"lang": language}).text, operations_page(reporting, language)
        for page in pages:
            assert "over-reported" not in page.replace('id="over-reported"', "") and "超报" not in page
