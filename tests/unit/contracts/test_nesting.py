"""How deep JSON may nest: told without a reader that could end on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.nesting import BYTES_AT_ONCE, NESTING_MAX, elements, is_nested_too_deeply

VALUES = st.recursive(
    st.none() | st.integers() | st.text('[]{}",\\: ab', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}",\\', max_size=3), inner, max_size=3),
    max_leaves=20,
)
DEEP = b"[" * 5_000 + b"]" * 5_000


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_limit_itself_is_taken_and_one_bracket_more_is_not(pair: tuple[bytes, bytes]) -> None:
    def nested(depth: int) -> bytes:
        return pair[0] * depth + b" " * 2 * NESTING_MAX + b"1" + pair[1] * depth

    assert not is_nested_too_deeply(nested(NESTING_MAX))
    assert is_nested_too_deeply(nested(NESTING_MAX + 1))


@given(VALUES, st.integers(0, NESTING_MAX + 3))
def test_brackets_in_strings_do_not_count_and_all_others_do(value: Any, around: int) -> None:
    text = b'{"\\\\":' + b"[" * around + json.dumps([value] * NESTING_MAX).encode() + b"]" * around + b"}"
    assert is_nested_too_deeply(text) == (2 + around + depth_of(value) > NESTING_MAX)


def test_what_is_open_where_one_part_of_a_long_text_ends_is_open_in_the_next() -> None:
    half = b"[" * (NESTING_MAX // 2 + 1)
    assert is_nested_too_deeply(half + b" " * BYTES_AT_ONCE + half)
    assert not is_nested_too_deeply(half + b' "' + b"[" * BYTES_AT_ONCE + b'"')


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]))
def test_an_array_is_cut_into_its_elements(values: list[Any], indent: int | None) -> None:
    found = elements(json.dumps(values, indent=indent).encode())
    assert found is not None
    assert [json.loads(one) for one in found] == values


def test_an_element_that_no_reader_comes_through_is_cut_off_from_its_neighbours() -> None:
    assert elements(b'[{"id": "1"}, ' + DEEP + b', {"id": "2"}]') == [b'{"id": "1"}', DEEP, b'{"id": "2"}']


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 5_000, b"[1,,2]", b"[1],[2]", b'["a]', b"[1]]"])
def test_what_is_no_whole_array_has_no_elements(body: bytes) -> None:
    assert elements(body) is None
