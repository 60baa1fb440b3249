"""`panda audit`: recounts everything by itself, and compares with what the services have and show."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from pandapack.audit.findings import Cause
from pandapack.audit.reading import PATIENCE_S, SERVER_WAIT_MS
from pandapack.audit.run import Report
from pandapack.audit.run import audit as run_audit
from pandapack.cli.failures import EXIT_UNREACHABLE, EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site
from pandapack.cli.verify import own_key_file, trusted_key
from pandapack.contracts.public_log.veil import Veil
from pandapack.local.keys import LOG_SECRET_FILE
from pandapack.local.layout import DATA_DIR

CAUSES_SHOWN_MAX = 100
KEPT_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}=[0-9a-f]{64}")


def audit(
    key: Annotated[
        str | None,
        typer.Option(help="The public key that signs days: 64 hex digits, or a file with them or with /v1/roots/key."),
    ] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(help="DAY=HASH of a signed day as an earlier audit printed it: it must still be that one."),
    ] = None,
    log_secret: Annotated[
        Path | None,
        typer.Option(help="The file with the public log's secret, by which its entries are matched with events."),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds without any progress after which what is on its way counts as lost.")
    ] = PATIENCE_S,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also what only follows from a cause, and up to where each view is counted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Recount everything from what is kept, while it runs, and compare. Exit 1 names each cause of a difference.

    Without --key the trusted key is that of the stack or the demonstration of this folder, where there is one; without
    --log-secret so is the public log's secret.
    """
    site, trusted = Site.here(), _key(key)
    client: MongoClient[dict[str, Any]] = MongoClient(site.mongo, serverSelectionTimeoutMS=SERVER_WAIT_MS)
    try:
        report = run_audit(
            client,
            os.environ.get("PANDA_NAMESPACE", ""),
            key=trusted,
            kept_roots=_kept(root or []),
            log_secret=_log_secret(log_secret),
            shown=lambda: site.request("reporting", None, "GET", "/v1/totals"),
            patience_s=patience,
        )
    except PyMongoError as error:
        raise fail(f"the databases at {site.mongo} do not answer: {error}", EXIT_UNREACHABLE) from error
    finally:
        client.close()
    if as_json:
        typer.echo(json.dumps(_as_json(report), ensure_ascii=False))
    else:
        _print(report, show_all=show_all)
    if report.causes:
        raise typer.Exit(EXIT_WRONG)


def _key(given: str | None) -> str | None:
    """The key that is trusted; None where none is given and none lies here."""
    if given is not None:
        return trusted_key(given)
    file = own_key_file(DATA_DIR)
    return trusted_key(str(file)) if file.exists() else None


def _log_secret(given: Path | None) -> str | None:
    """The public log's secret; None where none is given and none lies here. Ends the command where it is none."""
    file = given or own_key_file(DATA_DIR).with_name(LOG_SECRET_FILE)
    if given is None and not file.exists():
        return None
    try:
        secret = file.read_text().strip()
        Veil(secret)
    except (OSError, ValueError) as error:
        raise fail(f"no secret of the public log in {file}: {error}; PANDA_LOG_SECRET_FILE names it") from error
    return secret


def _kept(roots: list[str]) -> dict[str, str]:
    """`DAY=HASH` of each root that somebody kept."""
    kept = dict(one.split("=", 1) for one in roots if KEPT_FORM.fullmatch(one))
    if len(kept) < len(roots):
        raise typer.BadParameter("a day and the 64 hex digits of its root: 2021-11-11=…", param_hint="--root")
    return kept


def _as_json(report: Report) -> dict[str, Any]:
    causes = [{"text": one.text, "follows": one.follows, "follows_count": one.follows_count} for one in report.causes]
    return {
        **report.figures,
        "cuts": report.cuts,
        "notes": report.notes,
        "last_root": report.last_root and "=".join(report.last_root),
        "log_root": report.log_root and {"size": report.log_root[0], "root": report.log_root[1]},
        "differences": report.differences,
        "causes": causes,
    }


def _print(report: Report, *, show_all: bool) -> None:
    figures = report.figures
    typer.echo(
        f"{figures['donations']} donations, {figures['received_fen']} fen on {figures['pages']} pages; "
        f"{figures['seals']} seals, {figures['published_seals']} published, {figures['roots']} signed days"
    )
    typer.echo(f"{figures['events']} events in the journal, {figures['documents']} documents")
    if report.last_root is not None:
        typer.echo(f"last signed day {'='.join(report.last_root)}: keep it, and give it to a later audit by --root")
    if report.log_root is not None:
        size, log_root = report.log_root
        typer.echo(f"public log: {size} entries of root {log_root}, {figures['logged_events']} events matched")
    for line in _cut_lines(report) if show_all else ():
        typer.echo(line)
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    for cause in report.causes[:CAUSES_SHOWN_MAX]:
        for line in _lines(cause, show_all=show_all):
            typer.echo(line, err=True)
    if len(report.causes) > CAUSES_SHOWN_MAX:
        typer.echo(f"… and {len(report.causes) - CAUSES_SHOWN_MAX} more", err=True)
    count = len(report.causes)
    typer.echo("everything agrees" if not count else f"{count} difference{'s' if count > 1 else ''}")


def _lines(cause: Cause, *, show_all: bool) -> list[str]:
    lines = [f"DIFFERENCE {cause.text}"]
    if show_all:
        lines += [f"    follows: {text}" for text in cause.follows]
    hidden = cause.follows_count - (len(cause.follows) if show_all else 0)
    if hidden:
        lines.append(
            f"    and {hidden} figure{'s' if hidden > 1 else ''} that follow{'' if hidden > 1 else 's'} from it"
        )
    return lines


def _cut_lines(report: Report) -> list[str]:
    lines = []
    for name, (low, high) in report.cuts.items():
        lines.append(f"{name}: counted to {low}" + (f" … {high}" if high != low else ""))
    return lines
