"""Runbooks as pages, for everybody: each file of `docs/operations`, which is published with the program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pandapack.runtime.http import Problem
from services.reporting.api.pages import Accepted, Lang
from services.reporting.api.refused import refused_page
from services.reporting.api.rendering import html_answer, rendered, switch_of, texts_of
from services.reporting.api.texts import Language

FOLDER = Path(__file__).parents[3] / "docs" / "operations"
"""In a checkout and in an image alike (`deploy/Dockerfile` copies it there)."""
ADDRESS = "/ops/runbooks"
INDEX = "README"
"""The file that lists the others; its page is the address itself."""
NAME = re.compile(r"[a-z-]{1,64}")
"""What an address may name: longer than any kind of stop, and nothing that leads out of the folder."""
MENTIONED = re.compile(r"(?<![\w./-])(?:\./|docs/operations/)?([A-Za-z-]+)\.md(?![\w/-])")
"""A file of the folder, as its neighbours write it."""
CODE = {"class": "sql command", "tabindex": "0", "role": "group", "aria-label": "Commands"}
TABLE = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Table"}
"""What is wide scrolls in itself, by keyboard, too."""

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@dataclass(frozen=True, slots=True)
class Runbook:
    """`title`: its first heading, which `html` has as its h1. `path`: in the repository."""

    title: str
    html: str
    path: str


class Runbooks:
    """The files of a folder as pages, each made when it is first read, and kept: they change with a release only."""

    def __init__(self, folder: Path = FOLDER) -> None:
        found = {file.stem: file for file in sorted(folder.glob("*.md"))}
        self._files = {name: file for name, file in found.items() if name == INDEX or NAME.fullmatch(name)}
        self._kept = dict[tuple[str, Language], Runbook]()

    @property
    def names(self) -> list[str]:
        """Without the list of them, sorted."""
        return [name for name in self._files if name != INDEX]

    def read(self, name: str, language: Language) -> Runbook | None:
        """The page, whose links keep the language of the frame; None where there is no such file."""
        if name not in self._files:
            return None
        if (name, language) not in self._kept:
            self._kept[name, language] = self._made(name, language)
        return self._kept[name, language]

    def _made(self, name: str, language: Language) -> Runbook:
        file, title = self._files[name], name
        tokens = _markdown.parse(file.read_text(encoding="utf-8"))
        for before, one in zip([None, *tokens], tokens, strict=False):
            if one.children is not None:
                one.children = list(self._linked(one.children, language))
                if before and before.tag == "h1":
                    title = "".join(child.content for child in one.children)
        html = _markdown.renderer.render(list(_laid_out(tokens)), _markdown.options, {})
        return Runbook(title, html, f"docs/operations/{file.name}")

    def _linked(self, tokens: Iterable[Token], language: Language) -> Iterator[Token]:
        """Of a line: what leads to a page here, or names its file, is a link; what leads anywhere else is words."""
        is_kept = False
        for one in tokens:
            match one.type:
                case "link_open":
                    address = self._address(str(one.attrs["href"]).partition("#")[0], language)
                    is_kept = address is not None
                    if address is not None:
                        one.attrs = {"href": address}
                        yield one
                case "link_close":
                    if is_kept:
                        yield one
                    is_kept = False
                case "text" if not is_kept:
                    yield from self._mentions(one.content, language)
                case "code_inline" if not is_kept and (address := self._address(one.content, language)):
                    yield from _link(address, one)
                case _:
                    yield one

    def _mentions(self, text: str, language: Language) -> Iterator[Token]:
        end = 0
        for found in MENTIONED.finditer(text):
            if address := self._address(found[0], language):
                yield _words(text[end : found.start()])
                yield from _link(address, _words(found[0]))
                end = found.end()
        yield _words(text[end:])

    def _address(self, file: str, language: Language) -> str | None:
        found = MENTIONED.fullmatch(file)
        if found is None or found[1] not in self._files:
            return None
        path = ADDRESS if found[1] == INDEX else f"{ADDRESS}/{found[1]}"
        return f"{path}?lang={language.value}"


def _words(text: str) -> Token:
    return Token("text", "", 0, content=text)


def _link(address: str, shown: Token) -> Iterator[Token]:
    yield Token("link_open", "a", 1, attrs={"href": address})
    yield shown
    yield Token("link_close", "a", -1)


def _laid_out(tokens: Iterable[Token]) -> Iterator[Token]:
    """Commands and tables in boxes of their own."""
    for one in tokens:
        if one.type in ("code_block", "fence"):
            one.type, one.attrs = "code_block", {**CODE}
        elif one.type == "th_open":
            one.attrs = {**one.attrs, "scope": "col"}
        elif one.type == "table_open":
            yield Token("box_open", "div", 1, attrs={**TABLE}, block=True)
        yield one
        if one.type == "table_close":
            yield Token("box_close", "div", -1, block=True)


def runbooks_router(books: Runbooks, *, is_demonstration: bool) -> APIRouter:
    """`/ops/runbooks` and a page each. No key is asked for: whoever is woken at night may have none at hand."""
    router = APIRouter(include_in_schema=False)

    async def answer(request: Request, name: str, lang: str | None, accepted: str) -> HTMLResponse:
        texts = texts_of(lang, accepted)
        book = books.read(name, texts.language)
        if book is None:
            detail = f"no runbook has that name; {ADDRESS} lists them: {', '.join(books.names)}"
            problem = Problem(404, "runbook_unknown", detail)
            return await refused_page(request, texts, problem, is_demonstration=is_demonstration)
        values = {"book": book, "is_list": name == INDEX, "is_demonstration": is_demonstration}
        return html_answer(await rendered("runbook.html", texts, switch_of(request, texts), **values))

    @router.get(ADDRESS)
    async def get_runbooks(request: Request, lang: Lang = None, accept_language: Accepted = "") -> HTMLResponse:
        return await answer(request, INDEX, lang, accept_language)

    @router.get(ADDRESS + "/{name}")
    async def get_runbook(
        request: Request, name: str, lang: Lang = None, accept_language: Accepted = ""
    ) -> HTMLResponse:
        return await answer(request, name if NAME.fullmatch(name) else "", lang, accept_language)

    return router
