"""The evaluator: an independent party that asks pupils, once the story's last parcels are handed out.

Whom it asks, and what each pupil says, is chance of the seed: the shares are what comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.logistics import ComplaintKind
from simulator.api_client import ApiClient, Json
from simulator.chance import draw, draw_int
from simulator.chapters import Chapter, Reached, reached_by
from simulator.donations import PROGRAMME
from simulator.parties import EVALUATOR
from simulator.years import ENDS

SURVEY = f"{PROGRAMME}-{ENDS.year}"
FIRST_DAY, LAST_DAY = "2022-01-10", "2022-03-20"
SAMPLED_PER_MILLE = 450
SCHOOLS_SAMPLED_PER_MILLE = 600
ANSWERS_SHARE = 0.94
YES_SHARE = {
    "likes_parcel_very_much": 0.87,
    "knows_and_likes_china_better": 0.95,
    "items_help_study_and_life_very_much": 0.80,
    "received_complete": 0.96,
    "quality_good": 0.91,
    "in_use": 0.88,
}
"""How likely a pupil who is asked says yes."""
COMPLAINTS_PER_MILLE = 30
"""Complaints of each pupil in the frame."""
RESOLVED_SHARE = 0.85
PER_MILLE = 1_000


class Evaluator:
    """Asks a sample of the pupils whom parcels reached."""

    def __init__(self, api: ApiClient, seed: int) -> None:
        self._api, self._seed = api, seed

    async def survey(self, chapters: Sequence[Chapter]) -> None:
        """Reports what it found."""
        countries = [
            surveyed(self._seed, country, reached)
            for country, reached in sorted(reached_by(self._seed, chapters).items())
            if reached.pupils
        ]
        if countries:
            body: Json = {"survey": SURVEY, "programme": PROGRAMME, "from": FIRST_DAY, "to": LAST_DAY}
            await self._api.submit(
                "logistics", EVALUATOR, "/v1/surveys", {**body, "countries": countries}, key=f"report-{SURVEY}"
            )


def surveyed(seed: int, country: str, reached: Reached) -> Json:
    """What it found in a country."""
    pupils = max(1, reached.pupils * SAMPLED_PER_MILLE // PER_MILLE)
    schools = min(pupils, max(1, reached.schools * SCHOOLS_SAMPLED_PER_MILLE // PER_MILLE))
    asked = [pupil for pupil in range(pupils) if draw(seed, "answers", country, pupil) < ANSWERS_SHARE]
    indicators = [
        {
            "id": indicator,
            "numerator": sum(draw(seed, indicator, country, pupil) < share for pupil in asked),
            "denominator": len(asked),
        }
        for indicator, share in YES_SHARE.items()
    ]
    return {
        "country": country,
        "frame_schools": reached.schools,
        "frame_pupils": reached.pupils,
        "sample_schools": schools,
        "sample_pupils": pupils,
        "interviewed": len(asked),
        "indicators": indicators if asked else [],
        "complaints": _complaints(seed, country, reached.pupils),
    }


def _complaints(seed: int, country: str, pupils: int) -> list[Json]:
    kinds = [kind.value for kind in ComplaintKind]
    received = dict.fromkeys(kinds, 0)
    resolved = dict.fromkeys(kinds, 0)
    for number in range(pupils):
        if draw(seed, "complains", country, number) * PER_MILLE < COMPLAINTS_PER_MILLE:
            kind = kinds[draw_int(0, len(kinds) - 1, seed, "complaint", country, number)]
            received[kind] += 1
            resolved[kind] += draw(seed, "resolved", country, number) < RESOLVED_SHARE
    return [{"kind": kind, "received": count, "resolved": resolved[kind]} for kind, count in received.items() if count]
