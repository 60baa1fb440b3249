"""Schools: prove what they took over and what they refused, and report how many pupils got parcels.

They report when they have the parcels, or some days later, whatever the carriers have reported by then: a delivery may
be proven before its carrier's papers are there, or a handout before its delivery. Logistics parks them until their turn
comes. A few reports are broken at first, and made again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from simulator.api_client import ApiClient, Json, RequestRefused, together
from simulator.calendar import Calendar
from simulator.decisions import (
    HandoutPlan,
    Proof,
    handout_plan,
    is_sent_broken,
    late_days,
    proofs,
    reports_handout_first,
)
from simulator.journeys import delivered_at, handed_out_at, journey_of
from simulator.parties import field_partner_of
from simulator.routes import COUNTRIES
from simulator.story_clock import StoryClock

GAVE, RECEIVED = "carrier's driver", "school office"


class Schools:
    """All schools of all countries: a field partner a country acts for them, and sees what is for them."""

    def __init__(
        self, api: ApiClient, seed: int, calendar: Calendar, *, clock: StoryClock, work: asyncio.TaskGroup
    ) -> None:
        self._api, self._seed, self._calendar, self._clock, self._work = api, seed, calendar, clock, work
        self._expecting: set[str] = set()

    async def turn(self) -> int:
        """Looks for consignments whose parcels are all stored: from then on each school waits for its own."""
        return sum(await together(self._look(field_partner_of(country)) for country in COUNTRIES))

    async def _look(self, partner: str) -> int:
        rows = self._api.items("logistics", partner, "/v1/consignments", status="open")
        new = [
            one async for one in rows if one["stored"] == one["round_parcels"] and one["round"] not in self._expecting
        ]
        for one in new:
            self._expecting.add(one["round"])
            for school in one["schools"]:
                self._work.create_task(self._report(one, school))
        return len(new)

    async def _report(self, one: Json, school: Json) -> None:
        round_id, name = one["round"], school["school"]
        handout_first = reports_handout_first(self._seed, round_id, name)
        funded_at = await self._calendar.funded_at(round_id)
        arrived_at = journey_of(self._seed, funded_at, round_id, one["country"], 0).arrived_at
        for proof in proofs(self._seed, round_id, one["round_parcels"], school):
            handout = handout_plan(self._seed, round_id, proof)
            at = delivered_at(self._seed, arrived_at, proof.delivery)
            if handout is not None and handout_first:
                await self._hand_out(one, name, handout, at)
            await self._deliver(one, name, proof, at)
            if handout is not None and not handout_first:
                await self._hand_out(one, name, handout, at)

    async def _deliver(self, one: Json, school: str, proof: Proof, at: datetime) -> None:
        body: Json = {
            "delivery": proof.delivery,
            "school": school,
            "accepted": proof.accepted,
            "rejected": proof.rejected,
            "reason": proof.reason,
            "gave": GAVE,
            "received": RECEIVED,
            "document": proof.document,
            "at": at.isoformat(),
        }
        await self._clock.until(at + timedelta(days=late_days(self._seed, proof.delivery)))
        if is_sent_broken(self._seed, proof.delivery):
            await self._break(one, "deliveries", body | {"at": at.replace(tzinfo=None).isoformat()}, proof.delivery)
        await self._submit(one, "deliveries", body, key=proof.delivery)

    async def _hand_out(self, one: Json, school: str, handout: HandoutPlan, at: datetime) -> None:
        handed_at = handed_out_at(self._seed, at, handout.handout)
        body: Json = {
            "handout": handout.handout,
            "school": school,
            "parcels": handout.parcels,
            "girls": handout.girls,
            "boys": handout.boys,
            "at": handed_at.isoformat(),
        }
        await self._clock.until(handed_at)
        await self._submit(one, "handouts", body, key=handout.handout)

    async def _submit(self, one: Json, what: str, body: Json, *, key: str) -> None:
        path = f"/v1/consignments/{one['round']}/{what}"
        await self._api.submit("logistics", field_partner_of(one["country"]), path, body, key=key)

    async def _break(self, one: Json, what: str, body: Json, name: str) -> None:
        """Sends a report without a zone in its time, which is refused."""
        path = f"/v1/consignments/{one['round']}/{what}"
        if not await self._api.is_refused(
            "logistics", field_partner_of(one["country"]), path, body, key=f"{name}-broken"
        ):
            raise RequestRefused(f"{path}: a time without a zone was taken")
