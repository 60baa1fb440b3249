"""How a command ends that could not do what it was asked: a line on stderr and an exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from pandapack.local.errors import LocalError

EXIT_WRONG = 1
EXIT_UNREACHABLE = 2
EXIT_USAGE = 2
"""As a command says it whose options do not fit."""
EXIT_INTERRUPTED = 130


def fail(detail: str, status: int = EXIT_WRONG) -> typer.Exit:
    """Prints what is wrong on stderr; raise what it returns."""
    typer.secho("panda:", fg=typer.colors.RED, nl=False, err=True)
    typer.echo(f" {detail}", err=True)
    return typer.Exit(status)


@contextmanager
def explained() -> Iterator[None]:
    """Turn a LocalError into its two lines on stderr and exit status 1."""
    try:
        yield
    except LocalError as error:
        raise fail(f"{error.detail}\n{error.mend}" if error.mend else error.detail) from error
