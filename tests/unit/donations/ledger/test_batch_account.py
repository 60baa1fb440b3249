"""What the log tells of a batch, and what is counted and dated of a shard's events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from prometheus_client import REGISTRY

from pandapack.contracts.causation import UNCAUSED
from pandapack.contracts.donations import DonationsBanked, shard_source
from pandapack.contracts.outbox import outbox_of
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.relay import EventPublisher
from services.donations.ledger.domain.batches import BatchResult, PushedRecord
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.work.publisher import ShardPublisher, UnpublishedEvents
from services.donations.ledger.work.recorder import PUSHES_TOLD_MAX, BatchAccount
from tests.trusted import KEY

DECIDED = datetime(2021, 11, 11, tzinfo=UTC)


def records(count: int) -> list[PushedRecord]:
    return [PushedRecord(n, 0, f"psh_{n:024x}", "shop", b"{}") for n in range(count)]


def result() -> BatchResult:
    return BatchResult(anchor=Anchor(1, 0, ""))


def told(pushes: int = 2) -> list[dict[str, object]]:
    with structlog.testing.capture_logs() as lines:
        account = BatchAccount(3, monotonic_s())
        account.add(records(pushes), result())
        account.tell()
    return [dict(line) for line in lines]


def test_a_batch_is_a_line_with_its_shard_its_pushes_and_how_long_it_took() -> None:
    (line,) = told()
    assert (line["event"], line["shard"], line["records"], line["rows"]) == ("batch", 3, 2, 0)
    assert line["pushes"] == [f"psh_{n:024x}" for n in range(2)] and "took_ms" in line and "pushes_more" not in line


def test_a_line_names_some_pushes_and_counts_the_others() -> None:
    (line,) = told(pushes=PUSHES_TOLD_MAX + 30)
    assert (len(line["pushes"]), line["pushes_more"]) == (PUSHES_TOLD_MAX, 30)  # type: ignore[arg-type]


def test_a_name_that_a_stranger_chose_does_not_fill_the_log() -> None:
    with structlog.testing.capture_logs() as lines:
        account = BatchAccount(3, monotonic_s())
        account.add([PushedRecord(0, 0, "x" * 10**6, "shop", b"{}")], result())
        account.tell()
    assert len(str(lines)) < 1_000


def test_a_batch_of_what_was_written_before_is_no_line() -> None:
    with structlog.testing.capture_logs() as lines:
        BatchAccount(3, monotonic_s()).tell()
    assert lines == []


class Taking:
    """A sender that takes everything."""

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> object:
        return 0


def page() -> Page:
    event = DonationsBanked(
        settlement="s",
        programme="love-parcel",
        day="2021-11-11",
        count=1,
        fen=5,
    )
    outbox = outbox_of([(event, UNCAUSED), (event, UNCAUSED)], source=shard_source(0), published=0, at=DECIDED)
    return Page(PageHeader(0, version=1, anchor=Anchor(4, 0, "")), outbox=outbox)


class ShardInMemory:
    """A shard with its last page."""

    def __init__(self) -> None:
        self.page = page()


async def test_the_ledgers_events_are_counted_among_those_published() -> None:
    before = REGISTRY.get_sample_value("panda_events_published_total") or 0
    await ShardPublisher(EventPublisher(Taking(), KEY, "donations.events")).publish(ShardInMemory())
    assert REGISTRY.get_sample_value("panda_events_published_total") == before + 2


async def test_events_that_hang_on_a_page_are_as_old_as_the_page_says_whoever_has_the_shard() -> None:
    pages = Pages(MemoryRows("pages"))
    await pages.write(page())
    assert await UnpublishedEvents(pages, lambda: [0]).oldest() == DECIDED
    assert await UnpublishedEvents(pages, list).oldest() is None
    assert await UnpublishedEvents(pages, lambda: [1]).oldest() is None, "it has no page yet"
