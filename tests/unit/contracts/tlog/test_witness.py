"""What a witness answers to add-checkpoint, and what it keeps, by the letter of tlog-witness."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.merkle import EMPTY_ROOT
from pandapack.contracts.tlog.checkpoint import Checkpoint, sign_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessPolicy, cosigned
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import Note, NotSigned, Signature, SignerKey, sign
from pandapack.contracts.tlog.tree import consistency_proof
from pandapack.contracts.tlog.witness import (
    SIZE_TYPE,
    AddCheckpoint,
    Outcome,
    Witnessed,
    conflict_size,
    cosignatures_of,
    origin_of,
    shown_at,
    witnessed,
)
from tests.unit.contracts.tlog.logs import (
    AT_S,
    LOG_KEY,
    ORIGIN,
    WITNESSES,
    StoredLog,
    checkpoint_of,
    leaves_of,
    note_of,
    seed,
)

SPECIFIED = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()  # noqa: E501 -- the specification's example as it is
LOGS = {ORIGIN: [LOG_KEY.verifier]}
WITNESS = WITNESSES[0]
LEAVES = leaves_of(600)
SIZES = st.integers(0, 600)


def request_of(log: StoredLog, old: int) -> AddCheckpoint:
    return AddCheckpoint(old, tuple(consistency_proof(old, log.edge.size, log.read_grown_tile)), note_of(log))


def asked(request: AddCheckpoint | bytes, last: Witnessed | None = None, at_s: int = AT_S) -> Outcome:
    raw = request if isinstance(request, bytes) else request.raw
    return witnessed(raw, LOGS, last, WITNESS, at_s)


def last_at(size: int) -> Witnessed:
    state = asked(request_of(StoredLog([size], LEAVES), 0)).state
    assert state is not None
    return state


def signed_otherwise(checkpoint: Checkpoint, old: int = 0) -> AddCheckpoint:
    return AddCheckpoint(old, (), sign_checkpoint(checkpoint, [LOG_KEY]))


def test_the_specifications_request_is_read_and_written_byte_for_byte() -> None:
    request = AddCheckpoint.parse(SPECIFIED)
    assert (request.old_size, len(request.proof), len(request.note.signatures)) == (20852014, 4, 2)
    assert request.raw == SPECIFIED
    assert origin_of(SPECIFIED) == "example.com/behind-the-sofa"


@given(SIZES, SIZES)
def test_a_log_that_grows_is_cosigned(one: int, other: int) -> None:
    old, size = sorted((one, other))
    log = StoredLog([old, size] if old < size else [size], LEAVES)
    outcome = asked(request_of(log, old), last_at(old), AT_S + 1)
    assert (outcome.answer.status, outcome.state is not None) == (HTTPStatus.OK, True)
    lines = cosignatures_of(outcome.answer.body.encode(), note_of(log), [WITNESS.verifier])
    assert outcome.state == Witnessed(ORIGIN, size, log.edge.root, note_of(log).with_signatures(lines).raw)
    assert cosigned(Note.parse(outcome.state.note), WitnessPolicy((WITNESS.verifier,), 1)).by == (
        (WITNESS.name, AT_S + 1),
    )


def test_what_is_kept_has_the_lines_of_the_log_and_the_witness_alone() -> None:
    stranger = Signature("stranger.example", b"\1\2\3\4", b"advertisement")
    request = request_of(StoredLog([5]), 0)
    outcome = asked(replace(request, note=request.note.with_signatures([stranger])))
    assert outcome.state is not None
    assert [line.name for line in Note.parse(outcome.state.note).signatures] == [ORIGIN, WITNESS.name]


@given(SIZES, SIZES, st.integers(0, 600))
def test_another_old_size_is_a_conflict_that_says_the_last(claimed: int, kept: int, size: int) -> None:
    if claimed == kept or claimed > size:
        return
    log = StoredLog([size], LEAVES)
    outcome = asked(request_of(log, claimed), last_at(kept))
    assert (outcome.answer.status, outcome.answer.content_type) == (HTTPStatus.CONFLICT, SIZE_TYPE)
    assert outcome.answer.body == f"{kept}\n" and conflict_size(outcome.answer.body.encode()) == kept
    assert outcome.state is None


def test_a_log_that_is_new_to_a_witness_begins_at_none() -> None:
    outcome = asked(request_of(StoredLog([5]), 3))
    assert (outcome.answer.status, outcome.answer.body) == (HTTPStatus.CONFLICT, "0\n")


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_fork_is_not_cosigned(old: int, more: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, old - 1))
    forged = StoredLog([old + more], [*LEAVES[:at], bytes(32), *LEAVES[at + 1 :]])
    outcome = asked(request_of(forged, old), last_at(old))
    assert (outcome.answer.status, outcome.state) == (HTTPStatus.UNPROCESSABLE_ENTITY, None)


def test_another_root_of_the_same_size_is_not_cosigned() -> None:
    forged = replace(checkpoint_of(StoredLog([5])), root=bytes(32))
    assert asked(signed_otherwise(forged, 5), last_at(5)).answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert asked(request_of(StoredLog([5]), 5), last_at(5)).answer.status == HTTPStatus.OK


def test_an_empty_log_has_the_root_of_nothing() -> None:
    empty = checkpoint_of(StoredLog())
    assert empty.root == EMPTY_ROOT
    assert asked(signed_otherwise(empty)).answer.status == HTTPStatus.OK
    assert asked(signed_otherwise(replace(empty, root=bytes(32)))).answer.status == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("old", [0, 5])
def test_a_proof_where_none_is_needed_is_not_cosigned(old: int) -> None:
    request = replace(request_of(StoredLog([5]), old), proof=(bytes(32),))
    assert asked(request, last_at(5) if old else None).answer.status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_log_that_is_unknown_is_not_found() -> None:
    checkpoint = replace(checkpoint_of(StoredLog([5])), origin="another.example/log")
    assert asked(signed_otherwise(checkpoint)).answer.status == HTTPStatus.NOT_FOUND


def test_only_the_log_itself_is_believed() -> None:
    forger = SignerKey(ORIGIN, seed("forger"))
    log = StoredLog([5])
    unsigned = AddCheckpoint(0, (), sign_checkpoint(checkpoint_of(log), [forger]))
    line = LOG_KEY.sign("something else\n")
    false_line = AddCheckpoint(0, (), unsigned.note.with_signatures([line]))
    for request in (unsigned, false_line):
        assert asked(request).answer.status == HTTPStatus.FORBIDDEN


def test_a_log_does_not_shrink() -> None:
    log = StoredLog([5])
    smaller = AddCheckpoint(6, (), note_of(log))
    assert asked(smaller, last_at(6)).answer.status == HTTPStatus.BAD_REQUEST
    assert asked(request_of(log, 0), last_at(6)).answer.status == HTTPStatus.CONFLICT


GOOD = request_of(StoredLog([5], LEAVES), 3).raw.decode()


@pytest.mark.parametrize(
    "body",
    [
        "", "old 0\n", "old 0\n\n", GOOD[1:], GOOD.replace("old 3", "old 03"), GOOD.replace("old 3", "old  3"),
        GOOD.replace("old 3", "old -3"), GOOD.replace("old 3", "old"), GOOD.replace("old 3\n", "old 3\r\n"),
        GOOD.replace("old 3\n", "old 3\n\n"), GOOD.replace("old 3\n", "old 3\nAAAA\n"), GOOD[:-1], GOOD + "\n",
        GOOD.replace("old 3\n", "old 3\n" + f"{'A' * 43}=\n" * 64), GOOD.replace("\n\n", "\n"),
        "old 0\n\n" + sign("no checkpoint\n", [LOG_KEY]).raw.decode(), GOOD.replace("old 3\n", "old 3 \n"),
        "old 0\n\n" + "x" * 300_000,
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(body: str) -> None:
    outcome = asked(body.encode())
    assert (outcome.answer.status, outcome.state) == (HTTPStatus.BAD_REQUEST, None)
    assert outcome.answer.body.isascii() and outcome.answer.body.count("\n") == 1


@given(st.binary(max_size=200))
def test_no_bytes_stop_a_witness(body: bytes) -> None:
    assert asked(body).answer.status == HTTPStatus.BAD_REQUEST


def test_a_log_takes_the_lines_of_the_witness_that_it_knows() -> None:
    note = note_of(StoredLog([5]))
    lines = [one.cosign(checkpoint_of(StoredLog([5])), AT_S) for one in WITNESSES]
    body = "".join(line.line for line in lines).encode()
    assert cosignatures_of(body, note, [WITNESSES[1].verifier]) == [lines[1]]
    assert cosignatures_of(body, note, []) == []
    with pytest.raises(NotSigned):
        cosignatures_of(body, note_of(StoredLog([6])), [WITNESSES[1].verifier])
    for wrong in (b"", b"\n", body[:-1], b"<html>\n"):
        with pytest.raises(Malformed):
            cosignatures_of(wrong, note, [WITNESSES[1].verifier])


@pytest.mark.parametrize("body", [b"", b"5", b"05\n", b"5\n\n", b"five\n", b"-5\n", b"\xff\n"])
def test_a_size_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        conflict_size(body)


def test_a_witness_shows_a_logs_checkpoint_where_the_specification_says() -> None:
    assert shown_at("panda.example/log") == (
        "c7dc2dc8350a0c8556b19b59f3cd7192fcce6d541cd6c43a79ffa94e2f7ec332/checkpoint"
    )
