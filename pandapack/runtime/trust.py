"""Whom a service believes: events are judged by who signed them, before anything else is done with them.

One file lists the public keys of all publishers (`contracts.event_keys.TrustList`); a publisher has its private key in
a file of its own. A key that a record names and nobody knows is looked for in the file again, so that a publisher may
get a new key while the others run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import msgspec
import structlog
from aiokafka.partitioner import murmur2

from pandapack.contracts.dead_letters import SIGNED_HEADERS
from pandapack.contracts.envelope import Envelope, decode
from pandapack.contracts.event_keys import (
    LOG_OWNER,
    EventSigner,
    Signed,
    TrustedKey,
    TrustList,
    dead_letter_text,
    is_signed,
    log_record_text,
    signed_by,
)
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.errors import Misconfigured, Unavailable
from pandapack.runtime.reactions import Record

TRUST_FRESH_S = 10.0
"""A key that retires in the file is believed for so long yet."""
UNKNOWN_FRESH_S = 2.0
"""For unknown keys the file is looked at no more often than so: or each record that names one would have it read."""
RETIRES_EARLY = timedelta(seconds=30)
SOURCES_REMEMBERED_MAX = 8_192
POSITIVE_31_BITS = 0x7FFFFFFF

MEND = "`panda up` makes it for the embedded stack, `make secrets` for containers"

log = structlog.get_logger(__name__)


class Distrust(StrEnum):
    """Why a record is not believed."""

    UNSIGNED = "unsigned"
    KEY_UNKNOWN = "key_unknown"
    KEY_OF_ANOTHER_SERVICE = "key_of_another_service"
    SIGNATURE_WRONG = "signature_wrong"
    KEY_RETIRED = "key_retired"
    UNREADABLE = "unreadable"
    SOURCE_OF_ANOTHER_SERVICE = "source_of_another_service"
    TYPE_OF_ANOTHER_SERVICE = "type_of_another_service"
    KEY_IS_NOT_THE_SOURCE = "key_is_not_the_source"
    PARTITION_IS_NOT_THE_SOURCES = "partition_is_not_the_sources"


class KeyRetired(Unavailable):
    """Our own key has retired: nothing is published with it, and nothing lost; the next start has the new one."""


class Trust:
    """The keys of one file, by id. `load` comes before all else."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._keys: dict[str, TrustedKey] = {}
        self._read_at_s = 0.0

    def load(self) -> None:
        """Reads the file. Raises Misconfigured where it cannot be read or is none."""
        self._keys, self._read_at_s = self._read(), monotonic_s()

    def key(self, id: str) -> TrustedKey | None:
        """The key of this id, as the file has had it lately; where it is not known the file is looked at again."""
        age_s = monotonic_s() - self._read_at_s
        if age_s >= (TRUST_FRESH_S if id in self._keys else UNKNOWN_FRESH_S):
            self._read_at_s = monotonic_s()
            try:
                self._keys = self._read()
            except Misconfigured as error:  # it is being replaced, or somebody must mend it: what is known stays
                log.error("trust_file_unreadable", error=str(error))
        return self._keys.get(id)

    def _read(self) -> dict[str, TrustedKey]:
        if self._file is None:
            raise Misconfigured(f"PANDA_TRUST_FILE is not set: it names the keys whose events are believed. {MEND}")
        try:
            listed = msgspec.json.decode(self._file.read_bytes(), type=TrustList)
        except (OSError, msgspec.DecodeError) as error:
            raise Misconfigured(f"PANDA_TRUST_FILE {self._file}: {error}. {MEND}") from error
        return {key.id: key for key in listed.keys}

    def judge_event(self, record: Record, service: str, partitions: int) -> Envelope | Distrust:
        """The event in a record of `service`'s topic, which has so many partitions; or why it is not believed."""
        value = record.value or b""
        distrust = self._judge_signature(record, service, value, signed_by(record.headers))
        if distrust is not None:
            return distrust
        try:
            envelope = decode(value)
            envelope.number  # noqa: B018 - a sequence that is no number raises
        except ValueError:
            return Distrust.UNREADABLE
        if not envelope.source.startswith(f"/{service}/"):
            return Distrust.SOURCE_OF_ANOTHER_SERVICE
        if not envelope.type.startswith(f"{service}."):
            return Distrust.TYPE_OF_ANOTHER_SERVICE
        if record.key != envelope.source.encode():
            return Distrust.KEY_IS_NOT_THE_SOURCE
        # A genuine event copied into another partition would overtake those before it.
        if record.partition != partition_of(envelope.source, partitions):
            return Distrust.PARTITION_IS_NOT_THE_SOURCES
        return envelope

    def judge_dead_letter(self, record: Record, service: str) -> Distrust | None:
        """Why a dead letter is not believed; None: it is."""
        headers = {name: value for name, value in record.headers if name in SIGNED_HEADERS and value is not None}
        text = dead_letter_text(headers, record.value or b"")
        return self._judge_signature(record, service, text, signed_by(record.headers))

    def judge_log_record(self, record: Record) -> Distrust | None:
        """Why a record of `public.log` is not believed; None: it is."""
        return self._judge_signature(record, LOG_OWNER, log_record_text(record.value or b""), signed_by(record.headers))

    def _judge_signature(self, record: Record, service: str, text: bytes, signed: Signed | None) -> Distrust | None:
        if signed is None:
            return Distrust.UNSIGNED
        key = self.key(signed.key)
        if key is None:
            return Distrust.KEY_UNKNOWN
        if key.service != service:
            return Distrust.KEY_OF_ANOTHER_SERVICE
        if not is_signed(key, text, signed.signature):
            return Distrust.SIGNATURE_WRONG
        if key.retired is not None and record.timestamp / 1000 > key.retired.timestamp():
            return Distrust.KEY_RETIRED
        return None


@lru_cache(maxsize=SOURCES_REMEMBERED_MAX)
def partition_of(source: str, partitions: int) -> int:
    """Where Kafka's own partitioner puts a source's events."""
    return int(murmur2(source.encode()) & POSITIVE_31_BITS) % partitions


class OwnKey:
    """A publisher's own key, which signs as long as the trust file does not retire it. `load` comes before all else.

    `private_hex`: the key itself; where that is empty, it is in `file`.
    """

    def __init__(self, service: str, private_hex: str, file: Path | None, trust: Trust, clock: Clock) -> None:
        self._service, self._private_hex, self._file = service, private_hex, file
        self._trust, self._clock = trust, clock
        self._loaded: EventSigner | None = None

    def load(self) -> None:
        """Reads the key. Raises Misconfigured, also where nobody would believe it."""
        file = self._file
        if not self._private_hex and file is None:
            raise Misconfigured(f"neither PANDA_EVENT_KEY nor PANDA_EVENT_KEY_FILE is set: events are signed. {MEND}")
        try:
            self._loaded = EventSigner(self._service, self._private_hex or (file.read_text() if file else ""))
        except (OSError, ValueError) as error:
            raise Misconfigured(
                f"the key that {self._service} signs with, {file or 'PANDA_EVENT_KEY'}: {error}"
            ) from error
        id = self._loaded.trusted.id
        if self._trust.key(id) is None:
            raise Misconfigured(f"the trust file does not list {id}, the key that {self._service} signs with")
        if self._has_retired():
            raise Misconfigured(f"{id}, the key that {self._service} signs with, has retired: use the new one")

    @property
    def _signer(self) -> EventSigner:
        assert self._loaded is not None, "a key is loaded before it signs"
        return self._loaded

    def event_headers(self, value: bytes) -> list[tuple[str, bytes]]:
        """The headers that sign an event. Raises KeyRetired."""
        return self._headers(value)

    def dead_letter_headers(self, headers: Sequence[tuple[str, bytes]], value: bytes) -> list[tuple[str, bytes]]:
        """A dead letter's headers and those that sign it with them. Raises KeyRetired."""
        return [*headers, *self._headers(dead_letter_text(dict(headers), value))]

    def log_record_headers(self, value: bytes) -> list[tuple[str, bytes]]:
        """The headers that sign a record of `public.log`. Raises KeyRetired."""
        return self._headers(log_record_text(value))

    def _headers(self, text: bytes) -> list[tuple[str, bytes]]:
        if self._has_retired():
            raise KeyRetired(f"{self._signer.trusted.id} has retired: start this service anew, with its new key")
        return self._signer.headers_of(text)

    def _has_retired(self) -> bool:
        """A little early, since the broker's clock decides and may be ahead of ours."""
        known = self._trust.key(self._signer.trusted.id)
        if known is None or known.retired is None:
            return known is None
        return self._clock.wall() + RETIRES_EARLY >= known.retired
