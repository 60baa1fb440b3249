"""The page that checks a receipt in the reader's own browser: a file, and nothing that this service could answer."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

PAGE = Path(__file__).parents[1] / "static" / "verify.html"


def verify_router() -> APIRouter:
    """`/verify`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/verify")
    async def get_verify_page() -> FileResponse:
        return FileResponse(PAGE, media_type="text/html", headers={"Cache-Control": "no-cache"})

    return router
