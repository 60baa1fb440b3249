"""What made an event, as it is written, and what a document remembers of what it consumed in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.causation import CAUSES_MAX, Cause, causes_of, merged, read, traceparent_of, written

STREAMS = st.from_regex(r"/[a-z]{3,9}/[a-z-]{1,9}/[A-Za-z0-9._:-]{1,20}", fullmatch=True)
CAUSES = st.builds(
    lambda stream, first, more: Cause(stream, first, first + more), STREAMS, st.integers(0), st.integers(0)
)


@given(st.lists(CAUSES, max_size=20))
def test_causes_are_read_as_they_were_written(causes: list[Cause]) -> None:
    assert read(written(causes)) == tuple(causes)


def test_positions_that_follow_are_a_range() -> None:
    consumed = {}
    for stream, position in (("/a", 3), ("/b", 1), ("/a", 4), ("/a", 7)):
        consumed = merged(consumed, stream, position)
    assert written(causes_of(consumed)) == "/a#3-7 /b#1"


def test_a_document_remembers_a_bounded_number_of_streams_and_forgets_those_consumed_longest_ago() -> None:
    consumed = {}
    for number in range(CAUSES_MAX + 5):
        consumed = merged(consumed, f"/s/{number}", 1)
    assert len(consumed) == CAUSES_MAX and "/s/4" not in consumed and "/s/5" in consumed


@pytest.mark.parametrize("text", ["/a", "#1", "/a#", "/a#x", "/a#1-x"])
def test_a_text_that_names_no_cause_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n", False),
        ("", False),
        ("x", False),
    ],
)
def test_a_traceparent_is_taken_only_as_the_standard_writes_it(text: str, is_one: bool) -> None:
    assert (traceparent_of(text) == text) is is_one
