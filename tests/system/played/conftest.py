"""One story that several files of tests look at: a demonstration, and a fault campaign of the same seed beside it."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pandapack.local import ports
from tests.local.environment import listeners, new_environment
from tests.system.played.world import Printed, World
from tests.system.playing import CHAOS, SETTLED, STAYS, Json, await_first_donation, outcome_of, running


@pytest.fixture(scope="package")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a story to its end prints; nothing of it is left."""
    folder, env = tmp_path_factory.mktemp("told"), new_environment()
    with running(folder, SETTLED, env) as process:
        outcome = outcome_of(process, folder)
    ports.check_free(listeners(env))
    file = folder / "outcome.json"
    file.write_text(json.dumps(outcome))
    return file


@pytest.fixture(scope="package")
def started(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A campaign, in its folder; it runs while tests look at the demonstration beside it."""
    folder = tmp_path_factory.mktemp("campaign")
    with running(folder, (*CHAOS, "--undisturbed", str(told))) as process:
        yield folder, process


@pytest.fixture(scope="package")
def campaign(started: tuple[Path, subprocess.Popen[str]]) -> Json:
    """What the campaign printed; it has ended well."""
    folder, process = started
    return outcome_of(process, folder)


@pytest.fixture(scope="package")
def playing(started: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A demonstration at full speed, from its first counted gift on; it stays once all is settled."""
    folder, env = tmp_path_factory.mktemp("demonstration"), new_environment()
    with running(folder, STAYS, env) as process:
        assert process.stdout is not None
        await_first_donation(process)
        printed = Printed(process.stdout)
        threading.Thread(target=printed.read, daemon=True).start()
        yield World(folder, env, printed)
        process.terminate()
        process.wait()


@pytest.fixture(scope="package")
def outcome(playing: World) -> Json:
    """What it shows once it has settled, as `panda demo --until-settled` prints it; nothing else was done to it yet."""
    return playing.outcome()
