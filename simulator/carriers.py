"""Forwarders, insurers, customs brokers and carriers: they move each round's shipment, and report costs and losses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

from simulator.api_client import ApiClient, Json, together
from simulator.calendar import Calendar
from simulator.decisions import Loss, late_days, losses, service_fen
from simulator.journeys import Journey, Report, journey_of
from simulator.story_clock import StoryClock

ASK_EVERY_S = 0.1


class Carriers:
    """All trades that bring parcels to schools. They report what happened when it has happened, or some days later.

    A round's forwarder takes it over; the other parties are those that the consignment names, and each leg's carrier.
    """

    def __init__(
        self,
        api: ApiClient,
        seed: int,
        calendar: Calendar,
        forwarders: Iterable[str],
        *,
        clock: StoryClock,
        work: asyncio.TaskGroup,
    ) -> None:
        self._api, self._seed, self._calendar, self._clock, self._work = api, seed, calendar, clock, work
        self._forwarders = tuple(forwarders)
        self._carried: set[str] = set()

    async def turn(self) -> int:
        """Takes over the rounds of which all parcels are stored."""
        return sum(await together(self._look(forwarder) for forwarder in self._forwarders))

    async def _look(self, forwarder: str) -> int:
        new = []
        async for one in self._api.items("logistics", forwarder, "/v1/consignments", status="open"):
            if one["round"] not in self._carried and one["stored"] == one["round_parcels"]:
                new.append(one)
        for one in new:
            self._carried.add(one["round"])
            self._work.create_task(self._carry(one))
        return len(new)

    async def _carry(self, one: Json) -> None:
        round_id: str = one["round"]
        costs = {category: await self._cost_fen(one, category) for category in ("freight", "insurance", "duty")}
        for category in ("freight", "insurance"):
            document = f"{category.upper()}-{round_id}"
            body = {"category": category, "fen": costs[category], "document": document}
            path = f"/v1/consignments/{round_id}/costs"
            await self._api.submit("logistics", one["services"][category], path, body, key=document)
        funded_at = await self._calendar.funded_at(round_id)
        journey = journey_of(self._seed, funded_at, round_id, one["country"], costs["duty"])
        lost = losses(self._seed, round_id, one["round_parcels"])
        damaged = [loss for loss in lost if loss.now == "damaged"]
        await self._write_off(one["warehouse"], round_id, damaged, journey.reports[0].at)
        for report in journey.reports:
            late = timedelta(days=late_days(self._seed, journey.shipment, report.key))
            await self._clock.until(report.at + late)
            await self._report(one, journey, report)
        missing = [loss for loss in lost if loss.now == "lost"]
        if missing:
            await self._dispatched(one)
            await self._write_off(journey.carriers[-1], round_id, missing, journey.arrived_at)

    async def _cost_fen(self, one: Json, category: str) -> int:
        """What a service of the round comes to, by the order that its supplier got."""
        supplier = one["services"][category]
        rows = self._api.items("procurement", supplier, "/v1/orders", round=one["round"], category=category)
        (order,) = [row async for row in rows]
        return service_fen(self._seed, order)

    async def _report(self, one: Json, journey: Journey, report: Report) -> None:
        path = f"/v1/shipments/{journey.shipment}/{report.path}" if report.path else "/v1/shipments"
        who = one["services"]["freight"]
        if "leg" in report.body:
            who = journey.carriers[report.body["leg"] - 1]
        elif report.path:
            who = one["services"]["duty"]
        await self._api.submit("logistics", who, path, report.body, key=f"{journey.shipment}-{report.key}")

    async def _dispatched(self, one: Json) -> None:
        """Waits until logistics knows that the parcels are on the way: from then on their carriers answer for them."""
        path, forwarder = f"/v1/consignments/{one['round']}", one["services"]["freight"]
        seen = await self._api.get("logistics", forwarder, path)
        while not seen["dispatched"]:
            await asyncio.sleep(ASK_EVERY_S)
            seen = await self._api.get("logistics", forwarder, path)

    async def _write_off(self, holder: str, round_id: str, lost: list[Loss], at: datetime) -> None:
        """One report for each reason, by who has the parcels in hand."""
        for reason, some in groupby(sorted(lost, key=lambda loss: loss.reason), key=lambda loss: loss.reason):
            parcels = sorted(some, key=lambda loss: loss.ordinal)
            report = f"LDR-{round_id}-{parcels[0].ordinal:04d}"
            body = {
                "report": report,
                "ordinals": [loss.ordinal for loss in parcels],
                "now": parcels[0].now,
                "reason": reason,
                "at": at.isoformat(),
            }
            await self._api.submit("logistics", holder, f"/v1/consignments/{round_id}/write-offs", body, key=report)
