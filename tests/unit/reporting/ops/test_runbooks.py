"""Runbooks as pages: each is there for everybody, leads to pages that there are, and has no HTML of its own."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from pandapack.runtime.http import install_problems
from services.reporting.api.runbooks import ADDRESS, FOLDER, INDEX, Runbooks, runbooks_router
from services.reporting.api.texts import Language
from services.reporting.domain.alerts.rules import RULES
from services.reporting.domain.needs.matters import RUNBOOK_OTHER, RUNBOOKS
from tests.unit.reporting.rendered import client_of, plain

NAMES = sorted(file.stem for file in FOLDER.glob("*.md") if file.stem != INDEX)
HREF = re.compile(r'href="([^"]*)"')


def reader(books: Runbooks) -> httpx.AsyncClient:
    app = FastAPI()
    install_problems(app)
    app.include_router(runbooks_router(books, is_demonstration=True))
    return client_of(app)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With one runbook, and a list of it."""
    (tmp_path / f"{INDEX}.md").write_text("# All\n\n[one](one.md)\n")
    (tmp_path / "one.md").write_text("# One\n")
    return tmp_path


def body(folder: Path, text: str) -> str:
    """What of a page is made of this text."""
    (folder / "two.md").write_text(text)
    book = Runbooks(folder).read("two", Language.EN)
    assert book is not None
    return book.html


@pytest.mark.parametrize("name", [*NAMES, INDEX])
async def test_each_runbook_is_a_page_for_everybody_with_its_title_as_the_heading(name: str) -> None:
    heading = (FOLDER / f"{name}.md").read_text().partition("\n")[0].removeprefix("# ")
    address = ADDRESS if name == INDEX else f"{ADDRESS}/{name}"
    async with reader(Runbooks()) as browser:
        for language, html_lang in (("en", "en"), ("zh", "zh-CN")):
            answer = await browser.get(address, params={"lang": language})
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
            page = answer.text
            assert re.findall("<h1>(.*?)</h1>", page) == [heading]
            assert f"<title>{'Panda Pack' if language == 'en' else '国际爱心包裹'} · {heading}</title>" in page
            assert f'<html lang="{html_lang}">' in page and '<article class="runbook" lang="en">' in page
            assert f"<code>docs/operations/{name}.md</code>" in page and 'class="ribbon"' in page


@pytest.mark.parametrize("name", [*NAMES, INDEX])
async def test_every_link_in_a_runbook_leads_to_a_page_in_the_language_of_the_frame(name: str) -> None:
    books = Runbooks()
    for language in Language:
        book = books.read(name, language)
        assert book is not None
        async with reader(books) as browser:
            for address in HREF.findall(book.html):
                assert address.startswith(ADDRESS) and address.endswith(f"?lang={language.value}")
                assert (await browser.get(address)).status_code == 200
        mentioned = set(re.findall(r"[( `]([a-z-]+)\.md\b", (FOLDER / f"{name}.md").read_text())) & set(NAMES)
        assert {f"{ADDRESS}/{one}?lang={language.value}" for one in mentioned} <= set(HREF.findall(book.html))


async def test_the_list_leads_to_every_page() -> None:
    async with reader(Runbooks()) as browser:
        links = set(HREF.findall((await browser.get(ADDRESS, params={"lang": "zh"})).text))
    assert {f"{ADDRESS}/{name}?lang=zh" for name in NAMES} <= links


def test_whatever_a_row_or_an_alert_leads_to_is_a_page() -> None:
    assert {*RUNBOOKS.values(), RUNBOOK_OTHER, *(rule.runbook for rule in RULES)} <= set(Runbooks().names)


def test_html_in_a_text_is_shown_and_not_passed_through(folder: Path) -> None:
    html = body(folder, "# <b>Two</b>\n\n<script>alert(1)</script>\n\nand <i onclick=x>this</i>, [x](javascript:a())\n")
    assert "<script" not in html and "<b>" not in html and "<i" not in html and "href" not in html
    assert "&lt;script&gt;" in html


def test_names_of_runbooks_are_links_wherever_they_stand_but_in_commands(folder: Path) -> None:
    one = f'<a href="{ADDRESS}/one?lang=en">'
    assert f"see {one}one.md</a>, then" in body(folder, "see one.md, then")
    assert f"({one}docs/operations/one.md</a>)" in body(folder, "(docs/operations/one.md)")
    assert f"{one}<code>one.md</code></a>" in body(folder, "`one.md`")
    assert f"{one}the <em>first</em></a>" in body(folder, "[the *first*](one.md#mend-it)")
    assert f"{one}one.md</a>" in body(folder, "[one.md](./one.md)"), "and no link stands in another"
    assert "href" not in body(folder, "    cat one.md\n")
    assert f'<a href="{ADDRESS}?lang=en">' in body(folder, "[the list](README.md)")


@pytest.mark.parametrize(
    "text",
    [
        "[word](../security.md)",
        "[word](three.md)",
        "[word](https://elsewhere.example)",
        "other/one.md and word, two.mdx",
    ],
)
def test_what_leads_anywhere_else_is_words(folder: Path, text: str) -> None:
    html = body(folder, text)
    assert "href" not in html and "word" in html


def test_what_is_wide_scrolls_in_itself_by_keyboard_too(folder: Path) -> None:
    html = body(folder, "| a | b |\n| --- | --- |\n| 1 | one.md |\n\n    panda ops\n\n```sh\npanda up\n```\n")
    assert html.count('tabindex="0" role="group"') == 3
    assert '<div class="scroll"' in html and '<th scope="col">a</th>' in html and "panda up\n</code></pre>" in html


async def test_a_name_that_is_none_is_not_found_on_a_page_and_as_a_problem(folder: Path) -> None:
    (folder.parent / "secret.md").write_text("# Secret\n")
    async with reader(Runbooks(folder)) as browser:
        for name in ("nothing", "README", "one.md", "..%2Fsecret", "../secret", "a" * 65, "ONE"):
            answer = await browser.get(f"{ADDRESS}/{name}", params={"lang": "en"})
            assert answer.status_code == 404 and "Secret" not in answer.text
        page = await browser.get(f"{ADDRESS}/nothing", params={"lang": "zh"})
        assert "没有这个名称的处理手册" in plain(page.text)
        problem = await browser.get(f"{ADDRESS}/nothing", headers={"Accept": "application/json"})
    assert (problem.json()["code"], problem.status_code) == ("runbook_unknown", 404)
    assert problem.json()["detail"].endswith("lists them: one")


async def test_where_no_documents_are_installed_no_page_is_promised(tmp_path: Path) -> None:
    async with reader(Runbooks(tmp_path / "none")) as browser:
        assert (await browser.get(ADDRESS)).status_code == 404


def test_a_page_is_made_once(folder: Path) -> None:
    books = Runbooks(folder)
    assert books.read("one", Language.EN) is books.read("one", Language.EN)
