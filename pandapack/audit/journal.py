"""The journal, event by event, and the views that count it, each counted again to its own cut.

A view's document applies one partition in its order, and its inbox says up to which offset. Views are read before the
journal, and an event is journaled before any view applies it: so the journal has all that a view has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pandapack.audit.facts import Facts, Json, add, delta_name, differing, sentence
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.pupils import PupilsLaw
from pandapack.audit.reading import Databases, KeptEvent, Patience, events_in
from pandapack.audit.views import SHOWN, changes_of, documents_of
from pandapack.contracts import logistics, procurement
from pandapack.contracts.envelope import known_types

PIPELINE = "pipeline"
KNOWN = frozenset(name for name in known_types() if name.partition(".")[0] in ("procurement", "logistics"))
assert procurement.RoundFunded.TYPE in KNOWN and logistics.ParcelsStored.TYPE in KNOWN
LOST = "journal lost"
"""By which name an event that the journal never had explains what views lack."""
Place = tuple[str, str]
"""View, document."""


def partition_name(partition: str) -> str:
    """By which name a partition's events explain what follows from them."""
    return f"journal {partition}"


@dataclass
class ViewDocument:
    """A document of a view as it was read. `cut`: the offset behind the last that it has applied."""

    cut: int
    shown: Facts
    facts: Facts = field(default_factory=dict)
    behind: int = -1
    """The last offset at or behind the cut that it should have applied by then."""


class Offsets:
    """Offsets of a partition that were met: a byte each, so that ten million are ten megabytes."""

    def __init__(self) -> None:
        self._met = bytearray()

    def __contains__(self, offset: int) -> bool:
        return 0 <= offset < len(self._met) and bool(self._met[offset])

    def add(self, offset: int) -> None:
        """One more."""
        if offset >= len(self._met):
            self._met.extend(bytes(offset + 1 - len(self._met) + len(self._met) // 8))
        self._met[offset] = 1


@dataclass
class _Partition:
    """What is known of a partition: how far the pipeline had come, which offsets were met."""

    noted: int = -1
    met: Offsets = field(default_factory=Offsets)
    events: int = 0


class Journal:
    """Reads views, then the journal, and compares."""

    def __init__(self, databases: Databases, findings: Findings, patience: Patience) -> None:
        self._reporting, self._findings, self._patience = databases.reporting, findings, patience
        self._views: dict[Place, ViewDocument] = {}
        self._absent: dict[Place, int] = {}
        self._partitions: dict[str, _Partition] = {}
        self._pipeline: dict[str, tuple[int, Json]] = {}
        self._law = PupilsLaw(findings)
        self.sources: dict[str, int] = {}
        """The source → its last event."""
        self.events = 0

    def read_views(self) -> None:
        """Every document of every view, each with its own cut."""
        for document in self._reporting.pipeline.find({}):
            id, state = document["_id"], document["state"]
            self._pipeline[id] = (document["inbox"].get(id, 0), state)
            self._partitions[id] = _Partition(noted=state["offset"])
        for view, shown in SHOWN.items():
            for document in self._reporting[view].find({}):
                cut = document["inbox"].get(_partition_of(document["_id"]), 0)
                self._views[view, document["_id"]] = ViewDocument(cut, shown(document["state"]))

    def cuts(self) -> dict[str, list[int]]:
        """View and partition → the lowest and the highest offset up to which its documents are counted."""
        found: dict[str, list[int]] = {}
        for (view, id), known in self._views.items():
            span = found.setdefault(f"{view} of {_partition_of(id)}", [known.cut, known.cut])
            span[0], span[1] = min(span[0], known.cut), max(span[1], known.cut)
        return found

    def count(self) -> None:
        """Every event once, in the order of its source; sequences without gaps, offsets that rise."""
        before: KeptEvent | None = None
        for event in events_in(self._reporting.journal, {}, self._findings):
            self._check(event, before if before and before.source == event.source else None)
            self.events += 1
            self.sources[event.source] = event.number
            partition = self._partitions.setdefault(event.partition, _Partition())
            if event.offset in partition.met:
                self._wrong(event, f"another event lies at offset {event.offset} of {event.partition}, too")
            partition.met.add(event.offset)
            self._apply(event, partition)
            before = event
        self._law.compare_enrolment()

    def _check(self, event: KeptEvent, before: KeptEvent | None) -> None:
        expected = before.number + 1 if before else 1
        if event.number != expected:
            missing = f"event {expected}" + (f" to {event.number - 1}" if event.number > expected + 1 else "")
            self._wrong(event, f"{missing} before it is missing")
        if event.id != f"{event.source}#{event.number:012d}":
            self._wrong(event, f"it is event {event.number} of {event.source}")
        if not event.is_intact:
            self._wrong(event, "it is not what was read from the log: its digest is another")
        if before is not None and (before.partition != event.partition or before.offset >= event.offset):
            self._wrong(event, f"it lies at {event.partition} offset {event.offset}, before the event before it")

    def _wrong(self, event: KeptEvent, what: str) -> None:
        explains = (event.id, event.source, partition_name(event.partition))
        self._findings.add(Layer.KEPT, f"journal {event.id}: {what}", explains=explains, because=(event.id,))

    def _apply(self, event: KeptEvent, partition: _Partition) -> None:
        """Adds the event to those documents whose cut lies behind it."""
        if event.is_set_aside:
            return
        position = event.offset + 1
        if position <= self._pipeline.get(event.partition, (0, {}))[0]:
            partition.events += 1
        self._law.heads(event)
        if event.type not in KNOWN:
            return
        for place in documents_of(event):
            known = self._views.get(place)
            if known is None:
                if event.offset <= partition.noted:
                    self._absent[place] = max(self._absent.get(place, -1), event.offset)
            elif position > known.cut and event.offset <= partition.noted:
                known.behind = max(known.behind, event.offset)
        for change in changes_of(event):
            known = self._views.get((change.view, change.document))
            if known is not None and position <= known.cut:
                if change.is_set or isinstance(change.fact, str):
                    known.facts[change.name] = change.fact
                else:
                    add(known.facts, change.name, change.fact)

    def compare(self) -> None:
        """Every document of every view against what was counted."""
        for (view, id), known in self._views.items():
            what, because = f"view {view} {id}", self._because(view, id)
            if known.cut and known.cut - 1 not in self._met(id):
                self._add(what, f"it stands at offset {known.cut - 1}, where the journal has no event", because)
            for name, ours, theirs in differing(known.facts, known.shown):
                off = delta_name(_partition_of(id), ours, theirs)
                self._findings.add(
                    Layer.VIEWED,
                    sentence(what, name.removeprefix("="), ours, theirs),
                    explains=(what,),
                    because={what, off, *because},
                )
            if known.behind >= 0:
                self._look_again(view, id, known.behind, because)
        for (view, id), offset in self._absent.items():
            self._look_again(view, id, offset, self._because(view, id))
        self._compare_pipeline()

    def _compare_pipeline(self) -> None:
        for id, (cut, state) in self._pipeline.items():
            what, because = f"view pipeline {id}", self._because(PIPELINE, id)
            partition = self._partitions[id]
            if cut != state["offset"] + 1 or (cut and cut - 1 not in partition.met):
                self._add(what, f"it stands at offset {cut - 1} and states {state['offset']}", because)
            if partition.events != state["events"]:
                self._add(what, f"events: recounted {partition.events}, found {state['events']}", because)

    def _met(self, id: str) -> Offsets:
        return self._partitions.get(_partition_of(id), _Partition()).met

    def _because(self, view: str, id: str) -> tuple[str, ...]:
        return (f"view {view} {id}", partition_name(_partition_of(id)), LOST)

    def _add(self, what: str, detail: str, because: tuple[str, ...]) -> None:
        self._findings.add(Layer.VIEWED, f"{what}: {detail}", explains=(what,), because=because)

    def _look_again(self, view: str, id: str, offset: int, because: tuple[str, ...]) -> None:
        """A document that stands before what its partition was applied to: it is on its way, or lost something."""

        def applied() -> int:
            row = self._reporting[view].find_one({"_id": id}, {"inbox": 1})
            return int(row["inbox"].get(_partition_of(id), 0)) if row else 0

        stands = self._patience.until(applied, offset + 1)
        if stands <= offset:
            detail = f"it stands at offset {stands - 1}, its partition is applied up to {offset}"
            self._add(f"view {view} {id}", detail if stands else f"it is missing; {detail}", because)


def _partition_of(id: str) -> str:
    """`R-000001/procurement/2` → `procurement/2`."""
    return "/".join(id.split("/")[-2:])
