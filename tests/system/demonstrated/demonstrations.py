"""A demonstration that runs on, for tests that stand beside it as a person would."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pandapack.local.layout import DEFAULT_PORTS
from pandapack.local.ports import setting_of
from tests.local.environment import new_environment
from tests.system.playing import PANDA, await_first_donation, running

DOCUMENT_WAIT_S = 600.0
SCALE = "10000"
"""The three years go by in less than a minute; who stands beside them meets their end, and what is given there then.

The demonstration stays at their end: gifts of now would keep a core busy, whatever is looked at."""
CURLRC = 'fail-with-body\nsilent\nmax-time = 30\nnoproxy = "*"\n'
"""curl as everybody has it, but that a refusal is a failure."""


@dataclass(frozen=True)
class Demonstration:
    """The folder in which it runs, and an environment for commands beside it."""

    folder: Path
    env: dict[str, str]

    def here(self, text: str) -> str:
        """A block's text with this demonstration's ports in the place of the usual ones."""
        for name, port in DEFAULT_PORTS.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.env[setting_of(name)]}")
        return text

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """A script of bash's, as a person beside it would run it."""
        return subprocess.run(
            ["bash", "-u"],
            input=script,
            cwd=self.folder,
            env=self.env,
            text=True,
            capture_output=True,
            timeout=DOCUMENT_WAIT_S,
            check=False,
        )


@contextlib.contextmanager
def demonstration_in(folder: Path) -> Iterator[Demonstration]:
    """A small `panda demo`, from the first counted gift on."""
    (folder / ".curlrc").write_text(CURLRC)
    env = new_environment() | {"CURL_HOME": str(folder)}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    with running(folder, (*PANDA, "demo", "--scale", SCALE, "--stay"), env) as process:
        assert process.stdout is not None
        await_first_donation(process)
        threading.Thread(target=process.stdout.read, daemon=True).start()  # what it goes on to say is not waited for
        yield Demonstration(folder, env)
        process.terminate()
        process.wait()
