"""Reading reversals: what is none is refused by name."""

from __future__ import annotations

import pytest

from services.donations.validation.domain.failures import failure_of
from services.donations.validation.domain.reversal_lines import reversal_of
from tests.unit.donations.reversal_lines import reversal_line

BROKEN = [
    (reversal_line(reversal="no spaces"), "/reversal", "reversal_invalid"),
    (reversal_line(amount_fen=0), "/amount_fen", "amount_fen_invalid"),
    (reversal_line(day="11.11.2021"), "/day", "day_invalid"),
    (reversal_line(day="20211111"), "/day", "day_invalid"),
    (reversal_line(day="2021-02-30"), "/day", "day_invalid"),
    (reversal_line(merchant="M1\n"), "/merchant", "merchant_invalid"),
    (reversal_line(at="2021-11-13T10:00:00"), "/at", "at_invalid"),
    (reversal_line(at="9999-12-31T23:59:59Z"), "/at", "at_invalid"),
    (reversal_line(at="0001-01-01T00:00:00+14:00"), "/at", "at_invalid"),
    (reversal_line(donation=None), "/donation", "missing"),
    (b"{oops", "", "not_json"),
    (b'{"note": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "", "nested_too_deeply"),
]


@pytest.mark.parametrize(("raw", "pointer", "code"), BROKEN, ids=[row[2] for row in BROKEN])
def test_a_line_that_is_no_reversal_is_refused_by_name(raw: bytes, pointer: str, code: str) -> None:
    error = reversal_of(raw, "shop")
    assert isinstance(error, str)
    failure = failure_of(0, error)
    assert (failure.pointer, failure.code) == (pointer, code)
