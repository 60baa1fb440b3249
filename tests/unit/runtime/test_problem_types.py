"""Every code that a service can answer is described, in both languages, and its `type` leads to what it means."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from pandapack.runtime import connection_limits, http
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.docs_page import docs_router
from pandapack.runtime.problem_pages import problem_pages_router
from pandapack.runtime.problem_types import message_of, problem_types
from pandapack.runtime.static_files import static_files_router
from services.donations.validation.domain import failures

ROOT = Path(__file__).parents[3]
CODE_AT = {"Refusal": 0, "_refusal": 0, "ReversalRefusal": 0, "Problem": 1, "Failure": 2, "Unfit": 1}
"""Where those that make a "no" take its code: the position among their arguments."""
CHINESE = range(0x4E00, 0xA000)


def trees() -> Iterator[ast.Module]:
    for part in ("pandapack/runtime", "services"):
        for file in sorted((ROOT / part).rglob("*.py")):
            yield ast.parse(file.read_text())


def codes() -> set[str]:
    """All that stand as a code in the source: given by word, by a constant of its file, or as `code = …`."""
    found = {*http._CODES.values(), "http_error", *(code for code, _, _ in connection_limits._TITLES.values())}
    found |= {f"{field}_invalid" for field in failures._FORMS} | {"line_too_long"}
    constants: dict[str, str] = {}
    named: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                    constants[name] = text
                    if name == "code":
                        found.add(text)
                case ast.Call(func=ast.Name(id=maker) | ast.Attribute(attr=maker)) if maker in CODE_AT:
                    at = CODE_AT[maker]
                    given = node.args[at : at + 1] or [word.value for word in node.keywords if word.arg == "code"]
                    found |= {
                        one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)
                    }
                    named |= {one.id for one in given if isinstance(one, ast.Name) and one.id.isupper()}
    return found | {constants[name] for name in named if name in constants}


def test_every_code_of_the_source_is_described() -> None:
    missing = sorted(codes() - set(problem_types()))
    assert missing == [], "a line each in pandapack/runtime/problems.json: what it means and how to mend it, en and zh"


def test_every_description_is_of_a_code_of_the_source() -> None:
    assert sorted(set(problem_types()) - codes()) == []


@pytest.mark.parametrize("code", problem_types())
def test_a_description_says_in_both_languages_what_it_means_and_how_to_mend_it(code: str) -> None:
    one = problem_types()[code]
    for text in (one.meaning, one.mend):
        assert text.en.isascii() or "…" in text.en, text.en
        assert text.en.endswith((".", "-", "oldest")) and text.zh, text
        assert any(ord(character) in CHINESE for character in text.zh), text.zh


def test_a_problem_carries_its_message_in_both_languages_and_a_better_one_stays() -> None:
    body = http.problem_body(409, "lot_known", "R-1 has a lot L-1 already")
    assert body["message"] == message_of("lot_known", "R-1 has a lot L-1 already")
    assert "编号" in message_of("lot_known", "")["zh"]
    better = {"en": "better", "zh": "更好"}
    assert http.problem_body(409, "lot_known", "R-1", message=better)["message"] == better


def app() -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, redirect_slashes=False)
    http.install_problems(app)
    app.add_middleware(http.RequestMarks, chance=SeededChance(1))
    for router in (docs_router("Panda Pack <tests>"), problem_pages_router(), static_files_router()):
        app.include_router(router)
    return app


async def got(path: str, accept: str = "application/json") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://here") as client:
        return await client.get(path, headers={"Accept": accept})


async def test_the_type_of_a_problem_leads_to_what_it_means() -> None:
    problem = (await got("/nothing")).json()
    assert problem["code"] == "not_found"
    described = await got(problem["type"])
    assert described.status_code == 200 and described.json()["status"] == [404]
    page = await got(problem["type"], "text/html,*/*")
    assert page.headers["content-type"].startswith("text/html") and "default-src 'none'" in str(page.headers)
    assert "There is nothing at this path." in page.text and "该路径不存在。" in page.text


async def test_all_types_are_listed_and_one_that_is_unknown_is_a_problem() -> None:
    assert {one["code"] for one in (await got("/problems")).json()["items"]} == set(problem_types())
    assert "/problems/lot_known" in (await got("/problems", "text/html")).text
    assert (await got("/problems/no_such")).json()["code"] == "not_found"


async def test_a_slash_at_the_end_is_told_and_sends_nobody_elsewhere() -> None:
    answer = await got("/problems/")
    assert answer.status_code == 404 and "location" not in answer.headers
    assert answer.json()["detail"] == "there is nothing at /problems/: it is /problems, without the slash"
    assert "/docs list what there is" in (await got("/nothing/")).json()["detail"]


async def test_the_page_of_the_description_loads_its_own_files_only_under_a_strict_policy() -> None:
    page = await got("/docs")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "&lt;tests&gt;" in page.text and "http" not in page.text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js", "docs.css", "problems.css"):
        file = await got(f"/docs/static/{name}")
        assert file.status_code == 200 and file.headers["x-content-type-options"] == "nosniff"
    assert (await got("/docs/static/main.py")).status_code == 404
