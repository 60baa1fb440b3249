"""Retry safety: what comes again, from Kafka or from a person, counts once, whatever answer of a write was lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.envelope import Event, decode
from pandapack.decision import Refusal
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import AnswerLost, Document, MemoryDocuments, Update
from pandapack.runtime.store import Command, EventPosition, Store
from services.logistics.domain.consignment import Consignment
from services.logistics.store import CONSIGNMENTS
from tests.unit.logistics.reports_of import ROUND, SHIPMENT, STEPS, Step, written_off

POSITIONS = {
    "stored": EventPosition(f"/procurement/rounds/{ROUND}", 1),
    "departed": EventPosition(f"/logistics/shipments/{SHIPMENT}", 2),
    "released": EventPosition(f"/logistics/shipments/{SHIPMENT}", 3),
}
"""What comes from Kafka; the rest are commands. A shipment's events come in their order."""
REPORTS: tuple[tuple[str, Step], ...] = (*STEPS, ("lost", written_off("W-1", (6, 11))))


class ForgetfulDocuments(MemoryDocuments):
    """Writes, and loses the answer of the writes that `lost` names (counted from 0)."""

    def __init__(self, lost: frozenset[int]) -> None:
        super().__init__("consignments")
        self._lost, self._writes = lost, 0

    async def write(self, id: str, version: int, update: Update) -> bool:
        written = await super().write(id, version, update)
        number, self._writes = self._writes, self._writes + 1
        if number in self._lost:
            raise AnswerLost
        return written


async def played_on_store(order: list[tuple[str, Step]], times: list[int], lost: frozenset[int]) -> Document:
    """The document after each step came so many times in a row, and then all of them once more."""
    documents = ForgetfulDocuments(lost)
    store = Store(CONSIGNMENTS, documents, clock=FixedClock(datetime(2021, 5, 1, tzinfo=UTC)), chance=SeededChance(1))
    again = [(step, 1) for step in order]
    for (name, step), count in [*zip(order, times, strict=True), *again]:
        answers = []
        for _ in range(count):
            outcome = await store.change(ROUND, step, POSITIONS.get(name) or Command(name, name))
            assert not isinstance(outcome, Refusal), outcome
            answers.append(outcome.answer)
        assert name in POSITIONS or all(answer == answers[0] for answer in answers)
    document = await documents.read(ROUND)
    assert document is not None
    return document


def in_their_order(order: list[tuple[str, Step]]) -> list[tuple[str, Step]]:
    """Whatever the order: a shipment is released after it left, and people report only of what is stored."""
    last = sorted(order, key=lambda step: step[0] != "stored")
    names = [name for name, _ in last]
    first, second = sorted((names.index("departed"), names.index("released")))
    steps = dict(last)
    last[first], last[second] = ("departed", steps["departed"]), ("released", steps["released"])
    return last


def published_by(document: Document) -> list[Event]:
    events = [decode(entry.envelope).event() for entry in document.outbox]
    return [event for event in events if event is not None]


@settings(max_examples=30, deadline=None)
@given(
    st.permutations(REPORTS),
    st.lists(st.integers(1, 3), min_size=len(REPORTS), max_size=len(REPORTS)),
    st.frozensets(st.integers(0, 2 * len(REPORTS)), max_size=5),
)
def test_what_comes_more_than_once_counts_once_whatever_answers_are_lost(
    steps: list[tuple[str, Step]], times: list[int], lost: frozenset[int]
) -> None:
    order = in_their_order(steps)
    once = asyncio.run(played_on_store(order, [1] * len(order), frozenset()))
    more = asyncio.run(played_on_store(order, times, lost))
    assert Consignment.model_validate(more.state) == Consignment.model_validate(once.state)
    assert published_by(more) == published_by(once)
    assert published_by(more)[-1].TYPE == "logistics.ConsignmentClosed"
    assert [entry.sequence for entry in more.outbox] == list(range(1, more.sequence + 1))
