"""`panda chaos`: the bounded fault campaign. One seed is played twice, undisturbed and with `kill -9` all over.

What is killed when derives from the seed. Whatever died, the figures at the end must be the same, the three laws must
hold, and the audit must agree.
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
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console

from pandapack.cli.demo import LAWS, Json, Show, data_dir_of, layout_of, play
from pandapack.cli.stack import EXIT_INTERRUPTED, EXIT_WRONG, explained
from pandapack.local.stack import SERVICES, Stack

DONATIONS = 100_000
FAULTS = 6
FAULTS_MAX = 100
SEED = 7
VICTIMS = (*SERVICES, "kafka", "mongod")
PAUSE_S = (1.0, 3.0)
"""Between a recovery and the next fault."""
READY_WAIT_S = 60.0
ASK_EVERY_S = 0.1
TIMES = ("elapsed_s", "donations_per_s")
AT_LEAST = ("duplicates",)
"""A push whose answer was lost is pushed again, so there may be more of these."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is killed, and how long after the recovery before."""

    victim: str
    after_s: float


@dataclass
class Campaign:
    """The faults of one run: what happened, and what the audit found at the end."""

    faults: list[Fault]
    report: Console
    happened: list[Json] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @contextmanager
    def beside(self, stack: Stack) -> Iterator[None]:
        """Does its harm in a thread while the simulator plays; then the audit looks at what is left."""
        over = threading.Event()
        thread = threading.Thread(target=self._harm, args=(stack, over), name="panda-chaos", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        self.differences += audited(stack)

    def _harm(self, stack: Stack, over: threading.Event) -> None:
        for fault in self.faults:
            if over.wait(fault.after_s):
                return
            pid = stack.supervisor.pid(fault.victim)
            if pid is None:
                continue  # it is being started anew already
            os.kill(pid, signal.SIGKILL)
            began_s = time.monotonic()
            self._await_ready(stack, fault.victim, pid)
            back_s = round(time.monotonic() - began_s, 1)
            self.happened.append({"killed": fault.victim, "ready_again_s": back_s})
            self.report.print(f"killed {fault.victim}; ready again after {back_s} s")

    @staticmethod
    def _await_ready(stack: Stack, victim: str, killed: int) -> None:
        until_s = time.monotonic() + READY_WAIT_S
        while time.monotonic() < until_s:
            status = next(one for one in stack.supervisor.statuses() if one.name == victim)
            if status.ready and status.pid not in (None, killed):
                return
            time.sleep(ASK_EVERY_S)


def faults_of(seed: int, count: int) -> list[Fault]:
    """The campaign of a seed: every victim once before any comes twice."""
    dice = random.Random(seed)
    victims: list[str] = []
    while len(victims) < count:
        victims += dice.sample(VICTIMS, len(VICTIMS))
    return [Fault(victim, dice.uniform(*PAUSE_S)) for victim in victims[:count]]


def differences(calm: Json, disturbed: Json) -> list[str]:
    """Each figure that faults have changed, in words."""
    found = []
    for name, value in calm.items():
        other = disturbed[name]
        if name in TIMES or (name in AT_LEAST and other >= value):
            continue
        if other != value:
            found.append(f"{name}: {value} undisturbed, {other} with faults")
    return found


def audited(stack: Stack) -> list[str]:
    """What `panda audit` finds wrong in a running stack."""
    env = dict(os.environ) | {"PANDA_MONGO": stack.mongo}
    env |= {f"PANDA_{name.upper()}_URL": stack.addresses[name] for name in SERVICES}
    if namespace := stack.layout.service_env.get("PANDA_NAMESPACE"):
        env["PANDA_NAMESPACE"] = namespace
    command = [sys.executable, "-m", "pandapack.cli.main", "audit", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    try:
        told: Json = json.loads(done.stdout)
    except ValueError:
        return [f"the audit could not be made: {done.stderr.strip()[-500:]}"]
    return [f"audit: {one}" for one in told["differences"]]


def chaos(
    donations: Annotated[
        int, typer.Option(min=1, help="How many gifts; each run plays them to their end.")
    ] = DONATIONS,
    seed: Annotated[int, typer.Option(help="Of the programme and of the faults.")] = SEED,
    faults: Annotated[int, typer.Option(min=1, max=FAULTS_MAX, help="How many times something is killed.")] = FAULTS,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")] = False,
) -> None:
    """Kill what runs the programme again and again; compare the end with an undisturbed run. Exit 1: it differs."""
    console = Console(highlight=False, stderr=json_)
    campaign = Campaign(faults_of(seed, faults), console)
    calm = _run(console, donations, seed, None)
    disturbed = _run(console, donations, seed, campaign)
    found = [*differences(calm, disturbed), *campaign.differences]
    found += [f"{law}: broken" for law in LAWS if not disturbed[law]]
    if json_:
        typer.echo(json.dumps({"faults": campaign.happened, "differences": found, "outcome": disturbed}))
    else:
        for difference in found:
            typer.echo(f"DIFFERENCE {difference}", err=True)
        typer.echo(f"{len(campaign.happened)} faults, {len(found)} differences")
    if found or not campaign.happened:
        raise typer.Exit(EXIT_WRONG)


def _run(console: Console, donations: int, seed: int, campaign: Campaign | None) -> dict[str, Any]:
    more = {} if campaign is None else {"beside": campaign.beside}
    with explained(), data_dir_of(keep=False) as data_dir:
        show = Show(console, time.monotonic(), donations)
        layout = layout_of(data_dir, donations, until_settled=True)
        outcome = play(console, show, layout, seed, until_settled=True, **more)
    if outcome is None:
        raise typer.Exit(EXIT_INTERRUPTED)
    return outcome
