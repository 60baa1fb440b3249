"""`panda push FILE`: sends NDJSON in batches that are safe to repeat, and names each refused line."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import Progress

from pandapack.cli.site import Site, asked, fail

BATCH_LINES = 2_000
BATCH_BYTES_MAX = 4 * 1024 * 1024
ATTEMPTS_MAX = 12
PAUSE_S_FIRST = 0.2
PAUSE_S_MAX = 10.0
SHOWN_MAX = 50
TRY_AGAIN = (429, 500, 502, 503, 504)


@dataclass
class Batch:
    """Some lines of a file: `numbers` are their line numbers, from 1."""

    lines: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    size: int = 0

    def add(self, number: int, line: bytes) -> None:
        self.lines.append(line)
        self.numbers.append(number)
        self.size += len(line) + 1

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= BATCH_LINES or self.size >= BATCH_BYTES_MAX


@dataclass
class Report:
    """What became of a file. `refused` names lines by number."""

    accepted: int = 0
    rejected: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    pushes: list[str] = field(default_factory=list)


def batches(file: Path) -> Iterator[Batch]:
    """The file's lines in batches. The same file always gives the same batches."""
    batch = Batch()
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                batch.add(number, line.rstrip(b"\r\n"))
            if batch.is_full:
                yield batch
                batch = Batch()
    if batch.lines:
        yield batch


def push_batch(client: httpx.Client, batch: Batch) -> dict[str, Any]:
    """The answer to a batch, after as many attempts as it takes, at most `ATTEMPTS_MAX`."""
    body = b"\n".join(batch.lines)
    # A key that derives from the body: whoever pushes the same file again gets the same answers, nothing counts twice.
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": hashlib.sha256(body).hexdigest()}
    pause_s, last = PAUSE_S_FIRST, "no answer"
    for _ in range(ATTEMPTS_MAX):
        try:
            answer = client.post("/v1/donations", content=body, headers=headers)
            if answer.status_code == 422 and "failures" in answer.json():
                refused: dict[str, Any] = answer.json()
                return refused
            if answer.status_code not in TRY_AGAIN:
                return asked(answer)
            last = f"{answer.status_code}: {answer.text[:200]}"
            pause_s = max(pause_s, float(answer.headers.get("Retry-After", 0)))
        except httpx.TransportError as error:
            last = str(error)
        time.sleep(pause_s)
        pause_s = min(PAUSE_S_MAX, pause_s * 2)
    lines = f"lines {batch.numbers[0]} to {batch.numbers[-1]}"
    words = (
        f"{lines} were not taken after {ATTEMPTS_MAX} attempts ({last}); push the same file again: nothing counts twice"
    )
    raise fail(words)


def push(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="NDJSON, one donation a line.")],
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")] = False,
) -> None:
    """Push a file of donations. Exit 1 when lines were refused; pushing the file again changes nothing."""
    report = Report()
    with Site.here().client("donations", "platform") as client, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("pushing", total=file.stat().st_size)
        for batch in batches(file):
            answer = push_batch(client, batch)
            report.accepted += answer["accepted"]
            report.rejected += answer["rejected"]
            report.pushes.append(answer["push_id"])
            for failure in answer["failures"]:
                report.refused.append({"line": batch.numbers[failure["index"]], **failure})
            progress.advance(task, batch.size)
    if json_:
        typer.echo(json.dumps(asdict(report)))
    else:
        for refused in report.refused[:SHOWN_MAX]:
            typer.echo(f"line {refused['line']}: {refused['code']}: {refused['message']['en']}", err=True)
        if len(report.refused) > SHOWN_MAX:
            typer.echo(f"… and {len(report.refused) - SHOWN_MAX} more; --json lists them all", err=True)
        typer.echo(f"{report.accepted} accepted, {report.rejected} refused, in {len(report.pushes)} pushes")
    if report.rejected:
        raise typer.Exit(1)
