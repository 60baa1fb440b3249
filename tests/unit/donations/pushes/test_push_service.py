"""The push service: what Kafka did not acknowledge is never answered as accepted, and a key names one push."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pandapack.decision import Refused
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.http import problem_of
from services.donations.pushes.domain.push import ANSWER_KEPT_H, Push
from services.donations.pushes.store import Pushes
from services.donations.pushes.work.push_service import IncomingPush
from tests.unit.donations.pushes.pushing import (
    AT,
    CountingRows,
    KafkaInMemory,
    incoming,
    incoming_nonsense,
    push_service,
)


async def test_an_answer_says_that_every_shard_of_the_ledger_has_its_part() -> None:
    kafka = KafkaInMemory()
    answer = await push_service(kafka, CountingRows()).accept_donations(incoming())
    assert (answer["accepted"], sorted(shard for shard, _ in kafka.sent)) == (40, [0, 1, 2, 3])


async def test_one_shard_that_kafka_does_not_acknowledge_means_no_answer_and_a_repeat_sends_all_again() -> None:
    rows = CountingRows()
    with pytest.raises(KafkaUnavailable, match="shard 2 is down"):
        await push_service(KafkaInMemory(frozenset({2})), rows).accept_donations(incoming())
    assert await rows.answer() is None
    kafka = KafkaInMemory()
    answer = await push_service(kafka, rows).accept_donations(incoming())
    stored = await rows.answer()
    assert (answer, len(kafka.sent), stored["accepted"]) == (stored, 4, 40)


async def test_a_repeat_of_what_was_answered_sends_nothing() -> None:
    rows, kafka = CountingRows(), KafkaInMemory()
    first = await push_service(kafka, rows).accept_donations(incoming())
    assert await push_service(kafka, rows).accept_donations(incoming()) == first
    assert len(kafka.sent) == 4


@pytest.mark.parametrize("other", [incoming(39), incoming(is_atomic=True)], ids=["another body", "now all or nothing"])
async def test_a_key_of_another_push_is_refused(other: IncomingPush) -> None:
    rows, kafka = CountingRows(), KafkaInMemory()
    await push_service(kafka, rows).accept_donations(incoming())
    with pytest.raises(Refused) as refusal:
        await push_service(kafka, rows).accept_donations(other)
    problem = problem_of(refusal.value.refusal)
    assert (problem.status, problem.code) == (409, "idempotency_key_reused")


class YearLong(FixedClock):
    """Business time is far ahead of wall time, as in a rehearsal that runs fast."""

    def now(self) -> datetime:
        return self.wall() + timedelta(days=365)


async def test_a_repeat_gets_the_earlier_answer_although_its_donations_are_too_old_by_now() -> None:
    rows, kafka = CountingRows(), KafkaInMemory()
    first = await push_service(kafka, rows).accept_donations(incoming())
    later = push_service(kafka, rows, YearLong(AT))
    assert await later.accept_donations(incoming()) == first
    with pytest.raises(Refused) as refusal:
        await later.accept_donations(incoming(key="new"))
    problem = problem_of(refusal.value.refusal)
    assert (problem.status, problem.code) == (422, "nothing_accepted")
    assert (problem.extra["accepted"], problem.extra["rejected"]) == (0, 40)
    assert len(kafka.sent) == 4


async def test_a_key_of_another_push_is_refused_although_nothing_in_the_new_body_is_a_donation() -> None:
    rows, kafka = CountingRows(), KafkaInMemory()
    await push_service(kafka, rows).accept_donations(incoming())
    with pytest.raises(Refused) as refusal:
        await push_service(kafka, rows).accept_donations(incoming_nonsense())
    problem = problem_of(refusal.value.refusal)
    assert (problem.status, problem.code) == (409, "idempotency_key_reused")


async def test_after_a_day_a_key_of_nothing_but_broken_lines_is_judged_anew() -> None:
    rows, kafka = CountingRows(), KafkaInMemory()
    await push_service(kafka, rows).accept_donations(incoming())
    next_day = push_service(kafka, rows, FixedClock(AT + timedelta(hours=ANSWER_KEPT_H)))
    with pytest.raises(Refused) as refusal:
        await next_day.accept_donations(incoming_nonsense())
    assert problem_of(refusal.value.refusal).status == 422


async def test_a_push_without_a_key_costs_one_write_and_one_with_a_key_two() -> None:
    for key, writes in ((None, 1), ("k", 2)):
        rows = CountingRows()
        await push_service(KafkaInMemory(), rows).accept_donations(incoming(key=key))
        assert rows.writes == writes


async def test_a_push_is_stored_with_where_it_ends_on_each_shard() -> None:
    for key in (None, "k"):
        kafka, rows = KafkaInMemory(), CountingRows()
        kafka.sent = [(0, b"before"), (0, b"before"), (3, b"before")]
        answer = await push_service(kafka, rows).accept_donations(incoming(key=key))
        stored = await Pushes(rows).get(answer["push_id"])
        assert stored is not None
        assert (stored.ends, stored.is_resent) == ({0: 2, 1: 0, 2: 0, 3: 1}, False)


async def test_a_push_that_kafka_may_have_had_before_is_stored_as_sent_again() -> None:
    rows = CountingRows()
    with pytest.raises(KafkaUnavailable):
        await push_service(KafkaInMemory(frozenset({2})), rows).accept_donations(incoming())
    answer = await push_service(KafkaInMemory(), rows).accept_donations(incoming())
    stored = await Pushes(rows).get(answer["push_id"])
    assert stored is not None
    assert (sorted(stored.ends), stored.is_resent) == ([0, 1, 2, 3], True)


def test_a_push_is_known_by_its_own_id_only() -> None:
    second = Push("psh_1-2", "d", "tb", AT, AT, None, 2)
    assert second.key_id == "psh_1"
