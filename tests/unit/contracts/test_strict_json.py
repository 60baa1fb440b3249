"""JSON by the letter: names that stand twice are found wherever they stand, and near names are named."""

from __future__ import annotations

import pytest

from pandapack.contracts.strict_json import NAME_SHOWN_MAX, nearest, read_strictly


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"a": 1, "b": 2}', None),
        (b'{"a": 1, "a": 1}', "/a"),
        (b'{"a": 1, "\\u0061": 2}', "/a"),
        (b'{"a": {"b": [0, {"c": 1, "c": 2}]}}', "/a/b/1/c"),
        (b'[{"a": 1}, {"a": 1}]', None),
        (b'[{"a": 1}, {"x/y~z": 1, "x/y~z": 1}]', "/1/x~1y~0z"),
        (b'{"a": {"b": 1, "b": 2}, "a": 3}', "/a"),
        (b"7", None),
    ],
)
def test_a_name_that_stands_twice_in_one_object_is_found_at_any_depth(raw: bytes, pointer: str | None) -> None:
    found = read_strictly(raw)
    assert found is not None and found.duplicate == pointer


@pytest.mark.parametrize("raw", [b"", b"{oops", b'{"a": 1} {"a": 1}', b"\xff", b'\xef\xbb\xbf{"a": 1}'])
def test_what_is_no_json_is_left_to_whoever_reads_it(raw: bytes) -> None:
    assert read_strictly(raw) is None


def test_numbers_of_any_length_are_read_as_their_text() -> None:
    found = read_strictly(b"[%b, 1e999]" % (b"1" * 10_000))
    assert found is not None and found.value == ["1" * 10_000, "1e999"]


def test_a_name_is_near_another_whatever_its_capitals() -> None:
    known = ("id", "merchant", "programme", "amount_fen", "at")
    assert [nearest(name, known) for name in ("merchnat", "Programme", "amountFen", "zzz")] == [
        ("merchant",),
        ("programme",),
        ("amount_fen",),
        (),
    ]
    assert nearest("a" * (NAME_SHOWN_MAX + 1), known) == ()


def test_a_pointer_shows_the_beginning_of_a_long_name_and_no_half_characters() -> None:
    found = read_strictly(b'{"%b": 1, "%b": 1}' % (b"n" * 999, b"n" * 999))
    assert found is not None and found.duplicate == f"/{'n' * NAME_SHOWN_MAX}…"
    lone = read_strictly(b'{"\\ud800": 1, "\\ud800": 1}')
    assert lone is not None and lone.duplicate == "/?"
