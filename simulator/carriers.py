"""Carriers, insurers and customs brokers: they move each round's shipment, and report costs and losses."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import groupby

from simulator.api_client import ApiClient, Json
from simulator.calendar import Calendar
from simulator.decisions import Loss, losses, service_fen
from simulator.journeys import Report, journey_of

DAY_S = 86_400


class Carriers:
    """All trades that bring parcels to schools. `day_s`: how many seconds a day of a journey takes here."""

    def __init__(self, api: ApiClient, seed: int, calendar: Calendar, day_s: float, work: asyncio.TaskGroup) -> None:
        self._api, self._seed, self._calendar, self._day_s, self._work = api, seed, calendar, day_s, work
        self._carried: set[str] = set()

    async def turn(self) -> int:
        """Takes over the rounds of which all parcels are stored."""
        new = []
        async for one in self._api.items("logistics", "carrier", "/v1/consignments", status="open"):
            if one["round"] not in self._carried and one["stored"] == one["round_parcels"]:
                new.append(one)
        for one in new:
            self._carried.add(one["round"])
            self._work.create_task(self._carry(one))
        return len(new)

    async def _carry(self, one: Json) -> None:
        round_id: str = one["round"]
        orders = await self._service_orders(round_id)
        path = f"/v1/consignments/{round_id}/costs"
        for category in ("freight", "insurance"):
            document = f"{category.upper()}-{round_id}"
            fen = service_fen(self._seed, orders[category])
            body = {"category": category, "fen": fen, "document": document}
            await self._api.submit("logistics", "carrier", path, body, key=document)
        duty_fen = service_fen(self._seed, orders["duty"])
        journey = journey_of(self._seed, await self._calendar.funded_at(round_id), round_id, one["country"], duty_fen)
        lost = losses(self._seed, round_id, one["round_parcels"])
        await self._write_off(round_id, [loss for loss in lost if loss.now == "damaged"], journey.reports[0].at)
        before = journey.reports[0].at
        for report in journey.reports:
            await asyncio.sleep(max(0.0, (report.at - before).total_seconds() / DAY_S * self._day_s))
            await self._report(journey.shipment, report)
            before = report.at
        await self._write_off(round_id, [loss for loss in lost if loss.now == "lost"], journey.arrived_at)

    async def _service_orders(self, round_id: str) -> dict[str, Json]:
        """The round's orders that are paid by what is reported here."""
        rows = self._api.items("procurement", "carrier", "/v1/orders", round=round_id)
        return {row["category"]: row async for row in rows if row["category"] != "goods"}

    async def _report(self, shipment: str, report: Report) -> None:
        path = f"/v1/shipments/{shipment}/{report.path}" if report.path else "/v1/shipments"
        await self._api.submit("logistics", "carrier", path, report.body, key=f"{shipment}-{report.key}")

    async def _write_off(self, round_id: str, lost: list[Loss], at: datetime) -> None:
        """One report for each reason."""
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
            role = "warehouse" if parcels[0].now == "damaged" else "carrier"
            await self._api.submit("logistics", role, f"/v1/consignments/{round_id}/write-offs", body, key=report)
