"""The operations page's part on dead letters, and the pages of a group and of a letter: why, what it costs, what to do.

Donations owns them. What is read is read with the service key, what is done is forwarded with the key of who does it.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from pandapack.runtime.auth import Role
from pandapack.runtime.chance import Chance
from pandapack.runtime.http import Problem
from pandapack.runtime.sessions import page_caller
from services.reporting.api.login import READERS, login_address
from services.reporting.api.ops_told import here_of, told_of
from services.reporting.api.refused import refused_page
from services.reporting.api.rendering import html_answer, rendered, switch_of, texts_of
from services.reporting.work.neighbours import Neighbours

ASK_WAIT_S = 3.0
GROUPS_ASKED = 500
GROUPS_SHOWN_MAX = 20
LETTERS_SHOWN_MAX = 50
"""Of a group: they are alike, and are dealt with together."""
EDITED_CHARACTERS_MAX = 65_536
"""As donations takes of one letter."""
GROUP = r"^[0-9a-f]{12}$"
ACTS = ("preview", "replay", "discard", "stop")

Json = dict[str, Any]
Lang = Annotated[str | None, Query()]
Accepted = Annotated[str, Header(alias="accept-language")]
Group = Annotated[str, Path(pattern=GROUP)]
Address = Annotated[str, Path(max_length=200)]


def neighbours_of(request: Request) -> Neighbours:
    """The other services, as the application asks them."""
    neighbours: Neighbours = request.app.state.neighbours
    return neighbours


async def letters_part(request: Request) -> Json:
    """What `templates/ops/dead-letters.html` shows: groups that wait, the largest first, and how many are done with."""
    found = await neighbours_of(request).rows(
        "donations", "/v1/dead-letters/groups", ASK_WAIT_S, limit=str(GROUPS_ASKED)
    )
    waiting = sorted((one for one in found if one["open"] or one["replays"]), key=lambda one: -one["open"])
    done = sorted((one for one in found if not one["open"] and not one["replays"]), key=_last, reverse=True)
    return {
        "waiting": waiting[:GROUPS_SHOWN_MAX],
        "waiting_more": max(0, len(waiting) - GROUPS_SHOWN_MAX),
        "done": done[:GROUPS_SHOWN_MAX],
        "open": sum(one["open"] for one in found),
    }


def _last(group: Json) -> str:
    return str(group["last_at"])


def letters_pages_router(chance: Chance, *, is_demonstration: bool) -> APIRouter:
    """`/ops/dead-letters/{group}` and `/ops/dead-letters/{group}/{address}`."""
    router = APIRouter(prefix="/ops/dead-letters", include_in_schema=False)

    @router.get("/{group}")
    async def get_group_page(
        request: Request, group: Group, lang: Lang = None, accept_language: Accepted = ""
    ) -> Response:
        return await _page(request, "letter_group.html", group, "", lang, accept_language)

    @router.get("/{group}/{address:path}")
    async def get_letter_page(
        request: Request, group: Group, address: Address, lang: Lang = None, accept_language: Accepted = ""
    ) -> Response:
        return await _page(request, "dead_letter.html", group, address, lang, accept_language)

    async def _page(
        request: Request, template: str, group: str, address: str, lang: str | None, accepted: str
    ) -> Response:
        caller = await page_caller(request)
        if caller is None:
            return RedirectResponse(login_address(lang), 303)
        texts, neighbours = texts_of(lang, accepted), neighbours_of(request)
        if caller.role not in READERS:
            problem = Problem(403, "role_not_allowed", f"this needs a key of role operator; yours is {caller.role}")
            return await refused_page(request, texts, problem, is_demonstration=is_demonstration)
        told, found = await told_of(request), await _group(neighbours, group)
        shown = await (_letter(neighbours, address) if address else _letters(neighbours, group))
        html = await rendered(
            f"ops/{template}",
            texts,
            switch_of(request, texts),
            **shown,
            group=found,
            replays=await _replays(neighbours, found, told),
            told=told,
            here=here_of(request),
            form_key=chance.token(),
            may_act=caller.role is Role.OPERATOR,
            is_demonstration=is_demonstration,
        )
        return html_answer(html)

    return router


async def _found(neighbours: Neighbours, path: str, code: str, what: str) -> Json:
    found = await neighbours.one("donations", path, ASK_WAIT_S)
    if found is None:
        raise Problem(404, code, f"there is no {what}: /ops lists the groups of dead letters")
    return found


async def _group(neighbours: Neighbours, group: str) -> Json:
    path = f"/v1/dead-letters/groups/{group}"
    return await _found(neighbours, path, "letter_group_unknown", f"group {group} of dead letters")


async def _letters(neighbours: Neighbours, group: str) -> Json:
    """The first letters of a group that are open, or else the first of all."""
    for status in ("open", ""):
        asked = {"group": group, "limit": str(LETTERS_SHOWN_MAX), **({"status": status} if status else {})}
        dead_letters = await neighbours.rows("donations", "/v1/dead-letters", ASK_WAIT_S, **asked)
        if dead_letters:
            break
    return {"found": dead_letters, "are_open": status == "open"}


async def _letter(neighbours: Neighbours, address: str) -> Json:
    path = f"/v1/dead-letters/{quote(address)}"
    dead_letter = await _found(neighbours, path, "dead_letter_unknown", f"dead letter {address}")
    text, fault = dead_letter["text"], dead_letter["fault"]
    cut = (fault["from"], fault["to"]) if fault else (len(text), len(text))
    # What is not all text, or not all here, would come back as something else.
    may_edit = b64decode(dead_letter["raw"]) == text.encode() and len(text) <= EDITED_CHARACTERS_MAX
    return {
        "dead_letter": dead_letter,
        "marked": (text[: cut[0]], text[cut[0] : cut[1]], text[cut[1] :]),
        "may_edit": may_edit and dead_letter["size_bytes"] is None,
    }


async def _replays(neighbours: Neighbours, group: Json, told: Json | None) -> list[Json]:
    """The replays of a group that are under way, and the one that was just begun, however far it is."""
    ids = list(group["replays"])
    if told is not None and told["is_done"] and told["name"] in ACTS and told["answer"].get("id"):
        ids.append(told["answer"]["id"])
    found = [
        await neighbours.one("donations", f"/v1/dead-letters/replays/{id}", ASK_WAIT_S) for id in dict.fromkeys(ids)
    ]
    return [one for one in found if one is not None]
