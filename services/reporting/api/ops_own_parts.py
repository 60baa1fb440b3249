"""What the operations page's own parts are filled with: the pipeline with its flow and instances, needs, and laws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from pandapack.contracts.public_log.fold.figures import round_row
from services.reporting.api.needs_shown import shown_needs
from services.reporting.api.pipeline import shown_pipeline
from services.reporting.api.shown_figures import shown_figures
from services.reporting.api.sparks import History
from services.reporting.work.needs import NeedsBook
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Readings

ROUNDS_SHOWN_MAX = 50
"""Of the rounds in work; all of them are in `/v1/totals/round`."""
HISTORY_MINUTES = 60

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpsWork:
    """What the parts call; an application has it as `state.ops`."""

    pipeline: Pipeline
    readings: Readings
    needs: NeedsBook


def ops_of(request: Request) -> OpsWork:
    """What the application's parts call."""
    work: OpsWork = request.app.state.ops
    return work


async def pipeline_part(request: Request) -> Json:
    """The pipeline as `/v1/pipeline` tells it, and the history of an hour for its sparks."""
    pipeline = ops_of(request).pipeline
    shown = shown_pipeline(await pipeline.read())
    return {**shown, "history": History(await pipeline.history(HISTORY_MINUTES))}


async def needs_part(request: Request) -> Json:
    """What needs a person, as `/v1/needs` tells it."""
    return shown_needs(await ops_of(request).needs.read())


async def laws_part(request: Request) -> Json:
    """The laws, the books beside them, and the rounds in work."""
    reading = await ops_of(request).readings.now()
    found = [round_row(one) for one in await reading.rounds("", ROUNDS_SHOWN_MAX + 1, is_open=True)]
    rounds = found[:ROUNDS_SHOWN_MAX]
    return {
        **shown_figures(reading),
        "rounds": rounds,
        "is_more": len(found) > len(rounds),
        "over_reported": [row for row in rounds if row["pupils_over_reported"]],
    }
