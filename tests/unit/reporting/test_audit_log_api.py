"""The audit log as it is asked for: by whom, as pages, as files, and as a part of the operations page."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from pandapack.runtime.auth import Keys, NewKey, Role
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.http import install_problems
from services.reporting.api.audit_log import audit_log_router
from services.reporting.api.audit_log_part import trail_part
from services.reporting.api.rendering import rendered
from services.reporting.api.texts import Language, PageTexts
from services.reporting.work.audit_log import AuditLog
from tests.unit.reporting.test_audit_log import ANNA, BEN, AuditWorld

Json = dict[str, Any]


class Site:
    """An application with the audit log of five acts."""

    def __init__(self) -> None:
        self.kept = AuditWorld()
        self.audit_log: AuditLog = self.kept.process("a")
        self.keys = Keys(MemoryRows("keys"), self.kept.clock, SeededChance(1))
        self.app = FastAPI()
        self.app.state.keys, self.app.state.audit_log = self.keys, self.audit_log
        install_problems(self.app)
        v1 = APIRouter(prefix="/v1")
        v1.include_router(audit_log_router(self.audit_log))
        self.app.include_router(v1)

    async def act(self) -> None:
        for n, actor in enumerate((ANNA, BEN, ANNA, BEN, ANNA), 1):
            await self.kept.happens(f"/procurement/parties/p{n}", actor, why="=1+1" if n == 5 else "")
        await self.audit_log.append()

    async def ask(self, path: str, role: Role = Role.AUDITOR) -> httpx.Response:
        key = await self.keys.add(NewKey(role=role, name="of a test"))
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as browser:
            return await browser.get(path, headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
async def site() -> Site:
    found = Site()
    await found.act()
    return found


async def test_entries_are_paged_from_the_newest_on_and_tell_where_the_chain_is(site: Site) -> None:
    first = (await site.ask("/v1/audit-log?limit=3")).json()
    second = (await site.ask(f"/v1/audit-log?limit=3&after={first['next']}")).json()
    assert [entry["n"] for entry in first["items"] + second["items"]] == [5, 4, 3, 2, 1]
    assert second["next"] is None and first["chain"]["n"] == 5
    assert first["chain"]["hash"] == first["items"][0]["hash"] == first["chain"]["in_public_log"]["hash"]


@pytest.mark.parametrize("role", [Role.BUYER, Role.TREASURER, Role.PLATFORM])
async def test_none_but_operators_and_auditors_read_it(site: Site, role: Role) -> None:
    assert (await site.ask("/v1/audit-log", role)).status_code == 403
    assert (await site.ask("/v1/audit-log.csv", role)).status_code == 403


async def test_a_day_that_is_none_is_refused_with_how_to_mend_it(site: Site) -> None:
    answer = await site.ask("/v1/audit-log?from=yesterday")
    assert (answer.status_code, answer.json()["code"]) == (422, "as_of_invalid")
    assert "2021-11-11" in answer.json()["detail"]


async def test_a_file_has_all_that_fits_and_no_cell_that_a_spreadsheet_runs(site: Site) -> None:
    lines = (await site.ask("/v1/audit-log.ndjson?actor=ben")).text.splitlines()
    assert [json.loads(line)["n"] for line in lines] == [4, 2]
    rows = list(csv.DictReader(io.StringIO((await site.ask("/v1/audit-log.csv")).text)))
    assert [row["n"] for row in rows] == ["5", "4", "3", "2", "1"]
    assert (rows[0]["why"], rows[0]["actor"], rows[0]["role"]) == ("'=1+1", "anna", "operator")


async def part_of(site: Site, query: str, language: Language) -> str:
    scope = {"type": "http", "app": site.app, "query_string": query.encode(), "headers": []}
    trail = await trail_part(Request(scope))
    return await rendered("ops/trail.html", PageTexts(language), "", trail=trail)


@pytest.mark.parametrize("language", list(Language))
async def test_the_page_shows_what_was_searched_for_in_both_languages(site: Site, language: Language) -> None:
    html = await part_of(site, "trail_actor=anna&trail_from=2021-11-11", language)
    assert [f"p{n}" for n in range(1, 6) if f"/procurement/parties/p{n}" in html] == ["p1", "p3", "p5"]
    assert 'name="trail_actor" value="anna"' in html
    assert "/ops/audit-log.csv?actor=anna&amp;from=2021-11-11" in html


async def test_days_that_cannot_be_read_are_said_to_be_none_and_all_are_shown(site: Site) -> None:
    html = await part_of(site, "trail_from=yesterday", Language.EN)
    assert 'role="alert"' in html and len(re.findall('<tr><th scope="row"', html)) == 5
