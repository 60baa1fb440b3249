"""A day's merchants: what events tell of them is written onto the day's trees of documents, and read page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple, TypeVar

from pydantic import BaseModel

from pandapack.decision import Decision
from pandapack.runtime.reactions import Reaction, apply
from pandapack.runtime.store import EventPosition, Store
from services.reporting.domain.banked import BankedMerchants, banked_of, banked_of_day
from services.reporting.domain.donations import DayMerchants, next_merchants
from services.reporting.domain.figures import CountAndFen
from services.reporting.domain.merchants import Merchants, branched, divided
from services.reporting.store import banked_merchants_on, merchants_on

S = TypeVar("S", bound=BaseModel)


class Mention(NamedTuple):
    """What an event tells of a day's merchants, and (count, fen) of merchants that it does not name."""

    position: EventPosition
    merchants: Merchants
    unnamed: CountAndFen = (0, 0)


Grow = Callable[[S, str, Mention], Decision[S]]


async def write_trees(
    store: Store[S],
    trees: Mapping[str, Iterable[Mention]],
    named: Callable[[S], Merchants],
    grow: Grow[S],
) -> None:
    """First document → the events of its tree, in order. Only one partition may tell of a tree.

    `named`: whom a document names; `grow`: a document (of the tree of this first one) that takes what is told, for
    which it has room. What is unnamed stands in the first.
    The first document has every event, also one of which all goes on. It is written last: whoever reads it first and
    its branches then has in them at least what it tells of, and after a crash its state still tells where all belongs.
    """
    levels: list[list[Reaction]] = []
    wave = {root: (root, list(told)) for root, told in trees.items()}
    while wave:
        level: list[Reaction] = []
        below: dict[str, tuple[str, list[Mention]]] = {}
        names = {id: set(named(state)) for id, state in (await store.get_all(list(wave))).items()}
        for id, (root, told) in wave.items():
            known = names.get(id, set[str]())
            for one in told:
                kept, rest = divided(known, one.merchants)
                known.update(kept)
                own = one._replace(merchants=kept)
                level.append(Reaction(store, id, one.position, partial(_grown, grow=grow, root=root, mention=own)))
                for branch, part in branched(rest, len(levels)).items():
                    below.setdefault(f"{id}/{branch}", (root, []))[1].append(Mention(one.position, part))
                await asyncio.sleep(0)  # requests and heartbeats share this loop
        levels.append(level)
        wave = below
    for level in reversed(levels):
        await apply(level)


async def merchants_behind(
    received: Store[DayMerchants], banked: Store[BankedMerchants], day: str, after: str, count: int
) -> dict[str, tuple[CountAndFen, CountAndFen | None]]:
    """The next merchants behind `after`, by name → received, and banked where that is known.

    A day may have millions: of all its documents, one after the other, only what is asked for is kept.
    """
    found: dict[str, CountAndFen] = {}
    async for one in merchants_on(received, day):
        found = next_merchants(found, one, after, count)
        await asyncio.sleep(0)
    parts = []
    async for part in banked_merchants_on(banked, day):
        parts.append(banked_of(part, found))
        await asyncio.sleep(0)
    whole = banked_of_day(parts)
    return {name: (sums, whole.of(name)) for name, sums in found.items()}


def _grown(state: S, grow: Grow[S], root: str, mention: Mention) -> Decision[S]:
    return grow(state, root, mention)
