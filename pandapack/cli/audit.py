"""`panda audit`: recounts everything from pages and journal by itself, and compares with what the services show."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import httpx
import typer
from pymongo import MongoClient

from pandapack.cli.recount import Recount, recount_journal, recount_pages
from pandapack.cli.site import Site, asked, unreachable

COMPARED = (
    "donations",
    "received_fen",
    "reserved_fen",
    "committed_fen",
    "spent_fen",
    "unallocated_fen",
    "rounds",
    "orders",
    "pupils_reached",
)
SHOWN_MAX = 100


def audit(
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")] = False,
) -> None:
    """Recount from pages and journal, check the hash chains, compare with the views. Exit 1 names each difference."""
    site = Site.here()
    client: MongoClient[dict[str, Any]] = MongoClient(site.mongo, serverSelectionTimeoutMS=5_000)
    prefix = f"{os.environ['PANDA_NAMESPACE']}_" if os.environ.get("PANDA_NAMESPACE") else ""
    count = Recount()
    recount_pages(client[f"{prefix}panda_donations"], count)
    recount_journal(client[f"{prefix}panda_reporting"], count)
    try:
        with httpx.Client(base_url=site.urls["reporting"], timeout=60.0, trust_env=False) as http:
            _compare(count, asked(http.get("/v1/totals")), asked(http.get("/v1/totals/day")))
    except httpx.TransportError as error:
        raise unreachable(error) from error
    _tell(count, json_)
    if count.differences:
        raise typer.Exit(1)


def _compare(count: Recount, totals: dict[str, Any], days: dict[str, Any]) -> None:
    recounted = count.totals()
    for name in COMPARED:
        count.same(f"totals.{name}", recounted[name], totals[name])
    for state, parcels in recounted["parcels"].items():
        count.same(f"totals.parcels.{state}", parcels, totals["parcels"][state])
    shown = {row["day"]: (row["count"], row["fen"]) for row in days["items"]}
    for day in sorted(set(shown) | set(count.days)):
        count.same(f"totals/day {day} (count, fen)", count.days.get(day, (0, 0)), shown.get(day, (0, 0)))


def _tell(count: Recount, as_json: bool) -> None:
    if as_json:
        typer.echo(
            json.dumps({**count.totals(), "pages": count.pages, "seals": count.seals, "differences": count.differences})
        )
        return
    totals = count.totals()
    typer.echo(
        f"{totals['donations']} donations, {totals['received_fen']} fen on {count.pages} pages, {count.seals} seals"
    )
    typer.echo(f"{count.events} events in the journal")
    for difference in count.differences[:SHOWN_MAX]:
        typer.echo(f"DIFFERENCE {difference}", err=True)
    if len(count.differences) > SHOWN_MAX:
        typer.echo(f"… and {len(count.differences) - SHOWN_MAX} more", err=True)
    typer.echo("everything agrees" if not count.differences else f"{len(count.differences)} differences")
