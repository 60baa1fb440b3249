"""What a `Store` does, whichever `Documents` it keeps its documents in: `store.change` is the only write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from pandapack.contracts.envelope import Event, Part, decode
from pandapack.decision import Decision, Refusal
from pandapack.runtime.budgets import ANSWERS_BYTES_MAX, ANSWERS_KEPT_MAX, INBOX_STREAMS_MAX, OUTBOX_BYTES_MAX, Budget
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import AnswerLost, Document, Documents, Update
from pandapack.runtime.store import (
    CannotApply,
    Command,
    EventPosition,
    Kind,
    OutboxFull,
    Outcome,
    SequenceGap,
    Store,
)


class Box(Part):
    """Things put into a box, in order."""

    things: tuple[str, ...] = ()
    status: str = "open"


class ThingPut(Event):
    """A thing was put into a box."""

    TYPE: ClassVar[str] = "test.ThingPut"
    thing: str


BOXES = Kind("boxes", Box, lambda id: Box(), lambda id: f"/test/boxes/{id}")


SMALL = replace(BOXES, budget=Budget(8_000, 2_000, instead="take another box"))


def store_of(documents: Documents, kind: Kind[Box] = BOXES) -> Store[Box]:
    return Store(kind, documents, clock=FixedClock(datetime(2021, 3, 1, tzinfo=UTC)), chance=SeededChance(1))


def put(thing: str) -> Callable[[Box], Decision[Box] | Refusal]:
    def decide(box: Box) -> Decision[Box] | Refusal:
        if box.status == "shut":
            return Refusal("box_shut", "the box is shut; open it first")
        return Decision(
            box.model_copy(update={"things": (*box.things, thing)}),
            (ThingPut(thing=thing),),
            {"things": len(box.things) + 1},
        )

    return decide


def put_quietly(thing: str) -> Callable[[Box], Decision[Box]]:
    """As `put`, but nobody is told of it."""
    return lambda box: Decision(box.model_copy(update={"things": (*box.things, thing)}))


def shut(box: Box) -> Decision[Box]:
    return Decision(box.model_copy(update={"status": "shut"}))


class LosesAnswers:
    """Documents whose first answers to writes are lost: sometimes done, sometimes not."""

    def __init__(self, inner: Documents, losses: list[bool]) -> None:
        self._inner, self._losses, self.name = inner, losses, inner.name
        self.read, self.confirm, self.unpublished, self.find = inner.read, inner.confirm, inner.unpublished, inner.find

    async def write(self, id: str, version: int, update: Update) -> bool:
        if self._losses:
            if self._losses.pop(0):
                await self._inner.write(id, version, update)
            raise AnswerLost("the answer did not come")
        return await self._inner.write(id, version, update)


class StoreSuite:
    """Give it a fixture `documents`: an empty collection in which `state.status` may be searched."""

    async def test_a_change_keeps_state_inbox_and_outbox_in_one_document(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.change("a", put("pencil"), EventPosition("/other", 1))
        document = await documents.read("a")
        assert document is not None
        assert (document.version, document.sequence, dict(document.inbox)) == (1, 1, {"/other": 1})
        assert document.state == {"things": ["pencil"], "status": "open"}
        envelope = decode(document.outbox[0].envelope)
        assert (envelope.source, envelope.number, envelope.event()) == ("/test/boxes/a", 1, ThingPut(thing="pencil"))

    async def test_a_second_delivery_changes_nothing(self, documents: Documents) -> None:
        store = store_of(documents)
        for _ in range(3):
            outcome = await store.change("a", put("pencil"), EventPosition("/other", 1))
        assert isinstance(outcome, Outcome)
        assert outcome.repeated
        assert outcome.state.things == ("pencil",)

    async def test_several_events_are_folded_in_order_in_one_write(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.apply("a", [(EventPosition("/other", n), put(str(n))) for n in (1, 2, 2, 3)], finish=shut)
        document = await documents.read("a")
        assert document is not None
        assert document.version == 1
        assert document.state == {"things": ["1", "2", "3"], "status": "shut"}
        assert [event.sequence for event in document.outbox] == [1, 2, 3]

    async def test_what_was_read_with_others_and_has_been_written_since_is_read_again(
        self, documents: Documents
    ) -> None:
        store = store_of(documents)
        before = Document("a")
        await store.apply("a", [(EventPosition("/other", 1), put("1"))], known=before)
        outcome = await store.apply("a", [(EventPosition("/another", 1), put("2"))], known=before)
        assert outcome.state.things == ("1", "2")

    async def test_a_gap_in_a_stream_that_has_none_stops_loudly(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.change("a", put("1"), EventPosition("/shard", 1, gapless=True))
        with pytest.raises(SequenceGap):
            await store.change("a", put("3"), EventPosition("/shard", 3, gapless=True))

    async def test_a_stream_that_has_ended_leaves_the_inbox(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.change("a", put("1"), EventPosition("/round", 1))
        await store.change("a", shut, EventPosition("/round", 2, final=True))
        document = await documents.read("a")
        assert document is not None
        assert dict(document.inbox) == {}

    async def test_a_repeated_command_gets_the_earlier_answer(self, documents: Documents) -> None:
        store = store_of(documents)
        first = await store.change("a", put("pencil"), Command("key-1", "digest"))
        again = await store.change("a", put("pencil"), Command("key-1", "digest"))
        assert isinstance(first, Outcome)
        assert isinstance(again, Outcome)
        assert (first.answer, first.repeated, again.answer, again.repeated) == (
            {"things": 1},
            False,
            {"things": 1},
            True,
        )

    async def test_a_key_with_another_body_is_refused(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.change("a", put("pencil"), Command("key-1", "digest"))
        refusal = await store.change("a", put("towel"), Command("key-1", "other"))
        assert isinstance(refusal, Refusal)
        assert refusal.code == "idempotency_key_reused"

    async def test_a_refused_command_writes_nothing(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.change("a", shut, Command("key-1", "digest"))
        refusal = await store.change("a", put("pencil"), Command("key-2", "digest"))
        assert isinstance(refusal, Refusal)
        document = await documents.read("a")
        assert document is not None
        assert document.version == 1

    async def test_an_event_that_meets_a_refusal_cannot_be_applied(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.change("a", shut, EventPosition("/other", 1))
        with pytest.raises(CannotApply, match="box_shut"):
            await store.change("a", put("pencil"), EventPosition("/other", 2))

    async def test_of_many_at_once_each_happens_once(self, documents: Documents) -> None:
        store = store_of(documents)
        await asyncio.gather(*(store.change("a", put(str(n)), EventPosition(f"/{n}", 1)) for n in range(8)))
        state = await store.get("a")
        assert state is not None
        assert sorted(state.things) == [str(n) for n in range(8)]
        document = await documents.read("a")
        assert document is not None
        assert [event.sequence for event in document.outbox] == list(range(1, 9))

    async def test_confirming_forgets_by_sequence_and_leaves_the_version_alone(self, documents: Documents) -> None:
        store = store_of(documents)
        await store.apply("a", [(EventPosition("/other", n), put(str(n))) for n in (1, 2, 3)])
        await documents.confirm("a", 2)
        document = await documents.read("a")
        assert document is not None
        assert ([event.sequence for event in document.outbox], document.version) == ([3], 1)
        assert [found.id for found in await documents.unpublished(10)] == ["a"]
        await documents.confirm("a", 3)
        assert await documents.unpublished(10) == []

    async def test_documents_are_found_by_what_they_hold(self, documents: Documents) -> None:
        store = store_of(documents)
        for id in ("a", "b", "c"):
            await store.change(id, put("x"), EventPosition("/other", 1))
        await store.change("b", shut, EventPosition("/other", 2))
        assert [id for id, _ in await store.find({"state.status": "open"})] == ["a", "c"]
        assert [id for id, _ in await store.find({"state.status": ["open", "shut"]}, after="a", limit=1)] == ["b"]
        assert [id for id, _ in await store.find({}, newest_first=True, limit=2)] == ["c", "b"]

    @pytest.mark.parametrize("losses", [[True], [False], [False, True], [False, False, True]])
    async def test_a_lost_answer_is_no_double_effect(self, documents: Documents, losses: list[bool]) -> None:
        store = store_of(LosesAnswers(documents, losses))
        await store.change("a", put("pencil"), EventPosition("/other", 1))
        state = await store.get("a")
        assert state is not None
        assert state.things == ("pencil",)

    async def test_a_command_that_would_pass_the_documents_budget_is_refused_and_told_what_to_do(
        self, documents: Documents
    ) -> None:
        store = store_of(documents, SMALL)
        fits = await store.change("a", put_quietly("x" * 5_000), Command("key-1", "digest"))
        refusal = await store.change("a", put_quietly("x" * 1_000), Command("key-2", "digest"))
        assert isinstance(fits, Outcome) and isinstance(refusal, Refusal)
        assert (refusal.code, refusal.extra) == ("document_full", {"limit": 6_000})
        assert "boxes/a" in refusal.detail and "take another box" in refusal.detail
        assert await store.get("a") == fits.state

    async def test_commands_leave_events_their_room_and_an_event_beyond_it_stops_in_words(
        self, documents: Documents
    ) -> None:
        store = store_of(documents, SMALL)
        await store.change("a", put_quietly("x" * 5_800), Command("key-1", "digest"))
        await store.change("a", put_quietly("x" * 1_500), EventPosition("/other", 1))
        with pytest.raises(CannotApply, match="document_full: boxes/a would measure"):
            await store.change("a", put_quietly("x" * 1_500), EventPosition("/other", 2))
        document = await documents.read("a")
        assert document is not None and dict(document.inbox) == {"/other": 1}

    async def test_an_event_beyond_its_budget_is_written_by_nobody(self, documents: Documents) -> None:
        store = store_of(documents, SMALL)
        refusal = await store.change("a", put("x" * 2_000), Command("key-1", "digest"))
        assert isinstance(refusal, Refusal) and refusal.code == "event_too_large"
        assert "test.ThingPut of boxes/a" in refusal.detail
        with pytest.raises(CannotApply, match="event_too_large"):
            await store.change("a", put("x" * 2_000), EventPosition("/other", 1))
        assert await documents.read("a") is None

    async def test_while_an_outbox_is_full_commands_and_events_wait(self, documents: Documents) -> None:
        store = store_of(documents)
        thing = "x" * 200_000
        clear = Decision(Box(), (ThingPut(thing=thing),))
        for number in range(1, OUTBOX_BYTES_MAX // len(thing) + 1):
            await store.change("a", lambda _: clear, EventPosition("/other", number))
        refusal = await store.change("a", lambda _: clear, Command("key-1", "digest"))
        assert isinstance(refusal, Refusal) and (refusal.code, refusal.retry_after_s) == ("outbox_full", 5)
        with pytest.raises(OutboxFull):
            await store.change("a", lambda _: clear, EventPosition("/other", 1_000))
        await documents.confirm("a", 1)
        assert isinstance(await store.change("a", lambda _: clear, Command("key-1", "digest")), Outcome)

    async def test_the_events_of_one_change_are_bounded_together(self, documents: Documents) -> None:
        store = store_of(documents)
        many = Decision(Box(), (ThingPut(thing="x" * 200_000),) * 20)
        refusal = await store.change("a", lambda _: many, Command("key-1", "digest"))
        assert isinstance(refusal, Refusal) and refusal.code == "event_too_large"

    async def test_an_inbox_has_an_end(self, documents: Documents) -> None:
        store = store_of(documents)
        steps = [(EventPosition(f"/{n}", 1), shut) for n in range(INBOX_STREAMS_MAX)]
        await store.apply("a", steps)
        with pytest.raises(CannotApply, match="sources, at most"):
            await store.change("a", shut, EventPosition("/one-more", 1))

    @pytest.mark.parametrize(("bytes_each", "kept"), [(10, ANSWERS_KEPT_MAX), (ANSWERS_BYTES_MAX // 4, 3)])
    async def test_kept_answers_are_bounded_in_number_and_in_bytes(
        self, documents: Documents, bytes_each: int, kept: int
    ) -> None:
        store = store_of(documents)
        long = Decision(Box(), (), {"answer": "x" * bytes_each})
        for number in range(ANSWERS_KEPT_MAX + 2):
            await store.change("a", lambda _: long, Command(f"key-{number}", "digest"))
        document = await documents.read("a")
        assert document is not None
        assert [answer.key for answer in document.answers] == [
            f"key-{number}" for number in range(ANSWERS_KEPT_MAX + 2 - kept, ANSWERS_KEPT_MAX + 2)
        ]
