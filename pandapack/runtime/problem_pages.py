"""`/problems` and `/problems/{code}`: where a problem's `type` leads. HTML for people, JSON for programs."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from pandapack.runtime.http import JSON_TYPE, Problem
from pandapack.runtime.problem_types import ADDRESS, ProblemType, problem_types
from pandapack.runtime.static_files import PAGE_POLICY, STATIC_ADDRESS

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{static}/problems.css">
<main>{body}</main></html>"""
HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Vary": "Accept"}


def problem_pages_router() -> APIRouter:
    """`GET /problems`, `GET /problems/{code}`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/problems")
    async def get_problem_types(request: Request) -> Response:
        """Every code."""
        known = problem_types()
        if _wants_html(request):
            rows = "".join(
                f'<tr><td><a href="{ADDRESS}{code}"><code>{code}</code></a><td>{_statuses(one)}'
                f'<td>{escape(one.meaning.en)}<td lang="zh-CN">{escape(one.meaning.zh)}'
                for code, one in known.items()
            )
            head = "<tr><th>code<th>status<th>what it means<th>含义"
            return _html("Problems", f"<h1>Problems 错误代码</h1><div class=wide><table>{head}{rows}</table></div>")
        return JSONResponse({"items": [_shown(code, one) for code, one in known.items()]}, headers={"Vary": "Accept"})

    @router.get("/problems/{code}")
    async def get_problem_type(code: str, request: Request) -> Response:
        """What one code means, and how to mend it."""
        one = problem_types().get(code)
        if one is None:
            raise Problem(404, "not_found", "there is no problem of this code: GET /problems lists all")
        return _html(code, _described(code, one)) if _wants_html(request) else JSONResponse(_shown(code, one))

    return router


def _wants_html(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and not accepted.startswith(JSON_TYPE)


def _shown(code: str, one: ProblemType) -> dict[str, Any]:
    return {
        "type": f"{ADDRESS}{code}",
        "code": code,
        "status": list(one.status),
        "meaning": one.meaning.as_json(),
        "mend": one.mend.as_json(),
    }


def _statuses(one: ProblemType) -> str:
    return ", ".join(map(str, one.status)) or "a line"


def _described(code: str, one: ProblemType) -> str:
    where = f"HTTP {_statuses(one)}" if one.status else "names one line of a push, in <code>failures</code>"
    return (
        f"<p><a href=/problems>all problems 全部错误代码</a></p><h1><code>{code}</code></h1><p>{where}</p>"
        f"<h2>What it means</h2><p>{escape(one.meaning.en)}</p><h2>How to mend it</h2><p>{escape(one.mend.en)}</p>"
        f'<section lang="zh-CN"><h2>含义</h2><p>{escape(one.meaning.zh)}</p>'
        f"<h2>如何解决</h2><p>{escape(one.mend.zh)}</p></section>"
    )


def _html(title: str, body: str) -> HTMLResponse:
    return HTMLResponse(PAGE.format(title=escape(title), static=STATIC_ADDRESS, body=body), headers=HEADERS)
