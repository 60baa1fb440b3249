"""`panda status`: what runs in this folder, and whether it is ready."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from pandapack.cli.failures import EXIT_WRONG
from pandapack.cli.options import AsJson, chosen_url
from pandapack.cli.reasons import reasons_by_name
from pandapack.local.layout import DATA_DIR, SERVICES
from pandapack.local.probes import Answer, ask, embedded_mongo_answers, existing_mongo_answers, kafka_answers
from pandapack.local.running import Running, read_note, running_in

Json = dict[str, Any]

EMBEDDED_MONGO = "mongod"
"""Its name among the children of a stack; a stack on an existing MongoDB has no such child."""


def status(
    *,
    why: Annotated[bool, typer.Option("--why", help="Say of each reason where to begin, and its runbook.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what runs in this folder, stack or demonstration, and whether it is ready; exit 0 only if all of it is."""
    first, *others = _all_found()
    if as_json:
        typer.echo(json.dumps({**first, "also": others}, indent=2))
    else:
        for found in (first, *others):
            _print(found, why=why)
    if not all(is_well(found) for found in (first, *others)):
        raise typer.Exit(EXIT_WRONG)


def is_well(found: Mapping[str, Any]) -> bool:
    """All is ready, and nothing of it is stopped or stalled."""
    return bool(found["ready"]) and all(found["ready"].values()) and not found["reasons"]


def _all_found() -> list[Json]:
    """What runs here, or what runs at the address that was asked for."""
    if not chosen_url():
        return [_status_of(running) for running in running_in(DATA_DIR)] or [_status_of(None)]
    from pandapack.cli.site import Site

    note = {"addresses": Site.here().urls, "children": {}}
    told = {"running": True, "what": "installation", "starting_or_stopping": False, "pid": None, "since": None}
    return [{**told, **note, **seen_of(note)}]


def seen_of(note: Json) -> Json:
    """What is seen now of all that a note has addresses of: `ready`, `reasons` and, with runbooks, `why`, by name."""
    answers = _answers(note)
    found = reasons_by_name(answers, note["children"])
    return {
        "ready": {name: answer.status == 200 for name, answer in answers.items()},
        "reasons": {name: [one.text for one in some] for name, some in found.items()},
        "why": {
            name: [
                {"kind": one.kind, "reason": one.text, "command": one.command, "runbook": one.runbook} for one in some
            ]
            for name, some in found.items()
        },
    }


def nothing_runs() -> str:
    """What there is to say of a folder in which nothing runs."""
    return f"no stack and no demonstration is running in {DATA_DIR.resolve()}"


def _status_of(running: Running | None) -> Json:
    """What is shown of one that runs, or of none."""
    note = read_note(running.data_dir) if running else None
    seen = seen_of(note) if note else {"ready": {}, "reasons": {}, "why": {}}
    return {
        "running": running is not None,
        "what": running.what if running else None,
        "starting_or_stopping": running is not None and note is None,
        "pid": running.holder.pid if running else None,
        "since": running.holder.since if running else None,
        "addresses": note["addresses"] if note else {},
        "children": note["children"] if note else {},
        **seen,
    }


def _answers(note: dict[str, Any]) -> dict[str, Answer]:
    """All of it, asked at once: one that is held keeps nobody waiting for the others."""
    addresses: dict[str, str] = note["addresses"]
    looks: dict[str, Callable[[], Answer]] = {}
    if "kafka" in addresses:
        looks["kafka"] = lambda: _yes_or_no(kafka_answers(addresses["kafka"]))
    if "mongo" in addresses:
        looks["mongo"] = lambda: _yes_or_no(_mongo_answers(note))
    looks |= {name: partial(ask, f"{addresses[name]}/readyz") for name in SERVICES if name in addresses}
    with ThreadPoolExecutor(len(looks)) as threads:
        return dict(zip(looks, threads.map(lambda look: look(), looks.values()), strict=True))


def _yes_or_no(answers: bool) -> Answer:
    return Answer(200 if answers else 0)


def reasons(answers: Mapping[str, Answer]) -> dict[str, list[str]]:
    """Why each is not well, in words; those that are well are missing."""
    return {name: [one.text for one in why] for name, why in reasons_by_name(answers, {}).items()}


def _mongo_answers(note: dict[str, Any]) -> bool:
    uri: str = note["addresses"]["mongo"]
    if EMBEDDED_MONGO not in note["children"]:
        return existing_mongo_answers(uri)
    port = urlsplit(uri).port
    return port is not None and embedded_mongo_answers(port)


def _print(found: Json, *, why: bool) -> None:
    if not found["running"]:
        typer.echo(nothing_runs())
        return
    state = "starting or stopping" if found["starting_or_stopping"] else "running"
    whose = f" (pid {found['pid']}, since {found['since']})" if found["pid"] else ""
    typer.echo(f"{'an' if found['what'] == 'installation' else 'a'} {found['what']} is {state}{whose}")
    for name, is_ready in found["ready"].items():
        typer.echo(f"  {name:<12}{'ready' if is_ready else 'NOT READY':<11}{found['addresses'][name]}")
        for one in found["why"].get(name, ()):
            typer.echo(f"  {'':<12}{one['reason']}")
            if why:
                typer.echo(f"  {'':<12}  begin with: {one['command']}")
                typer.echo(f"  {'':<12}  runbook:    {one['runbook']}")
    if why and found["ready"] and not found["reasons"]:
        typer.echo("  nothing stands still, and all that should answer does")
