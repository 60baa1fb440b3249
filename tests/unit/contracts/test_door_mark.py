"""The door's mark: what it vouches for, to the byte, and that nothing else passes for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.door_mark import KEY_BYTES_MIN, MARK_HEADER, MARK_KEY_HEADER, MARKED_HEADERS, DoorKeys

NEW, OLD = bytes(range(32)), bytes(range(32, 64))
KEYS = DoorKeys([NEW, OLD])
HEADERS = st.dictionaries(st.sampled_from(MARKED_HEADERS), st.binary(max_size=40)).map(lambda one: list(one.items()))


@given(st.integers(0, 1_023), HEADERS, st.binary(max_size=200))
def test_what_the_door_marked_is_known_again_and_no_other_shard_headers_or_body(
    shard: int, headers: list[tuple[str, bytes]], body: bytes
) -> None:
    marked = KEYS.mark(shard, headers, body)
    assert KEYS.is_marked(shard, marked, body)
    assert KEYS.is_marked(shard, marked[::-1], body)
    assert not KEYS.is_marked(shard + 1, marked, body)
    assert not KEYS.is_marked(shard, marked, body + b"\n")
    for name, content in headers:
        others = [(one, other) for one, other in marked if one != name]
        assert not KEYS.is_marked(shard, others, body)
        assert not KEYS.is_marked(shard, [*others, (name, content + b"x")], body)


def test_bytes_cannot_move_from_one_part_into_the_next() -> None:
    marked = KEYS.mark(0, [("push", b"ab"), ("platform", b"c")], b"d")
    moved = [("push", b"a"), ("platform", b"bc"), *marked[2:]]
    assert not KEYS.is_marked(0, moved, b"d")
    assert not KEYS.is_marked(0, [("push", b"ab"), ("platform", b"cd"), *marked[2:]], b"")


def test_a_key_that_is_not_the_newest_is_still_believed_and_one_that_is_gone_is_not() -> None:
    before = DoorKeys([OLD]).mark(3, [], b"body")
    assert KEYS.is_marked(3, before, b"body")
    assert not DoorKeys([NEW]).is_marked(3, before, b"body")


@given(
    st.lists(
        st.tuples(st.sampled_from([MARK_HEADER, MARK_KEY_HEADER, "push", "x"]), st.none() | st.binary()), max_size=6
    )
)
def test_whatever_headers_a_stranger_writes_nothing_raises_and_nothing_passes(
    headers: list[tuple[str, bytes | None]],
) -> None:
    assert not KEYS.is_marked(0, headers, b"body")


@pytest.mark.parametrize("text", ["", "ab", "no hex", "ab" * (KEY_BYTES_MIN - 1)])
def test_keys_that_are_none_or_too_short_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"key|hex"):
        DoorKeys.read(text)


def test_keys_are_read_with_commas_or_on_lines_of_their_own() -> None:
    one, two = DoorKeys.read(f"{NEW.hex()},{OLD.hex()}"), DoorKeys.read(f"{NEW.hex()}\n{OLD.hex()}\n")
    assert one.mark(0, [], b"x") == two.mark(0, [], b"x") == KEYS.mark(0, [], b"x")
