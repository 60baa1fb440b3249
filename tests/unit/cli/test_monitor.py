"""`panda monitor` and `panda mirror`: what they say, and how they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pandapack.cli import mirror as mirror_command
from pandapack.cli.main import app
from tests.served_log import ENTRIES, ServedLog, served
from tests.unit.contracts.tlog.logs import LOG_KEY, WITNESSES

SIZE = len(ENTRIES)
KEY = LOG_KEY.verifier.text


def panda(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


@pytest.fixture
def log() -> Iterator[ServedLog]:
    made = ServedLog()
    made.sign(at=datetime.now(UTC))
    with served(made):
        yield made


def test_an_honest_log_is_well(log: ServedLog, tmp_path: Path) -> None:
    done = panda("monitor", log.address, "--once", "--key", KEY, "--state", str(tmp_path))
    assert done.exit_code == 0 and f"well: panda.example/log: {SIZE} entries" in done.output, done.output
    again = panda("monitor", log.address, "--once", "--state", str(tmp_path), "--json")
    assert again.exit_code == 0
    found: dict[str, Any] = json.loads(again.output)
    assert found["well"] is True and found["fresh_entries"] == 0 and found["figures"] > 50
    forgetful = panda("monitor", log.address, "--once")
    assert forgetful.exit_code == 0 and "trusted from now on" in forgetful.output


def test_what_is_wrong_is_named_and_ends_it_with_1(log: ServedLog, tmp_path: Path) -> None:
    log.lined[3] = b"{}"
    done = panda("monitor", log.address, "--key", KEY)
    assert done.exit_code == 1 and "lines_differ: entry 3 " in done.output
    done = panda("monitor", log.address, "--key", KEY, "--json")
    assert json.loads(done.output)["fault"] == "lines_differ" and done.exit_code == 1
    done = panda("mirror", log.address, str(tmp_path), "--key", KEY)
    assert done.exit_code == 1 and "lines_differ" in done.output


def test_so_many_witnesses_must_have_cosigned(log: ServedLog) -> None:
    keys = [word for one in WITNESSES for word in ("--witness", one.verifier.text)]
    log.sign(at=datetime.now(UTC), witnesses=WITNESSES[:2])
    done = panda("monitor", log.address, "--once", "--key", KEY, *keys, "--quorum", "2")
    assert done.exit_code == 0 and "cosigned by 2 of 3 witnesses" in done.output
    done = panda("monitor", log.address, "--once", "--key", KEY, *keys)
    assert done.exit_code == 1 and "too_few_witnesses" in done.output and "3 are needed" in done.output
    assert panda("monitor", log.address, "--once", *keys, "--quorum", "4").exit_code == 2
    assert panda("monitor", log.address, "--once", "--witness", KEY).exit_code == 2


@pytest.mark.parametrize("command", [("monitor",), ("mirror", "copy")])
def test_once_an_address_that_does_not_answer_ends_it_with_2(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with served(ServedLog()) as address:
        pass
    done = panda(command[0], address, *command[1:], "--once", "--key", KEY)
    assert done.exit_code == 2 and "does not answer" in done.output
    assert panda(command[0], "not-a-folder", *command[1:], "--once", "--key", KEY).exit_code == 2


def test_for_good_it_goes_on_through_silence_and_remembers(
    log: ServedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happens = iter(["silent", "grows", "forks"])

    def sleep(_: float) -> None:
        match next(happens):
            case "silent":
                log.paths["/log/checkpoint"] = None
            case "grows":
                del log.paths["/log/checkpoint"]
                log.sign(at=datetime.now(UTC))
            case "forks":
                log.forge(list(reversed(ENTRIES)))
                log.sign(at=datetime.now(UTC) + timedelta(seconds=1))

    monkeypatch.setattr(mirror_command.time, "sleep", sleep)
    log.sign(SIZE // 2, at=datetime.now(UTC))
    done = panda("monitor", log.address, "--key", KEY, "--state", str(tmp_path))
    lines = done.output.splitlines()
    assert done.exit_code == 1 and "serves no /log/checkpoint" in lines[1]
    assert f"({SIZE - SIZE // 2} new)" in lines[2] and "fork" in lines[3]


def test_a_mirror_is_kept_and_read_as_an_address_is(log: ServedLog, tmp_path: Path) -> None:
    done = panda("mirror", log.address, str(tmp_path), "--once", "--key", KEY)
    assert done.exit_code == 0 and f"{SIZE} entries ({SIZE} new)" in done.output
    assert (tmp_path / "log" / "key").read_text() == f"{KEY}\n"
    done = panda("monitor", str(tmp_path), "--once", "--key", KEY)
    assert done.exit_code == 0 and "no figures are shown" in done.output
    assert panda("mirror", log.address, str(tmp_path), "--once", "--key", WITNESSES[0].verifier.text).exit_code == 2
