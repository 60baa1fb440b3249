"""The files that every service's own pages load, from here and from the package of Swagger UI."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from pandapack.runtime.http import Problem

STATIC = Path(__file__).with_name("static")
STATIC_ADDRESS = "/docs/static"
SWAGGER_PACKAGE = "fastapi_swagger"
"""Ships the files of Swagger UI (Apache-2.0) as they were released; nothing else of it is used, and it is not run."""
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")
OWN_FILES = ("docs.js", "docs.css", "problems.css")
TYPES = {".js": "text/javascript", ".css": "text/css"}
DAY_S = 86_400

PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of pages without scripts."""


def static_files() -> dict[str, Path]:
    """Name → file."""
    spec = find_spec(SWAGGER_PACKAGE)
    assert spec is not None and spec.origin is not None, f"{SWAGGER_PACKAGE} is in the lock"
    swagger = Path(spec.origin).parent / "resources"
    return {name: STATIC / name for name in OWN_FILES} | {name: swagger / name for name in SWAGGER_FILES}


def static_files_router() -> APIRouter:
    """`GET /docs/static/{name}`."""
    router, files = APIRouter(include_in_schema=False), static_files()

    @router.get(f"{STATIC_ADDRESS}/{{name}}")
    async def get_file(name: str) -> FileResponse:
        """A file by its name; there are no others."""
        file = files.get(name)
        if file is None:
            raise Problem(404, "not_found", f"there is no file {name} here")
        headers = {"Cache-Control": f"max-age={DAY_S}", "X-Content-Type-Options": "nosniff"}
        return FileResponse(file, media_type=TYPES[file.suffix], headers=headers)

    return router
