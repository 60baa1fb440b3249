"""A day's merchants: however many there are and however long their names, documents stay small and sums exact."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.decision import Decision
from pandapack.runtime import reactions
from pandapack.runtime.budgets import document_bytes
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, Update
from pandapack.runtime.reactions import Reaction
from pandapack.runtime.store import EventPosition, Store
from services.reporting.domain import donations, merchants
from services.reporting.domain.banked import BankedMerchants, bank_merchants
from services.reporting.domain.donations import DayMerchants
from services.reporting.domain.figures import CountAndFen, sums_by_name
from services.reporting.domain.merchants import BRANCHES, MERCHANTS_A_DOCUMENT_MAX, branched, divided
from services.reporting.store import BANKED_MERCHANTS, MERCHANTS
from services.reporting.work import merchants as work
from services.reporting.work.merchants import Mention, merchants_behind, write_trees
from tests.unit.reporting.history import AT

DAY, TREE, SOURCE = "2021-11-11", "0003/2021-11-11", "/donations/shards/3"
MOST = (2**31, 2**53)


def store_of() -> Store[DayMerchants]:
    return Store(MERCHANTS, MemoryDocuments("merchants"), clock=FixedClock(AT), chance=SeededChance(1))


def grow(state: DayMerchants, tree: str, mention: Mention) -> Decision[DayMerchants]:
    return donations.grow_merchants(state, 3, DAY, mention.merchants)


async def write(store: Store[DayMerchants], events: Sequence[dict[str, CountAndFen]], first: int = 1) -> None:
    """The events are the shard's, from the sequence `first` on."""
    told = [Mention(EventPosition(SOURCE, first + index), more) for index, more in enumerate(events)]
    await write_trees(store, {TREE: told}, lambda state: state.merchants, grow)


async def summed(store: Store[DayMerchants]) -> dict[str, CountAndFen]:
    parts = [state.merchants for _, state in await store.find({})]
    assert sum(map(len, parts)) == len({name for part in parts for name in part}), "a merchant is in one document"
    return sums_by_name({}, parts)


def longest(number: int) -> str:
    return f"{'p' * 16}:{number:064d}"


async def test_a_document_of_the_most_merchants_under_the_longest_names_fits_its_budget() -> None:
    full = {longest(number): MOST for number in range(MERCHANTS_A_DOCUMENT_MAX)}
    banked = bank_merchants(BankedMerchants(), DAY, full).state
    for kind, state in ((MERCHANTS, DayMerchants(shard=1023, day=DAY, merchants=full)), (BANKED_MERCHANTS, banked)):
        update = Update({SOURCE: 2**40}, state.model_dump(mode="json"), 0, (), ())
        assert document_bytes(update) < kind.budget.document_bytes_max
    with pytest.raises(AssertionError):
        donations.grow_merchants(DayMerchants(merchants=full), 3, DAY, {"one more": (1, 1)})


async def test_220_000_merchants_of_the_longest_names_on_one_shard_and_day_stop_nothing() -> None:
    store, count, each = store_of(), 220_000, 55_000
    for number, first in enumerate(range(0, count, each), 1):
        await write(store, [{longest(one): (1, 7) for one in range(first, first + each)}], number)
    found = await store.find({})
    assert sum(len(state.merchants) for _, state in found) == count
    assert sum(fen for _, state in found for _, fen in state.merchants.values()) == 7 * count
    assert {len(id.split("/")) for id, _ in found} == {2, 3, 4}, "a first document, its branches and theirs"


def test_four_levels_have_room_for_twenty_million_merchants() -> None:
    names = {f"p:{number}": (1, 1) for number in range(80_000)}
    for depth in range(4):
        sizes = [len(part) for part in branched(names, depth).values()]
        assert len(sizes) == BRANCHES and max(sizes) < 5_400, "each branch gets about a sixteenth"
    assert len(branched(branched(names, 0)["a"], 1)) == BRANCHES, "a branch is divided anew"
    assert sum(MERCHANTS_A_DOCUMENT_MAX * BRANCHES**depth for depth in range(4)) > 20_000_000 * 1.5


NAMES = st.sampled_from([f"p:{initial}" for initial in "abcdefghijklmnopqrstuvwxyz"])
EVENTS = st.lists(st.dictionaries(NAMES, st.tuples(st.integers(1, 5), st.integers(1, 99)), max_size=8), max_size=10)


@settings(deadline=None, max_examples=40)
@given(EVENTS, st.randoms(use_true_random=False))
async def test_what_comes_again_after_a_crash_counts_once_and_each_merchant_stands_in_one_document(
    events: list[dict[str, CountAndFen]], chance: random.Random
) -> None:
    """The process dies before any of the writes of a batch, and the batch, perhaps with more behind it, comes again."""
    write_level, levels_left = reactions.apply, 0

    async def dies(level: list[Reaction]) -> None:
        nonlocal levels_left
        levels_left -= 1
        if levels_left < 0:
            raise ConnectionError
        await write_level(level)

    store, done = store_of(), 0
    with pytest.MonkeyPatch.context() as patch:
        for module in (merchants, donations):
            patch.setattr(module, "MERCHANTS_A_DOCUMENT_MAX", 3)
        patch.setattr(work, "apply", dies)
        while done < len(events):
            batch, levels_left = events[done : done + chance.randint(1, 4)], chance.randint(0, 5)
            try:
                await write(store, batch, done + 1)
            except ConnectionError:
                continue
            done += len(batch)
        assert await summed(store) == sums_by_name({}, events)


async def test_a_page_of_merchants_is_the_next_by_name_of_all_documents() -> None:
    store = store_of()
    banked: Store[BankedMerchants] = Store(
        BANKED_MERCHANTS, MemoryDocuments("banked"), clock=FixedClock(AT), chance=SeededChance(1)
    )
    names = [f"p:{number:05d}" for number in range(10_000)]
    random.Random(5).shuffle(names)
    await write(store, [dict.fromkeys(names, (1, 2))])
    position = EventPosition("donations/0", 1)
    await banked.apply(DAY, [(position, lambda state: bank_merchants(state, DAY, {"p:00007": (1, 1)}))])
    page = await merchants_behind(store, banked, DAY, "p:00005", 3)
    assert page == {"p:00006": ((1, 2), (0, 0)), "p:00007": ((1, 2), (1, 1)), "p:00008": ((1, 2), (0, 0))}
    assert await merchants_behind(store, banked, DAY, "p:09999", 3) == {}


def test_a_full_document_keeps_growing_in_what_it_names_and_takes_nobody_new() -> None:
    known = {longest(number) for number in range(MERCHANTS_A_DOCUMENT_MAX)}
    kept, rest = divided(known, {longest(0): (1, 1), "p:new": (1, 1)})
    assert (kept, rest) == ({longest(0): (1, 1)}, {"p:new": (1, 1)})
