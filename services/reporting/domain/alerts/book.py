"""When alerts fire and end: inactive → pending → firing → resolved, from look to look, and the history of that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pandapack.contracts.envelope import Part
from services.reporting.domain.alerts.known import Known
from services.reporting.domain.alerts.rules import RULES, Found, Rule

CLEAR_S = 4.0
"""A condition is over once it has not held for two looks: what comes and goes is one episode, not ten."""
RESOLVED_SHOWN_S = 900.0
"""So long an alert is shown as resolved; whoever was woken finds it still there."""
EPISODES_KEPT_MAX = 200
"""Of the history: weeks of a quiet installation, and 100 kB at most."""
SUBJECTS_MAX = 20
"""Of an alert; a hundred partitions that stand still are one fault."""
SUBJECT_CHARACTERS_MAX = 200


class AlertState(StrEnum):
    """`pending`: the condition holds, and not for long enough yet."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Part):
    """An alert as it is now. Times are wall time. `holds_since`: of the condition; `clear_since`: of its absence.

    `fired_at`, `resolved_at`: of the last episode. `subjects`: what the condition holds of, or held of last.
    """

    name: str
    state: AlertState = AlertState.INACTIVE
    since: datetime | None = None
    holds_since: datetime | None = None
    clear_since: datetime | None = None
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    subjects: tuple[str, ...] = ()


class Episode(Part):
    """One time that an alert fired; `resolved_at` is None while it does. `subjects`: all that it held of."""

    name: str
    holds_since: datetime
    fired_at: datetime
    resolved_at: datetime | None = None
    subjects: tuple[str, ...] = ()


class AlertBook(Part):
    """All alerts and their history, newest first, as of a look at `at`."""

    at: datetime | None = None
    alerts: dict[str, Alert] = {}
    history: tuple[Episode, ...] = ()

    def alert(self, name: str) -> Alert:
        """An alert that was never looked at is inactive."""
        return self.alerts.get(name) or Alert(name=name)


def evaluated(book: AlertBook, known: Known, rules: Sequence[Rule] = RULES) -> AlertBook:
    """The book after a look. Alerts whose rule is gone leave it; their history stays."""
    alerts, history = {}, book.history
    for rule in rules:
        before = book.alert(rule.name)
        after = next_state(before, rule.condition(known), rule.for_s, known.at)
        alerts[rule.name] = after
        history = _told(history, before, after)
    return AlertBook(at=known.at, alerts=alerts, history=history[:EPISODES_KEPT_MAX])


def next_state(alert: Alert, found: Found, for_s: float, at: datetime) -> Alert:
    """An alert after its condition was looked at.

    What cannot be seen keeps a firing alert as it is, and makes none fire: it is no sign of an end, nor of a fault.
    """
    if found.subjects:
        return _holding(alert, _bounded(found.subjects), for_s, at)
    match alert.state:
        case AlertState.PENDING:
            is_back = alert.resolved_at is not None and _passed(alert.resolved_at, at) < RESOLVED_SHOWN_S
            state = AlertState.RESOLVED if is_back else AlertState.INACTIVE
            since = alert.resolved_at if is_back else at
            return alert.model_copy(update={"state": state, "since": since, "holds_since": None})
        case AlertState.FIRING if found.is_known:
            clear_since = alert.clear_since or at
            if _passed(clear_since, at) < CLEAR_S:
                return alert.model_copy(update={"clear_since": clear_since})
            ended = {"state": AlertState.RESOLVED, "since": at, "resolved_at": at, "holds_since": None}
            return alert.model_copy(update={**ended, "clear_since": None})
        case AlertState.RESOLVED if _passed(alert.since, at) >= RESOLVED_SHOWN_S:
            return alert.model_copy(update={"state": AlertState.INACTIVE, "since": at, "subjects": ()})
        case _:
            return alert


def _holding(alert: Alert, subjects: tuple[str, ...], for_s: float, at: datetime) -> Alert:
    if alert.state is AlertState.FIRING:
        return alert.model_copy(update={"subjects": subjects, "clear_since": None})
    holds_since = alert.holds_since or at
    if _passed(holds_since, at) >= for_s:
        update = {"state": AlertState.FIRING, "since": at, "fired_at": at, "resolved_at": None}
    else:
        is_new = alert.state is not AlertState.PENDING
        update = {"state": AlertState.PENDING, "since": at if is_new else alert.since}
    return alert.model_copy(update={**update, "holds_since": holds_since, "subjects": subjects})


def _told(history: tuple[Episode, ...], before: Alert, after: Alert) -> tuple[Episode, ...]:
    """The history after an alert went from one state to another."""
    if after.state is AlertState.FIRING and before.state is not AlertState.FIRING:
        assert after.holds_since is not None and after.fired_at is not None, "it fires because it held"
        new = Episode(name=after.name, holds_since=after.holds_since, fired_at=after.fired_at, subjects=after.subjects)
        return (new, *history)
    if before.state is not AlertState.FIRING:
        return history
    return tuple(_continued(one, after) if _is_of(one, before) else one for one in history)


def _continued(episode: Episode, alert: Alert) -> Episode:
    subjects = _bounded((*episode.subjects, *(one for one in alert.subjects if one not in episode.subjects)))
    resolved_at = alert.resolved_at if alert.state is AlertState.RESOLVED else None
    return episode.model_copy(update={"subjects": subjects, "resolved_at": resolved_at})


def _is_of(episode: Episode, alert: Alert) -> bool:
    return episode.name == alert.name and episode.fired_at == alert.fired_at


def _bounded(subjects: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one[:SUBJECT_CHARACTERS_MAX] for one in subjects[:SUBJECTS_MAX])


def _passed(since: datetime | None, at: datetime) -> float:
    return 0.0 if since is None else (at - since) / timedelta(seconds=1)
