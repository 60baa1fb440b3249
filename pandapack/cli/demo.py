"""`panda demo`: the whole chain with a simulated programme, played through the public APIs by a program of its own."""

from __future__ import annotations

import json
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from pandapack.cli.console import jar_progress, print_addresses, print_line
from pandapack.cli.demo_display import ASK_EVERY_S, FIGURES, LAWS, Display
from pandapack.cli.facts import donations_at
from pandapack.cli.failures import EXIT_INTERRUPTED, EXIT_WRONG, explained
from pandapack.cli.stack import stopped_by_signals
from pandapack.local import child as trampoline
from pandapack.local.errors import AlreadyRunning, ChildFailed
from pandapack.local.keys import KEYS_FILE
from pandapack.local.layout import DATA_DIR, SERVICES, Layout
from pandapack.local.private import make_private_folder, open_private, write_private
from pandapack.local.running import DEMO_FOLDER, holder_of
from pandapack.local.stack import Stack
from pandapack.local.supervisor import log_tail

SEED = 1
PLATFORM = "demo"
SCALE = 1_000
STORY_BEGINS = datetime(2019, 2, 1, tzinfo=UTC) - timedelta(hours=8)  # midnight in Asia/Shanghai
BEFORE_STORY = timedelta(days=1)
"""So long before it the clock runs as usual, until the story sets it."""
CLOCK_FILE = "clock.jsonl"
ACCEPT_DAYS = 36_500
REPORT_TOLERANCE_HOURS = 24 * 366 * 10
"""Journeys of months are told within minutes here, as fast as they are taken: their times lie ahead of the clock."""
ANSWER_WAIT_S = 10.0
ANSWER_WAIT_S_MAX = 60.0
SIMULATOR_STOP_WAIT_S = 10.0
STANDSTILL_S_MAX = 120.0
"""Where an end is waited for and nothing has moved for so long, something is wrong: it is told, and all is stopped."""
Json = dict[str, Any]
BackgroundTask = Callable[[Stack], AbstractContextManager[object]]
"""What runs in the background of the simulator, given the running stack; left while the stack still runs."""
Scale = Annotated[
    int | None, typer.Option(min=1, help=f"1:SCALE of the programme that was published. [default: {SCALE}]")
]
Donations = Annotated[int | None, typer.Option(min=1, help="The same by the number of gifts, of 2.6 billion.")]
Seed = Annotated[int, typer.Option(help="Another seed is another story; the same seed always tells the same one.")]
UntilSettled = Annotated[
    bool,
    typer.Option("--until-settled", help="Push as fast as possible, play all to its end, print the totals, stop."),
]
Stay = Annotated[
    bool,
    typer.Option("--stay", help="At the end of the three years leave all as it is, to be looked at: no gifts of now."),
]
OutcomeAsJson = Annotated[bool, typer.Option("--json", help="With --until-settled: one JSON object on stdout.")]


def demo(
    scale: Scale = None,
    donations: Donations = None,
    seed: Seed = SEED,
    until_settled: UntilSettled = False,
    stay: Stay = False,
    as_json: OutcomeAsJson = False,
) -> None:
    """Play the programme's three years, then gifts of now; Ctrl-C stops. With --until-settled exit 0 if laws hold."""
    if as_json and not until_settled:
        raise typer.BadParameter("goes with --until-settled", param_hint="--json")
    if stay and until_settled:
        raise typer.BadParameter("does not go with --until-settled, which stops all", param_hint="--stay")
    if scale is not None and donations is not None:
        raise typer.BadParameter("says what --donations says: name one of them", param_hint="--scale")
    count = donations if donations is not None else donations_at(scale or SCALE)
    console = Console(highlight=False, stderr=as_json)
    display = Display(console, time.monotonic(), count)
    with explained(), data_dir_of(keep=not until_settled) as data_dir:
        outcome = play(console, display, layout_of(data_dir), seed, until_settled=until_settled, stay=stay)
        if outcome is None:
            print_line(console, how_to_resume(count, seed, until_settled=until_settled))
    if until_settled:
        if outcome is None:
            raise typer.Exit(EXIT_INTERRUPTED)
        if as_json:
            typer.echo(json.dumps(outcome))
        else:
            display.show_outcome(outcome)
        if not all(outcome[law] for law in LAWS):
            raise typer.Exit(EXIT_WRONG)


def how_to_resume(donations: int, seed: int, *, until_settled: bool) -> str:
    """What to do after Ctrl-C: a demonstration does not go on where it stopped, it is told again."""
    command = f"panda demo --seed {seed}" + (f" --donations {donations}" if donations != donations_at(SCALE) else "")
    command += " --until-settled" if until_settled else ""
    return f"a demonstration always begins at its beginning: `{command}` tells the same story again"


QUIET_S = "1"
"""Its gifts are nobody's, so the public log need not hold a lone one until others have come."""


def layout_of(data_dir: Path) -> Layout:
    """This demonstration's stack: as the environment says, with empty data and the story's clock."""
    # Existing servers may hold whatever else: there it plays in a namespace of its own.
    elsewhere = os.environ.get("PANDA_KAFKA") or os.environ.get("PANDA_MONGO")
    env = {
        "PANDA_ACCEPT_DAYS": str(ACCEPT_DAYS),
        "PANDA_REPORT_TOLERANCE_HOURS": str(REPORT_TOLERANCE_HOURS),
        "PANDA_LOG_QUIET_S": QUIET_S,
        "PANDA_DEMONSTRATION": "true",
        "PANDA_CLOCK_EPOCH": datetime.now(UTC).isoformat(),
        "PANDA_CLOCK_START": (STORY_BEGINS - BEFORE_STORY).isoformat(),
        "PANDA_CLOCK_FILE": str(clock_file_of(data_dir)),
        **({"PANDA_NAMESPACE": f"demo-{secrets.token_hex(4)}"} if elsewhere else {}),
    }
    return replace(Layout.from_environment(data_dir=data_dir, service_env=env), keep_data=False, platform=PLATFORM)


def clock_file_of(data_dir: Path) -> Path:
    """Where the simulator sets the clock, and the services look."""
    return data_dir.resolve() / CLOCK_FILE


@contextmanager
def data_dir_of(*, keep: bool) -> Iterator[Path]:
    """An empty folder: where other commands find a running demonstration, or (not kept) one that is gone at the end."""
    make_private_folder(DATA_DIR)
    if not keep:
        with tempfile.TemporaryDirectory(prefix="demo-", dir=DATA_DIR, ignore_cleanup_errors=True) as passing:
            yield Path(passing)
        return
    folder = DATA_DIR / DEMO_FOLDER
    if holder := holder_of(folder):
        detail = f"a demonstration is running here already (pid {holder.pid}, since {holder.since})"
        raise AlreadyRunning(detail, "Stop it with Ctrl-C, or: panda down")
    shutil.rmtree(folder, ignore_errors=True)
    yield folder


def play(
    console: Console,
    display: Display,
    layout: Layout,
    seed: int,
    *,
    until_settled: bool,
    stay: bool = False,
    rate: int | None = None,
    background: BackgroundTask = nullcontext,
) -> Json | None:
    """Runs all; the totals at the end, None where Ctrl-C came first. `background` runs while the simulator plays.

    rate: how many gifts a second; None is as fast as they are accepted.
    """
    with jar_progress(console) as progress:
        stack = Stack(layout, report=partial(print_line, console), progress=progress)
        with stopped_by_signals(stack):
            try:
                clock = clock_file_of(layout.data_dir)
                arguments = _simulator_arguments(display.donations, seed, rate, clock)
                arguments += ["--until-settled"] * until_settled + ["--stay"] * stay
                with stack, background(stack), _simulator(stack, arguments) as simulator:
                    keys_file = str(layout.data_dir / KEYS_FILE)
                    print_addresses(console, stack.addresses, keys_file, "Ctrl-C stops everything")
                    standstill = Standstill(simulator.log_file.parent) if until_settled else None
                    return _watch(simulator, TotalsReader(stack.addresses["reporting"]), display, standstill)
            except KeyboardInterrupt:
                console.print("stopped everything")
    return None


@dataclass
class Simulator:
    """The running simulator: each line that it prints comes into `lines`, and None once it has ended."""

    process: subprocess.Popen[str]
    log_file: Path
    lines: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)

    def read_lines(self) -> None:
        """Until it has ended; runs in a thread."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)


def _simulator_arguments(donations: int, seed: int, rate: int | None, clock: Path) -> list[str]:
    """Its command line, without where the services are."""
    arguments = ["--seed", str(seed), "--donations", str(donations), "--clock-file", str(clock)]
    return arguments + (["--rate", str(rate)] if rate is not None else [])


@contextmanager
def _simulator(stack: Stack, arguments: Sequence[str]) -> Iterator[Simulator]:
    """Starts it as a child that ends with this process, even at kill -9; ends it at the end."""
    folder = Path(stack.layout.data_dir).resolve()
    site = folder / "site.json"
    urls = {name: stack.addresses[name] for name in SERVICES}
    write_private(site, json.dumps({"urls": urls, "keys": stack.keys}))
    tied = [sys.executable, "-I", "-S", str(trampoline.__file__), str(os.getpid())]
    log_file = folder / "logs" / "simulator.log"
    with (
        open_private(log_file, "w") as log,
        subprocess.Popen(
            [*tied, sys.executable, "-m", "simulator", "--site", str(site), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C reaches only this process, which then stops all in order
        ) as process,
    ):
        simulator = Simulator(process, log_file)
        threading.Thread(target=simulator.read_lines, name="panda-simulator", daemon=True).start()
        try:
            yield simulator
        finally:
            process.terminate()
            try:
                process.wait(SIMULATOR_STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()


class TotalsReader:
    """Reads what reporting shows."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=ANSWER_WAIT_S, trust_env=False)

    def await_answer(self, path: str) -> Json:
        """Asks until there is an answer. Raises ChildFailed where there is none for long."""
        began_s = time.monotonic()
        while (answer := self.read(path)) is None:
            if time.monotonic() - began_s > ANSWER_WAIT_S_MAX:
                raise ChildFailed(f"reporting did not answer {path}", "Look into its log")
            time.sleep(ASK_EVERY_S)
        return answer

    def read(self, path: str = "/v1/totals") -> Json | None:
        """None while reporting does not answer: it is being started anew."""
        try:
            answer = self._client.get(path)
        except httpx.TransportError:
            return None
        if not answer.is_success:
            return None
        body: Json = answer.json()
        return body


@dataclass
class Standstill:
    """Knows for how long nothing has moved. `logs`: the folder of all logs."""

    logs: Path
    since_s: float = field(default_factory=time.monotonic)
    figures: Json | None = None

    def look(self, pulse: Json, totals: Json | None) -> None:
        """Raises ChildFailed, with the ends of all logs, where nothing has moved for `STANDSTILL_S_MAX`."""
        figures = {name: totals[name] for name in FIGURES} if totals else {}
        now_s = time.monotonic()
        if pulse | figures != self.figures:
            self.figures, self.since_s = pulse | figures, now_s
        elif now_s - self.since_s > STANDSTILL_S_MAX:
            ends = [f"{log.name}:\n" + "\n".join(log_tail(log)) for log in sorted(self.logs.glob("*.log"))]
            detail = f"nothing has moved for {STANDSTILL_S_MAX:.0f} s, in the phase {pulse['phase']}: {self.figures}"
            raise ChildFailed(detail, "The logs end so:\n" + "\n".join(ends))


def _watch(simulator: Simulator, totals: TotalsReader, display: Display, standstill: Standstill | None) -> Json:
    """Shows how it goes, until the simulator reports that all is settled.

    Raises ChildFailed where it ends before, or (with a `standstill`) where nothing moves any more.
    """
    while True:
        try:
            line = simulator.lines.get(timeout=ASK_EVERY_S)
        except queue.Empty:
            if display.wants_more_readings:
                display.read(totals.read())
            continue
        if line is None:
            tail = "\n".join(log_tail(simulator.log_file))
            raise ChildFailed("the simulator ended", f"Its log is {simulator.log_file} and ends so:\n{tail}")
        message: Json = json.loads(line)
        now = totals.read()
        display.read(now)
        if "settled" in message and standstill is not None:
            indicators = totals.await_answer("/v1/totals/indicator")["items"]
            return display.outcome(
                totals.await_answer("/v1/totals"), totals.await_answer("/v1/conservation"), indicators
            )
        if "settled" in message:
            display.show_facts(totals.await_answer("/v1/totals"), totals.await_answer("/v1/totals/indicator")["items"])
            continue
        display.pulse(message["pulse"], now)
        if standstill is not None:
            standstill.look(message["pulse"], now)
