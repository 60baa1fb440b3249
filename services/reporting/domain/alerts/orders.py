"""What people say to alerts: "I have seen it", and "be silent about it until then". Wall time, as alerts have it."""

from __future__ import annotations

from datetime import datetime, timedelta

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal, RefusalKind
from services.reporting.domain.alerts.book import Alert, AlertState
from services.reporting.domain.alerts.rules import RULE_NAMES

ALL = "*"
"""As a silence's alert: every one."""
SILENCES_MAX = 50
"""That have not ended. Whoever needs more of them has to change a rule."""
SILENCE_MINUTES_MAX = 7 * 24 * 60
"""A week: what is to be silent for longer is no alert."""
ACKNOWLEDGEMENTS_KEPT_MAX = 200
"""As many as episodes of the history."""


class Acknowledgement(Part):
    """Somebody has seen an episode, that which fired at `fired_at`, and says what is done about it."""

    alert: str
    fired_at: datetime
    by: str
    at: datetime
    reason: str


class Silence(Part):
    """Until then nobody is called for an alert (`*`: for any) of subjects that have `subject` in them."""

    id: str
    alert: str
    subject: str = ""
    until: datetime
    by: str
    at: datetime
    reason: str

    def covers(self, alert: Alert, at: datetime) -> bool:
        """Whether the alert is to be silent at a time: each of its subjects has to be meant."""
        is_meant = self.alert in (ALL, alert.name) and all(self.subject in one for one in alert.subjects)
        return is_meant and at < self.until


class AlertOrders(Part):
    """One document. `acknowledgements`: newest first."""

    acknowledgements: tuple[Acknowledgement, ...] = ()
    silences: tuple[Silence, ...] = ()

    def acknowledgement(self, name: str, fired_at: datetime | None) -> Acknowledgement | None:
        """The last word to an episode; None where it has none."""
        found = (one for one in self.acknowledgements if one.alert == name and one.fired_at == fired_at)
        return next(found, None)

    def silence_of(self, alert: Alert, at: datetime) -> Silence | None:
        """What makes an alert silent now: of several the one that lasts longest."""
        found = [one for one in self.silences if one.covers(alert, at)]
        return max(found, key=lambda one: one.until, default=None)

    def standing(self, at: datetime) -> tuple[Silence, ...]:
        """The silences that have not ended."""
        return tuple(one for one in self.silences if at < one.until)


def acknowledge(
    state: AlertOrders, alert: Alert, *, by: str, reason: str, at: datetime
) -> Decision[AlertOrders] | Refusal:
    """Somebody has seen that an alert fires. A later word replaces an earlier one of the same episode."""
    if alert.state is not AlertState.FIRING or alert.fired_at is None:
        detail = f"{alert.name} is {alert.state} and not firing: there is nothing to acknowledge; GET /v1/alerts tells"
        return Refusal("alert_not_firing", detail)
    word = Acknowledgement(alert=alert.name, fired_at=alert.fired_at, by=by, at=at, reason=reason)
    kept = [one for one in state.acknowledgements if (one.alert, one.fired_at) != (word.alert, word.fired_at)]
    acknowledgements = (word, *kept)[:ACKNOWLEDGEMENTS_KEPT_MAX]
    return Decision(
        state.model_copy(update={"acknowledgements": acknowledgements}), answer=word.model_dump(mode="json")
    )


def silence(
    state: AlertOrders, id: str, alert: str, subject: str, *, minutes: int, by: str, reason: str, at: datetime
) -> Decision[AlertOrders] | Refusal:
    """A new silence from now on. Those that have ended leave the document."""
    if alert != ALL and alert not in RULE_NAMES:
        return unknown_alert(alert)
    standing = state.standing(at)
    if len(standing) >= SILENCES_MAX:
        detail = f"{SILENCES_MAX} silences stand already: end one by DELETE /v1/silences/{{id}}, or let it end"
        return Refusal("silences_full", detail)
    until = at + timedelta(minutes=minutes)
    new = Silence(id=id, alert=alert, subject=subject, until=until, by=by, at=at, reason=reason)
    return Decision(state.model_copy(update={"silences": (*standing, new)}), answer=new.model_dump(mode="json"))


def end_silence(state: AlertOrders, id: str, at: datetime) -> Decision[AlertOrders] | Refusal:
    """A silence ends now."""
    ended = next((one for one in state.standing(at) if one.id == id), None)
    if ended is None:
        detail = f"no silence {id} stands: it has ended, or never was; GET /v1/silences lists them"
        return Refusal("silence_unknown", detail, RefusalKind.NOT_FOUND)
    left = tuple(one for one in state.standing(at) if one.id != id)
    answer = {**ended.model_dump(mode="json"), "until": at.isoformat()}
    return Decision(state.model_copy(update={"silences": left}), answer=answer)


def unknown_alert(name: str) -> Refusal:
    """No rule has that name."""
    detail = f"there is no alert {name}: GET /v1/alerts lists them"
    return Refusal("alert_unknown", detail, RefusalKind.NOT_FOUND)
