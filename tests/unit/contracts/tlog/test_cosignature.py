"""Cosignatures by the letter of tlog-cosignature, and k of n."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.tlog.cosignature import (
    Cosigned,
    WitnessKey,
    WitnessPolicy,
    WitnessSigner,
    cosigned,
    cosigned_at_s,
    cosigned_text,
)
from pandapack.contracts.tlog.encoding import SIZE_MAX, Malformed
from pandapack.contracts.tlog.note import Note, Signature, SignerKey, VerifierKey, sign
from tests.unit.contracts.tlog.logs import AT_S, LOG_KEY, WITNESSES, StoredLog, checkpoint_of, note_of, seed

LOG = StoredLog([3])
CHECKPOINT = checkpoint_of(LOG)
KEYS = tuple(witness.verifier for witness in WITNESSES)
GOLDEN = (
    "— witness.example/w0 PiaHdAAAAABzYmQgsTqlWpJH51qzPui1pLVC+R9rqhIggpzFoqeWup+BPOkx"
    "Y6NI/q768aw12Zctk0/fjuFvn26nfs+ngGqjqbVWDQ==\n"
)
"""As aics-tlog signs it with the same key."""
SPECIFIED = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def cosigned_by(*names: int, at_s: int = AT_S) -> Note:
    return note_of(LOG).with_signatures([WITNESSES[one].cosign(CHECKPOINT, at_s) for one in names])


def test_a_witness_signs_the_lines_of_the_specification() -> None:
    assert cosigned_text(SPECIFIED, 1679315147).decode() == f"cosignature/v1\ntime 1679315147\n{SPECIFIED}"


def test_a_cosignature_is_written_so() -> None:
    assert WITNESSES[0].cosign(CHECKPOINT, AT_S).line == GOLDEN


def test_a_witness_key_is_handed_on_as_its_text() -> None:
    assert WitnessKey.parse(KEYS[0].text) == KEYS[0]
    assert WitnessSigner.parse(WITNESSES[0].text).verifier == KEYS[0]
    with pytest.raises(Malformed):
        WitnessKey.parse(LOG_KEY.verifier.text)
    with pytest.raises(Malformed):
        SignerKey.parse(WITNESSES[0].text)


@given(st.integers(1, SIZE_MAX))
def test_a_cosignature_holds_and_says_when(at_s: int) -> None:
    line = WITNESSES[0].cosign(CHECKPOINT, at_s)
    assert KEYS[0].is_signed(CHECKPOINT.text, line.value)
    assert cosigned_at_s(line.value) == at_s


@given(st.data())
def test_an_altered_cosignature_does_not_hold(data: st.DataObject) -> None:
    value = WITNESSES[0].cosign(CHECKPOINT, AT_S).value
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    altered = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")
    assert not KEYS[0].is_signed(CHECKPOINT.text, altered)


def test_a_cosignature_holds_for_its_checkpoint_and_its_witness_alone() -> None:
    value = WITNESSES[0].cosign(CHECKPOINT, AT_S).value
    assert not KEYS[0].is_signed(checkpoint_of(StoredLog([4])).text, value)
    assert not KEYS[1].is_signed(CHECKPOINT.text, value)
    assert not KEYS[0].is_signed(CHECKPOINT.text, value[:-1])
    assert not KEYS[0].is_signed(CHECKPOINT.text, value + b"\0")


@pytest.mark.parametrize("at_s", [0, SIZE_MAX + 1])
def test_a_time_that_there_is_not_does_not_hold(at_s: int) -> None:
    signed = WITNESSES[0].sign_by_ed25519(cosigned_text(CHECKPOINT.text, at_s))
    assert not KEYS[0].is_signed(CHECKPOINT.text, at_s.to_bytes(8, "big") + signed)


def test_what_is_no_checkpoint_is_not_cosigned() -> None:
    signed = WITNESSES[0].sign_by_ed25519(cosigned_text("a text\n", AT_S))
    assert not KEYS[0].is_signed("a text\n", AT_S.to_bytes(8, "big") + signed)


def test_a_plain_signature_by_a_witnesss_key_is_no_cosignature() -> None:
    plain = SignerKey("witness.example/w0", seed("w0"))
    note = sign(CHECKPOINT.text, [plain])
    assert plain.public == KEYS[0].public
    assert cosigned(note, WitnessPolicy(KEYS, 1)) == Cosigned((), 1, 3)
    forged = Signature(KEYS[0].name, KEYS[0].id, note.signatures[0].value)
    assert not KEYS[0].is_signed(CHECKPOINT.text, forged.value)


@given(st.sets(st.integers(0, 2)), st.integers(0, 3))
def test_it_takes_k_of_n(by: set[int], needed: int) -> None:
    found = cosigned(cosigned_by(*by), WitnessPolicy(KEYS, needed))
    assert found.is_enough == (len(by) >= needed)
    assert found.by == tuple((KEYS[one].name, AT_S) for one in sorted(by))
    assert (found.needed, found.known) == (needed, 3)


def test_strangers_do_not_count() -> None:
    stranger = WitnessSigner("stranger.example", seed("stranger"))
    note = note_of(LOG).with_signatures([stranger.cosign(CHECKPOINT, AT_S)])
    assert not cosigned(note, WitnessPolicy(KEYS, 1)).is_enough


def test_one_false_line_of_a_witness_refuses_the_note() -> None:
    note = cosigned_by(0, 1)
    other = checkpoint_of(StoredLog([4]))
    found = cosigned(note.with_signatures([WITNESSES[2].cosign(other, AT_S)]), WitnessPolicy(KEYS, 2))
    assert not found.is_enough
    assert found.broken is not None and KEYS[2].name in found.broken


def test_a_witness_that_signs_twice_counts_for_nothing() -> None:
    note = cosigned_by(0)
    again = Note(note.text, (*note.signatures, WITNESSES[0].cosign(CHECKPOINT, AT_S + 1)))
    assert cosigned(again, WitnessPolicy(KEYS, 1)).broken is not None


def test_what_is_too_old_or_not_yet_does_not_count() -> None:
    note = note_of(LOG).with_signatures([one.cosign(CHECKPOINT, AT_S + at) for at, one in enumerate(WITNESSES)])
    found = cosigned(note, WitnessPolicy(KEYS, 1), until_s=AT_S + 1, since_s=AT_S + 1)
    assert found.by == ((KEYS[1].name, AT_S + 1),)


def test_no_key_counts_twice_under_another_name() -> None:
    again = WitnessKey("another.example", KEYS[0].public)
    with pytest.raises(Malformed, match="one key"):
        WitnessPolicy((KEYS[0], again), 2)


@pytest.mark.parametrize("needed", [-1, 4])
def test_a_policy_that_cannot_be_met_is_refused(needed: int) -> None:
    with pytest.raises(Malformed, match="cannot be needed"):
        WitnessPolicy(KEYS, needed)


def test_a_logs_key_is_no_witness() -> None:
    assert not isinstance(LOG_KEY.verifier, WitnessKey)
    assert VerifierKey.parse(LOG_KEY.verifier.text) == LOG_KEY.verifier
