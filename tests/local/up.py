"""`panda up` as its own process, with stand-ins for the services: `python -m tests.local.up`.

Its folder and its environment say where and on which ports, as for the real one.
"""

from __future__ import annotations

import dataclasses
import sys

from rich.console import Console

from pandapack.cli.failures import explained
from pandapack.cli.stack import up_in_foreground
from pandapack.local.layout import Layout


def stand_in(name: str) -> tuple[str, ...]:
    """The command of a stand-in for this service."""
    return (sys.executable, "-m", "tests.local.standin", name)


if __name__ == "__main__":
    with explained():
        layout = dataclasses.replace(Layout.from_environment(), command=stand_in)
        up_in_foreground(Console(highlight=False), layout)
