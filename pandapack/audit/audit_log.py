"""The audit log's chain against the journals, event by event, and against the roots that the public log has of it.

The chain is read before the journals and the public log: both have all that it is made of. An entry that was taken out,
put in or changed makes all behind it another chain, whose hashes the public log does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.reading import Databases, Rows
from pandapack.contracts.audit_log import (
    BEFORE_ALL,
    AuditEntry,
    AuditLogChained,
    entry_in,
    entry_of,
    has_actor,
    hash_of,
)
from pandapack.contracts.envelope import decode

AUDIT_LOG = "audit log"
"""By which name a broken chain explains what follows from it."""
EVENTS_A_READ = 500
NAMED_MAX = 1_000
"""Differences that are named one by one; of a chain that is another one all are."""


@dataclass(slots=True)
class _Link:
    """An entry as it is kept; `is_met`: whether its event was found in a journal."""

    n: int
    entry: AuditEntry
    is_met: bool = False


@dataclass
class AuditLogAudit:
    """Reads the chain (`read`), holds it against the journals (`compare`), and each root that the public log tells of.

    `entries`: how many there are; `hashes`: number → hash, of the entries as they are kept.
    """

    databases: Databases
    findings: Findings
    entries: int = 0
    _hashes: list[str] = field(default_factory=lambda: [BEFORE_ALL])
    _links: dict[str, _Link] = field(default_factory=dict)
    _positions: Mapping[str, int] = field(default_factory=dict)
    _named: int = 0

    def read(self) -> None:
        """All entries in their order, each hash made again. Raises pymongo's errors."""
        reporting = self.databases.reporting
        head = reporting.audit_heads.find_one({"_id": "head"})
        if head is None:
            return
        self._positions = head["positions"]
        kept = reporting.audit_log.find({"_id": {"$lte": head["n"]}}, batch_size=EVENTS_A_READ).sort("_id", 1)
        # The newest stand in the head, too, and may stand nowhere else yet.
        newest = {row["_id"]: row for row in map(_row_of, head["links"])}
        for row in kept:
            newest.pop(row["_id"], None)
            self._take(row)
        for _, row in sorted(newest.items()):
            self._take(row)
        self.entries = len(self._hashes) - 1
        if self.entries != head["n"]:
            self._wrong(f"it has {self.entries} entries, and its head says {head['n']}")
        elif self._hashes[-1] != head["hash"]:
            self._wrong(f"its entries lead to {self._hashes[-1]}, its head says {head['hash']}")

    def _take(self, row: Json) -> None:
        expected = len(self._hashes)
        if row["_id"] != expected:
            self._wrong(f"entry {expected} is missing, entry {row['_id']} comes next")
        try:
            entry = entry_in(row)
        except (msgspec.ValidationError, KeyError) as error:
            self._wrong(f"entry {row['_id']} cannot be read: {error}")
            self._hashes.append(BEFORE_ALL)
            return
        made = hash_of(self._hashes[-1], entry)
        if (row["prev"], row["hash"]) != (self._hashes[-1], made):
            self._wrong(f"entry {row['_id']} ({entry.command} by {entry.actor.name}) is not what its hash says")
        self._hashes.append(made)
        if entry.document in self._links:
            self._wrong(f"entry {row['_id']} tells of {entry.document} once more")
        self._links[entry.document] = _Link(row["_id"], entry)

    def compare(self) -> None:
        """Each journaled event that has an actor is an entry, up to where the chain has its partition; no other is."""
        for name, end in sorted(self._positions.items()):
            service, _, partition = name.partition("/")
            rows = self.databases.reporting.archive if service == "donations" else self.databases.reporting.journal
            self._compare_partition(rows, f"{service}.events", int(partition), end)
        for document, link in self._links.items():
            if not link.is_met:
                self._wrong(f"entry {link.n} tells of {document}, which no journal has", document)

    def _compare_partition(self, rows: Rows, topic: str, partition: int, end: int) -> None:
        where = {"topic": topic, "partition": partition, "offset": {"$lt": end}}
        order = [("topic", 1), ("partition", 1), ("offset", 1)]
        before = 0
        for row in rows.find(where, batch_size=EVENTS_A_READ).sort(order):
            n = self._compare_event(row)
            if 0 < n < before:
                self._wrong(f"entry {n} stands before entry {before}, and {topic}/{partition} has its event behind")
            before = max(before, n)

    def _compare_event(self, row: Json) -> int:
        """The number of the event's entry; 0 where it has none."""
        raw = bytes(row["envelope"])
        try:
            if not has_actor(raw):
                return 0
            envelope = decode(raw)
        except msgspec.DecodeError:
            return 0  # the journal's own audit tells of it
        link = self._links.get(row["_id"])
        if link is None:
            what = f"{row['_id']} ({envelope.type} by {envelope.actor}) is in no entry, though the chain goes beyond it"
            self._wrong(what, row["_id"])
            return 0
        link.is_met = True
        if entry_of(link.n, envelope, row["digest"]) != link.entry:
            self._wrong(f"entry {link.n} is not what {row['_id']} tells", row["_id"])
        return link.n

    def compare_root(self, entry: Mapping[str, Any]) -> None:
        """An entry of the public log, where it tells of the chain: as far as the chain was read."""
        if entry.get("type") != AuditLogChained.TYPE:
            return
        n, root = entry.get("entries", 0), entry.get("root", "")
        if not self._hashes[1:] or (n < len(self._hashes) and self._hashes[n] != root):
            has = "no entry at all" if not self._hashes[1:] else f"{self._hashes[n]}"
            self._wrong(f"the public log has {root} as the hash of its entry {n}, and it has {has}")

    def _wrong(self, what: str, document: str = "") -> None:
        """A difference; of too many the first, and that there are more."""
        self._named += 1
        because = (document, document.partition("#")[0]) if document else (AUDIT_LOG,)
        if self._named <= NAMED_MAX:
            text = f"audit log: {what}"
            self.findings.add(Layer.VIEWED, text, explains=() if document else (AUDIT_LOG,), because=because)
        elif self._named == NAMED_MAX + 1:
            self.findings.add(Layer.VIEWED, f"audit log: more than {NAMED_MAX} differences", because=(AUDIT_LOG,))


def _row_of(link: str) -> Json:
    """An entry in the head, as a row of its own has it."""
    known: Json = msgspec.json.decode(link)
    return {**known["entry"], "_id": known["entry"]["n"], "prev": known["prev"], "hash": known["hash"]}
