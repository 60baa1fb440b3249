"""`/v1/alerts` and `/v1/silences`: what fires, what fired, and what people say to it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import answer_to, command_of
from pandapack.runtime.store import Command
from services.reporting.domain.alerts.book import EPISODES_KEPT_MAX, AlertBook, AlertState, Episode
from services.reporting.domain.alerts.orders import ALL, SILENCE_MINUTES_MAX, AlertOrders, Silence
from services.reporting.domain.alerts.rules import RULES, Rule
from services.reporting.work.alerts import Alerts, AlertsNow

REASON_CHARACTERS_MAX = 500
SUBJECT_CHARACTERS_MAX = 200
EPISODES_ON_PAGE = 30
"""Of the history; all of it is in `/v1/alerts/history`."""

Json = dict[str, Any]
AlertName = Annotated[str, Path(pattern=r"^[a-z-]{1,64}$")]
SilenceId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]
Operator = Annotated[Caller, Depends(needs())]
Keyed = Annotated[Command, Depends(command_of)]
Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
_URGENCY = (AlertState.FIRING, AlertState.PENDING, AlertState.RESOLVED, AlertState.INACTIVE)


class AcknowledgementBody(BaseModel):
    """What is done about an alert that fires."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class SilenceBody(BaseModel):
    """Which alert (`*`: any) is silent for how many minutes from now, and why.

    `subject`: only where each of the alert's subjects has this in it; empty: whatever it is about.
    """

    model_config = ConfigDict(extra="forbid")

    alert: Annotated[str, Field(pattern=r"^(\*|[a-z-]{1,64})$")] = ALL
    subject: Annotated[str, Field(max_length=SUBJECT_CHARACTERS_MAX)] = ""
    minutes: Annotated[int, Field(ge=1, le=SILENCE_MINUTES_MAX)]
    reason: Reason


def alerts_router(alerts: Alerts) -> APIRouter:
    """Operators act; auditors read, too."""
    router = APIRouter(tags=["alerts"])
    reader = Depends(needs(Role.AUDITOR))

    @router.get("/alerts", dependencies=[reader])
    async def get_alerts() -> Json:
        """Every alert as of the last look, `evaluated_at`, what fires first. `firing`: those that are not silent."""
        return shown_alerts(alerts.now)

    @router.get("/alerts/history", dependencies=[reader])
    async def get_history(limit: Annotated[int, Query(ge=1, le=EPISODES_KEPT_MAX)] = EPISODES_KEPT_MAX) -> Json:
        """The times that alerts fired, newest first; `resolved_at` is null while one does."""
        return {"items": shown_history(alerts.now)[:limit]}

    @router.post("/alerts/{name}/acknowledgements", status_code=201)
    async def post_acknowledgement(
        name: AlertName, body: AcknowledgementBody, caller: Operator, command: Keyed
    ) -> JSONResponse:
        """Says that somebody has seen an alert that fires, until it is over."""
        return answer_to(await alerts.acknowledge(name, _name_of(caller), body.reason, command), status=201)

    @router.get("/silences", dependencies=[reader])
    async def get_silences() -> Json:
        """The silences that have not ended."""
        return {"items": shown_silences(alerts.now)}

    @router.post("/silences", status_code=201)
    async def post_silence(body: SilenceBody, caller: Operator, command: Keyed) -> JSONResponse:
        """Makes alerts silent for a while: they still fire and are shown, and call nobody."""
        outcome = await alerts.silence(body.alert, body.subject, body.minutes, _name_of(caller), body.reason, command)
        return answer_to(outcome, status=201)

    @router.delete("/silences/{id}")
    async def delete_silence(id: SilenceId, caller: Operator, command: Keyed) -> JSONResponse:
        """Ends a silence now."""
        return answer_to(await alerts.end_silence(id, command))

    return router


async def alerts_part(request: Request) -> Json:
    """What `templates/ops/alerts.html` is filled with; the application has `state.alerts`, or nothing was looked at."""
    alerts: Alerts | None = getattr(request.app.state, "alerts", None)
    return alerts_values(AlertsNow(AlertBook(), AlertOrders()) if alerts is None else alerts.now)


def alerts_values(now: AlertsNow) -> Json:
    """All alerts as `rows`, the last of the history, and the silences that stand."""
    shown = shown_alerts(now)
    return {
        "rows": shown["items"],
        "firing": shown["firing"],
        "evaluated_at": shown["evaluated_at"],
        "history": shown_history(now)[:EPISODES_ON_PAGE],
        "silences": shown_silences(now),
    }


def shown_alerts(now: AlertsNow) -> Json:
    """All alerts, what fires first and then as the rules have it."""
    items = sorted((_shown_alert(rule, now) for rule in RULES), key=lambda one: _URGENCY.index(one["state"]))
    firing = [one for one in items if one["state"] is AlertState.FIRING and one["silence"] is None]
    return {"items": items, "firing": len(firing), "evaluated_at": _instant(now.book.at)}


def shown_history(now: AlertsNow) -> list[Json]:
    """Episodes, newest first, each with the word that somebody gave to it."""
    return [_shown_episode(one, now.orders) for one in now.book.history]


def shown_silences(now: AlertsNow) -> list[Json]:
    """Those that had not ended at the last look, what lasts longest first."""
    standing = now.orders.standing(now.book.at) if now.book.at else now.orders.silences
    return [_shown_silence(one) for one in sorted(standing, key=lambda one: one.until, reverse=True)]


def _shown_alert(rule: Rule, now: AlertsNow) -> Json:
    alert = now.book.alert(rule.name)
    is_firing = alert.state is AlertState.FIRING
    silence = now.orders.silence_of(alert, now.book.at) if is_firing and now.book.at else None
    return {
        "name": rule.name,
        "state": alert.state,
        "severity": rule.severity,
        "what": {"en": rule.summary.en, "zh": rule.summary.zh},
        "subjects": list(alert.subjects),
        "since": _instant(alert.since),
        "holds_since": _instant(alert.holds_since),
        "fired_at": _instant(alert.fired_at),
        "resolved_at": _instant(alert.resolved_at),
        "acknowledged": _acknowledged(now.orders, rule.name, alert.fired_at) if is_firing else None,
        "silence": silence and _shown_silence(silence),
        "runbook": rule.runbook_path,
    }


def _shown_episode(episode: Episode, orders: AlertOrders) -> Json:
    return {
        "name": episode.name,
        "holds_since": _instant(episode.holds_since),
        "fired_at": _instant(episode.fired_at),
        "resolved_at": _instant(episode.resolved_at),
        "subjects": list(episode.subjects),
        "acknowledged": _acknowledged(orders, episode.name, episode.fired_at),
    }


def _acknowledged(orders: AlertOrders, name: str, fired_at: datetime | None) -> Json | None:
    word = orders.acknowledgement(name, fired_at)
    return None if word is None else {"by": word.by, "at": _instant(word.at), "reason": word.reason}


def _shown_silence(silence: Silence) -> Json:
    return {
        "id": silence.id,
        "alert": silence.alert,
        "subject": silence.subject,
        "until": _instant(silence.until),
        "by": silence.by,
        "at": _instant(silence.at),
        "reason": silence.reason,
    }


def _name_of(caller: Caller) -> str:
    return f"{caller.name} ({caller.prefix})"


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
