"""`panda up`, `panda down`: the embedded stack on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from pandapack.cli.console import jar_progress, print_addresses, print_line
from pandapack.cli.failures import EXIT_INTERRUPTED, explained, fail
from pandapack.cli.status import nothing_runs
from pandapack.local.errors import AlreadyRunning
from pandapack.local.kafka_jars import kafka_classpath
from pandapack.local.layout import DATA_DIR, Layout
from pandapack.local.private import make_private_folder, open_private
from pandapack.local.running import Running, holder_of, read_note, running_in
from pandapack.local.stack import Stack
from pandapack.local.supervisor import log_tail

# As long as a slow line may need for Kafka's jars, and then all for their start.
DETACH_WAIT_S = 300.0
# Services, then servers, each with its own wait before it is killed.
DOWN_WAIT_S = 60.0
ASK_EVERY_S = 0.1

ServersOnly = Annotated[bool, typer.Option("--servers-only", help="Kafka and MongoDB without the services.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return once all is ready; stop it by `panda down`.")]


def up(detach: Detach = False, servers_only: ServersOnly = False) -> None:
    """Start Kafka, MongoDB and the four services; Ctrl-C stops them."""
    console = Console(highlight=False)
    with explained():
        layout = Layout.from_environment(with_services=not servers_only)
        if detach:
            _up_detached(console, layout, servers_only)
        else:
            up_in_foreground(console, layout)


def down() -> None:
    """Stop the stack or the demonstration that runs in this folder."""
    found = running_in(DATA_DIR)
    if not found:
        typer.echo(nothing_runs())
    for running in found:
        _stop(running)


@contextmanager
def stopped_by_signals(stack: Stack) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal raise KeyboardInterrupt once; the next kills what still stops."""
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            stack.supervisor.hurry()
            return
        interrupted = True
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def up_in_foreground(console: Console, layout: Layout) -> None:
    """Run this stack until Ctrl-C or SIGTERM; exit status 130 if that came before all was ready."""
    is_up = False
    with jar_progress(console) as progress:
        stack = Stack(layout, report=partial(print_line, console), progress=progress)
        with stopped_by_signals(stack):
            try:
                with stack:
                    is_up = True
                    note = read_note(layout.data_dir) or {}
                    print_addresses(console, stack.addresses, note.get("keys", ""), "Ctrl-C stops everything")
                    while True:
                        signal.pause()
            except KeyboardInterrupt:
                console.print("stopped everything; `panda up` goes on with the same data", soft_wrap=True)
    if not is_up:
        raise typer.Exit(EXIT_INTERRUPTED)


def _up_detached(console: Console, layout: Layout, servers_only: bool) -> None:
    """The same `up`, in the background: this process only waits until it is ready."""
    if holder := holder_of(layout.data_dir):
        raise AlreadyRunning(
            f"a stack is running already (pid {holder.pid}, since {holder.since})", "Stop it with: panda down"
        )
    if not layout.kafka:
        with jar_progress(console) as progress:
            kafka_classpath(progress=progress)  # here, where it can be watched
    log_file = layout.data_dir / "logs" / "panda.log"
    process = _start_in_background(log_file, servers_only)
    begun_s = time.monotonic()
    try:
        while not ((note := read_note(layout.data_dir)) and note["pid"] == process.pid):
            if process.poll() is not None:
                raise fail("\n".join(["the stack did not start:", *log_tail(log_file, 40)]))
            if time.monotonic() - begun_s > DETACH_WAIT_S:
                process.terminate()
                raise fail(f"the stack was not ready within {DETACH_WAIT_S:.0f} s; its log is {log_file}")
            time.sleep(ASK_EVERY_S)
    except KeyboardInterrupt:
        process.terminate()
        process.wait(DOWN_WAIT_S)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    print_addresses(console, note["addresses"], note["keys"], "panda down stops everything")


def _start_in_background(log_file: Path, servers_only: bool) -> subprocess.Popen[bytes]:
    make_private_folder(log_file.parent)
    command = [
        sys.executable,
        "-m",
        "pandapack.cli.main",
        "up",
        *(["--servers-only"] if servers_only else []),
    ]
    with open_private(log_file, "wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _stop(running: Running) -> None:
    """SIGTERM, and wait until it has let go of its folder."""
    holder = running.holder
    typer.echo(f"stopping the {running.what} (pid {holder.pid}, since {holder.since})")
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise fail(f"process {holder.pid} belongs to somebody else") from error
    begun_s = time.monotonic()
    while (now := holder_of(running.data_dir)) and now.pid == holder.pid:
        if time.monotonic() - begun_s > DOWN_WAIT_S:
            raise fail(f"pid {holder.pid} still runs after {DOWN_WAIT_S:.0f} s; kill -9 {holder.pid} ends all of it")
        time.sleep(ASK_EVERY_S)
    typer.echo("stopped")
