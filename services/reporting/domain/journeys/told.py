"""An event as a journey tells it: when, what, of what, by whom; and the detours that it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from pandapack.contracts.causation import Actor, Cause
from pandapack.contracts.envelope import Envelope
from pandapack.contracts.logistics import ParcelsDelivered, ParcelsHandedOut
from services.reporting.domain.journeys.subjects import causes_of

Json = Mapping[str, Any]
_data = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class JourneyEvent:
    """One event. `at` is business time, `appended_at_ms` when Kafka had it: it orders a journey, effects behind causes.

    `envelope` are its bytes as they are kept.
    """

    key: str
    source: str
    number: int
    type: str
    at: datetime
    appended_at_ms: int
    data: Json
    actor: Actor
    reason: str
    request_id: str
    causes: tuple[Cause, ...]
    envelope: bytes = b""
    is_set_aside: bool = False

    @property
    def service(self) -> str:
        return self.source.split("/")[1]

    @property
    def round(self) -> str:
        """The round that it names, or nothing."""
        name = self.data.get("round", "")
        return name if isinstance(name, str) else ""

    @property
    def follows_silently(self) -> bool:
        """Nothing is named as what made it: it follows the event before it of its source."""
        return not self.causes and self.number > 1


def told(envelope: Envelope, appended_at_ms: int, raw: bytes, *, is_set_aside: bool = False) -> JourneyEvent:
    """An event from its envelope. Data that cannot be read is empty."""
    try:
        data = _data.decode(envelope.data)
    except msgspec.DecodeError:
        data = {}
    return JourneyEvent(
        key=envelope.key,
        source=envelope.source,
        number=envelope.number,
        type=envelope.type,
        at=datetime.fromisoformat(envelope.time),
        appended_at_ms=appended_at_ms,
        data=data,
        actor=Actor(envelope.actor or "", envelope.actorrole or "", envelope.actorkey or ""),
        reason=envelope.reason or "",
        request_id=envelope.requestid or "",
        causes=causes_of(envelope),
        envelope=raw,
        is_set_aside=is_set_aside,
    )


@dataclass(frozen=True, slots=True)
class Detour:
    """Where an event did not go straight on. `kind`: set_aside, dead_letters, parked, replayed, discarded.

    `count`: of the rows or parcels that it is about; `since`: when the way round began, where that is known.
    """

    kind: str
    count: int | None = None
    since: str | None = None


def detour_of(event: JourneyEvent, before: JourneyEvent | None) -> Detour | None:
    """An event's way round. `before`: the event before it of its source, where it is at hand.

    A report of a school that came before its turn is parked, and applied by what it waited for: then the event has no
    command of its own, or follows another report in the same request.
    """
    if event.is_set_aside:
        return Detour("set_aside")
    name = event.type.partition(".")[2]
    if name == "DeadLettersReplayed":
        return Detour("replayed")
    if name == "DeadLettersDiscarded":
        return Detour("discarded")
    refused = event.data.get("refused")
    if name == "DonationsRecorded" and isinstance(refused, int) and refused > 0:
        return Detour("dead_letters", refused)
    if event.type in (ParcelsDelivered.TYPE, ParcelsHandedOut.TYPE) and _was_parked(event, before):
        return Detour("parked", since=str(event.data.get("at", "")) or None)
    return None


def _was_parked(event: JourneyEvent, before: JourneyEvent | None) -> bool:
    if not event.request_id:
        return True
    is_behind = before is not None and before.number == event.number - 1 and before.source == event.source
    return is_behind and before is not None and before.request_id == event.request_id


def effects_among(events: Sequence[JourneyEvent]) -> dict[str, list[str]]:
    """Of events that are at hand, each one's effects among them, by identity, in order."""
    by_source = dict[str, list[JourneyEvent]]()
    for one in events:
        by_source.setdefault(one.source, []).append(one)
    found = dict[str, list[str]]()
    for effect in events:
        spans = [(cause.stream, cause.first, cause.last) for cause in effect.causes]
        if effect.follows_silently:
            spans = [(effect.source, effect.number - 1, effect.number - 1)]
        for stream, first, last in spans:
            for cause in by_source.get(stream, ()):
                if first <= cause.number <= last:
                    found.setdefault(cause.key, []).append(effect.key)
    return found


def concerns(event: JourneyEvent, ordinals: range) -> bool:
    """Whether an event of a round is about any of these parcels of it; what names none is about all of them."""
    data = event.data
    first, count = data.get("first_ordinal"), data.get("count")
    if isinstance(first, int) and isinstance(count, int):
        return first < ordinals.stop and ordinals.start < first + count
    named = [one for field in ("ordinals", "accepted", "rejected") if isinstance(one := data.get(field), list)]
    return not named or any(number in ordinals for numbers in named for number in numbers)


def school_of_ordinal(events: Sequence[JourneyEvent], ordinal: int) -> str | None:
    """The school to which a parcel goes, as the opening of its round says; None before that."""
    for event in events:
        upto = 0
        for share in event.data.get("schools", ()) if event.type == "procurement.RoundOpened" else ():
            upto += share["parcels"]
            if ordinal <= upto:
                return str(share["school"])
    return None
