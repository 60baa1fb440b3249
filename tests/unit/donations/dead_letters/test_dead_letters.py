"""Dead letters: what is kept of a row that is no donation, and how often it may be tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.decision import Decision, Refusal
from services.donations.dead_letters.domain.dead_letters import (
    REPLAYS_A_DEAD_LETTER_MAX,
    DeadLetter,
    Rejection,
    Replay,
    note_replay,
    record,
)
from services.donations.ledger.domain.batches import NO_DONATION_OF_THIS_SHARD
from services.donations.ledger.handlers import shown
from services.donations.validation.domain.failures import UNMARKED
from services.donations.validation.domain.reader import donations_of
from services.donations.validation.domain.reversal_lines import WRONG_SHARD
from tests.pushed import columns_of
from tests.unit.donations.donation_lines import line_with

AT = datetime(2021, 11, 11, tzinfo=UTC)
EMPTY = DeadLetter(address="donations.pushed/3/17/0")
REPLAY = Replay(push="psh_1", by="operator", at=AT)


def recorded(raw: bytes, reason: str) -> DeadLetter:
    return record(EMPTY, Rejection(raw, reason), AT).state


@given(st.binary(max_size=200))
def test_any_bytes_are_kept_untouched(raw: bytes) -> None:
    assert DeadLetter.model_validate(recorded(raw, "no JSON").model_dump(mode="json")).text == raw


CAUSES = [
    (b'{"id": "1"}', "missing"),
    (b"{oops", "not_json"),
    (b"7", "not_an_object"),
    (
        b'{"id":"1","merchant":"M1","programme":"p","amount_fen":0,"at":"2021-11-11T00:00:00+08:00"}',
        "amount_fen_invalid",
    ),
]


def test_a_cause_is_the_code_with_which_the_push_api_refuses_the_same_row() -> None:
    for raw, cause in CAUSES:
        (reason,) = donations_of([raw])
        assert isinstance(reason, str)
        assert recorded(raw, reason).cause == cause


@pytest.mark.parametrize("reason", [NO_DONATION_OF_THIS_SHARD, WRONG_SHARD], ids=["a donation", "a reversal"])
def test_a_row_of_another_shard_is_a_cause_of_its_own(reason: str) -> None:
    assert recorded(b"{}", reason).cause == "not_of_this_shard"


def test_a_row_that_is_rejected_again_keeps_its_first_time_and_its_replays() -> None:
    first = note_replay(recorded(b"x", "no JSON"), REPLAY)
    assert isinstance(first, Decision)
    again = record(first.state, Rejection(b"x", "no JSON"), AT + timedelta(days=1)).state
    assert (again.at, again.replays) == (AT, first.state.replays)


def test_a_dead_letter_that_does_not_exist_and_one_tried_too_often_are_not_replayed() -> None:
    often = recorded(b"x", "no JSON").model_copy(update={"replays": (REPLAY,) * REPLAYS_A_DEAD_LETTER_MAX})
    once_more = REPLAY.model_copy(update={"push": "psh_2"})
    unknown, worn = note_replay(EMPTY, REPLAY), note_replay(often, once_more)
    assert note_replay(often, REPLAY) == Decision(often), "the same push again changes nothing"
    assert isinstance(unknown, Refusal) and unknown.code == "dead_letter_unknown"
    assert isinstance(worn, Refusal) and worn.code == "replayed_too_often"


def test_columns_are_kept_as_they_are_and_written_out_for_eyes_and_for_a_replay() -> None:
    columns = columns_of(*(line_with(id=str(number)) for number in range(3)))
    kept = recorded(columns, UNMARKED)
    assert kept.text == columns
    assert [json.loads(row)["id"] for row in kept.lines()] == ["0", "1", "2"]
    assert (kept.lines(2), shown(columns).split(b"\n")) == (kept.lines()[:2], kept.lines())
    assert (recorded(columns[:-1], UNMARKED).lines(), shown(columns[:-1])) == ([columns[:-1]], columns[:-1])
    assert (recorded(b"a\nb", UNMARKED).lines(), shown(b"a\nb")) == ([b"a", b"b"], b"a\nb")
