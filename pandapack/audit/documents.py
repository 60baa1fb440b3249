"""Documents of procurement and logistics against the events that they published, each counted to its own sequence.

A document is read first: whatever it has published by then is in the journal, still in its outbox, or on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pandapack.audit.facts import Facts, Json, delta_name, differing, sentence
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.journal import LOST
from pandapack.audit.ledger import FundCut
from pandapack.audit.owned import fund_by_events, fund_by_state
from pandapack.audit.reading import (
    Databases,
    KeptEvent,
    Patience,
    Rows,
    events_in,
    key_of,
    last_number,
    outbox_events,
    within,
)
from pandapack.contracts.donations import shard_source

SOURCES_A_LOOK = 500
COLLECTIONS = {
    "/procurement/publications/": "publications",
    "/procurement/needs/": "needs",
    "/procurement/funds/": "funds",
    "/procurement/rounds/": "rounds",
    "/procurement/orders/": "orders",
    "/logistics/consignments/": "consignments",
    "/logistics/shipments/": "shipments",
}
"""How a source begins → where its document lies."""
ByEvents = Callable[[Iterable[KeptEvent]], Facts]


@dataclass(frozen=True)
class OwnDocument:
    """A document, as it was read."""

    kind: str
    id: str
    source: str
    version: int
    sequence: int
    inbox: Mapping[str, int]
    state: Json
    outbox: tuple[KeptEvent, ...]

    @property
    def name(self) -> str:
        """By which name it explains what follows from it."""
        return f"document {self.kind} {self.id}"


def kept_of(kind: str, row: Mapping[str, Any]) -> OwnDocument:
    """A row of a collection of documents."""
    beginning = next(start for start, name in COLLECTIONS.items() if name == kind)
    return OwnDocument(
        kind,
        row["_id"],
        f"{beginning}{row['_id']}",
        row["version"],
        row["sequence"],
        row["inbox"],
        row["state"],
        tuple(outbox_events(row)),
    )


class Documents:
    """Reads documents and their own events, and compares."""

    def __init__(self, databases: Databases, findings: Findings, patience: Patience) -> None:
        self._databases, self._findings, self._patience = databases, findings, patience
        self.journal: Rows = databases.reporting.journal
        self._needs: list[OwnDocument] = []
        self._funds: list[OwnDocument] = []
        self._partitions: dict[str, str] = {}
        self.count = 0

    def rows(self, kind: str) -> Rows:
        """The collection of a kind."""
        beginning = next(start for start, name in COLLECTIONS.items() if name == kind)
        database = self._databases.logistics if beginning.startswith("/logistics") else self._databases.procurement
        return database[kind]

    def read_funds(self) -> dict[int, list[FundCut]]:
        """Needs, then funds; shard → how far each fund has applied it."""
        self._needs = [kept_of("needs", row) for row in self.rows("needs").find({})]
        self._funds = [kept_of("funds", row) for row in self.rows("funds").find({})]
        cuts: dict[int, list[FundCut]] = {}
        for fund in self._funds:
            for front in fund.state["shards"]:
                shard, programme = front["shard"], fund.state["programme"]
                number = fund.inbox.get(shard_source(shard), 0)
                cut = FundCut(programme, number, front["applied_fen"], front["reversed_fen"])
                cuts.setdefault(shard, []).append(cut)
        return cuts

    def compare_funds(self) -> None:
        """Publications, needs and funds."""
        for row in self.rows("publications").find({}):
            publication = kept_of("publications", row)
            for event in self.events_of(publication):
                if not _holds(publication.state.get("content") or {}, event.data):
                    self.wrong(publication, "its content is not what it published")
        for fund in self._funds:
            self._compare_fund(fund)
        for need in self._needs:
            self._compare_need(need)

    def _compare_fund(self, fund: OwnDocument) -> None:
        state = fund.state
        events = self.events_of(fund)
        shown, recounted = fund_by_state(state), fund_by_events(events, state)
        for unpublished, names in (("credited", ("credited", "applied")), ("reversed", ("reversed", "owed", "taken"))):
            if state.get(f"unpublished_{unpublished}_fen") or state.get(f"unpublished_{unpublished}"):
                for facts in (shown, recounted):
                    for name in [one for one in facts if one.endswith(tuple(f"{word}_fen" for word in names))]:
                        del facts[name]
        self.compare(fund, recounted, shown)
        closed = [
            one.data["round"]
            for one in events
            if one.kind == "RoundFunded" and one.data["round"] not in state["open_rounds"]
        ]
        spent = sum(self._closing_of(fund, round_id) for round_id in closed)
        self.compare(fund, {"spent_fen": spent}, {"spent_fen": state["spent_fen"]})
        fronts = state["shards"]
        free = sum(one["applied_fen"] - one["taken_fen"] - one["owed_fen"] for one in fronts)
        free += sum(one["fen_to"] - one["fen_from"] for one in state["released"])
        used = sum(state["open_rounds"].values()) + state["spent_fen"] + sum(one["reversed_fen"] for one in fronts)
        applied = sum(one["applied_fen"] for one in fronts)
        if applied != free + used:
            self.wrong(fund, f"{applied} fen are applied, and {free} are free, {used} used")

    def _closing_of(self, fund: OwnDocument, round_id: str) -> int:
        """What a round has spent by its RoundClosed, which the fund has applied."""
        source = f"/procurement/rounds/{round_id}"

        def closed() -> int:
            return int(
                self.journal.find_one({**within(source), "type": "procurement.RoundClosed"}, {"_id": 1}) is not None
            )

        if not self._patience.until(closed, 1):
            self.wrong(fund, f"{round_id} is closed for it, and the journal has no RoundClosed of it", (source, LOST))
            return 0
        where = {**within(source), "type": "procurement.RoundClosed"}
        return sum(event.data["spent_fen"] for event in events_in(self.journal, where, self._findings))

    def _compare_need(self, need: OwnDocument) -> None:
        state, recounted = need.state, Facts()
        names = ("programme", "country", "specification", "parcels")
        for event in self.events_of(need):
            recounted |= {name: event.data[name] for name in names}
            recounted |= {f"school {one['school']}": one["parcels"] for one in event.data["schools"]}
        for source, number in need.inbox.items():
            if not source.startswith("/procurement/funds/"):
                continue
            self._patience.until(lambda source=source: last_number(self.journal, source), number)  # type: ignore[misc]
            for event in events_in(self.journal, within(source, 0, number), self._findings):
                if event.kind == "RoundFunded" and event.data["need"] == need.id:
                    recounted["funded_parcels"] = int(recounted.get("funded_parcels", 0)) + event.data["parcels"]
                    recounted["rounds"] = int(recounted.get("rounds", 0)) + 1
        shown: Facts = {name: state[name] for name in (*names, "funded_parcels", "rounds")}
        shown |= {f"school {one['school']}": one["parcels"] for one in state["schools"]}
        if need.sequence:
            self.compare(need, recounted, shown)

    def events_of(self, kept: OwnDocument) -> list[KeptEvent]:
        """A document's own events up to its sequence, from journal and outbox. What is in neither is a finding."""
        self.count += 1
        waiting = {event.number: event for event in kept.outbox}
        wanted = max((number for number in range(kept.sequence, 0, -1) if number not in waiting), default=0)
        self._patience.until(lambda: last_number(self.journal, kept.source), wanted)
        found = {event.number: event for event in events_in(self.journal, within(kept.source), self._findings)}
        self._partitions[kept.source] = next((event.partition for event in found.values()), "")
        beyond = max(found, default=0)
        if beyond > kept.sequence:
            row = self.rows(kept.kind).find_one({"_id": kept.id}, {"sequence": 1})
            if row is None or row["sequence"] < beyond:
                text = f"it has published {kept.sequence} events, and the journal has {beyond} of it"
                self.wrong(kept, text, (key_of(kept.source, beyond),))
        missing = [number for number in range(1, kept.sequence + 1) if number not in {**waiting, **found}]
        if missing:
            text = f"it has published event {missing[0]}, which is in neither its outbox nor the journal"
            self._findings.add(
                Layer.OWNED,
                f"{kept.name}: {text}",
                explains=(kept.name, kept.source, LOST),
                because=(kept.name, kept.source),
            )
        both = {**waiting, **found}
        return [both[number] for number in sorted(both) if number <= kept.sequence]

    def wait_for(self, source: str, number: int) -> Json | None:
        """The row of one event of the journal, once the journal has it; None where it does not come."""
        self._patience.until(lambda: last_number(self.journal, source), number)
        return self.journal.find_one({"_id": key_of(source, number)})

    def compare(self, kept: OwnDocument, recounted: Facts, shown: Facts) -> None:
        """Figure by figure."""
        for name, ours, theirs in differing(recounted, shown):
            text = sentence(kept.name, name, ours, theirs)
            # An event that was altered is off in its document, and by as much in the views that count its partition.
            explains = (kept.name, delta_name(self._partitions.get(kept.source, ""), ours, theirs))
            self._findings.add(Layer.OWNED, text, explains=explains, because=(kept.name, kept.source))

    def wrong(self, kept: OwnDocument, what: str, because: Iterable[str] = ()) -> None:
        """A finding on a document."""
        reasons = (kept.name, kept.source, *because)
        self._findings.add(Layer.OWNED, f"{kept.name}: {what}", explains=(kept.name,), because=reasons)

    def look_for_documents(self, sources: Mapping[str, int]) -> None:
        """Every source of the journal has its document."""
        names = sorted(sources)
        for beginning, kind in COLLECTIONS.items():
            ids = [name.removeprefix(beginning) for name in names if name.startswith(beginning)]
            for begin in range(0, len(ids), SOURCES_A_LOOK):
                some = ids[begin : begin + SOURCES_A_LOOK]
                there = {row["_id"] for row in self.rows(kind).find({"_id": {"$in": some}}, {"_id": 1})}
                for id in some:
                    if id not in there:
                        source, name = f"{beginning}{id}", f"document {kind} {id}"
                        text = f"{name}: it is missing, and the journal has {sources[source]} events of it"
                        self._findings.add(Layer.OWNED, text, explains=(name,), because=(source, key_of(source, 1)))


def _holds(state: Any, told: Any) -> bool:
    """Whether a state has all that an event told, whatever else it has."""
    if isinstance(told, dict):
        return isinstance(state, dict) and all(_holds(state.get(name), value) for name, value in told.items())
    if isinstance(told, list):
        return isinstance(state, list) and len(state) == len(told) and all(map(_holds, state, told))
    return bool(state == told)
