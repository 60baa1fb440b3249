"""A witness: what it cosigned is on the disk before it answers, and a folder that was put back is noticed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from shutil import copytree, rmtree

import httpx
import pytest
from typer.testing import CliRunner

from pandapack.cli.main import app
from pandapack.contracts.tlog.checkpoint import checkpoint_at, sign_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessPolicy, cosigned
from pandapack.contracts.tlog.encoding import to_base64
from pandapack.contracts.tlog.note import Note, SignerKey
from pandapack.contracts.tlog.tree import consistency_proof
from pandapack.contracts.tlog.witness import REQUEST_BYTES_MAX, AddCheckpoint, Answer, cosignatures_of, shown_at
from pandapack.transparency import copies
from pandapack.transparency.witness_app import Witness, witness_app
from pandapack.transparency.witness_state import StateRefused, WitnessState
from tests.unit.contracts.tlog.logs import AT, AT_S, LOG_KEY, ORIGIN, StoredLog, note_of, seed

NAME = "witness.example/w"
LOGS = {ORIGIN: [LOG_KEY.verifier]}


@contextmanager
def running(folder: Path, name: str = NAME) -> Iterator[Witness]:
    state = WitnessState(folder, name, seed("witness"))
    try:
        yield Witness(state, LOGS, lambda: datetime.fromtimestamp(AT_S, UTC))
    finally:
        state.close()


def request(log: StoredLog, old: int, note: Note | None = None) -> bytes:
    proof = consistency_proof(old, log.edge.size, log.read_grown_tile)
    return AddCheckpoint(old, tuple(proof), note or note_of(log)).raw


def noted(log: StoredLog, witness: Witness, answer: Answer) -> Note:
    """The log's checkpoint with the line that the witness answered."""
    assert answer.status is HTTPStatus.OK, answer
    lines = cosignatures_of(answer.body.encode(), note_of(log), [witness.state.signer.verifier])
    return note_of(log).with_signatures(lines)


def test_a_log_that_grows_is_cosigned_and_remembered_over_a_restart(tmp_path: Path) -> None:
    log = StoredLog([5])
    with running(tmp_path) as witness:
        note = noted(log, witness, witness.add_checkpoint(request(log, 0)))
        policy = WitnessPolicy((witness.state.signer.verifier,), 1)
        assert cosigned(note, policy).is_enough
    log.grow(StoredLog([9]).leaves[5:])
    with running(tmp_path) as witness:
        assert witness.add_checkpoint(request(log, 0)) == Answer(HTTPStatus.CONFLICT, "5\n", "text/x.tlog.size")
        assert witness.add_checkpoint(request(log, 5)).status is HTTPStatus.OK
        shown = witness.last_note(shown_at(ORIGIN))
        assert shown is not None and cosigned(Note.parse(shown), policy).is_enough


def test_a_fork_is_not_cosigned(tmp_path: Path) -> None:
    log, other = StoredLog([5]), StoredLog([4])
    other.grow(StoredLog([9]).leaves[5:])
    with running(tmp_path) as witness:
        noted(log, witness, witness.add_checkpoint(request(log, 0)))
        assert witness.add_checkpoint(request(other, 5)).status is HTTPStatus.UNPROCESSABLE_ENTITY


def test_what_a_stranger_may_send_is_refused(tmp_path: Path) -> None:
    log = StoredLog([5])
    stranger = SignerKey(ORIGIN, seed("stranger"))
    forged = sign_checkpoint(checkpoint_at(ORIGIN, 5, log.edge.root, AT), [stranger])
    unknown = SignerKey("else.example/log", seed("else"))
    elsewhere = sign_checkpoint(checkpoint_at("else.example/log", 5, log.edge.root, AT), [unknown])
    with running(tmp_path) as witness:
        for raw, status in (
            (b"", HTTPStatus.BAD_REQUEST),
            (b"old 0\n\nx\n\n", HTTPStatus.BAD_REQUEST),
            (AddCheckpoint(0, (), forged).raw, HTTPStatus.FORBIDDEN),
            (AddCheckpoint(0, (), elsewhere).raw, HTTPStatus.NOT_FOUND),
        ):
            assert witness.add_checkpoint(raw).status is status
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key", "lock"]


def test_the_key_is_its_owners_alone_and_the_folder_one_process_s(tmp_path: Path) -> None:
    with running(tmp_path) as witness:
        key = witness.state.signer.verifier
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
        with pytest.raises(StateRefused, match="another witness runs"):
            WitnessState(tmp_path, NAME, seed("other"))
    state = WitnessState(tmp_path, "", seed("other"))
    assert state.signer.verifier == key
    state.close()
    with pytest.raises(StateRefused, match="is the key of"):
        WitnessState(tmp_path, "another.example/w", seed("other"))


@pytest.mark.parametrize("stops_at", ["open", "fsync", "replace"])
def test_a_kill_leaves_the_one_or_the_other_and_no_answer_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops_at: str
) -> None:
    log = StoredLog([5])
    with running(tmp_path) as witness:
        noted(log, witness, witness.add_checkpoint(request(log, 0)))
    log.grow(StoredLog([9]).leaves[5:])

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with running(tmp_path) as witness, monkeypatch.context() as patched:
        patched.setattr(Path if stops_at == "replace" else copies.os, stops_at, killed)
        with pytest.raises(KeyboardInterrupt):
            witness.add_checkpoint(request(log, 5))
    with running(tmp_path) as witness:
        last = witness.state.last(ORIGIN)
        assert last is not None and last.size == 5
        assert witness.add_checkpoint(request(log, 5)).status is HTTPStatus.OK


def test_a_witness_whose_folder_was_rolled_back_stops_once_it_is_shown_its_own_line(tmp_path: Path) -> None:
    log, folder, backup = StoredLog([5]), tmp_path / "state", tmp_path / "backup"
    with running(folder) as witness:
        noted(log, witness, witness.add_checkpoint(request(log, 0)))
    copytree(folder, backup)
    log.grow(StoredLog([9]).leaves[5:])
    with running(folder) as witness:
        own = noted(log, witness, witness.add_checkpoint(request(log, 5)))
    good = tmp_path / "good"
    folder.rename(good)
    copytree(backup, folder)
    log.grow(StoredLog([12]).leaves[9:])
    with running(folder) as witness:
        shown = AddCheckpoint(5, (), own).raw
        answer = witness.add_checkpoint(shown)
        assert answer.status is HTTPStatus.SERVICE_UNAVAILABLE and "rolled back" in answer.body
    with running(folder) as witness:  # a restart does not help
        assert witness.add_checkpoint(request(log, 5)).status is HTTPStatus.SERVICE_UNAVAILABLE
    [evidence] = folder.glob("*.evidence")
    (good / evidence.name).write_bytes(evidence.read_bytes())
    rmtree(folder)
    good.rename(folder)
    with running(folder) as witness:
        assert witness.add_checkpoint(request(log, 9)).status is HTTPStatus.OK


def test_notes_without_their_key_and_notes_of_another_key_are_noticed_at_the_start(tmp_path: Path) -> None:
    log = StoredLog([5])
    with running(tmp_path) as witness:
        noted(log, witness, witness.add_checkpoint(request(log, 0)))
    key = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()
    with pytest.raises(StateRefused, match="is gone"):
        WitnessState(tmp_path, NAME, seed("new"))
    other = tmp_path / "other"
    WitnessState(other, NAME, seed("new")).close()
    (tmp_path / "key").write_bytes((other / "key").read_bytes())
    with pytest.raises(StateRefused, match="mixed from two"):
        WitnessState(tmp_path, NAME, seed("new"))
    (tmp_path / "key").write_bytes(key)
    [file] = tmp_path.glob("*.note")
    file.write_bytes(file.read_bytes().replace(b"\n5\n", b"\n3\n"))
    with pytest.raises(StateRefused, match="cannot be used"):
        WitnessState(tmp_path, NAME, seed("new"))


async def test_the_witness_answers_by_http(tmp_path: Path) -> None:
    log = StoredLog([5])
    with running(tmp_path) as witness:
        transport = httpx.ASGITransport(witness_app(witness))
        async with httpx.AsyncClient(transport=transport, base_url="http://witness") as client:
            assert (await client.get(f"/{shown_at(ORIGIN)}")).status_code == 404
            answer = await client.post("/add-checkpoint", content=request(log, 0))
            assert answer.status_code == 200 and answer.text.startswith("— witness.example/w ")
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
            conflict = await client.post("/add-checkpoint", content=request(log, 0))
            assert (conflict.status_code, conflict.headers["content-type"]) == (409, "text/x.tlog.size")
            assert (await client.get(f"/{shown_at(ORIGIN)}")).text.endswith(answer.text)
            assert (await client.get("/key")).text == f"{witness.state.signer.verifier.text}\n"
            large = await client.post("/add-checkpoint", content=b"x" * (REQUEST_BYTES_MAX + 1))
            assert large.status_code == 413
            assert (await client.get("/add-checkpoint")).status_code == 405


def test_the_command_says_what_is_wrong_with_its_options(tmp_path: Path) -> None:
    wrong = CliRunner().invoke(app, ["witness", "--log", "x", "--state", str(tmp_path)])
    assert wrong.exit_code == 2 and "--log" in wrong.output
    with running(tmp_path):
        text = LOG_KEY.verifier.text
        taken = CliRunner().invoke(app, ["witness", "--log", text, "--state", str(tmp_path), "--port", "0"])
    assert taken.exit_code == 1 and "another witness runs" in taken.output
    assert to_base64(seed("witness")) not in taken.output
