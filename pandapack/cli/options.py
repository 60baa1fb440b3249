"""Options that several commands have, and those that the table of commands gives to many: `--url` and `--watch`."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import wraps
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")]
DonationDay = Annotated[str, typer.Option(help="The day on which the order completed, YYYY-MM-DD in Asia/Shanghai.")]

WATCH_EVERY_S = 2.0
"""As often as somebody who looks on sees anything new: services are asked by each look."""
CLEARED = "\x1b[H\x1b[2J"

_URL: ContextVar[str] = ContextVar("url", default="")


def _address(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise typer.BadParameter("an address begins with http:// or https://")
    return value.rstrip("/")


Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="PANDA_URL",
        metavar="ADDRESS",
        show_default=False,
        show_envvar=False,
        callback=_address,
        help="Reporting's address, of an installation elsewhere: it names the others. The key is in PANDA_KEY.",
    ),
]
Watch = Annotated[
    bool,
    typer.Option(
        "--watch",
        show_default=False,
        help=f"Look again every {WATCH_EVERY_S:.0f} s until Ctrl-C; the exit status is the last look's.",
    ),
]
Command = Callable[..., Any]


def chosen_url() -> str:
    """What `--url` of the running command says, without a slash at its end; empty where it is not given."""
    return _URL.get()


@contextlib.contextmanager
def at(url: str) -> Iterator[None]:
    """What asks an installation in here asks that of this address."""
    before = _URL.set(url)
    try:
        yield
    finally:
        _URL.reset(before)


def with_url(command: Command) -> Command:
    """The same command with `--url`, which `chosen_url` answers: no command has to hand it on."""

    def run(*arguments: Any, url: str = "", **options: Any) -> None:
        with at(url):
            command(*arguments, **options)

    return _extended(command, run, "url", Url, "")


def with_watch(command: Command) -> Command:
    """The same command with `--watch`: it looks again and again until Ctrl-C, and ends as its last look did."""

    def run(*arguments: Any, watch: bool = False, **options: Any) -> None:
        if watch:
            _watch(lambda: command(*arguments, **options))
        else:
            command(*arguments, **options)

    return _extended(command, run, "watch", Watch, False)


def _extended(command: Command, run: Command, name: str, kind: Any, default: object) -> Command:
    """`run` with the signature of `command` and one option more, as typer reads it; `command` where it has that."""
    signature = inspect.signature(command, eval_str=True)
    if name in signature.parameters:
        return command
    option = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
    wrapped = wraps(command)(run)
    parameters = [*signature.parameters.values(), option]
    vars(wrapped)["__signature__"] = signature.replace(parameters=parameters)
    return wrapped


def _watch(look: Callable[[], object]) -> None:
    status = 0
    try:
        while True:
            text, status = _looked(look)
            sys.stdout.write((CLEARED if sys.stdout.isatty() else "") + text)
            sys.stdout.flush()
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:
        raise typer.Exit(status) from None


def _looked(look: Callable[[], object]) -> tuple[str, int]:
    """What one look writes, both streams in order, and how it ends."""
    if sys.stdout.isatty():
        os.environ.setdefault("FORCE_COLOR", "1")  # rich asks the stream, and here it is none of a terminal
    seen = io.StringIO()
    with contextlib.redirect_stdout(seen), contextlib.redirect_stderr(seen):
        try:
            look()
        except typer.Exit as ended:
            return seen.getvalue(), ended.exit_code
    return seen.getvalue(), 0
