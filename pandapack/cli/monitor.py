"""`panda monitor ADDRESS`: checks a log and the figures beside it, remembers what it saw, and names what is wrong."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pandapack.cli.failures import EXIT_USAGE, fail
from pandapack.cli.mirror import PAUSE_S, Address, Keys, Once, Pause, opened, repeat, told, trusted
from pandapack.cli.options import AsJson
from pandapack.contracts.tlog.cosignature import WitnessKey, WitnessPolicy
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.transparency.findings import Wrong
from pandapack.transparency.monitor import Monitor
from pandapack.transparency.sources import source_of

FIGURES_PAUSE_S = 0.5


def monitor(  # noqa: PLR0917 - typer makes options of them
    address: Address,
    once: Once = False,
    key: Keys = None,
    state: Annotated[
        Path | None, typer.Option(help="What it saw is kept there, as a mirror; without it, it forgets at its end.")
    ] = None,
    witness: Annotated[list[str] | None, typer.Option(help="A witness's public key; may be repeated.")] = None,
    quorum: Annotated[
        int | None, typer.Option(help="So many of these must have cosigned; all, where not said.")
    ] = None,
    pause_s: Pause = PAUSE_S,
    as_json: AsJson = False,
) -> None:
    """Check a log: signed, fresh, one with what was seen, well-formed, figures that follow. Exit 1 names a fault.

    For good, or --once; then exit 2 where there is no answer. Without --key the key of the first time is kept.
    """
    policy, source = _policy(witness or [], quorum), source_of(address)
    with ExitStack() as ends:
        folder = state or Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="panda-monitor-")))
        copy = opened(folder)
        made: list[Monitor] = []

        def look() -> None:
            if not made:
                trust = replace(trusted(key, copy, source), policy=policy)
                made.append(
                    Monitor(source, copy, trust, lambda: datetime.now(UTC), lambda: time.sleep(FIGURES_PAUSE_S))
                )
            found = made[0].look(told())
            typer.echo(json.dumps({"well": True, **found.as_json()}) if as_json else f"well: {found}")

        repeat(look, once=once, pause_s=pause_s, show=_show_json if as_json else None)


def _show_json(wrong: Wrong) -> None:
    finding = wrong.finding
    typer.echo(json.dumps({"well": False, "fault": finding.fault.value, "detail": finding.detail}))


def _policy(witnesses: list[str], quorum: int | None) -> WitnessPolicy:
    try:
        keys = tuple(WitnessKey.parse(text.strip()) for text in witnesses)
        return WitnessPolicy(keys, len(keys) if quorum is None else quorum)
    except Malformed as error:
        raise fail(f"--witness or --quorum: {error}", EXIT_USAGE) from error
