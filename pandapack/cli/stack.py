"""`panda up`, `down`, `status`, `doctor`: the embedded stack on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from pandapack.local import doctor as physician
from pandapack.local.errors import AlreadyRunning, LocalError
from pandapack.local.kafka_jars import Progress as JarProgress
from pandapack.local.kafka_jars import kafka_classpath
from pandapack.local.running import Running, holder_of, read_note, running_in
from pandapack.local.stack import (
    DATA_DIR,
    SERVICES,
    Layout,
    Stack,
    answers_200,
    check_existing_kafka,
    check_existing_mongo,
)
from pandapack.local.supervisor import log_tail

# As long as a slow line may need for Kafka's jars, and then all for their start.
DETACH_WAIT_S = 300.0
# Services, then servers, each with its own wait before it is killed.
DOWN_WAIT_S = 60.0
ASK_EVERY_S = 0.1
PLAIN_PROGRESS_EVERY = 10
EXIT_WRONG = 1
EXIT_INTERRUPTED = 130
NOTHING_RUNS = "no stack and no demonstration is running in"
MARKS = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "wrong": "[red]wrong  [/]"}

app = typer.Typer(help="The embedded stack: Kafka, MongoDB and the four services on this machine.")

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")]
ServersOnly = Annotated[bool, typer.Option("--servers-only", help="Kafka and MongoDB without the services.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return once all is ready; stop it by `panda down`.")]


@app.command()
def up(detach: Detach = False, servers_only: ServersOnly = False) -> None:
    """Start Kafka, MongoDB and the four services; Ctrl-C stops them."""
    console = Console(highlight=False)
    with explained():
        layout = Layout.from_environment(with_services=not servers_only)
        if detach:
            _up_detached(console, layout, servers_only)
        else:
            up_in_foreground(console, layout)


@app.command()
def down() -> None:
    """Stop the stack or the demonstration that runs in this folder."""
    found = running_in(DATA_DIR)
    if not found:
        typer.echo(f"{NOTHING_RUNS} {DATA_DIR.resolve()}")
    for running in found:
        _stop(running)


@app.command()
def status(as_json: Json = False) -> None:
    """Say what runs in this folder, stack or demonstration, and whether it is ready; exit 0 only if all of it is."""
    first, *others = [_told(running) for running in running_in(DATA_DIR)] or [_told(None)]
    if as_json:
        typer.echo(json.dumps({**first, "also": others}, indent=2))
    else:
        for told in (first, *others):
            _print_told(told)
    if not all(told["ready"] and all(told["ready"].values()) for told in (first, *others)):
        raise typer.Exit(EXIT_WRONG)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look for what would keep the stack from running and say how to mend it; exit 1 if there is any."""
    with explained():
        found = physician.examine(Layout.from_environment())
    well = all(finding.level != "wrong" for finding in found)
    if as_json:
        typer.echo(json.dumps({"well": well, "findings": [asdict(finding) for finding in found]}, indent=2))
    else:
        console = Console(highlight=False)
        for finding in found:
            line = f"{MARKS[finding.level]} {finding.name}: {escape(finding.says)}"
            console.print(line, soft_wrap=True)
            if finding.mend:
                console.print(f"        [dim]{escape(finding.mend)}[/]", soft_wrap=True)
    if not well:
        raise typer.Exit(EXIT_WRONG)


@contextmanager
def explained() -> Iterator[None]:
    """Turn a LocalError into its two lines on stderr and exit status 1."""
    try:
        yield
    except LocalError as error:
        _fail(f"{error.says}\n{error.mend}" if error.mend else error.says)


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


@contextmanager
def jar_progress(console: Console) -> Iterator[JarProgress]:
    """Shows jars coming in: a bar on a terminal, a line now and then elsewhere; nothing if none comes."""
    if not console.is_terminal:

        def say(done: int, total: int, name: str) -> None:
            if done == total or done % PLAIN_PROGRESS_EVERY == 0:
                console.print(f"fetching Kafka: {done} of {total} jars")

        yield say
        return
    columns = (
        TextColumn("fetching Kafka"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("", total=None)

    def draw(done: int, total: int, name: str) -> None:
        bar.start()
        bar.update(task, completed=done, total=total, description=escape(name))

    try:
        yield draw
    finally:
        bar.stop()


def print_addresses(console: Console, addresses: dict[str, str], keys_file: str, closing: str) -> None:
    """The one box that tells where everything is."""
    table = Table(box=None, show_header=False, pad_edge=False)
    first = ("page", "operations")
    for name in (*first, *(name for name in addresses if name not in first)):
        if name in addresses:
            table.add_row(f"[bold]{name}[/]", escape(addresses[name]))
    table.add_row("[bold]keys[/]", escape(keys_file))
    console.print(Panel(table, title="Panda Pack", subtitle=closing, expand=False))


def up_in_foreground(console: Console, layout: Layout) -> None:
    """Run this stack until Ctrl-C or SIGTERM; exit status 130 if that came before all was ready."""
    is_up = False
    with jar_progress(console) as progress:
        stack = Stack(layout, report=partial(_say, console), progress=progress)
        with stopped_by_signals(stack):
            try:
                with stack:
                    is_up = True
                    note = read_note(layout.data_dir) or {}
                    print_addresses(console, stack.addresses, note.get("keys", ""), "Ctrl-C stops everything")
                    while True:
                        signal.pause()
            except KeyboardInterrupt:
                console.print("stopped everything")
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
                _fail("\n".join(["the stack did not start:", *log_tail(log_file, 40)]))
            if time.monotonic() - begun_s > DETACH_WAIT_S:
                process.terminate()
                _fail(f"the stack was not ready within {DETACH_WAIT_S:.0f} s; its log is {log_file}")
            time.sleep(ASK_EVERY_S)
    except KeyboardInterrupt:
        process.terminate()
        process.wait(DOWN_WAIT_S)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    print_addresses(console, note["addresses"], note["keys"], "panda down stops everything")


def _start_in_background(log_file: Path, servers_only: bool) -> subprocess.Popen[bytes]:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pandapack.cli.stack",
        "up",
        *(["--servers-only"] if servers_only else []),
    ]
    with log_file.open("wb") as log:
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
    except PermissionError:
        _fail(f"process {holder.pid} belongs to somebody else")
    begun_s = time.monotonic()
    while (now := holder_of(running.data_dir)) and now.pid == holder.pid:
        if time.monotonic() - begun_s > DOWN_WAIT_S:
            _fail(f"pid {holder.pid} still runs after {DOWN_WAIT_S:.0f} s; kill -9 {holder.pid} ends all of it")
        time.sleep(ASK_EVERY_S)
    typer.echo("stopped")


def _told(running: Running | None) -> dict[str, Any]:
    """What `status` tells of one that runs, or of none."""
    note = read_note(running.data_dir) if running else None
    return {
        "running": running is not None,
        "what": running.what if running else None,
        "starting_or_stopping": running is not None and note is None,
        "pid": running.holder.pid if running else None,
        "since": running.holder.since if running else None,
        "addresses": note["addresses"] if note else {},
        "children": note["children"] if note else {},
        "ready": _readiness(note["addresses"]) if note else {},
    }


def _print_told(told: dict[str, Any]) -> None:
    if not told["running"]:
        typer.echo(f"{NOTHING_RUNS} {DATA_DIR.resolve()}")
        return
    does = "starting or stopping" if told["starting_or_stopping"] else "running"
    typer.echo(f"a {told['what']} is {does} (pid {told['pid']}, since {told['since']})")
    for name, is_ready in told["ready"].items():
        typer.echo(f"  {name:<12}{'ready' if is_ready else 'NOT READY':<11}{told['addresses'][name]}")


def _readiness(addresses: dict[str, str]) -> dict[str, bool]:
    ready = {name: answers_200(f"{addresses[name]}/readyz") for name in SERVICES if name in addresses}
    return {
        "kafka": _answers(check_existing_kafka, addresses["kafka"]),
        "mongo": _answers(check_existing_mongo, addresses["mongo"]),
    } | ready


def _answers(check: Any, address: str) -> bool:
    try:
        check(address)
    except LocalError:
        return False
    return True


def _say(console: Console, line: str) -> None:
    console.print(escape(line), soft_wrap=True)


def _fail(says: str) -> Any:
    Console(stderr=True, highlight=False).print(f"[red]panda:[/] {escape(says)}", soft_wrap=True)
    raise typer.Exit(EXIT_WRONG)


if __name__ == "__main__":
    app()
