"""What a person sees of a stack: lines, Kafka's jars coming in, and the box with all addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from pandapack.local.kafka_jars import Progress as JarProgress

PLAIN_PROGRESS_EVERY = 10


def print_line(console: Console, line: str) -> None:
    """One line as it is, however wide."""
    console.print(escape(line), soft_wrap=True)


@contextmanager
def jar_progress(console: Console) -> Iterator[JarProgress]:
    """Shows jars coming in: a bar on a terminal, a line now and then elsewhere; nothing if none comes."""
    if not console.is_terminal:

        def print_count(done: int, total: int, name: str) -> None:
            if done == total or done % PLAIN_PROGRESS_EVERY == 0:
                console.print(f"fetching Kafka: {done} of {total} jars")

        yield print_count
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
    """The one box that shows where everything is."""
    table = Table(box=None, show_header=False, pad_edge=False)
    first = ("page", "operations")
    for name in (*first, *(name for name in addresses if name not in first)):
        if name in addresses:
            table.add_row(f"[bold]{name}[/]", escape(addresses[name]))
    table.add_row("[bold]keys[/]", escape(keys_file))
    console.print(Panel(table, title="Panda Pack", subtitle=closing, expand=False))
