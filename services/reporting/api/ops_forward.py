"""`POST /ops/act/{service}/{path}`: a form of the operations page becomes a command of the service that owns it.

Only our own pages can send one: the session's cookie is not sent along from other sites, and what comes from another
site's page is refused before it is read (`runtime.browser_policy`).
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from pandapack.runtime.chance import Chance
from pandapack.runtime.documents import AnswerLost
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem, problem_body
from pandapack.runtime.sessions import sessions_of
from services.reporting.api.login import login_address
from services.reporting.api.ops_acts import COMMANDS, FIELDS_MAX, OperatorCommand, body_of, command_at
from services.reporting.api.ops_told import back_to, told
from services.reporting.work.forwarding import Forwarded, Forwarding

BACK, METHOD, REPEAT_KEY = "_back", "_method", "_key"
"""Fields of every form: the page to go back to, another method than POST, and what makes a form that is sent twice act
once."""
REPEAT_KEY_CHARACTERS_MAX = 128
Fields = Sequence[tuple[str, str]]

log = structlog.get_logger(__name__)


def forward_router(forwarding: Forwarding, chance: Chance) -> APIRouter:
    """`/ops/act`."""
    router = APIRouter(include_in_schema=False)

    @router.post("/ops/act/{service}/{path:path}")
    async def post_act(service: str, path: str, request: Request) -> Response:
        """Does it, and leads back to where it was done, which tells what came of it."""
        sessions = sessions_of(request)
        key = await sessions.key(request)
        if key is None:
            return RedirectResponse(login_address(None), 303)
        fields = await _fields_of(request)
        command = command_at(service, path, _last(fields, METHOD) or "POST")
        if command is None:
            names = ", ".join(one.name for one in COMMANDS)
            detail = f"the operations page does not forward this to {service}: it forwards {names}"
            raise Problem(404, "act_unknown", detail[:500])
        id = chance.token()
        act = _act_of(command, service, path, fields, id)
        status, answer = await _done(forwarding, act, key, request)
        log.info("act_forwarded", command=command.name, service=service, path=path, status=status)
        note = told(id, command.name, request.url.path, fields, status, answer)
        try:
            await sessions.note(request, note)
        except (AnswerLost, Unavailable):
            log.warning("act_untold", command=command.name, status=status)  # it was done, or refused: the page shows
        return RedirectResponse(back_to(_last(fields, BACK) or "/ops", id), 303)

    return router


async def _fields_of(request: Request) -> list[tuple[str, str]]:
    async with request.form(max_files=0, max_fields=FIELDS_MAX) as form:
        return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


def _act_of(command: OperatorCommand, service: str, path: str, fields: Fields, id: str) -> Forwarded:
    try:
        body = body_of(command, fields)
    except ValueError as error:
        raise Problem(422, "form_invalid", f"a field of the form is not what it should be: {error}") from error
    repeat_key = _last(fields, REPEAT_KEY)[:REPEAT_KEY_CHARACTERS_MAX] or id
    return Forwarded(service, command.method, path, body, repeat_key)


async def _done(forwarding: Forwarding, act: Forwarded, key: str, request: Request) -> tuple[int, object]:
    try:
        return await forwarding.send(act, key, request.app)
    except Unavailable as error:
        return 503, problem_body(503, "unavailable", f"{error}: try again")


def _last(fields: Fields, name: str) -> str:
    return next((value for key, value in reversed(fields) if key == name), "")
