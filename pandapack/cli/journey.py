"""`panda journey [KIND] ID`: the whole way of any id across all services, and the step that is due next."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from pandapack.cli.options import AsJson
from pandapack.cli.site import Site

ANY = "any"
LINKS_SHOWN_MAX = 4
"""Causes of an event on one line; all of them are in --json."""

KindAndId = Annotated[
    list[str],
    typer.Argument(
        metavar="[KIND] ID",
        help="A push, round, order, parcel, lot, shipment, school, need, settlement or event (SOURCE#SEQUENCE); a "
        "donation or a reversal as PLATFORM/MERCHANT/ID. Without KIND it is found.",
        min=1,
        max=2,
    ),
]
Day = Annotated[str, typer.Option("--day", help="Of a donation: the day of its order, YYYY-MM-DD in Asia/Shanghai.")]
After = Annotated[str, typer.Option("--after", help="The page behind this one: what the page before ended with.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="Events a page.")]


def journey(names: KindAndId, day: Day = "", after: After = "", limit: Limit = 100, as_json: AsJson = False) -> None:
    """Tell the whole way of any id across all services, and what is due next. Exit 1 when nobody knows the id."""
    if len(names) > 2:
        raise typer.BadParameter("a kind and an id, or an id alone")
    kind, id = names if len(names) == 2 else (ANY, names[0])
    params = {name: value for name, value in {"day": day, "after": after}.items() if value}
    path = f"/v1/journeys/{kind}/{quote(id.lstrip('/'))}"
    found = Site.here().request("reporting", "auditor", "GET", path, params={**params, "limit": limit})
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines(found)))


def lines(found: dict[str, Any]) -> list[str]:
    """A journey for people: what is next first, then what happened, the oldest first."""
    told = [f"{found['kind']} {found['id']}", _next(found["next"])]
    told += [f"  waits for its turn: {one['what']['en']}" for one in found["parked"] or ()]
    if found["parked"] is None:
        told.append("  whether reports wait for their turn is unknown: logistics does not answer")
    told.append("")
    told += [line for event in found["events"] for line in _event(event)] or ["no event yet"]
    if found["more_around"]:
        told.append("there are more causes or effects: ask for the journey of one of these events")
    if found["next_page"]:
        told.append(f"more: --after {json.dumps(found['next_page'])}")
    return told


def _next(step: dict[str, Any] | None) -> str:
    if step is None:
        return "  next: no step is due"
    when = f"OVERDUE since {_time(step['overdue_since'])}" if step["overdue_since"] else f"due by {_time(step['due'])}"
    return f"  next: {step['what']['en']} ({when})"


def _event(event: dict[str, Any]) -> list[str]:
    mark = "*" if event["own"] else " "
    told = [f"{_time(event['at'])} {mark} {event['service']:<12} {event['what']['en']}"]
    indent = " " * 35
    if event["who"]:
        why = f", why: {event['reason']}" if event["reason"] else ""
        told.append(f"{indent}by {event['who']['name']} ({event['who']['role']}){why}")
    if event["detour"]:
        told.append(f"{indent}{event['detour']['what']['en']}")
    if event["causes"]:
        more = " …" if len(event["causes"]) > LINKS_SHOWN_MAX else ""
        told.append(f"{indent}caused by {' '.join(event['causes'][:LINKS_SHOWN_MAX])}{more}")
    return told


def _time(at: str | None) -> str:
    return at[:19].replace("T", " ") if at else "no term"
