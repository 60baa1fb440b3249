"""The public page of a made history and a made trace, as its route answers, without Kafka, MongoDB and a ledger."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx
from fastapi import FastAPI

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.procurement import FenInterval
from pandapack.contracts.tlog.cosignature import Cosigned
from pandapack.contracts.tlog.tree import append
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.pages import pages_router
from services.reporting.api.public_page import PublicPage
from services.reporting.api.trace import TraceLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.domain.funded_intervals import FundedIntervals, take_intervals
from services.reporting.domain.pipeline import Freshness
from services.reporting.domain.rounds.fold import RoundEvent, evolve
from services.reporting.domain.rounds.state import Round
from services.reporting.domain.trace import LocatedDonation, follow
from services.reporting.work.readings import Readings
from services.reporting.work.snapshots import Snapshots
from services.reporting.work.tracer import Trace
from tests.unit.contracts.test_public_fold import entries
from tests.unit.reporting.history import AT, PROGRAMME, SourceEvent, programme
from tests.unit.reporting.world import stores_in_memory

Json = dict[str, Any]
ROUND = "R-000001"
KEPT = {0: 600, 1: 370}
"""Shard → how many of its first fen that round keeps."""
FOLLOWED = {"platform": "shop", "merchant": "M0", "id": "first", "day": "2021-11-11"}


def plain(page: str) -> str:
    """What is read of HTML, each run of spaces as one."""
    return " ".join(html.unescape(re.sub("<[^>]*>", "", page)).split())


def traced(
    events: Sequence[SourceEvent] = (),
    *,
    shard: int = 0,
    fen_from: int = 0,
    reversals: Sequence[tuple[int, str]] = (),
    row: int = 0,
) -> Trace:
    """The trace of five fen of the history's first round, once `events` (none named: all of it) have come.

    `reversals`: of the five, fen and when they were taken back.
    """
    round = Round()
    for _, event in events or programme():
        if isinstance(event, RoundEvent) and event.round == ROUND:
            round = evolve(round, event, AT.isoformat()).state
    taken = [FenInterval(shard=shard, fen_from=0, fen_to=KEPT[shard])]
    bucket = take_intervals(FundedIntervals(), f"{PROGRAMME}/{shard}/0", taken, ROUND, 1).state
    back_fen, fen_to = sum(fen for fen, _ in reversals), fen_from + 5
    donation = LocatedDonation(PROGRAMME, shard, fen_from, fen_to, back_fen)
    pieces = follow(donation, KEPT[shard], [bucket], {ROUND: round})
    found = {
        **FOLLOWED,
        "programme": PROGRAMME,
        "amount_fen": 5,
        "reversed_fen": back_fen,
        "reversals": [{"amount_fen": fen, "at": at} for fen, at in reversals],
        "at_us": 0,
        "shard": shard,
        "page": f"{shard:04d}/0000000003",
        "row": row,
        "page_closed": False,
        "fen_from": fen_from,
        "fen_to": fen_to,
        "seal": None,
    }
    return Trace(found, pieces, {ROUND: round}, Freshness(AT, 0.0, 0))


def answered(trace: Trace, *, staff: bool = False) -> Json:
    """What the API answers."""
    return shown_trace(trace, staff=staff)


@dataclass(frozen=True)
class MadeTracer:
    """Follows every donation to the same end."""

    found: Trace | None

    async def platforms(self) -> Sequence[str]:
        return ("shop",)

    async def trace(self, platform: str, merchant: str, id: str, day: str) -> Trace | None:
        return self.found


class NoWitnesses:
    async def cosigned(self) -> Cosigned:
        return Cosigned((), 0, 0)


class NoWay:
    looked_at = None
    lags = ()


async def public_page(
    lang: str,
    events: Sequence[SourceEvent] = (),
    *,
    trace: Trace | None = None,
    is_demonstration: bool = False,
) -> str:
    """`/` as HTML: the figures of a log of these events, and what is followed, where anything is."""
    stores = stores_in_memory()
    if events:
        head, new = await stores.public_log.head(), entries(events)
        await stores.public_log.keep(head.size, new, {})
        edge = append(head.edge, [leaf_hash(entry) for entry in new]).edge
        assert await stores.public_log.move(replace(head, edge=edge))
    snapshots = Snapshots(stores.public_log, stores.snapshots)
    while await snapshots.follow():
        pass
    readings = Readings(stores, snapshots, FixedClock(AT), NoWay())
    tables = ReadLimits("tables", burst=10, per_s=10)
    none, tracer = cast(Any, None), cast(Any, MadeTracer(trace))
    app = FastAPI()
    public = PublicPage(
        *(readings, tracer, TraceLimits(), tables, cast(Any, NoWitnesses())), is_demonstration=is_demonstration
    )
    app.include_router(pages_router(public, readings, none, is_demonstration=is_demonstration))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://panda.example") as client:
        answer = await client.get("/", params={"lang": lang, **(FOLLOWED if trace else {})})
    assert answer.status_code == 200
    return answer.text


async def trace_shown(lang: str, trace: Trace) -> str:
    """The part of the page that tells of what is followed."""
    page = await public_page(lang, trace=trace)
    return page.partition('id="follow"')[2].partition("</section>")[0].partition("</form>")[2]
