"""A push ends judged: the ledger has decided its last record on every shard, and says how many lines it counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.donations.pushes.domain.judgement import Judgement, judgement
from services.donations.pushes.domain.push import Push

AT = datetime(2021, 11, 11, 4, 0, tzinfo=UTC)
ANSWER = {"accepted": 10, "test": False, "failures": []}
PUSH = Push("psh_1", "d", "tb", AT, AT, ANSWER, ends={0: 7, 3: 2})
DECIDED = {0: 8, 3: 3}


def test_a_push_is_accepted_until_every_shard_is_behind_its_last_record() -> None:
    for next_offsets in ({}, {0: 8}, {0: 8, 3: 2}, {0: 7, 3: 3}):
        assert judgement(PUSH, [], next_offsets, {}) == Judgement("accepted")
    assert judgement(PUSH, [], DECIDED, {}) == Judgement("judged", 10)


def test_what_was_found_was_not_counted() -> None:
    assert judgement(PUSH, ["duplicate", "conflict", "duplicate"], DECIDED, {}) == Judgement("judged", 7)


def test_a_push_without_an_answer_is_unfinished_and_a_test_is_judged_as_any_other() -> None:
    assert judgement(replace(PUSH, answer=None), [], DECIDED, {}) == Judgement("unfinished")
    assert judgement(replace(PUSH, answer={**ANSWER, "test": True}), [], DECIDED, {}) == Judgement("judged", 10)


def test_a_push_that_was_stored_without_where_it_ends_stays_accepted() -> None:
    assert judgement(replace(PUSH, ends={}), [], DECIDED, {}) == Judgement("accepted")


def test_a_push_whose_record_a_shard_resumed_without_is_lost() -> None:
    assert judgement(PUSH, [], {0: 9, 3: 12}, {3: [range(1), range(1, 12)]}) == Judgement("lost")
    assert judgement(PUSH, [], {0: 9, 3: 12}, {3: [range(3, 12)], 1: [range(100)]}) == Judgement("judged", 10)


def test_a_push_that_kafka_has_twice_tells_no_count_where_duplicates_may_be_its_own() -> None:
    resent = replace(PUSH, is_resent=True)
    assert judgement(resent, ["duplicate"], DECIDED, {}) == Judgement("judged", None)
    assert judgement(resent, [], DECIDED, {}) == Judgement("judged", 10)


def test_a_conflict_of_a_reversal_that_the_door_named_is_found_by_the_ledger_and_taken_off_once() -> None:
    failures = [{"code": "reversal_conflict"}, {"code": "not_json"}]
    push = replace(PUSH, answer={"accepted": 2, "test": False, "failures": failures})
    assert judgement(push, ["conflict", "parked"], DECIDED, {}) == Judgement("judged", 1)


SHARDS = st.integers(0, 5)
OFFSETS = st.dictionaries(SHARDS, st.integers(0, 9))


@given(st.dictionaries(SHARDS, st.integers(0, 8), min_size=1), OFFSETS, st.dictionaries(SHARDS, st.integers(0, 9)))
def test_what_is_judged_stays_judged_while_shards_go_on(
    ends: dict[int, int], next_offsets: dict[int, int], more: dict[int, int]
) -> None:
    push = replace(PUSH, ends=ends)
    before = judgement(push, [], next_offsets, {})
    later = {shard: next_offsets.get(shard, 0) + more.get(shard, 0) for shard in (*next_offsets, *more)}
    after = judgement(push, [], later, {})
    assert after == before or (before.state, after.state) == ("accepted", "judged")
    assert (before.state == "judged") == all(next_offsets.get(shard, 0) > end for shard, end in ends.items())
