"""`/docs`: the service's OpenAPI as a page on which every request can be tried with one's own key. It works offline."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from pandapack.runtime.browser_policy import REFERRER_POLICY
from pandapack.runtime.static_files import STATIC_ADDRESS

DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""No inline script, no eval, no other host. Swagger UI's style sheet has its icons as `data:` images."""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="{static}/swagger-ui.css">
<link rel="stylesheet" href="{static}/docs.css">{ribbon}
<header><h1>{title}</h1><nav><a href="/openapi.json">OpenAPI</a> <a href="/asyncapi.json">AsyncAPI</a>
<a href="/problems">problems 错误代码</a></nav></header>
<div id="docs"><noscript>This page needs JavaScript; /openapi.json describes the same.</noscript></div>
<script src="{static}/swagger-ui-bundle.js"></script><script src="{static}/docs.js"></script></html>"""


RIBBON = (
    '<aside class="ribbon">Demonstration: all names and gifts are synthetic · '
    '<span lang="zh-CN">演示：所有姓名与捐赠都是虚构的</span></aside>'
)


def docs_router(title: str, *, is_demonstration: bool = False) -> APIRouter:
    """`GET /docs`, which says where all is made up."""
    router = APIRouter(include_in_schema=False)
    page = PAGE.format(title=escape(title), static=STATIC_ADDRESS, ribbon=RIBBON if is_demonstration else "")

    @router.get("/docs")
    async def get_docs() -> HTMLResponse:
        """The page; its files lie beside it."""
        headers = {"Content-Security-Policy": DOCS_POLICY, "Referrer-Policy": REFERRER_POLICY}
        return HTMLResponse(page, headers=headers)

    return router
