"""The operations page's part on the audit log: a search without a script, the newest entries, the chain's end."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from pandapack.contracts.acts import SUBJECT_CHARACTERS_MAX
from pandapack.runtime.http import Problem
from services.reporting.api.audit_log import searched, shown_audit_log
from services.reporting.store.audit_log import Search
from services.reporting.work.audit_log import AuditLog

ENTRIES_SHOWN_MAX = 25
"""A screen of them; older ones are a click away, and all are in the files."""
FIELDS = ("actor", "role", "command", "subject", "from", "to")
PREFIX = "trail_"
"""What stands before a field's name in the page's query: other parts have searches, too."""

Json = dict[str, Any]


async def trail_part(request: Request) -> Json:
    """What `templates/ops/trail.html` shows."""
    audit_log: AuditLog = request.app.state.audit_log
    query = {name: request.query_params.get(PREFIX + name, "")[:SUBJECT_CHARACTERS_MAX] for name in FIELDS}
    search, is_unreadable = _search_of(query)
    after = request.query_params.get(f"{PREFIX}after", "")
    before = int(after) if after.isascii() and after.isdecimal() and len(after) < len(str(2**53)) else None
    found = await shown_audit_log(audit_log, search, after=before, limit=ENTRIES_SHOWN_MAX)
    given = {name: value for name, value in query.items() if value}
    return {
        **found,
        "query": query,
        "is_unreadable": is_unreadable,
        "export": f"?{urlencode(given)}" if given and not is_unreadable else "",
        "older": _older(request, query, found["next"]),
    }


def _search_of(query: dict[str, str]) -> tuple[Search, bool]:
    """The search, and whether its days could not be read: then all days are shown."""
    texts = {name: query[name] for name in ("actor", "role", "command", "subject")}
    try:
        return searched(**texts, first=query["from"], last=query["to"]), False
    except Problem:
        return searched(**texts, first="", last=""), True


def _older(request: Request, query: dict[str, str], next: int | None) -> str:
    """The query of the page with older entries; nothing where there are none."""
    if next is None:
        return ""
    kept = {"lang": request.query_params["lang"]} if "lang" in request.query_params else {}
    given = {PREFIX + name: value for name, value in query.items() if value}
    return urlencode({**kept, **given, f"{PREFIX}after": str(next)})
