"""The public page of a made history and a made trace, as its route answers, without Kafka, MongoDB and a ledger."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi import FastAPI

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.procurement import FenInterval
from pandapack.contracts.receipts import Receipt
from pandapack.contracts.tlog.cosignature import Cosigned
from pandapack.contracts.tlog.tree import append
from pandapack.decision import Refusal
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.http import install_problems
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.chart_figures import ChartFigures
from services.reporting.api.following import Following
from services.reporting.api.pages import pages_router
from services.reporting.api.public_page import PublicPage
from services.reporting.api.receipt_page import receipt_page_router
from services.reporting.api.summary import summary_router
from services.reporting.api.totals import totals_router
from services.reporting.api.trace import TraceLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.domain.funded_intervals import FundedIntervals, take_intervals
from services.reporting.domain.pipeline import Freshness
from services.reporting.domain.receipts import Pending
from services.reporting.domain.rounds.fold import RoundEvent, evolve
from services.reporting.domain.rounds.state import Round
from services.reporting.domain.trace import LocatedDonation, follow
from services.reporting.work.charts import Charts
from services.reporting.work.drawing.orders import Drawn, Order
from services.reporting.work.examples import Example
from services.reporting.work.readings import Readings
from services.reporting.work.snapshots import Snapshots
from services.reporting.work.summaries import Summaries
from services.reporting.work.tracer import Trace
from tests.receipts import RECEIPT
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

    found: Trace | Refusal | None

    async def platforms(self) -> Sequence[str]:
        return ("shop",)

    async def trace(self, platform: str, merchant: str, id: str, day: str) -> Trace | Refusal | None:
        return self.found


class NoWitnesses:
    async def latest(self) -> bytes:
        return RECEIPT.checkpoint.encode()

    async def cosigned(self) -> Cosigned:
        return Cosigned((), 0, 0)


class DrawsNothing:
    async def draw(self, order: Order) -> Drawn:
        return Drawn(height=1.0)


class NoWay:
    looked_at = None
    lags = ()


@dataclass(frozen=True)
class MadeReceipts:
    """Makes the same of every donation."""

    made: Receipt | Pending | Refusal

    async def make(self, platform: str, merchant: str, id: str, day: str) -> Receipt | Pending | Refusal:
        return self.made


async def app_of(
    events: Sequence[SourceEvent] = (),
    *,
    log: Sequence[bytes] = (),
    trace: Trace | Refusal | None = None,
    receipt: Receipt | Pending | Refusal = RECEIPT,
    example: Example | None = None,
    is_demonstration: bool = False,
    now: datetime = AT,
) -> FastAPI:
    """The pages over a log of these events and entries, with what is followed, where anything is."""
    stores, new = stores_in_memory(), [*entries(events), *log]
    if new:
        head = await stores.public_log.head()
        await stores.public_log.keep(head.size, new, {})
        edge = append(head.edge, [leaf_hash(entry) for entry in new]).edge
        assert await stores.public_log.move(replace(head, edge=edge))
    snapshots = Snapshots(stores.public_log, stores.snapshots)
    while await snapshots.follow():
        pass
    readings, none = Readings(stores, snapshots, FixedClock(now), NoWay()), cast(Any, None)
    tables, limits = ReadLimits("tables", burst=100, per_s=100), TraceLimits()
    tracer, checkpoints = cast(Any, MadeTracer(trace)), cast(Any, NoWitnesses())
    following = Following(tracer, limits, cast(Any, SimpleNamespace(current=example)))
    charts = ChartFigures(Charts(snapshots, cast(Any, DrawsNothing())))
    public = PublicPage(readings, following, tables, checkpoints, charts, is_demonstration=is_demonstration)
    summaries = Summaries(readings, snapshots, stores.public_log, FixedClock(now))
    receipts = cast(Any, MadeReceipts(receipt))
    app = FastAPI()
    install_problems(app)
    app.include_router(pages_router(public, is_demonstration=is_demonstration))
    app.include_router(receipt_page_router(tracer, receipts, limits, is_demonstration=is_demonstration))
    app.include_router(summary_router(summaries, checkpoints, charts, tables, is_demonstration=is_demonstration))
    app.include_router(totals_router(readings, none, none, tables), prefix="/v1")
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """Of a reader's browser."""
    headers = {"Accept": "text/html"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://panda.example", headers=headers)


async def public_page(
    lang: str,
    events: Sequence[SourceEvent] = (),
    *,
    trace: Trace | Refusal | None = None,
    example: Example | None = None,
    is_demonstration: bool = False,
) -> str:
    """`/` as HTML: the figures of a log of these events, and what is followed, where anything is."""
    app = await app_of(events, trace=trace, example=example, is_demonstration=is_demonstration)
    async with client_of(app) as client:
        answer = await client.get("/", params={"lang": lang, **(FOLLOWED if trace else {})})
    assert answer.status_code == 200
    return answer.text


async def trace_shown(lang: str, trace: Trace | Refusal) -> str:
    """The part of the page that tells of what is followed."""
    page = await public_page(lang, trace=trace)
    return page.partition('id="follow"')[2].partition("</section>")[0].partition("</form>")[2]
