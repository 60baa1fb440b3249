"""Golden entries and the schemas of `docs/log`, made from the golden samples of the events.

    python -m tests.unit.contracts.public_log_samples

writes both, for whoever changes a form on purpose: entries are read for ever, so `v` is raised with it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pandapack.contracts import donations, logistics, procurement  # noqa: F401 - they make their events known
from pandapack.contracts.acts import Acted
from pandapack.contracts.audit_log import SOURCES, AuditLogChained
from pandapack.contracts.dead_letters import ABOUT_DEAD_LETTERS
from pandapack.contracts.donations import (
    DonationsBanked,
    DonationsRecorded,
    DonationsReversed,
    PageSealed,
    seals_source,
    shard_source,
)
from pandapack.contracts.envelope import Event, encode, envelop, known_types
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.forms import FORMS
from pandapack.contracts.public_log.schemas import schemas
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE
from pandapack.contracts.public_log.sums import SUMMED, summed_entries
from pandapack.contracts.public_log.veil import Veil

ROOT = Path(__file__).parents[3]
EVENT_SAMPLES = Path(__file__).parent / "samples"
SAMPLES = EVENT_SAMPLES / "log"
SCHEMAS = ROOT / "docs" / "log"
VEIL = Veil("5e" * 32)
AT = datetime(2021, 3, 1, 18, 30, 15, tzinfo=UTC)
TYPES = {event.TYPE: event for event in (*FORMS, *SUMMED)}


def sample_of(type: str) -> Event:
    """The golden sample of an event."""
    return known_types()[type].model_validate_json((EVENT_SAMPLES / f"{type}.json").read_bytes())


RANDOMLY_NAMED: dict[type[Event], str] = {
    AuditLogChained: f"{SOURCES}Jx3kQ0aB",
    **dict.fromkeys(ABOUT_DEAD_LETTERS, "/donations/replays/Jx3kQ0aB"),
}


def source_of(event: Event) -> str:
    """A source that publishes such events, named as its publisher names it."""
    if type(event) in RANDOMLY_NAMED:
        return RANDOMLY_NAMED[type(event)]
    match event:
        case DonationsRecorded() | DonationsReversed():
            return shard_source(event.shard)
        case PageSealed():
            return seals_source(event.shard)
        case DonationsBanked():
            return f"/donations/settlements/{event.settlement}"
        case procurement.ProgrammePublished():
            return f"/procurement/publications/{event.programme}/{event.publication}"
        case procurement.NeedOpened():
            return f"/procurement/needs/{event.need}"
        case procurement.FundCredited() | procurement.FundReversed() | procurement.RoundFunded():
            return f"/procurement/funds/{event.programme}"
        case logistics.SurveyReported():
            return f"/logistics/surveys/{event.survey}"
        case Acted():
            return f"/{event.TYPE.partition('.')[0]}/operations/2021-11-11-Jx3kQ0aB"
        case _ if hasattr(event, "order"):
            return f"/procurement/orders/{event.order}"
        case _ if hasattr(event, "shipment"):
            return f"/logistics/shipments/{event.shipment}"
        case _:
            folder = "procurement/rounds" if event.TYPE.startswith("procurement.") else "logistics/consignments"
            return f"/{folder}/{event.round}"  # type: ignore[attr-defined]


def journaled(event: Event, number: int = 7) -> Journaled:
    """An event as the owner reads it."""
    envelope = envelop(event, source=source_of(event), number=number, at=AT)
    return Journaled(envelope, encode(envelope))


def written(event: Event) -> list[bytes]:
    """Its entries."""
    is_sum = type(event) in SUMMED
    return summed_entries([journaled(event)], AT, VEIL) if is_sum else entries_of([journaled(event)], AT, VEIL)


def set_aside() -> list[bytes]:
    """The entry of an event that was set aside."""
    return entries_of([replace(journaled(sample_of("procurement.OrderPaid")), is_set_aside=True)], AT, VEIL)


def schema_text(type: str) -> str:
    """A schema's file."""
    return json.dumps(schemas()[type], indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Writes all files."""
    SAMPLES.mkdir(exist_ok=True)
    SCHEMAS.mkdir(exist_ok=True)
    for type in TYPES:
        (entry,) = written(sample_of(type))
        (SAMPLES / f"{type}.json").write_bytes(entry + b"\n")
        (SCHEMAS / f"{type}.schema.json").write_text(schema_text(type))
    (entry,) = set_aside()
    (SAMPLES / f"{EVENT_SET_ASIDE}.json").write_bytes(entry + b"\n")
    (SCHEMAS / f"{EVENT_SET_ASIDE}.schema.json").write_text(schema_text(EVENT_SET_ASIDE))


if __name__ == "__main__":
    main()
