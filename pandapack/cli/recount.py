"""`panda recount ADDRESS|FOLDER`: every public figure again, from the entries of the public log alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pandapack.cache import cache_dir
from pandapack.cli.failures import EXIT_UNREACHABLE, EXIT_USAGE, EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import VerifierKey
from pandapack.recount.fetching import ANSWER_WAIT_S, Address, Folder, NotProven, NotThere, Source
from pandapack.recount.run import Recounted, recounted

DIFFERENCES_SHOWN_MAX = 50
"""On a terminal; `--json` has all."""


def recount(
    log: Annotated[str, typer.Argument(metavar="ADDRESS|FOLDER", help="Where the log is served, or a mirror of it.")],
    size: Annotated[int | None, typer.Option(min=0, help="Only the first so many entries.")] = None,
    key: Annotated[
        str | None, typer.Option(help="The log's key, from a day on which you trusted it: the text or a file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recount every public figure from the public log, and compare with the page. Exit 1 names each difference."""
    try:
        found = _recounted(_source(log), size, key)
    except NotProven as error:
        raise fail(f"NOT proven: {error}") from error
    except NotThere as error:
        raise fail(str(error), EXIT_UNREACHABLE) from error
    typer.echo(json.dumps(_as_json(found), ensure_ascii=False) if as_json else "\n".join(_lines(found)))
    if found.comparison is not None and found.comparison.differences:
        raise typer.Exit(EXIT_WRONG)


def _source(log: str) -> Address | Folder:
    if not log.startswith(("http://", "https://")):
        return Folder(Path(log))
    address = log.rstrip("/")
    kept = cache_dir() / "log" / sha256(address.encode()).hexdigest()[:32]
    return Address(httpx.Client(base_url=address, timeout=ANSWER_WAIT_S, trust_env=False), kept)


def _recounted(source: Address | Folder, size: int | None, key: str | None) -> Recounted:
    trusted = _key(source, key)
    console = Console(stderr=True)
    columns = (TextColumn("entries"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        return recounted(source, trusted, size, lambda done, total: bar.update(task, completed=done, total=total))


def _key(source: Source, given: str | None) -> VerifierKey:
    """The key that is given, or, for the first time, what the log says itself."""
    if given is None:
        text = source.read("log/key").decode().strip()
        typer.echo(f"trusted: what log/key says itself; keep it and give it next time: --key '{text}'", err=True)
    else:
        file = Path(given)
        text = file.read_text().strip() if "+" not in given and file.is_file() else given.strip()
    try:
        return VerifierKey.parse(text)
    except Malformed as error:
        raise fail(f"this is no verifier key (name+hash+base64): {error}", EXIT_USAGE) from error


def _as_json(found: Recounted) -> dict[str, object]:
    compared = found.comparison
    head = {"origin": found.checkpoint.origin, "size": found.size, "root": found.root.hex()}
    figures = {"totals": found.figures.totals, **found.figures.tables, "laws": found.figures.laws}
    if compared is None:
        return {**head, "recounted": figures}
    differences = [asdict(one) for one in compared.differences]
    return {**head, "compared": compared.figures, "differences": differences, "recounted": figures}


def _lines(found: Recounted) -> list[str]:
    """What a person reads: the totals, the laws, and what differs."""
    lines = [
        f"{found.checkpoint.origin}: the first {found.size} entries, of {found.checkpoint.size} that are signed",
        f"root {found.root.hex()}",
        "",
    ]
    for name, value in found.figures.totals.items():
        inner = value.items() if isinstance(value, dict) else ()
        lines += [f"  {name}_{state:<{27 - len(name)}} {number:>24}" for state, number in inner]
        lines += [] if isinstance(value, dict) else [f"  {name:<28} {value:>24}"]
    for law, parts in found.figures.laws.items():
        missing = sum(abs(sum(sides["left"].values()) - sum(sides["right"].values())) for sides in parts.values())
        lines.append(f"  {f'law of {law}: difference':<28} {missing:>24}")
    if found.comparison is None:
        return [*lines, "", "Recounted. A folder has no page to compare with: give the address for that."]
    differences = found.comparison.differences
    if not differences:
        return [*lines, "", f"All {found.comparison.figures} figures of the page follow from these entries."]
    shown = [f"  {one}" for one in differences[:DIFFERENCES_SHOWN_MAX]]
    return [*lines, "", f"{len(differences)} of {found.comparison.figures} figures do NOT follow:", *shown]
