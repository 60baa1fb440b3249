"""`panda`: one command for the stack, the demonstration, pushing, tracing and auditing.

A command's module is imported once it is called, or asked for its own help: `panda --help` is answered from the table
below. Adding a command is a row here; a test holds each row's help against the command's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from pandapack.cli.options import with_url, with_watch


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: its name, where it is (`module:name` in `pandapack.cli`; a function or a Typer), its first line."""

    name: str
    target: str
    help: str

    def load(self) -> Any:
        """The command itself, as typer makes it. Imports its module."""
        module, _, attribute = self.target.partition(":")
        found: typer.Typer | Callable[..., None] = getattr(import_module(f"pandapack.cli.{module}"), attribute)
        alone = found if isinstance(found, typer.Typer) else typer.Typer(add_completion=False)
        if alone is not found:
            alone.command(self.name)(found)
        for info in alone.registered_commands:
            own = info.name or (info.callback.__name__.replace("_", "-") if info.callback else "")
            info.callback = _with_options(info.callback, f"{self.name} {own}" if alone is found else self.name)
        return typer.main.get_command(alone)


COMMANDS = (
    Entry("up", "stack:up", "Start Kafka, MongoDB and the four services; Ctrl-C stops them."),
    Entry("down", "stack:down", "Stop the stack or the demonstration that runs in this folder."),
    Entry(
        "status",
        "status:status",
        "Say what runs in this folder, stack or demonstration, and whether it is ready; exit 0 only if all of it is.",
    ),
    Entry(
        "doctor",
        "doctor:doctor",
        "Look for what would keep the stack from running and say how to mend it; exit 1 if there is any.",
    ),
    Entry(
        "demo",
        "demo:demo",
        "Play the programme's three years, then gifts of now; Ctrl-C stops. With --until-settled exit 0 if laws hold.",
    ),
    Entry(
        "chaos",
        "chaos:chaos",
        "Disturb what runs the programme again and again; compare with an undisturbed run. Exit 1: the ends differ.",
    ),
    Entry(
        "ops",
        "ops:ops",
        "Say how money moves, what stands still, what needs a person and what alerts; exit 0 only if nothing does.",
    ),
    Entry(
        "drill",
        "drill:drill",
        "Rehearse the runbook of a kind of stop on a stack of its own; exit 1 where a total or law is wrong after it.",
    ),
    Entry("key", "keys:app", "Keys with roles."),
    Entry(
        "party",
        "parties:app",
        "Parties: suppliers, warehouses, carriers, schools and their field partners, evaluators.",
    ),
    Entry("dlq", "dead_letters:app", "Dead letters: rows that are no donations."),
    Entry("alerts", "alerts:app", "Alerts: what fires, since when, and the page that mends it."),
    Entry("shard", "shards:app", "The ledger's shards."),
    Entry("partition", "partitions:app", "Partitions that stand still."),
    Entry("platform", "platforms:platforms", "Platforms that push donations."),
    Entry("pushes", "pushes:app", "Pushes and what became of them."),
    Entry("merchant", "platforms:merchants", "Merchants that see their own volumes."),
    Entry(
        "push",
        "push:push",
        "Push a file of donations. Exit 1 when lines were refused; pushing the file again changes nothing.",
    ),
    Entry(
        "trace",
        "trace:trace",
        "Follow one donation from its page to the parcel that it helped to pay for. Exit 1 when it is not known.",
    ),
    Entry(
        "journey",
        "journey:journey",
        "Tell the whole way of any id across all services, and what is due next. Exit 1 when nobody knows the id.",
    ),
    Entry(
        "receipt",
        "receipt:receipt",
        "Fetch the receipt of one donation: `panda receipt M1 42 --day 2021-11-11 > receipt.json`. It takes no key.",
    ),
    Entry(
        "verify",
        "verify:verify_receipt",
        "Check a receipt step by step, without any network. Exit 1 when a step fails, 2 without a key.",
    ),
    Entry(
        "monitor",
        "monitor:monitor",
        "Check a log: signed, fresh, one with what was seen, well-formed, figures that follow. Exit 1 names a fault.",
    ),
    Entry(
        "mirror",
        "mirror:mirror",
        "Keep a copy of a log at the paths of its addresses; Ctrl-C stops. Exit 1 names what was wrong with the log.",
    ),
    Entry(
        "witness",
        "witness:witness",
        "Cosign checkpoints of logs once each is shown to continue the last one; Ctrl-C stops.",
    ),
    Entry(
        "audit",
        "audit:audit",
        "Recount everything from what is kept, while it runs, and compare. Exit 1 names each cause of a difference.",
    ),
    Entry(
        "audit-log",
        "audit_log:audit_log",
        "List the commands that were accepted: who, when, what and why, the newest first.",
    ),
    Entry(
        "recount",
        "recount:recount",
        "Recount every public figure from the public log, and compare with the page. Exit 1 names each difference.",
    ),
    Entry(
        "bench",
        "bench:bench",
        "Measure this machine: throughput, latency, storage, recovery, with Kafka Streams and raw limits beside.",
    ),
)

LOCAL = frozenset(
    ("up", "down", "doctor", "demo", "chaos", "verify", "monitor", "mirror", "witness", "recount", "bench", "drill")
) | {"key rotate"}
"""What is of this machine alone, or is told an address of its own. All others have `--url`."""
WATCHED = frozenset(
    ("status", "ops", "alerts", "dlq list", "partition list", "shard list", "pushes list", "pushes show")
) | {"alerts list"}
"""What somebody looks at while it changes: they have `--watch`."""


def _with_options(command: Callable[..., Any] | None, path: str) -> Callable[..., Any] | None:
    """The command with the options that the table has for it. `path`: as it is called, such as "dlq list"."""
    if command is None:
        return None
    if path not in LOCAL and path.split(maxsplit=1)[0] not in LOCAL:
        command = with_url(command)
    return with_watch(command) if path in WATCHED else command


class TableCommand(TyperCommand):
    """A row of the table, in the place of its command until that is needed."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.name, help=entry.help)
        self._entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself: what is parsed, run or completed from here on is the command's own."""
        return self._entry.load().make_context(info_name, args, parent, **extra)


class TableGroup(TyperGroup):
    """All commands, none of them imported."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {entry.name: TableCommand(entry) for entry in COMMANDS}


app = typer.Typer(cls=TableGroup, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def panda() -> None:
    """Panda Pack: every fen and every parcel accounted for."""


if __name__ == "__main__":
    app()
