"""`panda push`: nobody waits in silence for an address at which nobody is, and Ctrl-C says how to go on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pandapack.cli.failures import EXIT_INTERRUPTED, EXIT_UNREACHABLE
from pandapack.cli.main import app
from pandapack.cli.push import waiting_for
from pandapack.cli.site import CONNECT_WAIT_S, Site
from pandapack.client.delivery import Wait

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Something to push."""
    file = tmp_path / "donations.ndjson"
    file.write_bytes(
        b'{"id": "1", "merchant": "M1", "programme": "p", "amount_fen": 5, "at": "2021-11-11T10:00:00Z"}\n'
    )
    return file


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which no one listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes started meanwhile heed Ctrl-C, also where this one was told not to (in the background of a shell)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def silent_service(asked: threading.Event, over: threading.Event) -> Iterator[str]:
    """A service that is alive and answers no push; `asked` tells that one has come, `over` ends those under way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            asked.set()
            over.wait()

        def log_message(self, *_: object) -> None:
            """In silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            over.set()
            server.shutdown()


def test_an_address_at_which_nobody_is_is_named_at_once(file: Path, nobody: str) -> None:
    env = {"PANDA_DONATIONS_URL": nobody, "PANDA_KEY": "a key"}
    done = CliRunner().invoke(app, ["push", str(file)], env=env)
    assert done.exit_code == EXIT_UNREACHABLE
    assert f"{nobody}/healthz does not answer" in done.stderr
    assert "attempts" not in done.stderr, "nothing was repeated"


def test_no_command_waits_longer_for_a_connection_than_is_named(nobody: str) -> None:
    with Site({"donations": nobody}, "", {}).client("donations", None) as client:
        assert client.timeout.connect == CONNECT_WAIT_S


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_says_that_the_same_command_goes_on(file: Path) -> None:
    asked, over = threading.Event(), threading.Event()
    with silent_service(asked, over) as url:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PANDA_DONATIONS_URL": url, "PANDA_KEY": "a key"}
        command = [sys.executable, "-m", "pandapack.cli.main", "push", str(file)]
        with subprocess.Popen(command, cwd=file.parent, env=env, stderr=subprocess.PIPE, text=True) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            over.set()
            assert process.stderr is not None
            printed = process.stderr.read()
        assert process.returncode == EXIT_INTERRUPTED, printed
        assert f"`panda push {file}` goes on where this stopped" in printed


@pytest.mark.parametrize(
    ("pause", "shown"),
    [
        (Wait(3.2, "rate_exceeded"), "waiting 4 s for the platform's rate"),
        (Wait(1.0, "unavailable"), "waiting 1 s: unavailable"),
        (Wait(0.2), "no answer; trying again in 1 s"),
    ],
)
def test_a_bar_that_stands_still_says_for_what_it_waits(pause: Wait, shown: str) -> None:
    assert waiting_for(pause) == shown
