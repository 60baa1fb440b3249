"""Sorting pushes: a refusal says what, where and how to mend it; the rest goes to its shards, and in order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import scoped, shard_of
from pandapack.contracts.pushed_lines import index_in_push
from pandapack.contracts.pushed_rows import lines_of
from services.donations.pushes.domain.sorting import (
    REVERSALS_A_RECORD_MAX,
    PushSorter,
    SortedPush,
    in_records,
    sort_reversals,
)
from services.donations.validation.domain.text_lines import TextLines
from tests.pushed import columns_of
from tests.unit.donations.donation_lines import line_with, line_without
from tests.unit.donations.reversal_lines import reversal_line

NOW = datetime(2021, 11, 11, 12, tzinfo=UTC)
SHARDS, PLATFORM = 8, "shop"


def sort(*raws: bytes) -> SortedPush:
    return PushSorter(SHARDS).sort(TextLines(*raws), PLATFORM, now=NOW, accept_days=35)


REFUSED = [
    (b"{bad", "not_json", ""),
    (b"[]", "not_an_object", ""),
    (b"\xff\xfe", "not_json", ""),
    (line_without("merchant"), "missing", "/merchant"),
    (line_without("at"), "missing", "/at"),
    (line_with(amount_fen=0), "amount_fen_invalid", "/amount_fen"),
    (line_with(amount_fen=-5), "amount_fen_invalid", "/amount_fen"),
    (line_with(amount_fen=4.9), "amount_fen_invalid", "/amount_fen"),
    (line_with(amount_fen="5"), "amount_fen_invalid", "/amount_fen"),
    (line_with(amount_fen=True), "amount_fen_invalid", "/amount_fen"),
    (line_with(amount_fen=100_000_001), "amount_fen_invalid", "/amount_fen"),
    (line_with(at="2021-11-11T00:00:01"), "at_invalid", "/at"),
    (line_with(at="yesterday"), "at_invalid", "/at"),
    (line_with(at=1636560001), "at_invalid", "/at"),
    (line_with(at="2021-10-01T00:00:00Z"), "too_old", "/at"),
    (line_with(at="2021-11-11T12:10:01Z"), "in_the_future", "/at"),
    (line_with(id=""), "id_invalid", "/id"),
    (line_with(id="x" * 65), "id_invalid", "/id"),
    (line_with(id="a b"), "name_not_plain", "/id"),
    (line_with(merchant="商家"), "name_not_plain", "/merchant"),
    (line_with(programme="a/b"), "name_not_plain", "/programme"),
    (line_with(merchant=7), "merchant_invalid", "/merchant"),
    (line_with(merchant="m" * 60), "merchant_too_long", "/merchant"),
]


@pytest.mark.parametrize(("line", "code", "pointer"), REFUSED)
def test_a_line_that_is_no_donation_is_refused_by_name(line: bytes, code: str, pointer: str) -> None:
    assert [(failure.code, failure.pointer) for failure in sort(line).failures] == [(code, pointer)]


def test_good_lines_are_accepted_although_others_are_refused() -> None:
    push = sort(line_with(), b"{", line_with(id="2"), line_with(amount_fen=0))
    assert (push.accepted, [failure.index for failure in push.failures]) == (2, [1, 3])
    assert list(push.by_shard.values()) == [columns_of(line_with(), line_with(id="2"))]


@given(st.lists(st.text("ABC123", min_size=1, max_size=8), min_size=1, max_size=30))
def test_all_of_a_merchant_goes_to_its_shard_as_columns_in_order(merchants: list[str]) -> None:
    raws = [line_with(id=str(index), merchant=merchant) for index, merchant in enumerate(merchants)]
    expected: dict[int, list[bytes]] = {}
    for raw, merchant in zip(raws, merchants, strict=True):
        expected.setdefault(shard_of(scoped(PLATFORM, merchant), SHARDS), []).append(raw)
    assert sort(*raws).by_shard == {shard: columns_of(*lines) for shard, lines in expected.items()}


def test_a_push_of_reversals_is_sorted_by_shard_and_the_rest_is_named() -> None:
    late, others = reversal_line(at="2021-11-15T00:11:00Z"), reversal_line(merchant="M2")
    text = TextLines(reversal_line(), b"{", others, late)
    push = sort_reversals(text, PLATFORM, 64, datetime(2021, 11, 15, tzinfo=UTC))
    assert push.accepted == 2
    assert [(failure.index, failure.code) for failure in push.failures] == [(1, "not_json"), (3, "in_the_future")]
    assert sorted(push.by_shard.values()) == sorted([reversal_line(), others])


def test_every_record_says_which_lines_of_the_push_it_has_although_some_were_refused() -> None:
    raws = [line_with(id=str(n), merchant=f"M{n % 7}") for n in range(20)]
    text = TextLines(*raws[:5], b"{", *raws[5:])
    indexes = [2 * line for line in range(len(text))]
    for own in (None, indexes):
        push = PushSorter(SHARDS).sort(text, PLATFORM, now=NOW, accept_days=35, indexes=own)
        for shard, value in push.by_shard.items():
            for line, written in enumerate(lines_of(value)):
                at = text.lines().index(raws[int(json.loads(written)["id"])])
                assert index_in_push(push.packed_lines[shard], line) == (at if own is None else indexes[at])


def test_every_record_of_a_long_push_of_reversals_says_which_lines_it_has() -> None:
    text = TextLines(b"{", *[reversal_line(reversal=f"r{n}") for n in range(REVERSALS_A_RECORD_MAX + 2)])
    parts = list(in_records(sort_reversals(text, PLATFORM, 64, datetime(2021, 11, 15, tzinfo=UTC))))
    packed = [part.packed_lines[shard] for part in parts for shard in part.by_shard]
    assert [index_in_push(one, 1) for one in packed] == [2, REVERSALS_A_RECORD_MAX + 2]


def test_a_long_push_becomes_records_that_a_page_has_room_for_each_shard_in_order() -> None:
    long = [str(n).encode() for n in range(2 * REVERSALS_A_RECORD_MAX + 1)]
    parts = list(in_records(SortedPush(by_shard={3: b"\n".join(long), 7: b"x"})))
    assert [part.accepted for part in parts] == [REVERSALS_A_RECORD_MAX + 1, REVERSALS_A_RECORD_MAX, 1]
    assert [raw for part in parts for raw in part.by_shard[3].split(b"\n")] == long
    assert list(in_records(SortedPush())) == []


def test_a_line_of_the_future_is_told_our_clock_and_where_to_take_a_time_that_fits() -> None:
    donation = sort(line_with(at="2026-11-26T12:00:00Z")).failures[0]
    text = TextLines(reversal_line(at="2026-11-26T12:00:00Z"))
    for failure in (donation, sort_reversals(text, PLATFORM, SHARDS, NOW).failures[0]):
        for message in (failure.en, failure.zh):
            assert "2021-11-11T12:00:00+00:00" in message and "GET /v1/whoami" in message


def test_a_reversal_dated_before_the_day_of_its_gift_is_refused_at_the_door() -> None:
    early, same_day = reversal_line(at="2021-11-10T23:59:59+08:00"), reversal_line(at="2021-11-11T00:00:00+08:00")
    push = sort_reversals(TextLines(early, same_day), PLATFORM, SHARDS, NOW)
    assert [(one.index, one.pointer, one.code) for one in push.failures] == [(0, "/at", "before_the_donation")]
    assert "2021-11-11" in push.failures[0].en
    assert "2021-11-11" in push.failures[0].zh
    assert push.accepted == 1
