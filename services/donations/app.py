"""Composition of the donations service: one ASGI app, the broker in its lifespan."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import FastAPI

from pandapack.runtime.broker import Batches
from pandapack.runtime.errors import Misconfigured
from pandapack.runtime.service import Service, serve
from services.donations import __doc__ as description
from services.donations.api import router
from services.donations.api.dead_letters import Replays, dead_letters_router
from services.donations.api.desk import Desk
from services.donations.api.heads import Notary, heads_router, signer_of
from services.donations.api.lines import lines_router
from services.donations.api.receipts import receipts_router
from services.donations.api.reconciler import Reconciler
from services.donations.api.settlements import settlements_router
from services.donations.domain.warm import compile_all
from services.donations.handlers.dead_letters import Undertaker
from services.donations.handlers.ledger import Ledger
from services.donations.settings import Settings
from services.donations.store import Stores, open_stores
from services.donations.store.platforms import merchants_of

PUSHED = Batches(pace_ms=40, pace_ms_max=480, records_max=1_024)
"""So often a line's page is written: what comes meanwhile goes onto it in one write."""

STREAMS = ("/v1/donations", "/v1/reversals", "/v1/settlements")
"""These bound their bodies themselves."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("donations", settings, description=description or "")
    service.says("donations.events")  # the ledger says its lines' events itself, in the lines' own order
    stores = open_stores(service, secrets_key=settings.secrets_key)
    seed = service.chance.token().encode()
    ledger = Ledger(stores, service.sender, service.clock, lines=settings.lines, topic=settings.topic, seed=seed)
    service.hears_batches("donations.pushed", take=ledger.take, listener=ledger, batches=PUSHED)

    async def start() -> None:
        await asyncio.to_thread(compile_all)
        await keep_lines(stores, settings.lines)
        await ledger.start()

    service.beside(start, ledger.stop)
    reconciler = Reconciler(
        stores.settlements,
        stores.pages,
        service.clock,
        service.chance,
        lines=settings.lines,
        merchants_of=partial(merchants_of, stores.merchants),
    )
    service.beside(reconciler.start, reconciler.stop)
    signer = signer_of(settings)
    notary = Notary(stores.heads, service.clock, signer, settings.lines)
    service.beside(notary.start, notary.stop)
    proofs = (heads_router(stores.heads, signer), receipts_router(stores, settings, signer))
    desk = Desk(stores, service.sender, service.clock, service.chance, settings, settings.topic)
    service.hears_batches("dead-letters", take=Undertaker(stores.letters).take, group="dead-letters")
    replays = Replays(stores.letters, settings.lines, desk.publish, service.clock)
    letters = dead_letters_router(stores.letters, replays)
    lines = lines_router(stores, service.clock, settings)
    settlements = settlements_router(stores, service.clock, settings, reconciler)
    api = (router(stores, desk, settings, service.clock, service.chance), letters, lines, settlements, *proofs)
    return service.app(*api, streams=STREAMS)


async def keep_lines(stores: Stores, lines: int) -> None:
    """The number of lines is stored at the first start and never changes. Raises Misconfigured."""
    await stores.settings.insert({"_id": "lines", "lines": lines})
    kept = await stores.settings.one("lines")
    if kept is None or kept["lines"] != lines:
        raise Misconfigured(f"the ledger has {kept and kept['lines']} lines, but PANDA_LINES is {lines}: set it back")


def main() -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
