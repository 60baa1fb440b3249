"""`panda verify` trusts the key of the stack or the demonstration of its folder, and says which."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from pandapack.cli.main import app
from pandapack.cli.verify import own_key_file
from pandapack.local.running import RunningLock
from tests.unit.contracts.test_proof import SIGNER, STRANGER, receipt_of

KEY_FILE = "signing_key.pub"


def key_in(folder: Path, public: str = SIGNER.public) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / KEY_FILE).write_text(public + "\n")
    return folder / KEY_FILE


@pytest.fixture
def receipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A receipt's file in the folder in which the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "receipt.json").write_bytes(msgspec.json.encode(receipt_of(5, 2)))
    return "receipt.json"


@pytest.mark.parametrize("folder", [".panda", ".panda/demo"])
def test_a_receipt_is_checked_with_the_key_that_lies_there(tmp_path: Path, receipt: str, folder: str) -> None:
    key_in(tmp_path / folder)
    done = CliRunner().invoke(app, ["verify", receipt])
    assert (done.exit_code, "Proven." in done.output) == (0, True), done.output
    assert f"the key in {folder}/{KEY_FILE}" in done.output


def test_what_runs_goes_before_what_only_lies_there(tmp_path: Path) -> None:
    stack, demonstration = key_in(tmp_path, STRANGER.public), key_in(tmp_path / "demo")
    assert own_key_file(tmp_path) == stack
    with RunningLock(tmp_path / "demo"):
        assert own_key_file(tmp_path) == demonstration
        with RunningLock(tmp_path):
            assert own_key_file(tmp_path) == stack


def test_without_any_key_the_command_says_where_to_get_one(tmp_path: Path, receipt: str) -> None:
    done = CliRunner().invoke(app, ["verify", receipt])
    assert done.exit_code == 1
    assert "GET /v1/roots/key" in done.output and f".panda/{KEY_FILE}" in done.output
