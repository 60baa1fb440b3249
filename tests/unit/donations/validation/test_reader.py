"""Reading lines: both validators accept and refuse the same lines, many at once or each by itself."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pandapack.contracts.donations import Donation
from services.donations.validation.domain.reader import DonationLine, donations_of, is_plain
from tests.unit.donations.donation_lines import GOOD, line_with

FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")


@given(
    st.lists(
        st.sampled_from(
            [
                line_with(),
                line_with(id="2"),
                b"{",
                b"{}{}",
                b" ",
                line_with() + line_with(),
                b"{",
                b"}",
                line_with()[:40],
                line_with()[40:],
            ]
        ),
        max_size=100,
    )
)
def test_reading_many_lines_at_once_is_reading_each(raws: list[bytes]) -> None:
    assert donations_of(raws) == [donation for one in raws for donation in donations_of([one])]


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


@settings(max_examples=150)
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
    read = donations_of([line])[0]
    donation = read if isinstance(read, DonationLine) and is_plain(read) else None
    assert (donation is None) == (contract is None)
    if contract is not None:
        assert contract == Donation(**{name: getattr(donation, name) for name in DonationLine.__struct_fields__})
