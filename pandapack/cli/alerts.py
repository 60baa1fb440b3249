"""`panda alerts list / history / ack / silence / unsilence`: what fires, what fired, and what people say to it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from pandapack.cli.failures import EXIT_USAGE, EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site

app = typer.Typer(help="Alerts: what fires, since when, and the page that mends it.", add_completion=False)

TOKEN_BYTES = 16
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}
INACTIVE = "inactive"
EPISODES_SHOWN = 20

AlertName = Annotated[str, typer.Argument(help="Its name, as `panda alerts list --all` shows it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept and shown.")]


@app.callback(invoke_without_command=True)
def alerts(context: typer.Context) -> None:
    """Alerts: what fires, since when, and the page that mends it."""
    if context.invoked_subcommand is None:
        list_alerts()


@app.command("list")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Those that are well, too.")] = False, as_json: AsJson = False
) -> None:
    """What fires, is pending, or is just over. Exit 1 where anything fires that is not silenced."""
    answer = _reporting("GET", "/v1/alerts")
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        shown = [one for one in answer["items"] if every or one["state"] != INACTIVE]
        for one in shown:
            _print_alert(one)
        if not any(one["state"] != INACTIVE for one in shown):
            typer.echo(f"no alert fires, as of {answer['evaluated_at'] or 'never: nothing was looked at yet'}")
    if answer["firing"]:
        raise typer.Exit(EXIT_WRONG)


@app.command("history")
def list_history(
    last: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=200)] = EPISODES_SHOWN,
    as_json: AsJson = False,
) -> None:
    """The times that alerts fired, newest first."""
    episodes = _reporting("GET", "/v1/alerts/history", params={"limit": last})["items"]
    if as_json:
        typer.echo(json.dumps({"items": episodes}, ensure_ascii=False))
        return
    if not episodes:
        typer.echo("no alert has fired yet")
    for one in episodes:
        typer.echo(f"{one['fired_at']}  {one['name']}  until {one['resolved_at'] or 'now: it still fires'}")
        for subject in one["subjects"]:
            typer.echo(f"  {subject}")
        _print_word(one["acknowledged"])


@app.command("ack")
def acknowledge(name: AlertName, *, reason: Why, as_json: AsJson = False) -> None:
    """Say that an alert was seen and what is done about it, until it is over."""
    answer = _reporting("POST", f"/v1/alerts/{name}/acknowledgements", {"reason": reason})
    typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"acknowledged {name}, as {answer['by']}")


@app.command("silence")
def silence(
    name: Annotated[str, typer.Argument(help="Its name; without, every alert.")] = "*",
    *,
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 30m, 4h or 2d; a week at most.")],
    reason: Why,
    subject: Annotated[str, typer.Option(help="Only where each of its subjects has this in it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an alert silent for a while: it still fires and is shown, and calls nobody."""
    body = {"alert": name, "subject": subject, "minutes": minutes_of(lasting), "reason": reason}
    answer = _reporting("POST", "/v1/silences", body)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        typer.echo(f"silent until {answer['until']}: `panda alerts unsilence {answer['id']}` ends it")


@app.command("unsilence")
def end_silence(
    id: Annotated[str, typer.Argument(help="Of the silence; without, lists those that stand.")] = "",
    as_json: AsJson = False,
) -> None:
    """End a silence now, or list those that stand."""
    if id:
        answer = _reporting("DELETE", f"/v1/silences/{id}")
        typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"the silence {id} has ended")
        return
    silences = _reporting("GET", "/v1/silences")["items"]
    if as_json:
        typer.echo(json.dumps({"items": silences}, ensure_ascii=False))
        return
    if not silences:
        typer.echo("no silence stands")
    for one in silences:
        _print_silence(one)


def minutes_of(text: str) -> int:
    """`90m`, `4h`, `2d`. Ends the command where it is none."""
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in MINUTES or int(number) == 0:
        raise fail(f"{text} is no time: write minutes, hours or days, such as 30m, 4h or 2d", EXIT_USAGE)
    return int(number) * MINUTES[unit]


def _print_alert(one: Mapping[str, Any]) -> None:
    since = f" since {one['since']}" if one["since"] else ""
    typer.echo(f"{one['state'].upper()}  {one['name']} ({one['severity']}){since}: {one['what']['en']}")
    for subject in one["subjects"]:
        typer.echo(f"  {subject}")
    _print_word(one["acknowledged"])
    if one["silence"]:
        _print_silence(one["silence"])
    if one["state"] != INACTIVE:
        typer.echo(f"  mend it: {one['runbook']}")


def _print_word(word: Mapping[str, Any] | None) -> None:
    if word:
        typer.echo(f"  seen by {word['by']} at {word['at']}: {word['reason']}")


def _print_silence(one: Mapping[str, Any]) -> None:
    about = f", about {one['subject']}" if one["subject"] else ""
    typer.echo(f"  silent: {one['id']} for {one['alert']}{about} until {one['until']}, by {one['by']}: {one['reason']}")


def _reporting(
    method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, str | int] | None = None
) -> dict[str, Any]:
    key = None if method == "GET" else secrets.token_hex(TOKEN_BYTES)
    site = Site.here()
    return site.request("reporting", "operator", method, path, body=body, params=params, idempotency_key=key)
