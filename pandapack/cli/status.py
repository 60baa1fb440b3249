"""`panda status`: what runs in this folder, and whether it is ready."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import typer

from pandapack.cli.failures import EXIT_WRONG
from pandapack.cli.options import AsJson
from pandapack.local.layout import DATA_DIR, SERVICES
from pandapack.local.probes import answers_200, embedded_mongo_answers, existing_mongo_answers, kafka_answers
from pandapack.local.running import Running, read_note, running_in

EMBEDDED_MONGO = "mongod"
"""Its name among the children of a stack; a stack on an existing MongoDB has no such child."""


def status(as_json: AsJson = False) -> None:
    """Say what runs in this folder, stack or demonstration, and whether it is ready; exit 0 only if all of it is."""
    first, *others = [_status_of(running) for running in running_in(DATA_DIR)] or [_status_of(None)]
    if as_json:
        typer.echo(json.dumps({**first, "also": others}, indent=2))
    else:
        for found in (first, *others):
            _print(found)
    if not all(found["ready"] and all(found["ready"].values()) for found in (first, *others)):
        raise typer.Exit(EXIT_WRONG)


def nothing_runs() -> str:
    """What there is to say of a folder in which nothing runs."""
    return f"no stack and no demonstration is running in {DATA_DIR.resolve()}"


def _status_of(running: Running | None) -> dict[str, Any]:
    """What is shown of one that runs, or of none."""
    note = read_note(running.data_dir) if running else None
    return {
        "running": running is not None,
        "what": running.what if running else None,
        "starting_or_stopping": running is not None and note is None,
        "pid": running.holder.pid if running else None,
        "since": running.holder.since if running else None,
        "addresses": note["addresses"] if note else {},
        "children": note["children"] if note else {},
        "ready": _readiness(note) if note else {},
    }


def _readiness(note: dict[str, Any]) -> dict[str, bool]:
    addresses: dict[str, str] = note["addresses"]
    ready = {name: answers_200(f"{addresses[name]}/readyz") for name in SERVICES if name in addresses}
    return {"kafka": kafka_answers(addresses["kafka"]), "mongo": _mongo_answers(note)} | ready


def _mongo_answers(note: dict[str, Any]) -> bool:
    uri: str = note["addresses"]["mongo"]
    if EMBEDDED_MONGO not in note["children"]:
        return existing_mongo_answers(uri)
    port = urlsplit(uri).port
    return port is not None and embedded_mongo_answers(port)


def _print(found: dict[str, Any]) -> None:
    if not found["running"]:
        typer.echo(nothing_runs())
        return
    state = "starting or stopping" if found["starting_or_stopping"] else "running"
    typer.echo(f"a {found['what']} is {state} (pid {found['pid']}, since {found['since']})")
    for name, is_ready in found["ready"].items():
        typer.echo(f"  {name:<12}{'ready' if is_ready else 'NOT READY':<11}{found['addresses'][name]}")
