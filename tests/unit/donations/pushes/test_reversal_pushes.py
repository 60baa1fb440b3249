"""Pushes of reversals: a repeat gets its answer, and an id that took something else back is a conflict."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pandapack.contracts.donations import shard_of
from pandapack.decision import Refused
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.http import Problem, problem_of
from services.donations.ledger.domain.batches import BatchResult
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader, roll_over
from services.donations.ledger.domain.reversals import TAKEN, ReversalRecord
from services.donations.ledger.store.pages import Pages
from services.donations.pushes.work.push_service import IncomingPush, PushService
from services.donations.validation.domain.reversal_lines import Reversal, reversal_of
from tests.unit.donations.pushes.pushing import (
    SHARDS,
    CountingRows,
    KafkaInMemory,
    incoming_nonsense,
    incoming_reversals,
    push_service,
)
from tests.unit.donations.reversal_lines import reversal_line

YESTERDAY = "2021-11-11T10:00:00+08:00"
FIRST, OTHER = reversal_line(at=YESTERDAY), reversal_line(at=YESTERDAY, amount_fen=2)
NEW = reversal_line(at=YESTERDAY, reversal="R2")


async def pages_with(line: bytes) -> MemoryRows:
    """A ledger that took the reversal on this line."""
    rows, reversal = MemoryRows("pages"), reversal_of(line, "tb")
    assert isinstance(reversal, Reversal)
    batch = BatchResult(reversals=[ReversalRecord(reversal, TAKEN, "p")], anchor=Anchor(0, 0, ""))
    page = roll_over(
        Page(PageHeader(shard_of("tb:M1", SHARDS))), batch, today=18_942, at=datetime(2021, 11, 11, tzinfo=UTC)
    )
    assert await Pages(rows).write(page)
    return rows


async def refusal_of(service: PushService, push: IncomingPush) -> Problem:
    with pytest.raises(Refused) as refused:
        await service.accept_reversals(push)
    return problem_of(refused.value.refusal)


async def test_a_repeat_under_its_key_gets_the_same_answer_and_is_sent_once() -> None:
    kafka, rows = KafkaInMemory(), CountingRows()
    first = await push_service(kafka, rows).accept_reversals(incoming_reversals(FIRST, NEW))
    assert await push_service(kafka, rows).accept_reversals(incoming_reversals(FIRST, NEW)) == first
    assert len(kafka.sent) == 1
    problem = await refusal_of(push_service(kafka, rows), incoming_reversals(FIRST))
    assert (problem.status, problem.code) == (409, "idempotency_key_reused")


async def test_another_amount_under_an_id_that_was_taken_is_answered_409_and_told_to_the_ledger() -> None:
    kafka, rows, pages = KafkaInMemory(), CountingRows(), await pages_with(FIRST)
    problem = await refusal_of(push_service(kafka, rows, pages=pages), incoming_reversals(OTHER))
    assert (problem.status, problem.code) == (409, "reversal_conflict")
    assert (problem.extra["accepted"], problem.extra["rejected"]) == (0, 1)
    stored = await rows.answer()
    (failure,) = stored["failures"]
    assert (failure["index"], failure["pointer"], failure["code"]) == (0, "/reversal", "reversal_conflict")
    assert "3 fen of donation 1" in failure["message"]["en"]
    assert [value for _, value in kafka.sent] == [OTHER]
    assert (stored["push_id"], [failure]) == (problem.extra["push_id"], problem.extra["failures"])


async def test_what_is_not_in_conflict_is_accepted_beside_what_is() -> None:
    pages = await pages_with(FIRST)
    answer = await push_service(KafkaInMemory(), CountingRows(), pages=pages).accept_reversals(
        incoming_reversals(FIRST, OTHER, b"{", NEW)
    )
    assert answer["accepted"] == 2
    assert [(one["index"], one["code"]) for one in answer["failures"]] == [(1, "reversal_conflict"), (2, "not_json")]


async def test_a_repeat_gets_its_answer_although_it_would_be_a_conflict_by_now() -> None:
    kafka, rows = KafkaInMemory(), CountingRows()
    first = await push_service(kafka, rows).accept_reversals(incoming_reversals(OTHER))
    later = push_service(kafka, rows, pages=await pages_with(FIRST))
    assert await later.accept_reversals(incoming_reversals(OTHER)) == first


@pytest.mark.parametrize("refused", [OTHER, b"{}"], ids=["a conflict", "no reversal"])
async def test_after_a_refusal_the_key_is_free_for_a_mended_body(refused: bytes) -> None:
    kafka, rows = KafkaInMemory(), CountingRows()
    service = push_service(kafka, rows, pages=await pages_with(FIRST))
    assert (await refusal_of(service, incoming_reversals(refused))).status in (409, 422)
    mended = await service.accept_reversals(incoming_reversals(NEW))
    assert (mended["accepted"], kafka.sent[-1][1]) == (1, NEW)
    assert await service.accept_reversals(incoming_reversals(NEW)) == mended


async def test_nothing_but_broken_lines_is_answered_422() -> None:
    problem = await refusal_of(push_service(KafkaInMemory(), CountingRows()), incoming_nonsense())
    assert (problem.status, problem.code) == (422, "nothing_accepted")
