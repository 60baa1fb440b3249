"""`panda audit`: recounts everything from pages and journal by itself, and compares with what the services show."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from pymongo import MongoClient

from pandapack.cli.failures import EXIT_WRONG
from pandapack.cli.options import AsJson
from pandapack.cli.recount import Books, Recount
from pandapack.cli.recount_journal import recount_journal
from pandapack.cli.recount_pages import recount_pages
from pandapack.cli.site import Site

IN_TOTALS = (
    "donations",
    "received_fen",
    "reversed_fen",
    "reserved_fen",
    "committed_fen",
    "spent_fen",
    "unallocated_fen",
    "rounds",
    "orders",
    "pupils_reached",
    "pupils_over_reported",
    "parcels",
)
BY_COUNTRY = (
    "rounds",
    "funded_fen",
    "reserved_fen",
    "committed_fen",
    "spent_fen",
    "released_fen",
    "parcels",
    "pupils_reached",
    "pupils_over_reported",
)
BY_ROUND = (
    "funded_fen",
    "reserved_fen",
    "committed_fen",
    "spent_fen",
    "released_fen",
    "orders",
    "parcels",
    "pupils_reached",
    "pupils_over_reported",
)
ROUNDS_A_READ = 1_000
DIFFERENCES_SHOWN_MAX = 100


def audit(as_json: AsJson = False) -> None:
    """Recount from pages and journal, check the hash chains, compare with the views. Exit 1 names each difference."""
    site = Site.here()
    client: MongoClient[dict[str, Any]] = MongoClient(site.mongo, serverSelectionTimeoutMS=5_000)
    prefix = f"{os.environ['PANDA_NAMESPACE']}_" if os.environ.get("PANDA_NAMESPACE") else ""
    count = Recount()
    recount_pages(client[f"{prefix}panda_donations"], count)
    recount_journal(client[f"{prefix}panda_reporting"], count)
    _compare_totals(count, _shown(site, "/v1/totals"), _shown(site, "/v1/totals/day"))
    _compare_table("country", BY_COUNTRY, count.countries, _shown(site, "/v1/totals/country")["items"], count)
    rounds = site.items("reporting", None, "/v1/totals/round", limit=ROUNDS_A_READ)
    _compare_table("round", BY_ROUND, count.rounds, rounds, count)
    _print(count, as_json)
    if count.differences:
        raise typer.Exit(EXIT_WRONG)


def _shown(site: Site, path: str) -> dict[str, Any]:
    """What reporting shows to everybody."""
    return site.request("reporting", None, "GET", path)


def _compare_totals(count: Recount, totals: dict[str, Any], days: dict[str, Any]) -> None:
    recounted = count.totals()
    for name in IN_TOTALS:
        _compare_figure(f"totals.{name}", recounted[name], totals.get(name), count)
    shown = {row["day"]: (row["count"], row["fen"]) for row in days["items"]}
    for day in sorted(set(shown) | set(count.days)):
        count.same(f"totals/day {day} (count, fen)", count.days.get(day, (0, 0)), shown.get(day, (0, 0)))


def _compare_table(
    by: str, names: Sequence[str], recounted: Mapping[str, Books], rows: Sequence[dict[str, Any]], count: Recount
) -> None:
    """A row that only one side has is compared with zeros."""
    zeros = Books().figures()
    shown = {row[by]: row for row in rows}
    for key in sorted(set(shown) | set(recounted)):
        own, theirs = recounted.get(key, Books()).figures(), shown.get(key, zeros)
        for name in names:
            _compare_figure(f"totals/{by} {key} {name}", own[name], theirs.get(name), count)


def _compare_figure(what: str, recounted: Any, shown: Any, count: Recount) -> None:
    """A number, or parcels by state."""
    if not isinstance(recounted, dict):
        count.same(what, recounted, shown)
        return
    for state, parcels in recounted.items():
        count.same(f"{what}.{state}", parcels, (shown or {}).get(state))


def _print(count: Recount, as_json: bool) -> None:
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
    for difference in count.differences[:DIFFERENCES_SHOWN_MAX]:
        typer.echo(f"DIFFERENCE {difference}", err=True)
    if len(count.differences) > DIFFERENCES_SHOWN_MAX:
        typer.echo(f"… and {len(count.differences) - DIFFERENCES_SHOWN_MAX} more", err=True)
    typer.echo("everything agrees" if not count.differences else f"{len(count.differences)} differences")
