"""What the donations service keeps, a file a kind."""

from __future__ import annotations

from dataclasses import dataclass

from pandapack.runtime.mongo import Rows
from pandapack.runtime.service import Service
from pandapack.runtime.store import Store
from services.donations.domain.dead_letters import DeadLetter
from services.donations.domain.lines import LineBook
from services.donations.domain.platforms import Merchant
from services.donations.store.dead_letters import DEAD_LETTER_INDEXES, DEAD_LETTERS
from services.donations.store.heads import Heads
from services.donations.store.lines import LINES
from services.donations.store.pages import PAGE_INDEXES, Pages
from services.donations.store.platforms import MERCHANT_INDEXES, MERCHANTS, PLATFORMS, Platforms
from services.donations.store.pushes import EXPIRES, Pushes
from services.donations.store.sealing import Sealer
from services.donations.store.seals import Seals
from services.donations.store.settlements import Settlements, open_settlements


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the donations service keeps."""

    pages: Pages
    seals: Seals
    pushes: Pushes
    settings: Rows
    lines: Store[LineBook]
    settlements: Settlements
    heads: Heads
    platforms: Platforms
    merchants: Store[Merchant]
    letters: Store[DeadLetter]


def open_stores(service: Service, *, secrets_key: str) -> Stores:
    """The service's collections, with the indexes that the queries above need. Raises Misconfigured."""
    pages = service.rows("pages", indexes=PAGE_INDEXES)
    seals = service.rows("seals")
    return Stores(
        Pages(pages),
        Seals(seals),
        Pushes(service.rows("pushes", expires=EXPIRES)),
        service.rows("settings"),
        service.store(LINES),
        open_settlements(service),
        Heads(service.rows("heads"), pages, seals),
        Platforms(service.store(PLATFORMS), Sealer(secrets_key, service.chance)),
        service.store(MERCHANTS, indexes=MERCHANT_INDEXES),
        service.store(DEAD_LETTERS, indexes=DEAD_LETTER_INDEXES),
    )
