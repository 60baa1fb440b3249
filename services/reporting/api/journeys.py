"""`/v1/journeys/{kind}/{id}`, and the page `/ops/journey/{kind}/{id}`."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from pandapack.contracts.causation import NOBODY
from pandapack.contracts.envelope import sequence_of
from pandapack.decision import Refusal
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import problem_of
from pandapack.runtime.sessions import page_caller
from services.reporting.api.journey_words import begun_words, detour_words, event_words, parked_words, step_words
from services.reporting.api.login import login_address
from services.reporting.api.rendering import html_answer, rendered, switch_of, texts_of
from services.reporting.domain.journeys.subjects import Kind
from services.reporting.domain.journeys.told import JourneyEvent, detour_of, effects_among
from services.reporting.work.journeys import Journey, Journeys

EVENTS_DEFAULT = 100
EVENTS_MAX = 200
"""Of a page's own events; what caused them and came of them stands beside. Their envelopes are a few KiB each."""
ID_CHARACTERS_MAX = 300
"""An event's identity: a source of 200, and its sequence."""
LINKS_MAX = 8
"""Causes and effects of one event on a page: a credit names every shard, and a publication has thousands of effects."""
ANY = "any"

Json = dict[str, Any]
KindName = Annotated[
    Literal[
        "any",
        "donation",
        "push",
        "reversal",
        "settlement",
        "need",
        "round",
        "order",
        "parcel",
        "lot",
        "consignment",
        "shipment",
        "school",
        "survey",
        "event",
    ],
    Path(description="What the id names; `any`: it is found by its form, by the index and by the ledger."),
]
Id = Annotated[
    str,
    Path(
        max_length=ID_CHARACTERS_MAX,
        description="A donation and a reversal as platform/merchant/id, an event as source#sequence (`#` as %23).",
    ),
]
Day = Annotated[date | None, Query(description="Of a donation: the day of its order, in Asia/Shanghai.")]
After = Annotated[str, Query(max_length=400, description="`next_page` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=EVENTS_MAX)]


def journeys_router(journeys: Journeys) -> APIRouter:
    """`/journeys`."""
    router = APIRouter(prefix="/journeys", tags=["pipeline"])

    @router.get("/{kind}/{id:path}", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_journey(
        kind: KindName, id: Id, day: Day = None, after: After = "", limit: Limit = EVENTS_DEFAULT
    ) -> Json:
        """One time line of any id across all services: its own events, what caused them, and what they caused.

        `own` events are the subject's; `next` is the step that is due first and since when it is overdue, null where
        nothing is due. A page has so many events of the subject, and beside them at most 400 others.
        """
        return shown_journey(await _told(journeys, kind, id, day, after, limit))

    return router


def journey_pages_router(journeys: Journeys, *, is_demonstration: bool) -> APIRouter:
    """`/ops/journey`."""
    router = APIRouter(prefix="/ops/journey", include_in_schema=False)

    @router.get("")
    async def find_journey(
        request: Request,
        id: Annotated[str, Query(max_length=ID_CHARACTERS_MAX)] = "",
        day: Annotated[str, Query(max_length=10)] = "",
        lang: Annotated[str | None, Query()] = None,
    ) -> Response:
        """The search field leads to the page of what was searched for."""
        if await page_caller(request) is None:
            return RedirectResponse(login_address(lang), 303)
        if not id.strip():
            return RedirectResponse("/ops", 303)
        return RedirectResponse(journey_path(ANY, id.strip(), day=day, lang=lang or ""), 303)

    @router.get("/{kind}/{id:path}")
    async def get_journey_page(
        request: Request,
        kind: KindName,
        id: Id,
        day: Annotated[str, Query(max_length=10)] = "",
        after: After = "",
        lang: Annotated[str | None, Query()] = None,
    ) -> Response:
        if await page_caller(request) is None:
            return RedirectResponse(login_address(lang), 303)
        texts = texts_of(lang, request.headers.get("accept-language", ""))
        found = await _found(journeys, kind, id, day, after, EVENTS_DEFAULT)
        refused = found.detail if isinstance(found, Refusal) else None
        shown = None if isinstance(found, Refusal) else shown_journey(found, with_raw=True)
        html = await rendered(
            "journey.html",
            texts,
            switch_of(request, texts),
            journey=shown,
            refused=refused,
            journey_id=id,
            journey_day=day,
            address=str(request.base_url).rstrip("/"),
            path_of=journey_path,
            is_demonstration=is_demonstration,
        )
        answer = html_answer(html)
        answer.status_code = 404 if shown is None else 200
        return answer

    return router


def journey_path(kind: str, id: str, **query: str) -> str:
    """The address of a journey's page."""
    kept = {name: value for name, value in query.items() if value}
    return f"/ops/journey/{kind}/{quote(id.lstrip('/'))}" + (f"?{urlencode(kept)}" if kept else "")


async def _told(journeys: Journeys, kind: str, id: str, day: date | None, after: str, limit: int) -> Journey:
    found = await _found(journeys, kind, id, day.isoformat() if day else "", after, limit)
    if isinstance(found, Refusal):
        raise problem_of(found)
    return found


async def _found(journeys: Journeys, kind: str, id: str, day: str, after: str, limit: int) -> Journey | Refusal:
    known = Kind(kind) if kind != ANY else await journeys.kind_of(id, has_day=bool(day))
    if isinstance(known, Refusal):
        return known
    return await journeys.tell(known, id, day, after=after, limit=limit)


def shown_journey(journey: Journey, *, with_raw: bool = False) -> Json:
    """As JSON. `with_raw`: each event with its own text, for pages."""
    events = list(journey.events)
    caused, by_key = effects_among(events), {one.key: one for one in events}
    shown = [_shown_event(one, journey, caused, by_key, with_raw) for one in events]
    begun = journey.begun
    if begun is not None and begun.what != "settlement":
        shown.insert(0, _shown_beginning(journey, with_raw))
    return {
        "kind": journey.kind.value,
        "id": journey.id,
        "events": shown,
        "next": _shown_step(journey),
        "parked": None if journey.parked is None else [{**one, "what": parked_words(one)} for one in journey.parked],
        "next_page": journey.next_page,
        "more_around": journey.is_cut,
    }


def _shown_step(journey: Journey) -> Json | None:
    step = journey.step
    if step is None:
        return None
    since = step.overdue_since(journey.now)
    return {
        "step": step.name,
        "due": step.due.isoformat() if step.due else None,
        "overdue_since": since.isoformat() if since else None,
        "what": step_words(step),
    }


def _shown_event(
    one: JourneyEvent, journey: Journey, caused: dict[str, list[str]], by_key: dict[str, JourneyEvent], with_raw: bool
) -> Json:
    detour = detour_of(one, by_key.get(f"{one.source}#{sequence_of(one.number - 1)}"))
    who = None if one.actor == NOBODY else {"name": one.actor.name, "role": one.actor.role, "key": one.actor.key}
    shown: Json = {
        "at": one.at.isoformat(),
        "service": one.service,
        "type": one.type,
        "source": one.source,
        "sequence": one.number,
        "own": one.key in journey.own,
        "what": event_words(one),
        "who": who,
        "reason": one.reason or None,
        "causes": [str(cause) for cause in one.causes],
        "caused": [_short(key) for key in caused.get(one.key, ())],
        "detour": None if detour is None else {"kind": detour.kind, "what": detour_words(detour)},
    }
    return shown | (_of_page(one.envelope, shown) if with_raw else {})


def _of_page(raw: bytes, shown: Json) -> Json:
    """What a page has beside: the event's own text, and where its causes and effects lead."""
    links = {name: [(one, _path_of_link(one)) for one in shown[name][:LINKS_MAX]] for name in ("causes", "caused")}
    return {"raw": json_text(raw), "links": links}


def _path_of_link(text: str) -> str | None:
    """The journey of an event, of a range the last one's; None for records, which have none."""
    source, _, positions = text.rpartition("#")
    return journey_path("event", f"{source}#{positions.rpartition('-')[2]}") if source.startswith("/") else None


def _shown_beginning(journey: Journey, with_raw: bool) -> Json:
    begun = journey.begun
    assert begun is not None, "asked only where the ledger told of a beginning"
    shown: Json = {
        "at": begun.at,
        "service": "donations",
        "type": begun.what,
        "source": journey.id,
        "sequence": None,
        "own": True,
        "what": begun_words(begun),
        "who": None,
        "reason": None,
        "causes": [],
        "caused": [_short(one.key) for one in begun.events],
        "detour": None,
    }
    return shown | (_of_page(json.dumps(begun.raw).encode(), shown) if with_raw else {})


def _short(key: str) -> str:
    """An identity as causes write it: `source#7`."""
    source, _, sequence = key.rpartition("#")
    return f"{source}#{int(sequence)}"


def json_text(text: bytes) -> str:
    """JSON, indented for people."""
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
