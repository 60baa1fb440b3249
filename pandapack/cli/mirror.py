"""`panda mirror ADDRESS FOLDER`: keeps a copy of a log that any static server can serve."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pandapack.cli.failures import EXIT_UNREACHABLE, EXIT_USAGE, EXIT_WRONG, fail
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import VerifierKey
from pandapack.transparency.copies import LogCopy, Progress
from pandapack.transparency.findings import Wrong
from pandapack.transparency.sources import Source, Unanswered, source_of
from pandapack.transparency.trust import Trust, is_ahead, judge_time, served_key, signed_checkpoint

PAUSE_S = 10.0
TOLD_EVERY = 32 * 1024
"""Entries between two lines of progress."""

Address = Annotated[str, typer.Argument(help="Where the log is: what stands before /log/, or a mirror's folder.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", help="The log's public key that you trust; repeated while a log changes its key."),
]
Once = Annotated[bool, typer.Option("--once", help="Once, and not for good.")]
Pause = Annotated[float, typer.Option("--pause-s", min=0.1, help="Seconds between two looks.")]


def mirror(
    address: Address,
    folder: Annotated[Path, typer.Argument(help="Where the copy is kept: serve it as it is.")],
    once: Once = False,
    key: Keys = None,
    pause_s: Pause = PAUSE_S,
) -> None:
    """Keep a copy of a log at the paths of its addresses; Ctrl-C stops. Exit 1 names what was wrong with the log.

    Nothing is taken that does not lead to the root that is signed. Without --key the key of the first time is kept.
    """
    source, copy = source_of(address), opened(folder)

    def once_more() -> None:
        trust = trusted(key, copy, source)
        signed = signed_checkpoint(source, trust.keys)
        judge_time(source, signed.checkpoint, datetime.now(UTC))
        before = copy.size
        if is_ahead(copy, signed):
            copy.keep_key(signed.signers[0].text)
            copy.extend(source, signed, told())
        typer.echo(f"{folder}: {copy.size} entries ({copy.size - before} new), root {copy.edge.root.hex()}")

    repeat(once_more, once=once, pause_s=pause_s)


def opened(folder: Path) -> LogCopy:
    """The copy in a folder. Ends the command where it is damaged."""
    try:
        return LogCopy.open(folder)
    except Wrong as wrong:
        raise fail(str(wrong.finding)) from wrong


def trusted(given: list[str] | None, copy: LogCopy, source: Source) -> Trust:
    """The keys that are given, or that of the first time. Ends the command for what is no key.

    Raises Wrong, Unanswered.
    """
    texts = given or ([copy.key] if copy.key else [])
    try:
        keys = tuple(VerifierKey.parse(text.strip()) for text in texts)
    except Malformed as error:
        raise fail(f"--key: {error}", EXIT_USAGE) from error
    if not keys:
        keys = (served_key(source),)
        typer.echo(f"trusted from now on, since no --key was given: {keys[0].text}", err=True)
        copy.keep_key(keys[0].text)
    if len({one.name for one in keys}) > 1:
        raise fail("--key: all keys are of one log, and have its name", EXIT_USAGE)
    return Trust(keys)


def told() -> Progress:
    """Says on stderr how far a long copy has come."""
    last = [0]

    def tell(done: int, all: int) -> None:
        if done - last[0] >= TOLD_EVERY:
            last[0] = done
            typer.echo(f"{done} of {all} entries", err=True)

    return tell


def repeat(
    work: Callable[[], None], *, once: bool, pause_s: float, show: Callable[[Wrong], None] | None = None
) -> None:
    """Once, or again and again. Exit 1 for what is wrong; where there is no answer, exit 2, or the next try."""
    while True:
        try:
            work()
        except Wrong as wrong:
            if show is not None:
                show(wrong)
                raise typer.Exit(EXIT_WRONG) from wrong
            raise fail(str(wrong.finding)) from wrong
        except Unanswered as error:
            if once:
                raise fail(str(error), EXIT_UNREACHABLE) from error
            typer.echo(str(error), err=True)
        except KeyboardInterrupt:
            return
        if once:
            return
        try:
            time.sleep(pause_s)
        except KeyboardInterrupt:
            return
