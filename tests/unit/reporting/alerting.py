"""Faults, one for each rule of alerts, and processes that look at one store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.errors import Unavailable
from services.reporting.domain.alerts.known import HopKnown, Known, ServiceKnown
from services.reporting.store.alerts import AlertRows
from services.reporting.work.alerts import Alerts
from tests.unit.reporting.world import stores_in_memory

AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
LOOK_S = 2.0
WELL = Known(AT, services=(ServiceKnown("donations"), ServiceKnown("reporting")), hops=(HopKnown("pushed"),))
SILENT = ServiceKnown("donations", False, None, None, None, None, None)


def with_service(**told: Any) -> Known:
    return replace(WELL, services=(replace(WELL.services[0], **told), WELL.services[1]))


FAULTS = {
    "service-silent": replace(WELL, services=(SILENT, WELL.services[1])),
    "kafka-unreachable": with_service(kafka="Kafka has not answered for 5 s"),
    "store-unreachable": with_service(store="MongoDB has not answered for 5 s"),
    "no-progress": replace(WELL, still_s=9.0),
    "partition-stopped": with_service(stopped=("donations: donations.pushed/3",)),
    "partition-stalled": with_service(stalled=("donations: donations.pushed/3",)),
    "lag-rising": replace(WELL, hops=(HopKnown("pushed", 40, 12.0, 7, 9.5),)),
    "outbox-age": with_service(outbox_age_s=6.0),
    "freshness": replace(WELL, behind_s=31.0),
    "law-broken": replace(WELL, laws=("money: 5",)),
    "public-log-stopped": replace(WELL, log_stopped="offset 7 contradicts the head"),
    "public-log-blocked": replace(WELL, log_blocked=("procurement/1: /procurement/rounds/R-000001#000000000002",)),
    "dead-letters": replace(WELL, dead_letters=("donations: unmarked",)),
    "overdue": replace(WELL, overdue=("logistics: R-000001",)),
}


class World:
    """Processes that look at one store; `known` is what all of them see."""

    def __init__(self) -> None:
        self.clock, self.known, self.is_away = FixedClock(AT), WELL, False
        self.kept, self.stores = AlertRows(Rows(self)), stores_in_memory()

    def process(self, name: str, *, may_own: bool = True) -> Alerts:
        return Alerts(self.kept, self.stores.alert_orders, self.look, self.clock, name=name, may_own=may_own)

    async def look(self) -> Known:
        return replace(self.known, at=self.clock.at)

    async def looks(self, *processes: Alerts, seconds: float) -> None:
        for _ in range(int(seconds / LOOK_S)):
            for one in processes:
                await one.evaluate()
            self.clock.at += timedelta(seconds=LOOK_S)


class Rows(MemoryRows):
    """Rows that are away while the world says so."""

    def __init__(self, world: World) -> None:
        super().__init__("alerts")
        self._world = world

    async def one(self, id: Any) -> dict[str, Any] | None:
        if self._world.is_away:
            raise Unavailable("the store is away")
        return await super().one(id)
