"""`panda chaos`: the bounded fault campaign. One seed is played twice, undisturbed (or once before) and with
faults all over.

What is killed or held still, and when, derives from the seed. Whatever died, the figures at the end must be the same,
the three laws must hold, and the audit must agree.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pandapack.cli.demo import BackgroundTask, Json, data_dir_of, layout_of, play
from pandapack.cli.demo_display import LAWS, Display
from pandapack.cli.failures import EXIT_INTERRUPTED, EXIT_USAGE, EXIT_WRONG, explained, fail
from pandapack.cli.options import AsJson
from pandapack.local.keys import SIGNING_PUBLIC_KEY_FILE
from pandapack.local.layout import SERVICES, Layout
from pandapack.local.stack import SERVICE_START_WAIT_S, Stack

DONATIONS = 100_000
FAULTS = 9
FAULTS_MAX = 100
SEED = 7
SERVERS = ("kafka", "mongod")
VICTIMS = (*SERVICES, *SERVERS)
GAP_S = (0.5, 2.0)
"""Between a recovery and the next fault."""
PAUSE_EVERY = 3
"""Each fault of this number is a pause, the others kill."""
PAUSE_S = (1.0, 4.0)
"""How long a victim is held still: longer than most waits for an answer, shorter than a session with Kafka."""
FAULT_S = 7
"""Donations come so slowly that a fault, its recovery and the gap before it fit into this many seconds."""
READY_WAIT_S = SERVICE_START_WAIT_S
"""What is struck starts again as slowly as it starts: that a machine is slow is no difference."""
AUDIT_PATIENCE_S, AUDIT_WAIT_S = 180.0, 600.0
"""What is on its way stands still for longer behind so many faults, on a slow machine: that is no difference."""
ASK_EVERY_S = 0.1
TIMES = ("elapsed_s", "donations_per_s")
AT_LEAST = ("duplicates",)
"""A push whose answer was lost is pushed again, so there may be more of these."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Who is struck, and how long after the recovery before. `pause_s`: held still for so long; 0: killed."""

    victim: str
    after_s: float
    pause_s: float

    @property
    def detail(self) -> str:
        """What it does."""
        return f"{self.victim} held still for {self.pause_s:.1f} s" if self.pause_s else f"kill -9 of {self.victim}"


@dataclass
class Campaign:
    """The faults of one run: what happened, what did not heal, and what the audit found at the end."""

    faults: list[Fault]
    report: Console
    happened: list[Json] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    """All is settled: no more faults, but the last one's recovery is awaited."""
    left: threading.Event = field(default_factory=threading.Event)
    """Ctrl-C or an error: nothing is awaited any more."""

    @contextmanager
    def background(self, stack: Stack) -> Iterator[None]:
        """Does its harm in a thread while the simulator plays; then the audit looks at what is left."""
        thread = threading.Thread(target=self._harm, args=(stack,), name="panda-chaos", daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            self.left.set()
            raise
        finally:
            self.over.set()
            thread.join()
        self.differences += audit_differences(stack)

    def _harm(self, stack: Stack) -> None:
        began_s = time.monotonic()
        for fault in self.faults:
            if self.over.wait(fault.after_s):
                return
            self._strike(stack, fault, began_s)

    def _strike(self, stack: Stack, fault: Fault, began_s: float) -> None:
        # What the fault before has drawn along with it may still be on its way back.
        if not self._healed(stack, fault.victim, None):
            self.differences.append(f"{fault.victim} was not ready within {READY_WAIT_S:.0f} s, before {fault.detail}")
            return
        struck_s = time.monotonic()
        struck = stack.supervisor.signal(fault.victim, signal.SIGSTOP if fault.pause_s else signal.SIGKILL)
        if fault.pause_s:
            try:
                self.left.wait(fault.pause_s)
            finally:
                stack.supervisor.signal(fault.victim, signal.SIGCONT)
        if not self._healed(stack, fault.victim, None if fault.pause_s else struck):
            self.differences.append(f"{fault.victim} was not ready within {READY_WAIT_S:.0f} s after {fault.detail}")
            return
        at_s, back_s = round(struck_s - began_s, 1), round(time.monotonic() - struck_s, 1)
        self.happened.append(
            {"victim": fault.victim, "pause_s": round(fault.pause_s, 1), "at_s": at_s, "ready_again_s": back_s}
        )
        self.report.print(f"after {at_s:.1f} s: {fault.detail}; ready again after {back_s:.1f} s", soft_wrap=True)

    def _healed(self, stack: Stack, victim: str, killed: int | None) -> bool:
        """Waits until the victim is ready in another process than the one that was killed; False: it never was."""
        until_s = time.monotonic() + READY_WAIT_S
        while time.monotonic() < until_s:
            if stack.supervisor.pid(victim) not in (None, killed) and stack.supervisor.is_ready(victim):
                return True
            if self.left.wait(ASK_EVERY_S):
                return False
        return False


def plan_faults(seed: int, count: int, victims: tuple[str, ...] = VICTIMS) -> list[Fault]:
    """The campaign of a seed: every victim is killed once before any is killed twice; pauses likewise."""
    dice = random.Random(seed)
    kills, pauses = _turns(dice, victims), _turns(dice, victims)
    faults = []
    for number in range(1, count + 1):
        is_pause = number % PAUSE_EVERY == 0
        victim = next(pauses if is_pause else kills)
        faults.append(Fault(victim, dice.uniform(*GAP_S), dice.uniform(*PAUSE_S) if is_pause else 0.0))
    return faults


def _turns(dice: random.Random, victims: tuple[str, ...]) -> Iterator[str]:
    while True:
        yield from dice.sample(victims, len(victims))


def victims_of(layout: Layout) -> tuple[str, ...]:
    """Who can be struck: existing servers belong to somebody else."""
    embedded = {"kafka": not layout.kafka, "mongod": not layout.mongo}
    return (*SERVICES, *(server for server in SERVERS if embedded[server]))


def differences(calm: Json, disturbed: Json) -> list[str]:
    """Each figure that faults have changed and each law that does not hold, a sentence each."""
    found = []
    for name, value in calm.items():
        other = disturbed[name]
        if name in TIMES or name in LAWS or (name in AT_LEAST and other >= value):
            continue
        if other != value:
            found.append(f"{name}: {value} undisturbed, {other} with faults")
    runs = (("undisturbed", calm), ("with faults", disturbed))
    return found + [f"{law}: broken {how}" for how, outcome in runs for law in LAWS if not outcome[law]]


def audit_differences(stack: Stack) -> list[str]:
    """What `panda audit` finds wrong in a running stack."""
    env = dict(os.environ) | {"PANDA_MONGO": stack.mongo}
    env |= {f"PANDA_{name.upper()}_URL": stack.addresses[name] for name in SERVICES}
    if namespace := stack.layout.service_env.get("PANDA_NAMESPACE"):
        env["PANDA_NAMESPACE"] = namespace
    key = stack.layout.data_dir / SIGNING_PUBLIC_KEY_FILE
    command = [sys.executable, "-m", "pandapack.cli.main", "audit", "--json", "--key", str(key)]
    command += ["--patience", str(AUDIT_PATIENCE_S)]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=AUDIT_WAIT_S, check=False)
    except subprocess.TimeoutExpired:
        return [f"the audit did not end within {AUDIT_WAIT_S:.0f} s"]
    try:
        audit: Json = json.loads(done.stdout)
    except ValueError:
        return [f"the audit could not be made: {done.stderr.strip()[-500:]}"]
    return [f"audit: {difference}" for difference in audit["differences"]]


def chaos(
    donations: Annotated[
        int, typer.Option(min=1, help="How many gifts; each run plays them to their end.")
    ] = DONATIONS,
    seed: Annotated[int, typer.Option(help="Of the programme and of the faults.")] = SEED,
    faults: Annotated[
        int, typer.Option(min=1, max=FAULTS_MAX, help="How many times something is killed or held still.")
    ] = FAULTS,
    undisturbed: Annotated[
        Path | None,
        typer.Option(
            help="What `panda demo --until-settled --json` printed of these gifts and seed: not played again."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Disturb what runs the programme again and again; compare with an undisturbed run. Exit 1: the ends differ."""
    console = Console(highlight=False, stderr=as_json)
    with explained():
        victims = victims_of(Layout.from_environment())
    campaign = Campaign(plan_faults(seed, faults, victims), console)
    calm = _run(console, donations, seed) if undisturbed is None else _end_in(undisturbed, donations)
    disturbed = _run(console, donations, seed, rate=rate_of(donations, faults), background=campaign.background)
    found = [*differences(calm, disturbed), *campaign.differences]
    if as_json:
        result = {"planned": faults, "faults": campaign.happened, "differences": found}
        typer.echo(json.dumps({**result, "undisturbed": calm, "outcome": disturbed}))
    else:
        for difference in found:
            typer.echo(f"DIFFERENCE {difference}", err=True)
        # Where the end came first (a very slow machine), fewer happened than were planned.
        typer.echo(f"{len(campaign.happened)} of {faults} faults, {len(found)} differences")
    if found or not campaign.happened:
        raise typer.Exit(EXIT_WRONG)


def _end_in(file: Path, donations: int) -> Json:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise fail(f"{file} cannot be read as JSON: {error}", EXIT_USAGE) from None
    if not isinstance(found, dict) or found.get("donations") != donations or not {*LAWS} <= {*found}:
        what = f"`panda demo --donations {donations} --until-settled --json`"
        raise fail(f"{file} is not what {what} prints: write that to it, with the same --seed", EXIT_USAGE)
    return found


def rate_of(donations: int, faults: int) -> int:
    """Donations a second, so that pushing lasts as long as the faults: the last one must not come after the end."""
    return max(1, donations // (faults * FAULT_S))


def _run(
    console: Console,
    donations: int,
    seed: int,
    *,
    rate: int | None = None,
    background: BackgroundTask = nullcontext,
) -> Json:
    """Plays it once, in a folder that is gone afterwards."""
    with explained(), data_dir_of(keep=False) as data_dir:
        display = Display(console, time.monotonic(), donations)
        layout = layout_of(data_dir)
        outcome = play(console, display, layout, seed, until_settled=True, rate=rate, background=background)
    if outcome is None:
        raise typer.Exit(EXIT_INTERRUPTED)
    return outcome
