"""Receipts of the public log: every donation of every page is proven, and nothing in a receipt can be altered."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns
from pandapack.contracts.proof import Conclusion, Outcome, canonical
from pandapack.contracts.receipts import CONCLUSIONS, UNWITNESSED, WORDS_2, verify
from pandapack.contracts.tlog.checkpoint import checkpoint_at
from pandapack.contracts.tlog.cosignature import WitnessKey, WitnessPolicy
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.trusted_keys import LogKey, TrustedKeys, parse_keys
from tests import receipts as r
from tests.receipts import CASES, KEY, OLD, RAW, TRUE, Case
from tests.unit.contracts.test_proof import SIGNER, R, receipt_of
from tests.unit.contracts.test_proof import STRANGER as FIRST_STRANGER


def outcomes(case: Case) -> dict[str, str]:
    policy = WitnessPolicy(tuple(map(WitnessKey.parse, case.witnesses)), case.quorum)
    return {step.name: step.outcome.value for step in verify(case.raw, parse_keys(case.keys), policy).steps}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_true_receipt_is_proven_and_of_a_forged_one_the_step_is_named_that_fails(case: Case) -> None:
    found = outcomes(case)
    assert {name for name, outcome in found.items() if outcome == Outcome.FAILED} == set(case.failed)
    assert {name for name, outcome in found.items() if outcome == Outcome.UNKEYED} == set(case.unkeyed)
    conclusion = verify(case.raw, parse_keys(case.keys)).conclusion if not case.quorum else None
    if conclusion is not None:
        is_unkeyed = Conclusion.NO_KEY if case.unkeyed else Conclusion.PROVEN
        assert conclusion is (Conclusion.NOT_PROVEN if case.failed else is_unkeyed)


@given(st.integers(1, 300), st.data())
@settings(max_examples=25)
def test_any_row_of_a_page_is_proven_at_any_place_of_a_log_of_any_size(count: int, data: st.DataObject) -> None:
    columns = Columns.of(r.rows(count))
    size = data.draw(st.integers(1, 600))
    index, row = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, count - 1))
    page = data.draw(st.integers(0, 9))
    entry = r.sealed_entry(columns, page=page)
    log = r.log_with(entry, size=size, index=index)
    note = r.cosigned_note(checkpoint_at(r.ORIGIN, size, log.edge.root, r.AT))
    receipt = r.receipt_for(columns, row, log, entry, note, index=index, page=page)
    assert verify(canonical(receipt), parse_keys(KEY)).is_proven


def test_every_single_byte_of_a_receipt_counts_but_those_of_lines_by_unknown_keys() -> None:
    policy = WitnessPolicy(tuple(map(WitnessKey.parse, r.WITNESSED[:2])), 2)
    trusted = parse_keys(KEY)
    assert verify(RAW, trusted, policy).is_proven
    for at in range(len(RAW)):
        others = (RAW[at] ^ 0x20, ord("0"), ord(" "))  # in turn; the least change is made everywhere
        for altered in {RAW[at] ^ 1, others[at % len(others)]} - {RAW[at]}:
            broken = RAW[:at] + bytes([altered]) + RAW[at + 1 :]
            assert not verify(broken, trusted, policy).is_proven, broken[max(0, at - 30) : at + 30]


@given(st.data())
@settings(max_examples=60)
def test_no_altered_byte_passes_whatever_it_becomes(data: st.DataObject) -> None:
    policy = WitnessPolicy(tuple(map(WitnessKey.parse, r.WITNESSED[:2])), 2)
    at = data.draw(st.integers(0, len(RAW) - 1))
    altered = data.draw(st.integers(0, 255).filter(lambda byte: byte != RAW[at]))
    assert not verify(RAW[:at] + bytes([altered]) + RAW[at + 1 :], parse_keys(KEY), policy).is_proven


def test_a_receipt_shows_no_other_donation() -> None:
    columns = Columns.of(r.rows(40))
    entry = r.sealed_entry(columns)
    log = r.log_with(entry)
    note = r.cosigned_note(checkpoint_at(r.ORIGIN, r.SIZE, log.edge.root, r.AT))
    shown = canonical(r.receipt_for(columns, 6, log, entry, note)).decode()
    assert [row.id for row in r.rows(40) if row.id in shown] == [r.rows(40)[6].id]


def test_receipts_of_the_first_form_stay_provable_with_the_key_that_they_name() -> None:
    raw, both = canonical(receipt_of(11, 6, 2, 5)), f"{KEY}\n{FIRST_STRANGER.public}\n{SIGNER.public}"
    assert verify(raw, parse_keys(both)).conclusion is Conclusion.PROVEN
    assert verify(raw, parse_keys(KEY)).conclusion is Conclusion.NO_KEY
    assert verify(raw, parse_keys(FIRST_STRANGER.public)).conclusion is Conclusion.NOT_PROVEN
    twice = raw.replace(b'"amount_fen":', b'"amount_fen":9,"amount_fen":', 1)
    assert [step.name for step in verify(twice, parse_keys(both)).steps] == ["format"]
    assert verify(raw, parse_keys(both)).donation == R.donation


def test_without_a_key_the_conclusion_says_what_can_be_said() -> None:
    english, chinese = CONCLUSIONS[verify(RAW, TrustedKeys()).conclusion]
    assert english.startswith("No key entered: what can be said is") and chinese.startswith("未输入密钥")


def test_every_step_and_every_conclusion_has_words_in_both_languages() -> None:
    assert {step.name for step in verify(TRUE[0].raw, parse_keys(KEY)).steps} == set(WORDS_2)
    assert set(CONCLUSIONS) == set(Conclusion)
    for english, chinese in (*WORDS_2.values(), *CONCLUSIONS.values(), UNWITNESSED):
        assert english.isascii() and not re.search(r"[A-Za-z,:;.()]", chinese), chinese


def test_keys_are_read_line_by_line() -> None:
    keys = parse_keys(f"# of the log\n{KEY}\r\n\n  {OLD} until 700\n{'5f' * 32}\n")
    assert keys.log == (LogKey(r.LOG_KEY.verifier), LogKey(r.OLD_KEY.verifier, 700))
    assert keys.signing == ("5f" * 32,)
    assert parse_keys("") == TrustedKeys()


@pytest.mark.parametrize(
    "text",
    [
        *("no key", f"{KEY} {OLD}", f"{KEY} until", f"{KEY} until 07", f"{KEY} until -1", f"{KEY} until {2**53}"),
        *(f"{KEY}\n{KEY} until 9", r.WITNESSED[0], "5f" * 31, "5F" * 32, f"\N{EM DASH} {KEY}", "a" * 70_000),
        f"{KEY[:-4]}AAA=",
    ],
)
def test_keys_of_any_other_form_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_keys(text)
