"""Keys for tests: what signs events and marks records where no service does it itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pandapack.contracts.door_mark import DoorKeys
from pandapack.contracts.envelope import Envelope, encode
from pandapack.contracts.event_keys import EventSigner, dead_letter_text
from pandapack.local.event_keys import event_key_file
from pandapack.local.keys import ensure_door_keys
from pandapack.runtime.clock import BusinessClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.partitions import StopNotes
from pandapack.runtime.set_aside import Passes, SetAside
from services.donations.door.work.marks import DoorMarks

DOOR_SECRET = "d0" * 32
DOOR = DoorKeys.read(DOOR_SECRET)


class OwnKey:
    """A publisher's own key that never retires; see `pandapack.runtime.trust.OwnKey`."""

    def __init__(self, signer: EventSigner) -> None:
        self._signer = signer

    def event_headers(self, value: bytes) -> list[tuple[str, bytes]]:
        return self._signer.headers_of(value)

    def dead_letter_headers(self, headers: Sequence[tuple[str, bytes]], value: bytes) -> list[tuple[str, bytes]]:
        return [*headers, *self._signer.headers_of(dead_letter_text(dict(headers), value))]


KEY = OwnKey(EventSigner("donations", "e0" * 32))


def key_of(folder: Path, service: str) -> OwnKey:
    """The key of a service whose keys lie in a folder."""
    return OwnKey(EventSigner(service, event_key_file(folder, service).read_text()))


def signed(folder: Path, event: Envelope) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """An event as its publisher would have it in Kafka: key, value and headers."""
    value, service = encode(event), event.source.split("/")[1]
    return event.source.encode(), value, key_of(folder, service).event_headers(value)


def door_of(folder: Path) -> DoorKeys:
    """The door's keys of a service whose keys lie in a folder."""
    return DoorKeys.read(ensure_door_keys(folder).read_text())


def marks() -> DoorMarks:
    """The door's marks, by the keys of `DOOR`."""
    door = DoorMarks(DOOR_SECRET, None)
    door._loaded = DOOR
    return door


def stranger() -> EventSigner:
    """A key that no trust file lists, under a publisher's name."""
    return EventSigner("donations", "bad0" * 16)


def stop_notes() -> StopNotes:
    """Where a broker notes which partitions stand still."""
    return StopNotes(MemoryRows("partition_stops"), BusinessClock())


def no_passes() -> Passes:
    """No operator has passed over anything."""
    return Passes(SetAside(MemoryRows("set_aside"), BusinessClock()))
