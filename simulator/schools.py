"""Schools: prove what they took over and what they refused, and report how many pupils got parcels.

Most report once the shipment has arrived. Some papers are early: the delivery is proven before the carrier has reported
the departure, or a handout before its delivery; logistics parks them until their turn comes.
"""

from __future__ import annotations

from datetime import datetime

from simulator.api_client import ApiClient, Json, together
from simulator.calendar import Calendar
from simulator.decisions import HandoutPlan, Proof, handout_plan, proofs, reports_early, reports_handout_first
from simulator.journeys import delivered_at, handed_out_at, journey_of
from simulator.parties import field_partner_of
from simulator.routes import COUNTRIES

GAVE, RECEIVED = "carrier's driver", "school office"


class Schools:
    """All schools of all countries: a field partner a country acts for them, and sees what is for them."""

    def __init__(self, api: ApiClient, seed: int, calendar: Calendar) -> None:
        self._api, self._seed, self._calendar = api, seed, calendar
        self._reported: set[tuple[str, str]] = set()

    async def turn(self) -> int:
        """Reports for every school whose turn has come."""
        return sum(await together(self._act(field_partner_of(country)) for country in COUNTRIES))

    async def _act(self, partner: str) -> int:
        rows = self._api.items("logistics", partner, "/v1/consignments", status="open")
        waiting = [one async for one in rows if one["stored"] == one["round_parcels"] and self._waits(one)]
        return sum(await together(self._look(one) for one in waiting))

    def _waits(self, one: Json) -> bool:
        return any((one["round"], school["school"]) not in self._reported for school in one["schools"])

    async def _look(self, one: Json) -> int:
        round_id = one["round"]
        unreported = [school for school in one["schools"] if (round_id, school["school"]) not in self._reported]
        early = [school for school in unreported if reports_early(self._seed, round_id, school["school"])]
        turn = unreported if one["arrived_at"] is not None else early
        await together(self._report(one, school) for school in turn)
        self._reported.update((round_id, school["school"]) for school in turn)
        return len(turn)

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
        await self._submit(one, "deliveries", body, key=proof.delivery)

    async def _hand_out(self, one: Json, school: str, handout: HandoutPlan, at: datetime) -> None:
        body: Json = {
            "handout": handout.handout,
            "school": school,
            "parcels": handout.parcels,
            "girls": handout.girls,
            "boys": handout.boys,
            "at": handed_out_at(self._seed, at, handout.handout).isoformat(),
        }
        await self._submit(one, "handouts", body, key=handout.handout)

    async def _submit(self, one: Json, what: str, body: Json, *, key: str) -> None:
        path = f"/v1/consignments/{one['round']}/{what}"
        await self._api.submit("logistics", field_partner_of(one["country"]), path, body, key=key)
