"""What came of a form of the operations page, kept in the session for the page that is shown next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from fastapi import Request

from pandapack.runtime.problem_types import message_of
from pandapack.runtime.sessions import sessions_of

TOLD = "told"
"""The parameter of an address that names what is told on it."""
ANSWER_BYTES_MAX = 16 * 1024
"""Of an answer that is longer only that it was done is told: the page itself shows what it changed."""
LOCAL_PREFIX = "/ops"

Json = dict[str, Any]


async def told_of(request: Request) -> Json | None:
    """What came of the act that this page's address names; None: it names none, or another was done since."""
    wanted = request.query_params.get(TOLD)
    noted = await sessions_of(request).noted(request) if wanted else None
    return noted if noted is not None and noted["id"] == wanted else None


def told(id: str, name: str, action: str, fields: Sequence[tuple[str, str]], status: int, answer: object) -> Json:
    """What is told of an act: whether it was done, why not, and what the service answered.

    `fields` are the form's, so that a dry run can be followed by the deed.
    """
    is_done = 200 <= status < 300
    body = answer if isinstance(answer, dict) else {}
    kept = body if len(msgspec.json.encode(body)) <= ANSWER_BYTES_MAX else {}
    code, detail = str(body.get("code", "")), str(body.get("detail", ""))
    sent = [[key, value] for key, value in fields if not key.startswith("_")]
    return {
        "id": id,
        "name": name,
        "action": action,
        "is_done": is_done,
        "is_dry_run": is_done and bool(kept.get("dry_run")),
        "code": None if is_done else code or f"http_{status}",
        "message": None if is_done else body.get("message") or message_of(code or "unavailable", detail),
        "detail": None if is_done else detail,
        "answer": kept if is_done else {},
        "fields": sent if len(msgspec.json.encode(sent)) <= ANSWER_BYTES_MAX else [],
    }


def here_of(request: Request) -> str:
    """This page as it was asked for, without what is told on it: where its forms lead back to."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != TOLD]
    return request.url.path + (f"?{urlencode(query)}" if query else "")


def back_to(page: str, id: str) -> str:
    """Where an act leads: back to the page that it was done on, which tells what came of it; no other site."""
    parts = urlsplit(page)
    path = parts.path
    is_local = not parts.scheme and not parts.netloc and "\\" not in page and _is_below(path)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != TOLD] if is_local else []
    return f"{path if is_local else LOCAL_PREFIX}?{urlencode([*query, (TOLD, id)])}#told"


def _is_below(path: str) -> bool:
    """Whether it is the operations page, or one below it that shows and does nothing."""
    return path == LOCAL_PREFIX or (path.startswith(f"{LOCAL_PREFIX}/") and not path.startswith(f"{LOCAL_PREFIX}/act"))
