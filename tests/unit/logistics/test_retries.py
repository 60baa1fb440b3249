"""Retry safety: what is told again, by Kafka or by a person, and whatever answer of a write was lost, counts once."""

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
from pandapack.runtime.store import Command, Hearing, Store
from services.logistics.domain.consignment import Consignment
from services.logistics.store import CONSIGNMENTS
from tests.unit.logistics.reports_of import ROUND, SHIPMENT, STEPS, Step, written_off

HEARD = {
    "stored": Hearing(f"/procurement/rounds/{ROUND}", 1),
    "departed": Hearing(f"/logistics/shipments/{SHIPMENT}", 2),
    "released": Hearing(f"/logistics/shipments/{SHIPMENT}", 3),
}
"""What comes from Kafka; the rest are commands. A shipment's events come in their order."""
TOLD: tuple[tuple[str, Step], ...] = (*STEPS, ("lost", written_off("W-1", (6, 11))))


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


async def told(order: list[tuple[str, Step]], times: list[int], lost: frozenset[int]) -> Document:
    """The document after each step was told so many times in a row, and then all of them once more."""
    documents = ForgetfulDocuments(lost)
    store = Store(CONSIGNMENTS, documents, clock=FixedClock(datetime(2021, 5, 1, tzinfo=UTC)), chance=SeededChance(1))
    again = [(step, 1) for step in order]
    for (name, step), count in [*zip(order, times, strict=True), *again]:
        answers = []
        for _ in range(count):
            outcome = await store.change(ROUND, step, HEARD.get(name) or Command(name, name))
            assert not isinstance(outcome, Refusal), outcome
            answers.append(outcome.answer)
        assert name in HEARD or all(answer == answers[0] for answer in answers)
    document = await documents.read(ROUND)
    assert document is not None
    return document


def in_their_order(order: list[tuple[str, Step]]) -> list[tuple[str, Step]]:
    """Whatever the order: a shipment is released after it left, and only what is stored can be written off."""
    places = sorted(range(len(order)), key=lambda at: order[at][0] == "lost")
    last = [order[at] for at in places]
    names = [name for name, _ in last]
    first, second = sorted((names.index("departed"), names.index("released")))
    steps = dict(last)
    last[first], last[second] = ("departed", steps["departed"]), ("released", steps["released"])
    return last


def said_by(document: Document) -> list[Event]:
    events = [decode(said.envelope).event() for said in document.saying]
    return [event for event in events if event is not None]


@settings(max_examples=60, deadline=None)
@given(
    st.permutations(TOLD),
    st.lists(st.integers(1, 3), min_size=len(TOLD), max_size=len(TOLD)),
    st.frozensets(st.integers(0, 2 * len(TOLD)), max_size=5),
)
def test_what_is_told_more_than_once_counts_once_whatever_answers_are_lost(
    steps: list[tuple[str, Step]], times: list[int], lost: frozenset[int]
) -> None:
    order = in_their_order(steps)
    once = asyncio.run(told(order, [1] * len(order), frozenset()))
    more = asyncio.run(told(order, times, lost))
    assert Consignment.model_validate(more.state) == Consignment.model_validate(once.state)
    assert said_by(more) == said_by(once)
    assert said_by(more)[-1].TYPE == "logistics.ConsignmentClosed"
    assert [said.sequence for said in more.saying] == list(range(1, more.said + 1))
