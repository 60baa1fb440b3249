"""`panda status`: what runs in this folder, and whether it is ready."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import typer

from pandapack.cli.failures import EXIT_WRONG
from pandapack.cli.options import AsJson
from pandapack.local.layout import DATA_DIR, SERVICES
from pandapack.local.probes import Answer, ask, embedded_mongo_answers, existing_mongo_answers, kafka_answers
from pandapack.local.running import Running, read_note, running_in

POLL_AGE_TOLD_S = 15.0
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
    if not all(is_well(found) for found in (first, *others)):
        raise typer.Exit(EXIT_WRONG)


def is_well(found: Mapping[str, Any]) -> bool:
    """All is ready, and nothing of it is stopped or stalled."""
    return bool(found["ready"]) and all(found["ready"].values()) and not found["reasons"]


def nothing_runs() -> str:
    """What there is to say of a folder in which nothing runs."""
    return f"no stack and no demonstration is running in {DATA_DIR.resolve()}"


def _status_of(running: Running | None) -> dict[str, Any]:
    """What is shown of one that runs, or of none."""
    note = read_note(running.data_dir) if running else None
    answers = _answers(note) if note else {}
    return {
        "running": running is not None,
        "what": running.what if running else None,
        "starting_or_stopping": running is not None and note is None,
        "pid": running.holder.pid if running else None,
        "since": running.holder.since if running else None,
        "addresses": note["addresses"] if note else {},
        "children": note["children"] if note else {},
        "ready": {name: answer.status == 200 for name, answer in answers.items()},
        "reasons": reasons(answers),
    }


def _answers(note: dict[str, Any]) -> dict[str, Answer]:
    """All of it, asked at once: one that is held keeps nobody waiting for the others."""
    addresses: dict[str, str] = note["addresses"]
    looks: dict[str, Callable[[], Answer]] = {
        "kafka": lambda: _yes_or_no(kafka_answers(addresses["kafka"])),
        "mongo": lambda: _yes_or_no(_mongo_answers(note)),
    }
    looks |= {name: partial(ask, f"{addresses[name]}/readyz") for name in SERVICES if name in addresses}
    with ThreadPoolExecutor(len(looks)) as threads:
        return dict(zip(looks, threads.map(lambda look: look(), looks.values()), strict=True))


def _yes_or_no(answers: bool) -> Answer:
    return Answer(200 if answers else 0)


def reasons(answers: Mapping[str, Answer]) -> dict[str, list[str]]:
    """Why each is not well, in words, and since when where anybody knows; those that are well are missing."""
    seen = [one for answer in answers.values() for one in answer.body.get("neighbours", ())]
    silent_since = {one["service"]: one["silent_since"] for one in seen if one["silent_since"]}
    found = {name: list(_reasons(answer, silent_since.get(name))) for name, answer in answers.items()}
    return {name: why for name, why in found.items() if why}


def _reasons(answer: Answer, silent_since: str | None) -> Iterator[str]:
    if answer.status == 0:
        yield "does not answer" + (f", since {silent_since}" if silent_since else "")
        return
    report = answer.body
    yield from (report[name] for name in ("store", "kafka") if report.get(name, "ok") != "ok")
    for stop in report.get("stopped", ()):
        at, tried = f"{stop['topic']}/{stop['partition']} since {stop['since']}", f"tried {stop['attempts']} times"
        yield f"stopped at {at}, {tried}: {stop['reason']}"
    for stall in report.get("stalled", ()):
        yield (
            f"stalled: {stall['records']} records wait on {stall['topic']}/{stall['partition']} for {stall['group']}, "
            f"and nothing has moved since {stall['since']}"
        )
    yield from _log_reasons(report.get("public_log") or {})
    poll_age_s = report.get("poll_age_s")
    if answer.status != 200 and poll_age_s is not None and poll_age_s > POLL_AGE_TOLD_S:
        yield f"Kafka has answered none of its polls for {poll_age_s:.0f} s"


def _log_reasons(standing: Mapping[str, Any]) -> Iterator[str]:
    if stop := standing.get("stopped"):
        yield f"the public log stopped at {stop['since']}, and nothing is appended to it: {stop['reason']}"
    for one in standing.get("blocked", ()):
        lacking = ", ".join(one["lacking"])
        yield (
            f"the public log waits at {one['partition']} since {one['since']}: {one['event']} needs {lacking} before "
            "it, and no journal has that"
        )


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
        for why in found["reasons"].get(name, ()):
            typer.echo(f"  {'':<12}{why}")
