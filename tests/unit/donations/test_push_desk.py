"""The desk: what Kafka did not take is never answered with 202, and what is held is bounded."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from fastapi import Request

from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.http import Problem
from services.donations.api import bodies
from services.donations.api.bodies import BODIES_BYTES_MAX, BODY_BYTES_MAX, PUSHES_TAKEN_MAX, Gate
from services.donations.api.desk import Desk, Pushed
from services.donations.domain.cloudevents import Lines
from services.donations.domain.text import Text
from services.donations.settings import Settings
from services.donations.store.pushes import ANSWER_KEPT_H, Push, Pushes

AT = datetime(2021, 11, 11, 4, 0, tzinfo=UTC)


class KafkaInMemory:
    """What was sent; lines in `refusing` are not acknowledged."""

    def __init__(self, refusing: frozenset[int] = frozenset()) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.refusing = refusing

    async def send(self, topic: str, *, key: bytes, value: bytes, partition: int, headers: object) -> None:
        if partition in self.refusing:
            raise KafkaUnavailable(f"line {partition} is down")
        self.sent.append((partition, value))


class RowsInMemory:
    """As much of `Rows` as pushes need."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.writes = 0

    async def insert(self, row: dict[str, Any]) -> bool:
        self.writes += 1
        return self.rows.setdefault(row["_id"], row) is row

    async def set(self, id: str, fields: dict[str, Any]) -> bool:
        self.writes += 1
        self.rows[id] |= fields
        return True

    async def one(self, id: str) -> dict[str, Any] | None:
        return self.rows.get(id)


@dataclass
class StoresInMemory:
    """As much of `Stores` as the desk needs."""

    rows: RowsInMemory = field(default_factory=RowsInMemory)

    @property
    def pushes(self) -> Pushes:
        return Pushes(cast("Any", self.rows))


def desk(kafka: KafkaInMemory, stores: StoresInMemory, at: datetime = AT) -> Desk:
    clock, chance = FixedClock(at), SeededChance(1)
    return Desk(cast("Any", stores), cast("Any", kafka), clock, chance, Settings(lines=4), lambda name: name)


def pushed(count: int = 40, key: str | None = "k", **changes: Any) -> Pushed:
    raws = [
        json.dumps(
            {"id": str(n), "merchant": f"M{n}", "programme": "p", "amount_fen": 1, "at": AT.isoformat()}
        ).encode()
        for n in range(count)
    ]
    return Pushed("tb", key, b"\n".join(raws), Lines(Text(*raws)), **changes)


async def test_202_says_that_every_line_of_the_ledger_has_its_part() -> None:
    kafka, stores = KafkaInMemory(), StoresInMemory()
    status, answer = await desk(kafka, stores).take(pushed())
    assert (status, answer["accepted"], sorted(line for line, _ in kafka.sent)) == (202, 40, [0, 1, 2, 3])


async def test_one_line_that_kafka_does_not_take_means_no_202_and_a_repeat_sends_all_again() -> None:
    stores = StoresInMemory()
    with pytest.raises(KafkaUnavailable, match="line 2 is down"):
        await desk(KafkaInMemory(frozenset({2})), stores).take(pushed())
    (push,) = stores.rows.rows
    assert stores.rows.rows[push]["answer"] is None
    kafka = KafkaInMemory()
    status, _ = await desk(kafka, stores).take(pushed())
    assert (status, len(kafka.sent), stores.rows.rows[push]["answer"]["accepted"]) == (202, 4, 40)


async def test_a_repeat_of_what_was_answered_sends_nothing() -> None:
    stores, kafka = StoresInMemory(), KafkaInMemory()
    first = await desk(kafka, stores).take(pushed())
    assert await desk(kafka, stores).take(pushed()) == first
    assert len(kafka.sent) == 4


@pytest.mark.parametrize("other", [pushed(39), pushed(is_atomic=True)], ids=["another body", "now all or nothing"])
async def test_a_key_of_another_push_is_refused(other: Pushed) -> None:
    stores, kafka = StoresInMemory(), KafkaInMemory()
    await desk(kafka, stores).take(pushed())
    with pytest.raises(Problem) as refused:
        await desk(kafka, stores).take(other)
    assert (refused.value.status, refused.value.code) == (409, "idempotency_key_reused")


class YearLong(FixedClock):
    """Business time is far ahead of wall time, as in a rehearsal that runs fast."""

    def now(self) -> datetime:
        return self.wall() + timedelta(days=365)


async def test_a_repeat_gets_the_earlier_answer_although_its_gifts_are_too_old_by_now() -> None:
    stores, kafka = StoresInMemory(), KafkaInMemory()
    first = await desk(kafka, stores).take(pushed())
    later = Desk(cast("Any", stores), cast("Any", kafka), YearLong(AT), SeededChance(1), Settings(lines=4), str)
    assert await later.take(pushed()) == first
    assert (await later.take(pushed(key="new")))[0] == 422
    assert len(kafka.sent) == 4


async def test_a_key_of_another_push_is_refused_although_nothing_in_the_new_body_is_a_gift() -> None:
    stores, kafka = StoresInMemory(), KafkaInMemory()
    await desk(kafka, stores).take(pushed())
    with pytest.raises(Problem) as refused:
        await desk(kafka, stores).take(Pushed("tb", "k", b"{}", Lines(Text(b"{}"))))
    assert (refused.value.status, refused.value.code) == (409, "idempotency_key_reused")


async def test_after_a_day_a_key_of_nothing_but_broken_lines_is_judged_anew() -> None:
    stores, kafka = StoresInMemory(), KafkaInMemory()
    await desk(kafka, stores).take(pushed())
    next_day = desk(kafka, stores, AT + timedelta(hours=ANSWER_KEPT_H))
    assert (await next_day.take(Pushed("tb", "k", b"{}", Lines(Text(b"{}")))))[0] == 422


async def test_what_was_rehearsed_under_a_key_counts_once_it_is_pushed_in_earnest() -> None:
    stores, kafka = StoresInMemory(), KafkaInMemory()
    _, rehearsed = await desk(kafka, stores).take(pushed(is_test=True))
    _, answer = await desk(kafka, stores).take(pushed())
    assert (rehearsed["test"], answer["test"], len(kafka.sent)) == (True, False, 4)
    assert rehearsed["push_id"] != answer["push_id"]


async def test_a_push_without_a_key_costs_one_write_and_one_with_a_key_two() -> None:
    for key, writes in ((None, 1), ("k", 2)):
        stores = StoresInMemory()
        await desk(KafkaInMemory(), stores).take(pushed(key=key))
        assert stores.rows.writes == writes


async def test_a_test_push_reaches_no_line() -> None:
    kafka = KafkaInMemory()
    status, answer = await desk(kafka, StoresInMemory()).take(pushed(is_test=True))
    assert (status, answer["test"], kafka.sent) == (202, True, [])


async def test_a_body_that_does_not_come_is_not_waited_for_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_READ_S_MAX", 0.01)
    gate, begun = Gate(), iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Any:
        return next(begun, None) or await asyncio.Event().wait()

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(Problem) as refused:
        async with bodies.body_of(request, gate):
            raise AssertionError("half a body is none")
    assert (refused.value.status, refused.value.code) == (408, "body_too_slow")
    assert (gate.held_bytes, gate.taken) == (0, 0)


async def test_what_a_gzip_body_inflates_to_is_held_in_the_gate_as_well() -> None:
    gate, plain = Gate(), bytes(BODY_BYTES_MAX)
    raw = gzip.compress(plain)

    async def receive() -> Any:
        return {"type": "http.request", "body": raw, "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": [(b"content-encoding", b"gzip")]}, receive)
    async with bodies.body_of(request, gate) as body:
        assert (body.raw, body.plain) == (raw, plain)
        assert (gate.held_bytes, gate.taken) == (len(raw) + len(plain), 1)
    assert (gate.held_bytes, gate.taken) == (0, 0)


def test_a_push_is_known_by_its_own_id_only() -> None:
    second = Push("psh_1-2", "d", "tb", AT, AT, None, 2)
    assert second.row_id == "psh_1"


def test_the_gate_holds_no_more_than_its_bytes_and_its_pushes_and_says_when_to_come_again() -> None:
    gate = Gate()
    for _ in range(BODIES_BYTES_MAX // BODY_BYTES_MAX):
        gate.enter(BODY_BYTES_MAX)
    for _ in range(PUSHES_TAKEN_MAX):
        gate.take()
    too_much: list[Callable[[], None]] = [lambda: gate.enter(BODY_BYTES_MAX), gate.take]
    for full in too_much:
        with pytest.raises(Problem) as refused:
            full()
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    gate.leave(BODY_BYTES_MAX)
    gate.give()
    gate.enter(BODY_BYTES_MAX)
    gate.take()
