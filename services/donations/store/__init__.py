"""What the donations service keeps, a file a kind: pages, seals, pushes."""

from __future__ import annotations

from dataclasses import dataclass

from pandapack.runtime.mongo import Rows
from pandapack.runtime.service import Service
from services.donations.store.pages import Pages
from services.donations.store.pushes import Pushes
from services.donations.store.seals import Seals


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the donations service keeps."""

    pages: Pages
    seals: Seals
    pushes: Pushes
    settings: Rows


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries above need."""
    pages = service.rows("pages", indexes=["days", "pushes"])
    return Stores(Pages(pages), Seals(service.rows("seals")), Pushes(service.rows("pushes")), service.rows("settings"))
