"""What is said of a line that is refused: sentences of ours in English and Chinese, and not the reader's own words."""

from __future__ import annotations

import pytest

from services.donations.validation.domain.failures import failure_of
from services.donations.validation.domain.reader import donation_of
from services.donations.validation.domain.reversal_lines import reversal_of
from tests.unit.donations.donation_lines import line_with, line_without
from tests.unit.donations.reversal_lines import reversal_line

LINES = [
    (line_with(amount_fen=0), "amount_fen is a whole number of fen, 1 to 100,000,000"),
    (line_with(amount_fen="5"), "amount_fen is a whole number of fen, 1 to 100,000,000"),
    (line_with(at="yesterday"), "at is an RFC 3339 time with a zone, such as 2021-11-11T00:00:01+08:00"),
    (line_with(merchant=7), "merchant is 1 to 64 letters, digits and . _ : -"),
    (line_without("at"), "at is missing"),
    (b"[]", "a line is one JSON object"),
    (b"{", "the line is not JSON: it ends before its last bracket or quote is closed"),
    (b'{"id": "1",}', "the line is not JSON: something is wrong near byte 11"),
    (b'{"id": "1\xff"}', "the line is not JSON: a text in it is not UTF-8"),
    (line_with(id="1") + b"}", "the line is not JSON: something is wrong near byte 114"),
]
READERS_WORDS = ("Expected", "`", "$.", "malformed", "codec")


@pytest.mark.parametrize(("raw", "sentence"), LINES, ids=[sentence for _, sentence in LINES])
def test_a_refused_line_is_told_so_in_a_sentence(raw: bytes, sentence: str) -> None:
    error = donation_of(raw)
    assert isinstance(error, str)
    failure = failure_of(0, error)
    assert failure.en == sentence
    assert failure.zh and not any(word in failure.zh for word in READERS_WORDS)


@pytest.mark.parametrize(
    "raw", [reversal_line(amount_fen=0), reversal_line(day="11.11.2021"), b'{"reversal": ', b"\xff"]
)
def test_nothing_of_the_readers_own_words_is_told(raw: bytes) -> None:
    error = reversal_of(raw, "shop")
    assert isinstance(error, str)
    failure = failure_of(0, error)
    assert not any(word in failure.en + failure.zh for word in READERS_WORDS)
