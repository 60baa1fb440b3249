"""The documents and events of donations at their ends: each fits its kind's budget, and what is past it is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.dead_letters import DEAD_LETTER_BYTES_MAX
from pandapack.contracts.donations import AMOUNT_FEN_MAX, DAY_US, DonationsBanked, microseconds_of
from pandapack.contracts.publication import LocalizedName
from pandapack.decision import Decision, Refusal
from pandapack.runtime.budgets import COMMANDS_PER_MILLE, OUTBOX_BYTES_MAX
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments
from pandapack.runtime.sender import RECORD_BYTES_MAX
from pandapack.runtime.store import Command, Kind, Outcome, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter
from services.donations.dead_letters.store import DEAD_LETTERS
from services.donations.ledger.domain.batches import BatchResult
from services.donations.ledger.domain.gaps import GAPS_MAX, REASON_CHARACTERS_MAX, Gap, Resumption, ShardGaps, resume
from services.donations.ledger.domain.pages import PAGE_ROWS_FULL, Page, PageHeader, roll_over
from services.donations.ledger.store.gaps import SHARD_GAPS
from services.donations.platforms.domain.platforms import Merchant, Platform, Secret, Terms
from services.donations.platforms.store.platforms import MERCHANTS, PLATFORMS
from services.donations.programmes.domain.programmes import Programme
from services.donations.programmes.store import PROGRAMMES
from services.donations.settlements.domain.settlement import (
    BankedStep,
    By,
    PartRef,
    Settlement,
    SettlementUpload,
    Status,
    Tally,
    receive,
    tell,
)
from services.donations.settlements.domain.settlement import Terms as SettlementTerms
from services.donations.settlements.store import SETTLEMENTS
from services.donations.settlements.work.reconciler import MERCHANTS_TOLD_MAX
from services.donations.settlements.work.reconciler import OUTBOX_BYTES_MAX as TOLD_BYTES_MAX

AT = datetime(2021, 11, 11, tzinfo=UTC)
RARE = "𠮷"
"""A character of four bytes in UTF-8; what is written as six is refused in names, and not in reasons."""
WORST = "\x01"
GAP = Gap(wanted=10**15, begins=2 * 10**15, since=AT)
SECRETS = tuple(Secret(number=10**6 + n, sealed="s" * 200, since=AT, is_test=n > 1) for n in range(4))
FULL: list[tuple[Kind[Any], BaseModel]] = [
    (
        DEAD_LETTERS,
        DeadLetter(address="a" * 300, raw="A" * (DEAD_LETTER_BYTES_MAX * 4 // 3), reason=WORST * 1_000, at=AT),
    ),
    (
        SHARD_GAPS,
        ShardGaps(
            shard=1_023,
            gap=GAP,
            resumptions=tuple(
                Resumption(gap=GAP, reason=WORST * REASON_CHARACTERS_MAX, by="b" * 200, at=AT) for _ in range(GAPS_MAX)
            ),
        ),
    ),
    (PROGRAMMES, Programme(programme="p" * 64, publication=999, name=LocalizedName(zh=RARE * 64, en=RARE * 64))),
    (PLATFORMS, Platform(platform="p" * 16, terms=Terms(name=RARE * 100), secrets=SECRETS, issued=10**6)),
    (MERCHANTS, Merchant(merchant="m" * 64, name=RARE * 100)),
]


@pytest.mark.parametrize(("kind", "state"), FULL, ids=[kind.collection for kind, _ in FULL])
async def test_each_kind_at_its_end_is_within_its_budget_and_past_it_refused(kind: Kind[Any], state: Any) -> None:
    store = store_of(kind)
    assert len(state.model_dump_json().encode()) < kind.budget.document_bytes_max * COMMANDS_PER_MILLE // 1_000
    assert isinstance(await store.change("1", lambda _: Decision(state), Command("key-1", "d")), Outcome)
    text = next(name for name, value in state if isinstance(value, str)) if kind is not SHARD_GAPS else ""
    far: Any = {text: "x" * kind.budget.document_bytes_max} if text else {"resumptions": state.resumptions * 4}
    refusal = await store.change("1", lambda _: Decision(state.model_copy(update=far)), Command("key-2", "d"))
    assert isinstance(refusal, Refusal) and refusal.code == "document_full"
    assert await store.get("1") == state


def store_of(kind: Kind[Any]) -> Store[Any]:
    return Store(kind, MemoryDocuments(kind.collection), clock=FixedClock(AT), chance=SeededChance(1))


def test_a_shards_gaps_have_an_end() -> None:
    state: Any = next(state for kind, state in FULL if kind is SHARD_GAPS)
    again = resume(state, wanted=GAP.wanted, begins=GAP.begins, reason="r", by="b", at=AT)
    assert isinstance(again, Refusal) and again.code == "too_many_gaps"


def uploaded(parts: int) -> SettlementUpload:
    refs = tuple(PartRef(id=f"{n:032d}", shard=n % 1_024, day="2021-11-11", rows=10**6) for n in range(parts))
    terms = SettlementTerms(name="n" * 64, programme="p" * 64, bank_reference="b" * 64, currency="CNY", by=By.IDS)
    return SettlementUpload(terms=terms, digest="d" * 64, total=Tally(count=10**7, fen=10**15), parts=refs)


async def test_a_settlement_of_too_many_days_and_shards_is_refused_and_told_to_be_split() -> None:
    store = store_of(SETTLEMENTS)
    for parts, fits in ((15_000, True), (62 * 1_024, False)):
        decide = partial(receive, owner="shop", received=uploaded(parts), at=AT)
        outcome = await store.change(f"stl_{parts}", decide, Command("n", "d"))
        assert isinstance(outcome, Outcome) is fits
    assert isinstance(outcome, Refusal) and outcome.code == "document_full"
    assert "send several settlements, each of fewer days" in outcome.detail


async def test_what_one_write_tells_of_a_settlement_fits_its_events_and_its_outbox() -> None:
    store = store_of(SETTLEMENTS)
    state = Settlement(settlement="stl_1", owner="shop", status=Status.RECONCILING, received=uploaded(1), at=AT)
    await store.change("stl_1", lambda _: Decision(state), Command("receive", "d"))
    names = [f"{n:06d}".ljust(64, "m") for n in range(MERCHANTS_TOLD_MAX + PAGE_ROWS_FULL)]
    step = BankedStep(day="2021-11-11", merchants=dict.fromkeys(names, (16_384, 10**12)))
    told = await store.change("stl_1", partial(tell, pages={"0001/000000001": [step]}), Command("tell", "d"))
    assert isinstance(told, Outcome), told
    document = await store.documents.read("stl_1")
    assert document is not None
    sizes = [len(event.envelope) for event in document.outbox]
    assert max(sizes) < SETTLEMENTS.budget.event_bytes_max
    assert sum(sizes) + TOLD_BYTES_MAX <= OUTBOX_BYTES_MAX
    assert DonationsBanked.TYPE.encode() in document.outbox[0].envelope


def test_what_a_page_tells_of_as_many_merchants_as_it_has_rows_is_half_of_what_a_topic_takes() -> None:
    first = microseconds_of(AT)
    rows = [
        Row(
            id=str(n),
            merchant=f"{n:06d}".ljust(64, "m"),
            programme=f"{n % 40:02d}".ljust(64, "p"),
            amount_fen=AMOUNT_FEN_MAX,
            at_us=first - n % 35 * DAY_US,
        )
        for n in range(PAGE_ROWS_FULL)
    ]
    batch = BatchResult(Columns.of(rows))
    page = roll_over(Page(PageHeader(shard=1_023)), batch, today=first // DAY_US, at=AT)
    sizes = [len(event.envelope) for event in page.outbox]
    assert page.header.closed and sizes and sum(sizes) < RECORD_BYTES_MAX // 2
