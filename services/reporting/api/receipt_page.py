"""A receipt to take along: one page for one gift, fit to print, with the way to check it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from pandapack.contracts.receipts import Receipt
from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.note import Note
from pandapack.decision import Refusal
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem, problem_of
from services.reporting.api.donation_links import links_of
from services.reporting.api.pages import Accepted, Lang
from services.reporting.api.receipts import pending_view
from services.reporting.api.refused import refused_page
from services.reporting.api.rendering import html_answer, rendered, switch_of, texts_of
from services.reporting.api.trace import Name, Platform, TraceLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.domain.receipts import Pending
from services.reporting.work.receipts import Receipts
from services.reporting.work.tracer import Tracer

QUIET_MODULES = 4
"""The empty border that a QR code needs around it (ISO/IEC 18004)."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code as one SVG path, in a square of `size` units: a strict policy forbids styles in the page."""

    size: int
    path: str


def qr_code(text: str) -> QrCode:
    """Of an address. Level M: a seventh of it may be soiled."""
    matrix = segno.make(text, error="m", micro=False, boost_error=False).matrix
    parts = []
    for y, row in enumerate(matrix, QUIET_MODULES):
        x = 0
        while x < len(row):
            run = next((n for n in range(x, len(row)) if not row[n]), len(row)) - x
            if run:
                parts.append(f"M{x + QUIET_MODULES} {y}h{run}v1h-{run}z")
            x += max(1, run)
    return QrCode(len(matrix) + 2 * QUIET_MODULES, "".join(parts))


def receipt_page_router(
    tracer: Tracer, receipts: Receipts, limits: TraceLimits, *, is_demonstration: bool
) -> APIRouter:
    """`/receipt/{platform}/{merchant}/{id}`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/receipt/{platform}/{merchant}/{id}")
    async def get_receipt_page(
        request: Request,
        platform: Platform,
        merchant: Name,
        id: Name,
        *,
        day: Annotated[date, Query()],
        lang: Lang = None,
        accept_language: Accepted = "",
    ) -> HTMLResponse:
        texts = texts_of(lang, accept_language)
        try:
            limits.admit(request)
            trace = await tracer.trace(platform, merchant, id, day.isoformat())
            made = await receipts.make(platform, merchant, id, day.isoformat())
        except (Problem, Unavailable) as error:
            problem = error if isinstance(error, Problem) else Problem(503, "unavailable", str(error))
            return await refused_page(request, texts, problem, is_demonstration=is_demonstration)
        for refused in (trace, made):
            if isinstance(refused, Refusal):
                problem = problem_of(refused)
                return await refused_page(request, texts, problem, is_demonstration=is_demonstration)
        assert not isinstance(trace, Refusal) and not isinstance(made, Refusal)
        address = str(request.base_url).rstrip("/")
        links = links_of(address, trace.donation, texts.language.value)
        html = await rendered(
            "receipt.html",
            texts,
            switch_of(request, texts),
            trace=shown_trace(trace, staff=False),
            proof=_proof_of(made, texts.language.value),
            links=links,
            qr=qr_code(links["trace"]),
            is_demonstration=is_demonstration,
        )
        return html_answer(html)

    return router


def _proof_of(made: Receipt | Pending, lang: str) -> Json:
    """The figures of the proof; where there is none yet, `expected` says in words what is awaited."""
    if isinstance(made, Pending):
        known = made.known
        return {"shard": known.shard, "page": known.page, "row": known.row, "expected": pending_view(made)[lang]}
    page, checkpoint = made.page, Checkpoint.parse(Note.parse(made.checkpoint.encode()).text)
    return {
        "shard": page.shard,
        "page": page.page,
        "row": page.row,
        "expected": None,
        "entry": made.entry.index,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
    }
