"""`panda audit-log`: the commands that were accepted, by whom and why, the newest first."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pandapack.cli.options import AsJson
from pandapack.cli.site import Site

LIMIT_DEFAULT = 50
"""A screen or two."""
LIMIT_MAX = 500
"""As many as one request answers; the file has all: `GET /v1/audit-log.csv`."""
WHEN_CHARACTERS = len("2021-11-11T02:05:03")

Json = dict[str, Any]


def audit_log(
    *,
    actor: Annotated[str, typer.Option(help="The name of a key, or its prefix.")] = "",
    role: Annotated[str, typer.Option(help="A key's role.")] = "",
    command: Annotated[str, typer.Option(help="An event's type or a route, as the list has it.")] = "",
    subject: Annotated[str, typer.Option(help="A document, or a name that stands in one: an order's, a key's.")] = "",
    since: Annotated[str, typer.Option(help="From this day on, or this moment (RFC 3339).")] = "",
    until: Annotated[str, typer.Option(help="Before this day, or this moment.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="So many at most.")] = LIMIT_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the commands that were accepted: who, when, what and why, the newest first."""
    wanted = {"actor": actor, "role": role, "command": command, "subject": subject, "from": since, "to": until}
    params = {name: value for name, value in wanted.items() if value} | {"limit": str(limit)}
    found = Site.here().request("reporting", "operator", "GET", "/v1/audit-log", params=params)
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(_lines(found)))


def _lines(found: Json) -> list[str]:
    rows = [_row(entry) for entry in found["items"]]
    if not rows:
        return ["no accepted command fits", _standing(found["chain"])]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip() for row in rows
    ]
    more = ["older ones: --until, or a larger --limit"] if found["next"] is not None else []
    return [*lines, *more, _standing(found["chain"])]


def _row(entry: Json) -> list[str]:
    actor = entry["actor"]
    why = f"  ({entry['why']})" if entry["why"] else ""
    return [
        str(entry["n"]),
        entry["when"][:WHEN_CHARACTERS],
        f"{actor['name']} [{actor['role']} {actor['key']}]",
        entry["command"],
        entry["subject"] + why,
    ]


def _standing(chain: Json) -> str:
    logged = chain["in_public_log"]
    vouched = f"the public log vouches for the first {logged['n']}" if logged else "none is in the public log yet"
    return f"{chain['n']} accepted commands in all, the last of hash {chain['hash']}; {vouched}"
