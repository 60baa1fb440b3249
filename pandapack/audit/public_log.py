"""The public log against what it was made from: every entry leads to the root, and tells of events as they are kept.

The log's head says up to where it has each partition, and how many entries it has: that is the cut, whatever comes
meanwhile. Each event below it must stand in one entry, and each entry is written again from its events, with the log's
secret, and must be the same byte for byte: names, hashes, sums. Entries come in the order of each partition, but for
what is added up together; so a few hundred events of each are in memory, however long the log is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from pydantic import ValidationError

from pandapack.audit.audit_log import AuditLogAudit
from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.folded import LOG, FoldAudit
from pandapack.audit.journal import LOST
from pandapack.audit.reading import Databases, Rows
from pandapack.contracts.envelope import decode
from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.pages import page_id
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE
from pandapack.contracts.public_log.sums import summed_entries
from pandapack.contracts.public_log.veil import Veil
from pandapack.contracts.tlog.tiles import WIDTH
from pandapack.contracts.tlog.tree import Edge, append

TOGETHER_MAX = 512
"""Events that one entry tells of, and by how many places it may stand before another of its partition: the log's owner
looks at 256 of a partition at a time."""
EVENTS_A_READ = 256
NAMED_MAX = 1_000
"""Differences that are named one by one; of a log that is another one all are."""
PAGE_SEALED = "donations.PageSealed"
SUMMED_SERVICE = "donations"


@dataclass
class LogCount:
    """What was looked at. `root`: hex, of all entries."""

    entries: int = 0
    events: int = 0
    root: str = ""


@dataclass(slots=True)
class _Event:
    """A journaled event that the log has. `type`: of its entry; `name`: its source as the log names it.

    `place`: how many of its partition come before it.
    """

    key: str
    place: int
    name: str
    type: str
    journaled: Journaled
    is_told: bool = False

    @property
    def number(self) -> int:
        return self.journaled.envelope.number

    @property
    def names(self) -> tuple[str, ...]:
        """By which names what is wrong with the event itself explains the entry."""
        return (self.key, self.journaled.envelope.source)


class _Partition:
    """A partition's events up to where the log has it. `near`: those that an entry may tell of now, in order."""

    def __init__(self, rows: Rows, name: str, end: int, veil: Veil) -> None:
        self._rows, self._end, self._veil = rows, end, veil
        self.service, _, self._number = name.partition("/")
        self.near: deque[_Event] = deque()
        self._next, self._read, self._newest = 0, 0, -1

    def read_on(self) -> list[_Event]:
        """Reads more, where fewer events lie ahead than one entry may be away; what was read."""
        found = list[_Event]()
        while self._read - self._newest <= TOGETHER_MAX and self._next < self._end:
            where = {
                "topic": f"{self.service}.events",
                "partition": int(self._number),
                "offset": {"$gte": self._next, "$lt": self._end},
            }
            order = [("topic", 1), ("partition", 1), ("offset", 1)]
            rows = list(self._rows.find(where).sort(order).limit(EVENTS_A_READ))
            self._next = rows[-1]["offset"] + 1 if len(rows) == EVENTS_A_READ else self._end
            found += [self._event(self._read + n, row) for n, row in enumerate(rows)]
            self._read += len(rows)
        self.near += found
        return found

    def tell(self, events: Sequence[_Event]) -> None:
        """These are told of."""
        for event in events:
            event.is_told = True
            self._newest = max(self._newest, event.place)

    def passed(self) -> Iterator[_Event]:
        """Takes away what no entry will tell of any more, and answers those of which none did."""
        while self.near and (self.near[0].is_told or self._newest - self.near[0].place > TOGETHER_MAX):
            event = self.near.popleft()
            if not event.is_told:
                yield event

    def rest(self) -> Iterator[_Event]:
        """What no entry told of, up to where the log has the partition."""
        while self.near:
            event = self.near.popleft()
            if not event.is_told:
                yield event
            if not self.near:
                self._newest = self._read
                self.read_on()

    def _event(self, place: int, row: Json) -> _Event:
        envelope = decode(bytes(row["envelope"]))
        hashed = str(row["digest"]).encode() if self.service == SUMMED_SERVICE else bytes(row["envelope"])
        is_set_aside = bool(row.get("set_aside"))
        type = EVENT_SET_ASIDE if is_set_aside else envelope.type
        journaled = Journaled(envelope, hashed, is_set_aside)
        return _Event(row["_id"], place, self._veil.source(envelope.source), type, journaled)


@dataclass
class _Told:
    """An entry, or all parts of one: its index, its fields, its bytes."""

    index: int
    head: Json
    parts: list[bytes] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"log entry {self.index} ({self.head['type']} of {self.head['source']}, {self.head['sequence']})"


class PublicLogAudit:
    """Reads the log once. Without `veil` no event can be matched: then entries are held against the root alone."""

    def __init__(
        self, databases: Databases, veil: Veil | None, findings: Findings, audit_log: AuditLogAudit | None = None
    ) -> None:
        self._audit_log = audit_log
        self._reporting, self._donations = databases.reporting, databases.donations
        self._veil, self._findings = veil, findings
        self._partitions: list[_Partition] = []
        self._open: dict[tuple[str, int], tuple[_Partition, _Event]] = {}
        self._named = 0
        self.count = LogCount()

    def size(self) -> int:
        """How many entries the log has now."""
        head = self._reporting.log_heads.find_one({"_id": "head"}, {"size": 1})
        return 0 if head is None else int(head["size"])

    def audit(self, folded: FoldAudit | None = None) -> LogCount:
        """All of it, up to where the head is now; `folded` adds up its entries. Raises pymongo's errors."""
        head = self._reporting.log_heads.find_one({"_id": "head"})
        if head is None:
            return self.count
        if self._veil is not None:
            for name, end in sorted(head["positions"].items()):
                rows = self._reporting.archive if name.startswith(f"{SUMMED_SERVICE}/") else self._reporting.journal
                partition = _Partition(rows, name, end, self._veil)
                self._partitions.append(partition)
                self._read_on(partition)
        at = ""
        for told in self._told(head, folded):
            if told.head["at"] < at:
                self._wrong(told, f"it was appended at {told.head['at']}, before the entry before it, of {at}")
            at = max(at, told.head["at"])
            if self._veil is not None:
                self._match(told, self._veil)
            if told.head["type"] == PAGE_SEALED:
                self._compare_page(told)
            if self._audit_log is not None:
                self._audit_log.compare_root(told.head)
        for partition in self._partitions:
            for event in partition.rest():
                self._untold(event)
        if folded is not None:
            folded.end()
        return self.count

    def _told(self, head: Json, folded: FoldAudit | None) -> Iterator[_Told]:
        """Entry by entry, several parts together. Behind the last the root is compared with the head's."""
        edge, told = Edge(), None
        for first in range(0, head["size"], WIDTH):
            where = {"_id": {"$gte": first, "$lt": min(first + WIDTH, head["size"])}}
            rows = {row["_id"]: bytes(row["entry"]) for row in self._reporting.log_entries.find(where)}
            wanted = range(first, min(first + WIDTH, head["size"]))
            for index in wanted:
                entry = _read(rows.get(index, b""))
                if entry is None:
                    what = "it is missing" if index not in rows else "it is no entry"
                    self._add(f"log entry {index}: {what}", explains=(LOG,))
                    if folded is not None:
                        folded.stop()
                    continue
                if folded is not None:
                    folded.add(entry)
                if told is None or entry.get("part", 1) == 1:
                    told = _Told(index, entry)
                told.parts.append(rows[index])
                if entry.get("part", 1) >= entry.get("parts", 1):
                    yield told
                    told = None
            edge = self._appended(edge, [leaf_hash(rows.get(index, b"")) for index in wanted])
        self.count.entries, self.count.root = head["size"], edge.root.hex()
        kept = Edge(head["size"], tuple(_hashes(bytes(level)) for level in head["levels"]))
        if edge.root != kept.root:
            text = f"public log: its {head['size']} entries lead to root {edge.root.hex()}, kept {kept.root.hex()}"
            self._add(text, explains=(LOG,), because=(LOG,))

    def _appended(self, edge: Edge, leaves: Sequence[bytes]) -> Edge:
        appended = append(edge, leaves)
        for tile, hashes in appended.tiles.items():
            if tile.width == WIDTH:
                row = self._reporting.log_tiles.find_one({"_id": f"{tile.level}/{tile.index}"})
                if row is None or bytes(row["hashes"]) != hashes:
                    what = "it is missing" if row is None else "it is not what the entries give"
                    self._add(f"log tile {tile.level}/{tile.index}: {what}", because=(LOG,), layer=Layer.SHOWN)
        return appended.edge

    def _match(self, told: _Told, veil: Veil) -> None:
        """The entry is written again from the events that it tells of."""
        source, last = told.head["source"], told.head["sequence"]
        first = told.head.get("first_sequence", last)
        numbers = range(max(first, last - TOGETHER_MAX), last + 1)
        near = [self._open[source, number] for number in numbers if (source, number) in self._open]
        found = [(partition, event) for partition, event in near if event.type == told.head["type"]]
        if not found and near and EVENT_SET_ASIDE in (told.head["type"], near[-1][1].type):
            found = near[-1:]
            self._set_aside_later(told, found[0][1])
        elif not found:
            text = f"{told.title}: no journal has an event that it may tell of"
            self._add(text, explains=(LOG,), because=self._sources_of(source) if self._named < NAMED_MAX else ())
            return
        else:
            events = [event for _, event in found]
            written = _written(found[0][0], events, told.head["at"], veil)
            if written != told.parts:
                self._differs(told, events, written)
        partition = found[0][0]
        partition.tell([event for _, event in found])
        self.count.events += len(found)
        for _, event in found:
            del self._open[source, event.number]
        for event in partition.passed():
            self._open.pop((event.name, event.number), None)
            self._untold(event)
        self._read_on(partition)

    def _sources_of(self, name: str) -> tuple[str, ...]:
        """By which names the lack of its event explains an entry: the source itself, as far as it is known here."""
        near = (event.journaled.envelope.source for (of, _), (_, event) in self._open.items() if of == name)
        return (next(near, name), LOST)

    def _read_on(self, partition: _Partition) -> None:
        for event in partition.read_on():
            self._open[event.name, event.number] = partition, event

    def _set_aside_later(self, told: _Told, event: _Event) -> None:
        if event.type == EVENT_SET_ASIDE:
            what = f"{event.key} was set aside when the log had told it already: the views lack what the log has"
        else:
            what = f"it says that {event.key} was set aside, and the journal has it applied"
        self._wrong(told, what, event)

    def _differs(self, told: _Told, events: Sequence[_Event], written: Sequence[bytes] | None) -> None:
        span = events[0].key if len(events) == 1 else f"{events[0].key} to {events[-1].number}"
        if written is None:
            self._wrong(told, f"it cannot be written again from {span}", *events)
            return
        if len(written) != len(told.parts):
            self._wrong(told, f"it has {len(told.parts)} parts, written again from {span} {len(written)}", *events)
            return
        ours, theirs = _joined(written), _joined(told.parts)
        names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
        self._wrong(told, f"written again from {span} it differs in {', '.join(names) or 'its form'}", *events)

    def _compare_page(self, told: _Told) -> None:
        """A sealed page's entry says what its seal says, which is held against the page row by row (`seals.Chain`)."""
        shard, number = told.head.get("shard"), told.head.get("page")
        page = page_id(shard, number) if isinstance(shard, int) and isinstance(number, int) else ""
        seal = self._donations.seals.find_one({"_id": page})
        found = None if seal is None else (seal["rows"], bytes(seal["root"]).hex())
        shown = (told.head.get("rows"), told.head.get("root"))
        if found != shown:
            sealed = "it has no seal" if found is None else f"sealed are {found[0]} rows of root {found[1]}"
            what = f"page {page}: it tells of {shown[0]} rows of root {shown[1]}, {sealed}"
            self._add(f"{told.title}: {what}", explains=(LOG,), because=(f"page {page}",))

    def _untold(self, event: _Event) -> None:
        text = f"public log: {event.key} is in no entry, though the log goes beyond it"
        self._add(text, because=(*event.names, LOG))

    def _wrong(self, told: _Told, what: str, *events: _Event) -> None:
        because = [name for event in events for name in event.names]
        self._add(f"{told.title}: {what}", explains=(LOG,), because=because)

    def _add(
        self, text: str, *, explains: Sequence[str] = (), because: Sequence[str] = (), layer: Layer = Layer.VIEWED
    ) -> None:
        """A difference; of too many the first, and that there are more."""
        self._named += 1
        if self._named <= NAMED_MAX:
            self._findings.add(layer, text, explains=explains, because=because)
        elif self._named == NAMED_MAX + 1:
            self._findings.add(Layer.VIEWED, f"public log: more than {NAMED_MAX} differences", because=(LOG,))


def _written(partition: _Partition, events: Sequence[_Event], at: str, veil: Veil) -> list[bytes] | None:
    """The entry as the log's owner writes it; None where the events do not let themselves be read."""
    own, moment = [event.journaled for event in events], datetime.fromisoformat(at)
    is_summed = partition.service == SUMMED_SERVICE and not own[-1].is_set_aside
    try:
        return summed_entries(own, moment, veil) if is_summed else entries_of(own, moment, veil)
    except (ValidationError, AssertionError):
        return None


def _joined(parts: Sequence[bytes]) -> Json:
    """An entry's fields, its lists put together from all parts."""
    found: Json = {}
    for part in parts:
        for name, value in msgspec.json.decode(part).items():
            is_more = isinstance(value, list) and isinstance(found.get(name), list)
            found[name] = [*found[name], *value] if is_more else value
    return found


class _Head(msgspec.Struct):
    """What of an entry is read here."""

    at: str
    source: str
    type: str
    sequence: int
    first_sequence: int = 0
    part: int = 1
    parts: int = 1


def _read(entry: bytes) -> Json | None:
    """An entry's fields; None for what is none."""
    try:
        head = msgspec.json.decode(entry, type=_Head)
        datetime.fromisoformat(head.at)
        found: Json = msgspec.json.decode(entry)
    except (ValueError, msgspec.MsgspecError):
        return None
    return found if head.first_sequence <= head.sequence else None


def _hashes(level: bytes) -> tuple[bytes, ...]:
    return tuple(level[at : at + 32] for at in range(0, len(level), 32))
