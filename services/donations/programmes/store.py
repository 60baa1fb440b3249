"""Programmes ⇄ MongoDB, and those that this process knows already."""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.runtime.store import Kind, Store
from services.donations.programmes.domain.programmes import Programme, UnknownProgramme

PROGRAMMES: Kind[Programme] = Kind(
    "programmes",
    Programme,
    lambda id: Programme(programme=id),
    lambda id: f"/donations/programmes/{id}",
    publishes=False,
)
PROGRAMME_INDEXES = ("state.programme",)
HELD_MAX = 4_096
ASKED_AT_ONCE_MAX = 1_000
COMPARED_MAX = 200
"""An unknown name is compared with so many known ones, and with so many that begin like it."""
COMPARISONS_MAX = 20
"""So many unknown names of one push are compared; the others are refused without a near name."""


class Programmes:
    """The programmes by name. What is known once is known for good: nothing takes a programme back."""

    def __init__(self, documents: Store[Programme]) -> None:
        self.documents = documents
        self._held = set[str]()

    async def unknown(self, names: Iterable[str]) -> dict[str, UnknownProgramme]:
        """Those of some names under which nothing was published. Raises StoreUnavailable.

        What this process has not met is looked up, so that one that another process heard of is no stranger.
        """
        strange = [name for name in names if name not in self._held]
        for begin in range(0, len(strange), ASKED_AT_ONCE_MAX):
            await self._look_up(strange[begin : begin + ASKED_AT_ONCE_MAX])
        missing = [name for name in strange if name not in self._held]
        if not missing:
            return {}
        known = await self._names()
        return {
            name: UnknownProgramme.of(name, [*known, *await self._names(name)] if number < COMPARISONS_MAX else ())
            for number, name in enumerate(missing)
        }

    async def _names(self, like: str = "") -> list[str]:
        """The first names; with `like`, those that follow on its first half: where most slips of the pen are near."""
        return [id for id, _ in await self.documents.find({}, after=like[: len(like) // 2], limit=COMPARED_MAX)]

    async def any(self) -> str | None:
        """The name of one that can be paid into; None: there is none yet. Raises StoreUnavailable."""
        found = await self.documents.find({}, limit=1)
        return found[0][0] if found else None

    async def _look_up(self, names: list[str]) -> None:
        found = [id for id, _ in await self.documents.find({"state.programme": names}, limit=len(names))]
        if len(self._held) + len(found) > HELD_MAX:
            self._held = set()
        self._held.update(found)
