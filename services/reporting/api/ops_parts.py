"""The parts of the operations page: what each shows is gathered by a coroutine of its own, all at once.

A part that cannot be read says so, and holds up none of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from fastapi import Request

from services.reporting.api.alerts import alerts_part
from services.reporting.api.audit_log_part import trail_part
from services.reporting.api.ops_letters import letters_part
from services.reporting.api.ops_own_parts import laws_part, needs_part, pipeline_part

Json = dict[str, Any]
Part = Callable[[Request], Awaitable[Json]]
"""A request → what `templates/ops/NAME.html` is filled with: its template has it as a variable by the part's name."""

NAMES: Final = ("pipeline", "flow", "needs", "dead_letters", "alerts", "journey", "instances", "laws", "trail")
"""As they stand on the page. A part without a template is not shown."""

PARTS: dict[str, Part] = {
    "pipeline": pipeline_part,
    "needs": needs_part,
    "dead_letters": letters_part,
    "alerts": alerts_part,
    "laws": laws_part,
    "trail": trail_part,
}
"""Part → what gathers it; what it works with is in `request.app.state`."""

OF_PIPELINE = {"flow", "instances"}
"""Parts that show what the pipeline's has gathered."""

PART_S_MAX = 5.0
"""The page waits for no part for longer: it is read again every few seconds anyhow."""

_log = structlog.get_logger(__name__)


async def gathered(request: Request, parts: Mapping[str, Part] | None = None) -> tuple[Json, set[str]]:
    """Part → what it shows, and the names of the parts that could not be read."""
    wanted = PARTS if parts is None else parts
    found = await asyncio.gather(*(_one(request, name, part) for name, part in wanted.items()))
    shown = dict(zip(wanted, found, strict=True))
    lost = {name for name, values in shown.items() if values is None}
    return shown, lost | (OF_PIPELINE if "pipeline" in lost else set())


def edges_of(pipeline: Json) -> dict[str, Json | None]:
    """Service → the latest of the hops that lead to it from another: its edge. `hops` are given the worst first."""
    hops: list[Json] = pipeline.get("hops") or []
    return {
        one["service"]: next((hop for hop in hops if hop["to"] == one["service"] != hop["from"]), None)
        for one in pipeline["services"]
    }


async def _one(request: Request, name: str, part: Part) -> Json | None:
    try:
        async with asyncio.timeout(PART_S_MAX):
            return await part(request)
    except Exception as error:  # whatever fails in a part, an operator needs the others
        _log.warning("operations_part_lost", part=name, error=repr(error))
        return None
