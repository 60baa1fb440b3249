"""The files that the pages load. Nothing comes from anywhere else."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parents[1] / "static"


def mount_static(app: FastAPI) -> None:
    """`/static`: style sheets, scripts and the icon, from this package."""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
