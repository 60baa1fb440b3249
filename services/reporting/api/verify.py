"""The page that checks a receipt in the reader's own browser: a file, and nothing that this service could answer."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

PAGE = Path(__file__).parents[1] / "static" / "verify.html"


RIBBON = (
    '<aside class="ribbon" data-text="demonstration">Demonstration: all names and gifts are synthetic · '
    '<span lang="zh-CN">演示：所有姓名与捐赠都是虚构的</span></aside>\n'
)
"""At the top of the page where all is made up; its script leaves the reader's language of the two."""
TOP = '<header class="top">'


def verify_router(*, is_demonstration: bool) -> APIRouter:
    """`/verify`."""
    page = PAGE.read_text()
    assert page.count(TOP) == 1, "the ribbon stands before it"
    html = page.replace(TOP, RIBBON + TOP) if is_demonstration else page
    router = APIRouter(include_in_schema=False)

    @router.get("/verify")
    async def get_verify_page() -> HTMLResponse:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return router
