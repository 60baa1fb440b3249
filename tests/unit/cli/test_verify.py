"""`panda verify` trusts the keys that it is given, or those of its folder, and says which; forgeries end otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pandapack.cli.main import app
from pandapack.cli.verify import own_key_file
from pandapack.contracts.proof import Outcome
from pandapack.local.running import RunningLock
from tests.receipts import CASES, KEY, RAW, WITNESSED, Case
from tests.unit.contracts.test_proof import SIGNER, STRANGER, receipt_of

KEY_FILE, LOG_KEYS_FILE = "signing_key.pub", "log_keys.pub"


def key_in(folder: Path, text: str = SIGNER.public, name: str = KEY_FILE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text + "\n")
    return folder / name


def verified(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs, with a receipt of either form."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "first.json").write_bytes(msgspec.json.encode(receipt_of(5, 2)))
    (tmp_path / "receipt.json").write_bytes(RAW)
    return tmp_path


@pytest.mark.parametrize("home", [".panda", ".panda/demo"])
def test_a_receipt_is_checked_with_the_keys_that_lie_there(folder: Path, home: str) -> None:
    key_in(folder / home)
    key_in(folder / home, KEY, LOG_KEYS_FILE)
    for receipt in ("first.json", "receipt.json"):
        done = verified(receipt)
        assert (done.exit_code, "Proven." in done.output) == (0, True), done.output
        assert f"the keys in {home}/{LOG_KEYS_FILE} and {home}/{KEY_FILE}" in done.output


def test_what_runs_goes_before_what_only_lies_there(tmp_path: Path) -> None:
    stack, demonstration = key_in(tmp_path, STRANGER.public), key_in(tmp_path / "demo")
    assert own_key_file(tmp_path) == stack
    with RunningLock(tmp_path / "demo"):
        assert own_key_file(tmp_path) == demonstration
        with RunningLock(tmp_path):
            assert own_key_file(tmp_path) == stack


@pytest.mark.parametrize("receipt", ["first.json", "receipt.json"])
def test_without_any_key_nothing_is_proven_and_nothing_is_called_false(folder: Path, receipt: str) -> None:
    done = verified(receipt)
    assert done.exit_code == 2
    assert "No key entered: what can be said is" in done.output and "GET /log/key" in done.output
    (folder / receipt).write_bytes((folder / receipt).read_bytes().replace(b'"amount_fen":', b'"amount_fen":9'))
    forged = verified(receipt, "--lang", "zh")
    assert (forged.exit_code, "验证未通过" in forged.output) == (1, True)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_command_ends_as_the_checks_do(folder: Path, case: Case) -> None:
    (folder / "case.json").write_bytes(case.raw)
    (folder / "keys").write_text(case.keys)
    witnesses = [part for one in case.witnesses for part in ("--witness", one)]
    quorum = ["--quorum", str(case.quorum)] if case.witnesses else []
    done = verified("case.json", "--key", "keys", "--json", *witnesses, *quorum)
    report = json.loads(done.stdout)
    failed = {step["name"] for step in report["steps"] if step["outcome"] == Outcome.FAILED}
    assert failed == set(case.failed)
    assert done.exit_code == (1 if case.failed else 2 if case.unkeyed else 0)
    assert report["proven"] is (done.exit_code == 0)


def test_all_witnesses_are_asked_for_where_no_number_is_said(folder: Path) -> None:
    two = ("--witness", WITNESSED[0], "--witness", WITNESSED[1])
    assert verified("receipt.json", "--key", KEY, *two).exit_code == 0
    assert verified("receipt.json", "--key", KEY, *two, "--witness", WITNESSED[2]).exit_code == 1
    assert verified("receipt.json", "--key", KEY, *two, "--witness", WITNESSED[2], "--quorum", "2").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--key", "no key"),
        ("--key", KEY, "--witness", KEY),
        ("--key", KEY, "--witness", WITNESSED[0], "--witness", WITNESSED[0]),
        ("--key", KEY, "--witness", WITNESSED[0], "--quorum", "2"),
        ("--key", KEY, "--quorum", "1"),
    ],
)
def test_what_is_no_key_or_cannot_be_asked_for_is_an_error_of_use(folder: Path, arguments: tuple[str, ...]) -> None:
    done = verified("receipt.json", *arguments)
    assert done.exit_code == 2 and "panda:" in done.output
