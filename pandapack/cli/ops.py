"""`panda ops`: what the Operations page shows, in the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import typer

from pandapack.cli.failures import EXIT_WRONG
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site, body_of, unreachable
from pandapack.cli.tables import print_table, shown

PARTS = {
    "pipeline": "/v1/pipeline",
    "needs": "/v1/needs",
    "alerts": "/v1/alerts",
    "laws": "/v1/conservation",
}
"""By name: where reporting answers it."""
LAWS = ("money_conserved", "items_conserved", "parcels_conserved")
FIRING = "firing"
NOT_FOUND = 404

Json = dict[str, Any]


def ops(as_json: AsJson = False) -> None:
    """Say how money moves, what stands still, what needs a person and what alerts; exit 0 only if nothing does."""
    found = _read(Site.here())
    if as_json:
        typer.echo(json.dumps({**found, "is_well": is_well(found)}, ensure_ascii=False))
    else:
        _print(found)
    if not is_well(found):
        raise typer.Exit(EXIT_WRONG)


def is_well(found: Mapping[str, Any]) -> bool:
    """All services answer and move, the laws hold, nothing needs a person, no alert fires. Unknown is not well."""
    pipeline, needs, laws = found["pipeline"] or {}, found["needs"], found["laws"] or {}
    services = pipeline.get("services", ())
    moves = bool(services) and all(one["ready"] and not one["stopped"] and not one["stalled"] for one in services)
    needed = bool(needs and (needs["items"] or needs["unknown"]))
    return moves and not needed and not _firing(found["alerts"]) and all(laws.get(law) is True for law in LAWS)


def _read(site: Site) -> Json:
    """What reporting answers to each part; None for one that this installation does not have."""
    found: Json = {}
    try:
        with site.client("reporting", "operator") as client:
            for name, path in PARTS.items():
                answer = client.get(path)
                found[name] = None if answer.status_code == NOT_FOUND else body_of(answer)
    except httpx.TransportError as error:
        raise unreachable(error) from error
    return found


def _firing(alerts: Mapping[str, Any] | None) -> list[Json]:
    """Those that nobody has silenced."""
    return [one for one in (alerts or {}).get("items", ()) if one.get("state") == FIRING and not one.get("silence")]


def _print(found: Mapping[str, Any]) -> None:
    pipeline = found["pipeline"] or {}
    _print_services(pipeline)
    _print_hops(pipeline)
    _print_needs(found["needs"])
    _print_alerts(found["alerts"])
    _print_laws(found["laws"] or {})


def _print_services(pipeline: Mapping[str, Any]) -> None:
    rows = [
        (one["service"], _state(one), one["lag_records"], one["waiting_s"], one["outbox_age_s"])
        for one in pipeline.get("services", ())
    ]
    columns = ("service", "state", "records behind", "oldest waits s", "outbox s")
    print_table("Services", columns, rows, empty="no service is known")
    rows = [
        (one["service"], one["instance"], one["version"], one["since"], _mebibytes(one["memory_bytes"]))
        for one in pipeline.get("instances", ())
    ]
    if rows:
        print_table("Instances", ("service", "instance", "version", "since", "memory MiB"), rows, empty="")


def _state(one: Mapping[str, Any]) -> str:
    if not one["answers"]:
        return f"silent since {shown(one['silent_since'])}"
    stops = [f"stopped at {stop['topic']}/{stop['partition']}" for stop in one["stopped"] or ()]
    stops += [f"stalled at {stall['topic']}/{stall['partition']}" for stall in one["stalled"] or ()]
    return "; ".join(stops) or ("ready" if one["ready"] else "not ready")


def _mebibytes(count: int | None) -> float | None:
    return None if count is None else count / 2**20


def _print_hops(pipeline: Mapping[str, Any]) -> None:
    rows = [
        (one["from"], one["to"], one["topic"], one["lag_records"], one["lag_s"], one["records_per_s"])
        for one in pipeline.get("hops", ())
    ]
    columns = ("from", "to", "topic", "records behind", "s behind", "records a s")
    print_table("Hops, worst first", columns, rows, empty="no hop is known")
    late = pipeline.get("business_lag") or {}
    if late.get("p50_s") is None:
        typer.echo("from a gift to the page: unknown, nothing was pushed of late")
    else:
        typer.echo(
            f"from a gift to the page: half within {late['p50_s']:.1f} s, 99 of 100 within {late['p99_s']:.1f} s, "
            f"of {late['samples']} pushes in {late['window_s']} s"
        )


def _print_needs(needs: Mapping[str, Any] | None) -> None:
    if needs is None:
        typer.echo("what needs a person: unknown here")
        return
    rows = [
        (one["what"]["en"], one["since"], _costs(one["costs"]), one["command"], one["runbook"] or "")
        for one in needs["items"]
    ]
    columns = ("what", "since", "it costs", "command", "runbook")
    print_table("Needs a person, most urgent first", columns, rows, empty="nothing needs a person")
    for service in needs["unknown"]:
        typer.echo(f"what {service} needs is unknown: it does not answer")


def _costs(costs: Mapping[str, int | None]) -> str:
    return ", ".join(f"{value:,} {name}" for name, value in costs.items() if value)


def _print_alerts(alerts: Mapping[str, Any] | None) -> None:
    if alerts is None:
        typer.echo("alerts: unknown here")
        return
    rows = [(one["name"], one.get("state"), one.get("since"), one.get("runbook") or "") for one in _firing(alerts)]
    print_table("Alerts", ("alert", "state", "since", "runbook"), rows, empty="no alert fires")


def _print_laws(laws: Mapping[str, Any]) -> None:
    for law in laws.get("laws", ()):
        state = "holds" if law["holds"] else f"DOES NOT HOLD, by {law['difference']:,} {law['unit']}"
        typer.echo(f"the law of {law['name']} {state}")
    if not laws:
        typer.echo("laws: unknown")
