"""Reading pushes: both validators accept and refuse the same lines; a refusal says what, where and how to mend it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pandapack.contracts.donations import Donation, line_of
from services.donations.domain.intake import Gift, Reader, gifts_of, is_plain
from services.donations.domain.text import Text

NOW = datetime(2021, 11, 11, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "id": "4000000000000000001",
    "merchant": "M00001",
    "programme": "love-parcel",
    "amount_fen": 5,
    "at": "2021-11-11T00:00:01+08:00",
}
LINES = 8
FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")


def raw(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def refusals(*raws: bytes) -> list[tuple[str, str]]:
    intake = Reader(LINES).read(Text(*raws), now=NOW, accept_days=35)
    return [(failure.code, failure.pointer) for failure in intake.failures]


REFUSED = [
    (b"{bad", "not_json", ""),
    (b"[]", "not_an_object", ""),
    (b"\xff\xfe", "not_json", ""),
    (without("merchant"), "missing", "/merchant"),
    (without("at"), "missing", "/at"),
    (raw(amount_fen=0), "amount_fen_invalid", "/amount_fen"),
    (raw(amount_fen=-5), "amount_fen_invalid", "/amount_fen"),
    (raw(amount_fen=4.9), "amount_fen_invalid", "/amount_fen"),
    (raw(amount_fen="5"), "amount_fen_invalid", "/amount_fen"),
    (raw(amount_fen=True), "amount_fen_invalid", "/amount_fen"),
    (raw(amount_fen=100_000_001), "amount_fen_invalid", "/amount_fen"),
    (raw(at="2021-11-11T00:00:01"), "at_invalid", "/at"),
    (raw(at="yesterday"), "at_invalid", "/at"),
    (raw(at=1636560001), "at_invalid", "/at"),
    (raw(at="2021-10-01T00:00:00Z"), "too_old", "/at"),
    (raw(at="2021-11-11T12:10:01Z"), "in_the_future", "/at"),
    (raw(id=""), "id_invalid", "/id"),
    (raw(id="x" * 65), "id_invalid", "/id"),
    (raw(id="a b"), "name_not_plain", "/id"),
    (raw(merchant="商家"), "name_not_plain", "/merchant"),
    (raw(programme="a/b"), "name_not_plain", "/programme"),
    (raw(merchant=7), "merchant_invalid", "/merchant"),
]


@pytest.mark.parametrize(("line", "code", "pointer"), REFUSED)
def test_a_line_that_is_no_donation_is_refused_by_name(line: bytes, code: str, pointer: str) -> None:
    assert refusals(line) == [(code, pointer)]


def test_good_lines_are_taken_although_others_are_refused() -> None:
    intake = Reader(LINES).read(Text(raw(), b"{", raw(id="2"), raw(amount_fen=0)), now=NOW, accept_days=35)
    assert (intake.accepted, [failure.index for failure in intake.failures]) == (2, [1, 3])
    assert list(intake.lines.values()) == [raw() + b"\n" + raw(id="2")]


@given(st.lists(st.text("ABC123", min_size=1, max_size=8), min_size=1, max_size=30))
def test_all_of_a_merchant_goes_to_its_line_untouched_and_in_order(merchants: list[str]) -> None:
    raws = [raw(id=str(index), merchant=merchant) for index, merchant in enumerate(merchants)]
    intake = Reader(LINES).read(Text(*raws), now=NOW, accept_days=35)
    expected: dict[int, list[bytes]] = {}
    for line, merchant in zip(raws, merchants, strict=True):
        expected.setdefault(line_of(merchant, LINES), []).append(line)
    assert intake.lines == {line: b"\n".join(raws) for line, raws in expected.items()}


@given(
    st.lists(
        st.sampled_from([raw(), raw(id="2"), b"{", b"{}{}", b" ", raw() + raw(), b"{", b"}", raw()[:40], raw()[40:]]),
        max_size=100,
    )
)
def test_reading_many_lines_at_once_is_reading_each(raws: list[bytes]) -> None:
    assert gifts_of(raws) == [gift for one in raws for gift in gifts_of([one])]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 200_000_000),
    st.floats(),
    st.text(max_size=70),
    st.just("5"),
    st.just([]),
)
TIMES = st.one_of(
    st.datetimes(min_value=FIRST, max_value=LAST).map(lambda at: at.isoformat() + "Z"),
    st.from_regex(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?", fullmatch=True),
    SCALARS,
)
LINES_OF_ANY_KIND = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.one_of(st.just("4000000000000000001"), SCALARS),
            "merchant": st.one_of(st.just("M00001"), SCALARS),
            "programme": st.one_of(st.just("love-parcel"), SCALARS),
            "amount_fen": st.one_of(st.integers(1, 9), SCALARS),
            "at": TIMES,
            "more": SCALARS,
        },
    ),
    SCALARS,
)


@settings(max_examples=600)
@given(LINES_OF_ANY_KIND)
@example(GOOD)
@example({**GOOD, "at": "2021-11-11T00:00:00.1234567+0800"})
@example({**GOOD, "id": "a\n"})
def test_the_reader_and_the_contract_accept_and_refuse_the_same_lines(value: Any) -> None:
    line = json.dumps(value).encode()
    try:
        contract = Donation.model_validate_json(line)
    except ValidationError:
        contract = None
    read = gifts_of([line])[0]
    gift = read if isinstance(read, Gift) and is_plain(read) else None
    assert (gift is None) == (contract is None)
    if contract is not None:
        assert contract == Donation(**{name: getattr(gift, name) for name in Gift.__struct_fields__})
