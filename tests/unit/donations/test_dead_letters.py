"""Dead letters: what is kept of a row that is no donation, and how often it may be tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pandapack.decision import Decision, Refusal
from services.donations.domain.dead_letters import REPLAYS_A_LETTER_MAX, DeadLetter, Replay, bury, replayed
from services.donations.domain.intake import gifts_of

AT = datetime(2021, 11, 11, tzinfo=UTC)
EMPTY = DeadLetter(place="donations.pushed/3/17/0")


def buried(raw: bytes, reason: str) -> DeadLetter:
    return bury(EMPTY, raw, reason, AT).state


@given(st.binary(max_size=200))
def test_any_bytes_are_kept_untouched(raw: bytes) -> None:
    assert DeadLetter.model_validate(buried(raw, "no JSON").model_dump(mode="json")).line == raw


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
        (reason,) = gifts_of([raw])
        assert isinstance(reason, str)
        assert buried(raw, reason).cause == cause


def test_a_row_of_another_line_is_a_cause_of_its_own() -> None:
    assert buried(b"{}", "another line's merchant, a strange name, or no time").cause == "not_of_this_line"


def test_a_letter_that_is_buried_again_keeps_its_first_time_and_its_replays() -> None:
    first = replayed(buried(b"x", "no JSON"), Replay(push="psh_1", by="operator", at=AT))
    assert isinstance(first, Decision)
    again = bury(first.state, b"x", "no JSON", AT + timedelta(days=1)).state
    assert (again.at, again.replays) == (AT, first.state.replays)


def test_a_letter_that_does_not_exist_and_one_tried_too_often_are_not_replayed() -> None:
    replay = Replay(push="psh_1", by="operator", at=AT)
    unknown = replayed(EMPTY, replay)
    worn = replayed(buried(b"x", "no JSON").model_copy(update={"replays": (replay,) * REPLAYS_A_LETTER_MAX}), replay)
    assert isinstance(unknown, Refusal) and unknown.code == "dead_letter_unknown"
    assert isinstance(worn, Refusal) and worn.code == "replayed_too_often"
