"""`panda dlq`: rows that the ledger rejected, in groups with one cause: why, what a replay would do, and doing it."""

from __future__ import annotations

import json
import secrets
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pandapack.cli.failures import EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.cli.site import PAGE_ROWS, Site

app = typer.Typer(help="Dead letters: rows that are no donations.", no_args_is_help=True, add_completion=False)

PATH = "/v1/dead-letters"
LISTED_DEFAULT = 25
"""A page for eyes; `--all` prints what there is."""
WATCH_PAUSE_S = 0.5
KEY_BYTES = 16

Addresses = Annotated[list[str] | None, typer.Argument(help="Addresses, as `panda dlq list` shows them.")]
Group = Annotated[str, typer.Option(help="All of a group, as `panda dlq groups` shows it.")]
Cause = Annotated[str, typer.Option(help="All of one cause.")]
Sender = Annotated[str, typer.Option(help="All of one platform; `unvouched`: of which nobody vouches.")]
Reason = Annotated[str, typer.Option(help="Why: the event that tells of it keeps it.")]
Edited = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="A file with the mended text, for one address.")
]
Platform = Annotated[str, typer.Option(help="Whose unmarked records are, which say it of themselves only.")]
Watch = Annotated[bool, typer.Option("--watch", help="Wait until it is over, and show how far it is.")]


@app.command("groups")
def list_groups(as_json: AsJson = False) -> None:
    """Groups of dead letters with one cause: how many, since when, and what became of them."""
    groups = _groups()
    if as_json:
        typer.echo(json.dumps({"items": groups}, ensure_ascii=False))
        return
    if not groups:
        typer.echo("no dead letters")
        return
    rows = [
        (
            one["group"],
            one["status"] + (f", reopened {one['reopened']}" if one["reopened"] else ""),
            f"{one['open']:,}",
            f"{one['count']:,}",
            one["sender"],
            f"{one['cause']} {one['pointer']}".strip(),
            _moment(one["first_at"]),
            _moment(one["last_at"]),
        )
        for one in groups
    ]
    _print_table(("GROUP", "STATUS", "OPEN", "EVER", "SENDER", "CAUSE", "FIRST", "LAST"), rows)


@app.command("list")
def list_dead_letters(
    *,
    group: Group = "",
    cause: Cause = "",
    sender: Sender = "",
    status: Annotated[str, typer.Option(help="open, replayed, discarded; or any.")] = "open",
    everything: Annotated[bool, typer.Option("--all", help="All of them, not the first page.")] = False,
    as_json: AsJson = False,
) -> None:
    """Dead letters that wait for a person: the first page, and how many more there are."""
    params = _set(group=group, cause=cause, sender=sender, status="" if status == "any" else status)
    if everything:
        found, more = Site.here().items("donations", "operator", PATH, params=params), 0
    else:
        page = _ask("GET", PATH, params={**params, "limit": LISTED_DEFAULT})
        found = page["items"]
        more = max(1, _counted(group, cause, sender, status) - len(found)) if page["next"] else 0
    if as_json:
        typer.echo(json.dumps({"items": found, "more": more}, ensure_ascii=False))
        return
    if not found:
        typer.echo("no dead letters")
        return
    rows = [(one["address"], one["status"], _moment(one["at"]), one["platform"] or "-", _why(one)) for one in found]
    _print_table(("ADDRESS", "STATUS", "SINCE", "SENDER", "WHY"), rows)
    if more:
        typer.echo(f"and {more:,} more: `panda dlq groups` has them by cause, --all prints them")


@app.command("show")
def show_dead_letter(address: str, as_json: AsJson = False) -> None:
    """One dead letter: the row as it came, what is wrong with it and where, and a good one."""
    dead_letter = _ask("GET", f"{PATH}/{address}")
    if as_json:
        typer.echo(json.dumps(dead_letter, ensure_ascii=False))
        return
    since, group = _moment(dead_letter["at"]), dead_letter["group"] or "-"
    typer.echo(f"{dead_letter['address']}  {dead_letter['status']}, since {since}, group {group}")
    typer.echo(f"{dead_letter['cause']} at {dead_letter['pointer'] or '/'}: {dead_letter['message']['en']}")
    typer.echo(f"  {dead_letter['text']}")
    if dead_letter["fault"]:
        begin, end = dead_letter["fault"]["from"], dead_letter["fault"]["to"]
        typer.echo(
            f"  {' ' * _columns(dead_letter['text'][:begin])}{'^' * max(1, _columns(dead_letter['text'][begin:end]))}"
        )
    good = dead_letter["good"]
    typer.echo(f"{'the last good one of its sender' if good['of_sender'] else 'a good one'}:\n  {good['text']}")
    for replay in dead_letter["replays"]:
        why = f": {replay['reason']}" if replay["reason"] else ""
        typer.echo(f"replayed {_moment(replay['at'])} by {replay['by']} as {replay['push']}{why}")
    if dead_letter["discarded"]:
        one = dead_letter["discarded"]
        typer.echo(f"discarded {_moment(one['at'])} by {one['by']}: {one['reason']}")


@app.command("preview")
def preview_replay(
    addresses: Addresses = None,
    *,
    group: Group = "",
    cause: Cause = "",
    sender: Sender = "",
    edited: Edited = None,
    platform: Platform = "",
    as_json: AsJson = False,
) -> None:
    """What a replay would do, and what it would add to the money. Exit 1 when some still are no donations."""
    body = _body(addresses, group, cause, sender) | _mended(addresses, edited, platform)
    found = _ask("POST", f"{PATH}/previews", body=body)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo(_price(found))
        _print_refused(found["refused"])
    if found["still_fail"]["rows"]:
        raise typer.Exit(EXIT_WRONG)


@app.command("replay")
def replay_dead_letters(  # noqa: PLR0913 - typer makes options of them
    addresses: Addresses = None,
    *,
    group: Group = "",
    cause: Cause = "",
    sender: Sender = "",
    reason: Reason = "",
    edited: Edited = None,
    platform: Platform = "",
    rate: Annotated[int | None, typer.Option(min=1, help="Rows a second, at most.")] = None,
    cap: Annotated[int | None, typer.Option(min=1, help="Rows altogether, at most.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="As `panda dlq preview`: change nothing.")] = False,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Send rows again as a push: nothing counts twice. Exit 1 when some still are no donations."""
    if dry_run:
        preview_replay(
            addresses, group=group, cause=cause, sender=sender, edited=edited, platform=platform, as_json=as_json
        )
        return
    body = _body(addresses, group, cause, sender) | _mended(addresses, edited, platform) | {"reason": _why_so(reason)}
    body |= {name: bound for name, bound in (("rate_rows_per_s", rate), ("cap_rows", cap)) if bound is not None}
    _follow(_command(f"{PATH}/replays", body), watch=watch, as_json=as_json)


@app.command("progress")
def show_progress(replay: str, watch: Watch = False, as_json: AsJson = False) -> None:
    """How far a replay or a discard is. Exit 1 when rows were refused."""
    _follow(_ask("GET", f"{PATH}/replays/{replay}"), watch=watch, as_json=as_json)


@app.command("stop")
def stop_replay(replay: str, reason: Reason = "", as_json: AsJson = False) -> None:
    """Begin nothing more of a replay; what is done stays done."""
    found = _command(f"{PATH}/replays/{replay}/stop", {"reason": _why_so(reason)})
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else _progress(found))


@app.command("discard")
def discard_dead_letters(
    addresses: Addresses = None,
    *,
    group: Group = "",
    cause: Cause = "",
    sender: Sender = "",
    reason: Reason = "",
    take_back: Annotated[bool, typer.Option("--take-back", help="Those that were given up are open again.")] = False,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up: they are kept and listed, and can be taken back."""
    body = _body(addresses, group, cause, sender) | {"reason": _why_so(reason), "take_back": take_back}
    _follow(_command(f"{PATH}/discards", body), watch=watch, as_json=as_json)


def _ask(method: str, path: str, **more: Any) -> dict[str, Any]:
    return Site.here().request("donations", "operator", method, path, **more)


def _command(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A command under a key of its own: the same again is meant to be done again, and counts nothing twice."""
    return _ask("POST", path, body=body, idempotency_key=secrets.token_hex(KEY_BYTES))


def _set(**given: str) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def _body(addresses: Sequence[str] | None, group: str, cause: str, sender: str) -> dict[str, Any]:
    """Which letters are meant. Ends the command where that is not said, or more are named than one request takes."""
    filters = _set(group=group, cause=cause, sender=sender)
    if bool(addresses) == bool(filters):
        raise fail("name addresses, or a --group, a --cause or a --sender: `panda dlq groups` shows what there is")
    if addresses and len(addresses) > PAGE_ROWS:
        raise fail(f"{len(addresses)} addresses are more than one command takes, {PAGE_ROWS}: name a --group")
    return {"addresses": list(addresses)} if addresses else dict(filters)


def _mended(addresses: Sequence[str] | None, edited: Path | None, platform: str) -> dict[str, Any]:
    if edited is not None and len(addresses or ()) != 1:
        raise fail("--edited mends one letter: name one address")
    texts = {addresses[0]: edited.read_text().strip()} if edited is not None and addresses else {}
    return {"edited": texts} | ({"platform": platform} if platform else {})


def _why_so(reason: str) -> str:
    if not reason.strip():
        raise fail("say why, in --reason: whoever looks at it later reads it in the audit log")
    return reason


def _groups() -> list[dict[str, Any]]:
    """All groups, those that wait for a person first, the largest before all."""
    groups = Site.here().items("donations", "operator", f"{PATH}/groups")
    return sorted(groups, key=lambda one: (-one["open"], one["last_at"] or "", one["group"]))


def _counted(group: str, cause: str, sender: str, status: str) -> int:
    """How many letters there are of what was asked for, by the groups' counts."""
    wanted = _set(group=group, cause=cause, sender=sender)
    counted = {"any": "count"}.get(status, status)
    return sum(one[counted] for one in _groups() if all(one[name] == value for name, value in wanted.items()))


def _follow(job: dict[str, Any], *, watch: bool, as_json: bool) -> None:
    """Shows how far a replay is, until it is over where that is wanted."""
    while watch and not job["is_over"]:
        if not as_json:
            typer.echo(_progress(job), err=True)
        time.sleep(WATCH_PAUSE_S)
        job = _ask("GET", f"{PATH}/replays/{job['id']}")
    if as_json:
        typer.echo(json.dumps(job, ensure_ascii=False))
    else:
        typer.echo(_progress(job))
        if not job["is_over"]:
            typer.echo(f"it goes on: `panda dlq progress {job['id']} --watch`, `panda dlq stop {job['id']} --reason …`")
        _print_refused(job["refused"])
    if job["refused_rows"]:
        raise typer.Exit(EXIT_WRONG)


def _progress(job: dict[str, Any]) -> str:
    of = f"{job['letters_done']:,} of {job['dead_letters']:,} letters"
    if job["doing"] != "replay":
        done = "given up" if job["doing"] == "discard" else "taken back"
        return f"{job['id']}  {job['state']}: {of}, {job['letters_moved']:,} {done}"
    rows = f"{job['accepted']:,} rows were sent again, {job['refused_rows']:,} still are no donations"
    return f"{job['id']}  {job['state']}: {of}; {rows}"


def _price(found: dict[str, Any]) -> str:
    """`1,204 gifts, +6,020 fen; 3 still fail; 11 already counted`, and what else there is to say."""
    parts = [f"{found['donations']:,} gifts, +{found['fen']:,} fen"]
    if found["reversals"]:
        parts.append(f"{found['reversals']:,} reversals, -{found['reversed_fen']:,} fen")
    parts.append(f"{found['still_fail']['rows']:,} still fail")
    parts.append(f"{found['already_counted']:,} already counted")
    more = (
        ("conflicts", "conflict with what counts"),
        ("parked", "wait for their donation"),
        ("turned_down", "their donation forbids"),
        ("not_looked_up", "of the gifts were not looked up: they may be counted already"),
    )
    parts += [f"{found[name]:,} {text}" for name, text in more if found[name]]
    if found["letters_truncated"]:
        parts.append(f"only the first {found['dead_letters']:,} letters were looked at")
    return "; ".join(parts)


def _print_refused(refused: Sequence[dict[str, Any]]) -> None:
    for one in refused:
        more = f" (and {one['rows'] - 1} more rows of it)" if one["rows"] > 1 else ""
        typer.echo(f"  {one['address']}: {one['message']['en']}{more}", err=True)


def _why(dead_letter: dict[str, Any]) -> str:
    return (
        f"{dead_letter['cause']} at {dead_letter['pointer']}" if dead_letter["pointer"] else str(dead_letter["cause"])
    )


def _moment(text: str | None) -> str:
    """To the second: `2021-11-11 00:00:02`, UTC as all times that services tell."""
    return "-" if text is None else text[:19].replace("T", " ")


def _columns(text: str) -> int:
    """How many columns a text takes on a terminal: what is written wide takes two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the last is as long as it is."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    for row in (headings, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
