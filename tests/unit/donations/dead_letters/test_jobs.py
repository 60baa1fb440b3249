"""Replays: exact and safe to repeat, whatever crashes; within their rate and their cap; and they can be stopped."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from pandapack.contracts.envelope import decode
from pandapack.decision import Refused
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.store import Command
from services.donations.dead_letters.domain.jobs import Doing, LetterJob, Selection, State
from services.donations.dead_letters.store import JOBS_WORKING_MAX
from tests.unit.donations.dead_letters.book import NO_JSON, MadeBook, came_in, unmarked
from tests.unit.donations.donation_lines import line_with

GOOD = 250


async def desk_with(good: int = GOOD, bad: int = 3) -> tuple[MadeBook, str]:
    """A desk with one group: letters that are gifts of 5 fen by now, and some that still are none."""
    book = MadeBook()
    lines = [line_with(id=str(number)) for number in range(good)] + [b"{oops"] * bad
    await book.recorder.handle([came_in(offset, line) for offset, line in enumerate(lines)])
    (group,) = await book.all_groups()
    return book, group.group


async def test_a_replay_of_a_group_counts_what_is_a_gift_by_now_and_leaves_the_rest_open() -> None:
    book, group = await desk_with()
    job = await book.done(Selection(group=group))
    assert await book.totals() == (GOOD, GOOD * 5)
    assert (job.state, job.tally.dead_letters, job.tally.accepted, job.tally.refused) == (State.DONE, GOOD + 3, GOOD, 3)
    assert [one.code for one in job.failures] == ["not_json"] * 3
    (left,) = await book.all_groups()
    assert (left.open, left.replayed) == (3, GOOD)


async def test_the_same_replay_again_is_the_same_job_and_another_counts_nothing_twice() -> None:
    book, group = await desk_with()
    first = await book.done(Selection(group=group))
    again = await book.done(Selection(group=group))
    assert again.job == first.job and again.tally == first.tally
    addresses = tuple(address for address, _ in await book.dead_letters.find({}))
    await book.done(Selection(addresses=addresses), key="by name")
    assert await book.totals() == (GOOD, GOOD * 5)
    (left,) = await book.all_groups()
    assert (left.open, left.replayed) == (3, GOOD)


async def test_a_key_that_began_another_job_begins_no_second_one() -> None:
    book, group = await desk_with()
    await book.open(Selection(group=group))
    with pytest.raises(Refused) as refused:
        await book.open(Selection(cause="amount_fen_invalid"))
    assert refused.value.refusal.code == "idempotency_key_reused"


class Crash(Exception):
    pass


class Crashing:
    """Documents whose process dies at some writes, before or behind them."""

    def __init__(self, documents: Any, chance: random.Random, odds: float) -> None:
        self._documents, self._chance, self.odds = documents, chance, odds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def write(self, *given: Any) -> bool:
        if self._chance.random() < self.odds:
            raise Crash
        written: bool = await self._documents.write(*given)
        if self._chance.random() < self.odds:
            raise Crash
        return written


@pytest.mark.parametrize("seed", range(12))
async def test_a_replay_that_crashes_anywhere_goes_on_and_is_exact(seed: int) -> None:
    book, group = await desk_with(good=230)
    await book.open(Selection(group=group))
    chance = random.Random(seed)
    stores: tuple[Any, ...] = (book.dead_letters, book.groups, book.stored)
    crashing = [Crashing(store.documents, chance, odds) for store, odds in zip(stores, (0.002, 0.1, 0.05), strict=True)]
    for store, documents in zip(stores, crashing, strict=True):
        store.documents = documents
    crashes = 0
    while (job := await current(book)).state in (State.RUNNING, State.CLOSING):
        try:
            await book.jobs.run()
        except Crash:
            crashes += 1
            book.jobs = book.process()
            book.clock.at += timedelta(seconds=30)  # its lease is over
    assert await book.totals() == (230, 230 * 5)
    (left,) = await book.all_groups()
    assert (left.count, left.replayed, left.open) == (233, 230, 3)
    assert (job.state, job.tally.dead_letters, job.tally.accepted, job.tally.refused) == (State.DONE, 233, 230, 3)
    (document,) = await book.groups.documents.find({})
    assert list(document.inbox) == ["dead-letters/0"], "nothing of the job is left in the group"
    assert crashes > 0 or seed > 0


async def current(book: MadeBook) -> LetterJob:
    ((_, job),) = await book.stored.find({})
    return job


async def test_while_one_process_works_at_a_replay_another_leaves_it_alone() -> None:
    book, group = await desk_with()
    await book.open(Selection(group=group))
    await book.jobs.run()
    step = await current(book)
    assert await book.process().run() is False
    assert (await current(book)).plan == step.plan


async def test_a_step_that_kafka_does_not_take_is_made_again_as_the_same_push() -> None:
    book, group = await desk_with()
    await book.open(Selection(group=group))
    await book.jobs.run()
    book.kafka.refusing = frozenset(range(4))
    with pytest.raises(KafkaUnavailable):
        await book.jobs.run()
    book.kafka.refusing = frozenset()
    while await book.jobs.run():
        pass
    assert await book.totals() == (GOOD, GOOD * 5)
    assert len(set(book.pushes())) == 3


async def test_a_replay_keeps_to_its_rate() -> None:
    book, group = await desk_with()
    await book.open(Selection(group=group), rate=10)
    sent, seconds = list[int](), 0
    while (await current(book)).state != State.DONE and seconds < 60:
        while await book.jobs.run():
            pass
        sent.append((await book.totals())[0])
        book.clock.at += timedelta(seconds=1)
        seconds += 1
    assert sent[:3] == [10, 20, 30] and sent[-1] == GOOD


async def test_a_replay_ends_at_its_cap() -> None:
    book, group = await desk_with()
    job = await book.done(Selection(group=group), cap=120)
    assert (job.state, (await book.totals())[0]) == (State.CAPPED, 120)
    (left,) = await book.all_groups()
    assert left.replayed == 120


async def test_a_letter_that_has_more_rows_than_may_be_sent_is_not_sent() -> None:
    book = MadeBook()
    await book.recorder.handle([unmarked(0, [line_with(id=str(number)) for number in range(5)])])
    job = await book.done(Selection(cause="unmarked"), cap=4, platform="shop")
    assert (job.state, await book.totals()) == (State.CAPPED, (0, 0))


async def test_a_replay_that_is_stopped_leaves_the_rest_open() -> None:
    book, group = await desk_with()
    job = await book.open(Selection(group=group))
    await book.jobs.run()
    await book.jobs.run()
    await book.jobs.stop(job.job, "too early", Command("stop", "stop"))
    while await book.jobs.run():
        pass
    stopped = await current(book)
    assert (stopped.state, stopped.stop_reason) == (State.STOPPED, "too early")
    assert (await book.totals())[0] == stopped.tally.accepted == 100
    await book.done(Selection(group=group), key="again")
    assert await book.totals() == (GOOD, GOOD * 5)


async def test_letters_that_come_during_a_replay_wait_for_the_next_one() -> None:
    book, group = await desk_with(good=3, bad=0)
    job = await book.open(Selection(group=group))
    book.clock.at += timedelta(days=1)
    late = came_in(100_000, line_with(id="late"))
    await book.recorder.handle([late])
    assert late.timestamp / 1000 > (job.at or book.clock.at).timestamp()
    await book.jobs.until_over(job)
    assert (await book.totals())[0] == 3


async def test_an_edited_letter_is_sent_as_it_was_edited_and_says_so() -> None:
    book = MadeBook()
    await book.recorder.handle([came_in(0, b"{oops", NO_JSON)])
    ((address, _),) = await book.dead_letters.find({})
    mended = line_with(id="1", amount_fen=7).decode()
    job = await book.done(Selection(addresses=(address,)), edited={address: mended})
    assert await book.totals() == (1, 7)
    dead_letter = await book.reading.get(address)
    assert (dead_letter.status, dead_letter.replays[0].edited, dead_letter.replays[0].reason) == (
        "replayed",
        mended,
        "mended",
    )
    assert job.edited == {}, "what letters keep is not kept twice"


async def test_a_record_of_which_some_rows_still_fail_stays_open_and_its_good_rows_count_once() -> None:
    book = MadeBook()
    await book.recorder.handle([unmarked(0, [line_with(id="1"), b"{oops", line_with(id="2")])])
    for key in ("once", "again"):
        job = await book.done(Selection(cause="unmarked", sender="unvouched"), key=key, platform="shop")
        assert (job.tally.accepted, job.tally.refused) == (2, 1)
    assert await book.totals() == (2, 10)
    (group,) = await book.all_groups()
    assert (group.open, group.replayed) == (1, 0)


async def test_each_command_publishes_an_event_with_its_reason() -> None:
    book, group = await desk_with(good=2, bad=0)
    await book.open(Selection(group=group))
    documents = await book.stored.documents.find({})
    (event,) = [decode(one.envelope) for document in documents for one in document.outbox]
    assert event.type == "donations.DeadLettersReplayed"
    assert b'"reason":"mended"' in bytes(event.data) and b'"count":2' in bytes(event.data)


async def test_only_so_many_jobs_are_under_way_at_once() -> None:
    book, group = await desk_with(good=2, bad=0)
    for number in range(JOBS_WORKING_MAX):
        await book.open(Selection(group=group), key=f"{number}")
    with pytest.raises(Refused) as refused:
        await book.open(Selection(group=group), key="one more")
    assert refused.value.refusal.code == "busy"


async def test_a_letter_that_was_given_up_is_not_replayed_before_that_is_taken_back() -> None:
    book, group = await desk_with(good=1, bad=0)
    await book.done(Selection(group=group), Doing.DISCARD)
    ((address, _),) = await book.dead_letters.find({})
    with pytest.raises(Refused) as refused:
        await book.reading.to_replay((address,), {})
    assert refused.value.refusal.code == "dead_letter_discarded"
