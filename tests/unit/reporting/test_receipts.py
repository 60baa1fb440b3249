"""Receipts from the ledger's answer and the kept log: each stage in words, and a proof at any place of any size."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pandapack.contracts.proof import canonical
from pandapack.contracts.receipts import Receipt, verify
from pandapack.contracts.tlog.note import Note
from pandapack.contracts.tlog.tree import is_included
from pandapack.contracts.trusted_keys import parse_keys
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from services.reporting.api.receipts import pending_view
from services.reporting.domain.public_log import Followed, follow, record_behind
from services.reporting.domain.receipts import Pending, Stage
from services.reporting.settings import Settings
from services.reporting.store.cosigned import CosignedCheckpoints
from services.reporting.store.public_log import PublicLog
from services.reporting.work.checkpoints import CHECKPOINT_S_MIN, Checkpoints
from services.reporting.work.log_keys import LogKeys
from services.reporting.work.log_proofs import LogProofs
from services.reporting.work.neighbours import NeighbourUnavailable
from services.reporting.work.receipts import Receipts
from tests.receipts import ENTRY, RECEIPT
from tests.unit.contracts.tlog.logs import AT, entry_of, leaves_of

ASKED = ("shop", "M6", RECEIPT.donation.id, "2021-11-11")
OPEN = {"page": {"shard": 3, "page": 17, "row": 6}, "opened_on": "2021-11-11"}
SEALED = {"state": "page_sealed", "page": msgspec.to_builtins(RECEIPT.page)}


class Ledger:
    """The donations service, which answers this."""

    def __init__(self, answer: dict[str, Any] | Refusal) -> None:
        self.answer = answer
        self.asked: tuple[str, ...] = ()

    async def proof(self, merchant: str, id: str, day: str) -> dict[str, Any] | Refusal:
        self.asked = (merchant, id, day)
        return self.answer


class World:
    """A kept log, and who signs it."""

    def __init__(self) -> None:
        self.kept = PublicLog(*(MemoryRows(name) for name in ("heads", "entries", "tiles", "seals")))
        self.clock = FixedClock(AT)
        self.keys = LogKeys(Settings(log_key="11" * 32, log_key_before="22" * 32, log_secret="5e" * 32))
        self.checkpoints = Checkpoints(self.kept, CosignedCheckpoints(MemoryRows("cosigned")), self.keys, self.clock)

    async def append(self, *entries: bytes) -> None:
        """One record's entries; the checkpoint is of before."""
        head = await self.kept.head()
        followed = follow(head, head.next_offset, record_behind(head, AT, {}, entries))
        assert isinstance(followed, Followed)
        await self.kept.keep(head.size, followed.entries, followed.tiles)
        assert await self.kept.move(followed.head)

    async def make(self, answer: dict[str, Any] | Refusal) -> Receipt | Pending | Refusal:
        self.ledger: Any = Ledger(answer)
        return await Receipts(self.ledger, self.kept, self.checkpoints).make(*ASKED)


@pytest.fixture
async def world() -> World:
    world = World()
    await world.keys.start()
    await world.append(*(entry_of(number) for number in range(388)))
    return world


def told(answer: dict[str, Any]) -> dict[str, Any]:
    return {"donation": msgspec.to_builtins(RECEIPT.donation), **answer}


async def test_a_receipt_is_made_once_the_log_tells_of_the_page_and_a_checkpoint_covers_it(world: World) -> None:
    await world.checkpoints.latest()
    assert await stage_of(world, SEALED) is Stage.NOT_LOGGED
    await world.append(ENTRY)
    assert await stage_of(world, SEALED) is Stage.NOT_SIGNED  # the last checkpoint is of before
    world.clock.at += timedelta(seconds=CHECKPOINT_S_MIN)
    made = await world.make(told(SEALED))
    assert isinstance(made, Receipt)
    assert world.ledger.asked == ("shop:M6", *ASKED[2:])
    for key in world.keys.signers:
        assert verify(canonical(made), parse_keys(key.verifier.text)).is_proven
    assert len(Note.parse(made.checkpoint.encode()).signatures) == 2


async def stage_of(world: World, answer: dict[str, Any]) -> Stage:
    made = await world.make(told(answer))
    assert isinstance(made, Pending), made
    return made.stage


@pytest.mark.parametrize("stage", Stage)
async def test_each_stage_says_in_words_what_can_be_expected(world: World, stage: Stage) -> None:
    pending = await world.make(told({"state": "page_open", **OPEN}))
    assert isinstance(pending, Pending) and pending.stage is Stage.PAGE_OPEN
    view = pending_view(replace(pending, stage=stage))
    assert (view["state"], view["page"]) == (stage, OPEN["page"])
    assert ("2021-11-12" in view["en"]) is ("2021-11-12" in view["zh"]) is (stage is Stage.PAGE_OPEN)
    assert view["en"].isascii() and not view["zh"].isascii()
    assert await stage_of(world, {"state": "page_closed", **OPEN}) is Stage.PAGE_CLOSED


async def test_a_page_of_another_root_than_the_log_tells_of_is_refused(world: World) -> None:
    await world.append(ENTRY)
    other = {**SEALED, "page": {**SEALED["page"], "root": "0" * 64}}
    refusal = await world.make(told(other))
    assert isinstance(refusal, Refusal) and refusal.code == "page_contradicts_log"


async def test_what_the_ledger_refuses_is_refused_and_what_is_no_proof_is_no_answer(world: World) -> None:
    unknown = Refusal("donation_unknown", "no", RefusalKind.NOT_FOUND)
    assert await world.make(unknown) is unknown
    for answer in ({}, told({"state": "page_sealed", **OPEN}), {**told(SEALED), "donation": {}}):
        with pytest.raises(NeighbourUnavailable):
            await world.make(answer)


async def test_where_the_log_tells_of_a_page_is_kept_once_and_with_its_entry(world: World) -> None:
    await world.append(ENTRY)
    await world.kept.keep(388, [ENTRY], {})  # an owner that was killed keeps it again
    assert await world.kept.sealed_at(3, 17) == 388
    assert await world.kept.sealed_at(3, 18) is None
    assert await world.kept.entries(388, 1) == [ENTRY]


async def test_every_entry_of_the_log_has_a_proof_for_every_checkpoint_that_covers_it() -> None:
    world, leaves = World(), leaves_of(600)
    roots = {}
    for size in (1, 5, 255, 256, 257, 511, 512, 600):
        before = (await world.kept.head()).size
        await world.append(*(entry_of(number) for number in range(before, size)))
        roots[size] = (await world.kept.head()).edge.root
    proofs = LogProofs(world.kept)
    for size, root in roots.items():
        for index in {0, size // 2, size - 1, min(size - 1, 255), min(size - 1, 256)}:
            assert is_included(leaves[index], index, size, await proofs.inclusion(index, size), root), (index, size)
