"""`panda partition list / show / retry / set-aside`: what stands still in the services, and how it goes on."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pandapack.cli.failures import EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site
from pandapack.cli.tables import print_table
from pandapack.local.layout import SERVICES

PATH = "/v1/partitions"

app = typer.Typer(help="Partitions that stand still.", no_args_is_help=True, add_completion=False)
Where = Annotated[str, typer.Argument(metavar="TOPIC/PARTITION", help="Such as procurement.events/2.")]
ServiceName = Annotated[
    str, typer.Option("--service", help="Whose consumer is meant; needed only where several stand still there.")
]


@app.command("list")
def list_partitions(as_json: AsJson = False) -> None:
    """What stands still, in any service. Exit 1 where anything does."""
    stops = _standing()
    if as_json:
        typer.echo(json.dumps({"items": stops}, ensure_ascii=False))
    else:
        rows = [
            (f"{stop['topic']}/{stop['partition']}", stop["service"], stop["offset"], stop["since"], stop["attempts"])
            for stop in stops
        ]
        columns = ("partition", "service", "stands before", "since", "tries")
        print_table("", columns, rows, empty="no partition stands still")
        for stop in stops:
            typer.echo(f"{stop['topic']}/{stop['partition']} in {stop['service']}: {stop['reason']}")
    if stops:
        raise typer.Exit(EXIT_WRONG)


@app.command("show")
def show_partition(
    where: Where,
    *,
    service: ServiceName = "",
    offset: Annotated[int | None, typer.Option(help="Show this record instead of the one it stands before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Who consumes a partition, what stands still and why, and the record that it stands before."""
    path, service = _path(where), service or _service_of(where)
    shown = Site.here().request(service, "operator", "GET", path, params=None if offset is None else {"offset": offset})
    if as_json:
        typer.echo(json.dumps({"service": service, **shown}, ensure_ascii=False))
        return
    typer.echo(f"{where} in {service}: offsets {shown['begins']} to {shown['ends'] - 1}")
    typer.echo(f"consumed by {', '.join(shown['consumers'])}")
    for stop in shown["stops"]:
        _print_stop({"service": service, **stop})
    if not shown["stops"]:
        typer.echo("it does not stand still")
    _print_record(shown["record"])
    for row in shown["set_aside"]:
        by = f" by {row['by']}: {row['reason']}" if row["by"] else ""
        typer.echo(f"set aside: offset {row['offset']} at {row['at']}, {row['cause']}{by}")


@app.command("retry")
def retry_partition(where: Where, *, service: ServiceName = "", as_json: AsJson = False) -> None:
    """Try again at once, after the cause was mended."""
    service = service or _service_of(where)
    answer = Site.here().request(service, "operator", "POST", f"{_path(where)}/retry")
    if as_json:
        typer.echo(json.dumps({"service": service, **answer}))
    else:
        typer.echo(f"{where} is tried again by {', '.join(answer['groups'])}: look with `panda partition list`")


@app.command("set-aside")
def set_aside(
    where: Where,
    offset: Annotated[int, typer.Argument(help="Of the record, as `panda partition show` tells.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it is passed over; it is kept.")],
    service: ServiceName = "",
    breaks: Annotated[str, typer.Option(help="Accept that this law breaks: money, items or parcels.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only said what it would break.")] = False,
    as_json: AsJson = False,
) -> None:
    """Pass over a record that a partition stands before; says first what that would break."""
    service = service or _service_of(where)
    path = f"{_path(where)}/records/{offset}/set-aside"
    body: dict[str, Any] = {"reason": reason, "dry_run": not yes}
    body |= {"breaks": breaks} if breaks else {}
    answer = Site.here().request(service, "operator", "POST", path, body=body)
    if as_json:
        typer.echo(json.dumps({"service": service, **answer}, ensure_ascii=False))
        return
    typer.echo(f"{where} offset {offset}: {answer['because']}")
    if yes:
        typer.echo(f"set aside by {answer['by']}; the partition goes on within seconds")
        return
    accept = f" --breaks {answer['breaks']}" if answer["breaks"] else ""
    typer.echo(f"nothing was changed: add --yes{accept} to do it")


def _standing() -> list[dict[str, Any]]:
    site = Site.here()
    return [
        {"service": service, **stop}
        for service in SERVICES
        for stop in site.request(service, "operator", "GET", PATH)["items"]
    ]


def _service_of(where: str) -> str:
    """The service in which the partition stands still. Ends the command where that is none, or several."""
    services = sorted({one["service"] for one in _standing() if f"{one['topic']}/{one['partition']}" == where})
    if len(services) != 1:
        found = f"stands still in {', '.join(services)}" if services else "stands still in no service"
        raise fail(f"{where} {found}: name one with --service")
    (only,) = services
    return str(only)


def _path(where: str) -> str:
    topic, _, partition = where.rpartition("/")
    if not topic or not partition.isdecimal():
        raise fail(f"{where} is no partition: write TOPIC/PARTITION, such as procurement.events/2")
    return f"{PATH}/{topic}/{partition}"


def _print_stop(stop: dict[str, Any]) -> None:
    typer.echo(
        f"{stop['topic']}/{stop['partition']} in {stop['service']} ({stop['group']}) has stood before offset "
        f"{stop['offset']} since {stop['since']}, tried {stop['attempts']} times, next at {stop['next_try']}"
    )
    typer.echo(f"  {stop['reason']}")


def _print_record(record: dict[str, Any] | None) -> None:
    if record is None:
        return
    event = record["event"]
    kind = f"{event['type']} {event['source']}#{event['sequence']}" if event else record["distrust"] or "not an event"
    typer.echo(f"record at offset {record['offset']}: {kind}, {record['size_bytes']} bytes, key {record['key']}")
    for name, content in record["headers"]:
        typer.echo(f"  {name}: {content}")
    typer.echo(record["text"])
