"""Composition of the donations service: one ASGI app, the broker in its lifespan, and its features in turn."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from fastapi import APIRouter, FastAPI

from pandapack.runtime.documents import Rows
from pandapack.runtime.errors import Misconfigured
from pandapack.runtime.gathering import Batches
from pandapack.runtime.history import read_all
from pandapack.runtime.loops import every
from pandapack.runtime.reactions import reacting
from pandapack.runtime.request_bounds import BodyBound
from pandapack.runtime.service import VERSION, Service, serve
from services.donations import __doc__ as description
from services.donations.dead_letters.api.dead_letters import dead_letters_router
from services.donations.dead_letters.api.replays import replays_router
from services.donations.dead_letters.handlers import DeadLetterRecorder
from services.donations.dead_letters.store import (
    DEAD_LETTER_INDEXES,
    DEAD_LETTERS,
    LETTER_GROUPS,
    LETTER_JOB_INDEXES,
    LETTER_JOBS,
)
from services.donations.dead_letters.work.dead_letters import Letters
from services.donations.dead_letters.work.examples import GoodRows
from services.donations.dead_letters.work.jobs import JOBS_PAUSE_S, LetterJobs
from services.donations.dead_letters.work.previews import Previews
from services.donations.dead_letters.work.sorting import LetterSorter
from services.donations.door.api.bodies import BodyBudget
from services.donations.door.api.door import Entrance
from services.donations.door.work.admission import Admission
from services.donations.door.work.marks import DoorMarks
from services.donations.ledger.api.donations import donations_router
from services.donations.ledger.api.reversals import reversals_router
from services.donations.ledger.api.shards import shards_router
from services.donations.ledger.handlers import LedgerHandler, shown, without_mark
from services.donations.ledger.store.gaps import SHARD_GAPS
from services.donations.ledger.store.pages import PAGE_INDEXES, Pages
from services.donations.ledger.store.published_seals import PUBLISHED_SEALS
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.store.seals import Seals
from services.donations.ledger.work.anchor import LogAnchor
from services.donations.ledger.work.book import LedgerBook
from services.donations.ledger.work.counts import CountedPageWriter
from services.donations.ledger.work.dead_letters import DeadLetterSender
from services.donations.ledger.work.duplicates import DuplicateLookup
from services.donations.ledger.work.forecast import Forecaster
from services.donations.ledger.work.parked import PARKED_PAUSE_S, ParkedReversals
from services.donations.ledger.work.publisher import ShardPublisher, UnpublishedEvents
from services.donations.ledger.work.recorder import Recorder
from services.donations.ledger.work.reversals import ReversalLookup
from services.donations.ledger.work.sealing import SEAL_PAUSE_S, Sealer
from services.donations.ledger.work.shards import OwnedShards
from services.donations.platforms.api.merchants import merchants_router
from services.donations.platforms.api.platforms import platforms_router
from services.donations.platforms.store.platforms import (
    MERCHANTS,
    PLATFORMS,
    Platforms,
)
from services.donations.platforms.store.secrets import SecretSealer
from services.donations.precompile import compile_all
from services.donations.programmes.api import programmes_router
from services.donations.programmes.handlers import EarlierPublications, ProgrammeHandler
from services.donations.programmes.store import PROGRAMME_INDEXES, PROGRAMMES, Programmes
from services.donations.proofs.api.receipts import receipts_router
from services.donations.proofs.api.roots import roots_router
from services.donations.proofs.store import DailyRoots
from services.donations.proofs.work.receipts import Receipts
from services.donations.proofs.work.signer import signer_of
from services.donations.pushes.api.listing import push_list_router
from services.donations.pushes.api.pushes import PushEntrance, Showing, pushes_router
from services.donations.pushes.api.reversals import reversals_push_router
from services.donations.pushes.api.whoami import whoami_router
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.pushes.store import BY_OWNER, EXPIRES, Pushes, RefusedPushes
from services.donations.pushes.work.book import PushBook
from services.donations.pushes.work.publisher import PushPublisher
from services.donations.pushes.work.push_service import PushService
from services.donations.pushes.work.refusals import KEEP_PAUSE_S, RefusalNotes
from services.donations.settings import Settings
from services.donations.settlements.api.settlements import settlements_router
from services.donations.settlements.store import Settlements, open_settlements
from services.donations.settlements.work.book import SettlementBook
from services.donations.settlements.work.intake import SettlementIntake
from services.donations.settlements.work.reconciler import RECONCILE_PAUSE_S, Reconciler
from services.donations.test_ledger.work.books import TestBooks

PUSHED = Batches(pace_ms=40, pace_ms_max=480, records_max=1_024)
"""So often a shard's page is written: what comes meanwhile goes onto it in one write."""

STREAMS = ("/v1/donations", "/v1/reversals", "/v1/settlements")
"""These bound their bodies themselves."""


BODIES = {f"POST /v1/dead-letters/{name}": BodyBound(2 * 1024 * 1024) for name in ("previews", "replays")}
"""They have 500 lines, edited, and a line of what is no donation may be any."""

DESCRIBED = Path(__file__).with_name("openapi.json")
"""Completes the OpenAPI: summaries, schemas of answers, examples."""


class Donations:
    """The service's features, wired to each other. `routers` are what they serve."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service, self._settings, self._shards = service, settings, settings.shards
        self.routers: list[APIRouter] = []
        pages = service.rows("pages", indexes=PAGE_INDEXES)
        self._pages, self._reversals = Pages(pages), Reversals(pages)
        self._seals, self._gaps = Seals(service.rows("seals")), service.store(SHARD_GAPS)
        self._roots = DailyRoots(service.rows("daily_roots"))
        secrets = SecretSealer(settings.secrets_key, service.chance)
        self._platforms = Platforms(service.store(PLATFORMS), secrets)
        self._merchants = service.store(MERCHANTS)
        self._door = Entrance(Admission(self._platforms, service.clock), BodyBudget())
        marks = self._marks = DoorMarks(settings.door_keys, settings.door_keys_file)
        service.background(marks)
        self._publisher = PushPublisher(service.sender, settings.topic("donations.pushed"), marks)
        notes = service.rows("settings")
        service.background(_FirstStart(notes, self._shards))
        self._programmes = Programmes(service.store(PROGRAMMES, indexes=PROGRAMME_INDEXES))
        self._known_programmes(notes)
        self._tests = TestBooks(service, self._programmes, accept_days=settings.accept_days)
        self._ledger_of = self._tests.ledger_or(LedgerBook(self._pages, self._reversals, self._shards))
        self._pushes()
        self._ledger()
        self._proofs()
        self._settlements()
        self._dead_letters()
        self.routers.append(platforms_router(self._platforms, service.clock, service.chance))
        self.routers.append(merchants_router(self._merchants, self._platforms))

    def _known_programmes(self, notes: Rows) -> None:
        service, topic = self._service, "procurement.events"
        handler = ProgrammeHandler(self._programmes.documents)
        read = partial(read_all, self._settings.kafka, self._settings.topic(topic))
        service.background(EarlierPublications(service.believing(reacting(handler.route)), notes, read))
        service.reacts_to(topic, route=handler.route, group="programmes")
        self.routers.append(programmes_router(self._programmes.documents))

    def _pushes(self) -> None:
        service, settings = self._service, self._settings
        pushes = Pushes(service.rows("pushes", indexes=BY_OWNER, expires=EXPIRES))
        refused = RefusedPushes(service.rows("refused_pushes", indexes=BY_OWNER, expires=EXPIRES))
        notes = RefusalNotes(refused, service.clock)
        service.background(every(KEEP_PAUSE_S, notes.run, name="keep-refusals"))
        pushing = PushService(
            pushes,
            self._publisher,
            service.clock,
            service.chance,
            self._reversals,
            self._programmes,
            sorter=PushSorter(self._shards),
            accept_days=settings.accept_days,
        )
        service.instances.tells("counted", pushing.counted.as_json)
        pushes_of = self._tests.pushes_or(PushBook(pushing, pushes, self._pages, self._gaps))
        door, showing = PushEntrance(self._door, notes), Showing(pushes_of)
        self.routers.append(pushes_router(pushes_of, door, showing))
        self.routers.append(push_list_router(pushes_of, refused))
        self.routers.append(reversals_push_router(pushes_of, door, showing))
        self.routers.append(whoami_router(self._platforms, service.clock, accept_days=settings.accept_days))

    def _ledger(self) -> None:
        service, topic = self._service, self._settings.topic
        publisher = ShardPublisher(service.event_publisher("donations.events"))
        seed = service.chance.token().encode()
        shards = OwnedShards(self._pages, publisher, count=self._shards, seed=seed)
        dead_letters = DeadLetterSender(
            service.sender,
            service.event_key,
            pushed=topic("donations.pushed"),
            topic=topic("dead-letters"),
            release=VERSION,
        )
        recorder = Recorder(
            shards,
            LogAnchor(self._gaps, service.clock),
            DuplicateLookup(self._pages),
            ReversalLookup(self._reversals, self._shards),
            CountedPageWriter(self._pages, dead_letters, publisher, service.clock),
            lambda shard, record: self._marks.is_marked(shard, record.headers, record.value),
        )
        handler = LedgerHandler(shards, recorder)
        service.consumes(
            "donations.pushed",
            handle=handler.handle,
            listener=handler,
            batches=PUSHED,
            stand_in=without_mark,
            written=self._pages.next_offset,
        )
        service.repairs.text_of = shown
        waiting = UnpublishedEvents(self._pages, lambda: service.progress.unconfirmed(topic("donations.pushed")))
        service.publishes_besides(waiting.oldest)
        sealer = Sealer(shards, self._pages, self._seals, service.store(PUBLISHED_SEALS))
        service.background(every(SEAL_PAUSE_S, sealer.run, name="seal-pages"))
        parked = ParkedReversals(self._reversals, self._shards)
        service.background(every(PARKED_PAUSE_S, parked.look, name="count-parked"))
        self.routers.append(donations_router(self._ledger_of, self._seals))
        self.routers.append(reversals_router(self._reversals, self._ledger_of))
        self.routers.append(shards_router(self._gaps, self._pages, service.clock, self._shards))

    def _proofs(self) -> None:
        signer = signer_of(self._settings.signing_key, self._settings.signing_key_file)
        roots = self._roots
        self.routers.append(roots_router(roots, signer))
        self.routers.append(receipts_router(Receipts(self._seals, roots), self._ledger_of, signer))

    def _settlements(self) -> None:
        service = self._service
        settlements: Settlements = open_settlements(service)
        reconciler = Reconciler(settlements, self._pages, self._reversals, service.clock, service.chance)
        reconciling = every(RECONCILE_PAUSE_S, reconciler.run, name="reconcile")
        service.background(reconciling)
        intake = SettlementIntake(settlements, self._programmes, service.clock, self._shards)

        async def wake() -> None:
            reconciling.wake()

        book = SettlementBook(intake, settlements, self._pages, wake)
        self.routers.append(settlements_router(self._tests.settlements_or(book), self._door))

    def _dead_letters(self) -> None:
        service, shards = self._service, self._shards
        stored = service.store(DEAD_LETTERS, indexes=DEAD_LETTER_INDEXES)
        groups = service.store(LETTER_GROUPS)
        service.consumes("dead-letters", handle=DeadLetterRecorder(stored, groups).handle, group="dead-letters")
        sorter, stored_jobs = (
            LetterSorter(service.clock, shards),
            service.store(LETTER_JOBS, indexes=LETTER_JOB_INDEXES),
        )
        jobs = LetterJobs(
            stored_jobs, stored, groups, sorter, self._publisher, clock=service.clock, chance=service.chance
        )
        working = every(JOBS_PAUSE_S, jobs.run, name="replay-letters")
        service.background(working)
        jobs.on_open = working.wake
        seed = service.chance.token().encode()
        forecaster = Forecaster(self._pages, self._reversals, shards=shards, seed=seed)
        dead_letters = Letters(stored, groups)
        self.routers.append(
            replays_router(jobs, dead_letters, Previews(dead_letters, sorter, forecaster), service.clock)
        )
        self.routers.append(dead_letters_router(stored, groups, jobs, GoodRows(self._pages, shards)))


class _FirstStart:
    """What must be done before anything is consumed."""

    def __init__(self, settings: Rows, shards: int) -> None:
        self._settings, self._shards = settings, shards

    async def start(self) -> None:
        await asyncio.to_thread(compile_all)
        await keep_shard_count(self._settings, self._shards)

    async def stop(self) -> None:
        pass


async def keep_shard_count(settings: Rows, shards: int) -> None:
    """The number of shards is stored at the first start and never changes. Raises Misconfigured."""
    await settings.insert({"_id": "shards", "shards": shards})
    kept = await settings.one("shards")
    if kept is None or kept["shards"] != shards:
        raise Misconfigured(
            f"the ledger has {kept and kept['shards']} shards, but PANDA_SHARDS is {shards}: set it back"
        )


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("donations", settings, description=description or "")
    service.asks({"reporting": settings.reporting_url})
    service.publishes("donations.events")  # the ledger publishes its shards' events itself, in the shards' own order
    return service.app(*Donations(service, settings).routers, streams=STREAMS, bodies=BODIES, described=DESCRIBED)


def main() -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
