"""The ledger: shard after shard, page after page, with the events that the archive keeps of them, and their views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pandapack.audit import merchants
from pandapack.audit.banked import BankedRows
from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.published import PublishedSeals
from pandapack.audit.reading import (
    Databases,
    KeptEvent,
    Patience,
    events_in,
    key_of,
    last_number,
    outbox_events,
    within,
)
from pandapack.audit.repeated import identities_of, name_repeats
from pandapack.audit.repeats import Repeats
from pandapack.audit.seals import AFTER_LAST, Chain, PagePlace, Roots, Stated
from pandapack.audit.shard import Cuts, ShardCount, ShardRows, page_name
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import day_name, shard_source
from pandapack.contracts.pages import page_id, page_number, shard_prefix, unpack

PAGES_A_READ = 16
PAGE_FIELDS = (
    "columns",
    "count",
    "closed",
    "days",
    "intervals",
    "fronts",
    "counts",
    "sequence",
    "opened_day",
    "reversals",
    "reversed_fen",
    "findings",
    "outbox",
)


@dataclass
class LedgerCount:
    """What was counted of all shards. `stated`, `seals`: what signed roots are compared with."""

    pages: int = 0
    donations: int = 0
    fen: int = 0
    seals: int = 0
    rows_to: dict[int, int] = field(default_factory=dict)
    """Shard → the event up to which its rows were held against what was told of them."""
    chained: dict[int, list[str | None]] = field(default_factory=dict)
    stated: dict[PagePlace, Stated] = field(default_factory=dict)
    last_day: int | None = None
    """On which the newest page was opened (days since 1970)."""


@dataclass(frozen=True)
class ShardView:
    """What reporting's totals have of a shard, and up to which event."""

    cut: int
    state: Json


@dataclass(frozen=True)
class FundCut:
    """How far a programme's fund has applied a shard: the event, fen applied, fen reversed."""

    programme: str
    number: int
    applied_fen: int
    reversed_fen: int


class Ledger:
    """Counts the shards again. What is compared was read before their pages are."""

    def __init__(
        self,
        databases: Databases,
        roots: Roots,
        findings: Findings,
        patience: Patience,
        *,
        published: PublishedSeals | None = None,
        seals: bool = True,
    ) -> None:
        """Without `seals` no row is hashed, which is most of the work, and no seal is looked at."""
        self._databases, self._roots, self._with_seals = databases, roots, seals
        self._published = published or PublishedSeals()
        self._findings, self._patience = findings, patience
        self._pages, self._archive = databases.donations.pages, databases.reporting.archive
        setting = databases.donations.settings.find_one({"_id": "shards"})
        self.shards: int = setting["shards"] if setting else 0
        self.count = LedgerCount()
        self._views: dict[int, ShardView] = {}
        self._ends: dict[int, int] = {}
        self._signed = roots.pages()

    def read_views(self) -> Mapping[int, ShardView]:
        """What reporting has of each shard, each with its own cut; and what the pages had published by then."""
        for document in self._databases.reporting.shards.find({}):
            shard = int(document["_id"])
            self._views[shard] = ShardView(document["inbox"].get(shard_source(shard), 0), document["state"])
        for shard in range(self.shards):
            last = self._pages.find_one(_on(shard), {"sequence": 1}, sort=[("_id", -1)])
            self._ends[shard] = 0 if last is None else last["sequence"]
        return self._views

    def audit(self, funds: Mapping[int, list[FundCut]], banked: BankedRows | None) -> None:
        """All shards. `funds`: shard → how far each fund has applied it."""
        for shard in range(self.shards):
            self._audit_shard(shard, funds.get(shard, []), banked)
        if banked is not None:
            banked.compare()

    def _audit_shard(self, shard: int, funds: list[FundCut], banked: BankedRows | None) -> None:
        source, view = shard_source(shard), self._views.get(shard, ShardView(0, {}))
        wanted = max([view.cut, *(one.number for one in funds)])
        wanted = min(wanted, self._ends.get(shard, 0))  # what no page has published will not come
        archived = self._patience.until(lambda: last_number(self._archive, source), wanted)
        volumes = merchants.read(self._databases.reporting, shard, source, self._patience)
        cuts = Cuts(
            target=max([wanted, archived, *(one.cut for one in volumes.values())]),
            view=view.cut,
            funds={one.programme: one.number for one in funds},
            days={day: one.cut for day, one in volumes.items()},
        )
        marks = banked.of_shard(shard) if banked is not None else {}
        rows = ShardRows(shard, self.shards, cuts, self._findings)
        chain = Chain(self._databases.donations, shard, self._published.of(shard), self._findings)
        with Repeats() as repeats:
            end = self._read_pages(shard, rows, chain, repeats, marks, archived)
            suspects = repeats.suspects()
        if len(suspects):
            name_repeats(self._pages.find(_on(shard), ("columns",)).sort("_id", 1), suspects, self._findings)
        if last_number(self._archive, source) > end and archived > end:
            text = f"archive {key_of(source, archived)}: the shard's pages have published {end} events"
            self._findings.add(Layer.KEPT, text, explains=(source,))
        self.count.chained[shard] = chain.chained
        self.count.seals += chain.sealed
        self.count.donations += rows.count.donations
        self.count.fen += rows.count.fen
        self.count.rows_to[shard] = min(cuts.target, end)
        self._compare_view(shard, view, rows.count, end, archived)
        self._compare_funds(shard, funds, rows.count, end)
        merchants.compare(
            self._databases.reporting,
            shard,
            volumes,
            rows.count,
            archived,
            findings=self._findings,
            patience=self._patience,
        )

    def _read_pages(
        self,
        shard: int,
        rows: ShardRows,
        chain: Chain,
        repeats: Repeats,
        marks: Mapping[str, Any],
        archived: int,
    ) -> int:
        """Every page in order; the sequence of the shard's last event on any of them."""
        header = _Header(shard, self._findings)
        signed = self._roots.last_page(shard)
        last = self._pages.find_one(_on(shard), {"_id": 1}, sort=[("_id", -1)])
        last_id = last["_id"] if last else ""
        for row in self._pages.find(_on(shard), PAGE_FIELDS, batch_size=PAGES_A_READ).sort("_id", 1):
            id, before = row["_id"], header.sequence
            upto = min(row["sequence"], rows.cuts.target)
            events = self._events_between(shard, before, upto, row, archived)
            if page_number(id) > header.number + 1:
                events = self._skip_missing(rows, header, row, events)
            self.count.pages += 1
            self.count.last_day = max(row["opened_day"], self.count.last_day or 0)
            try:
                columns = unpack(bytes(row["columns"]))
            except ValueError as error:
                header.wrong(id, str(error))
                rows.missing(id, events)
                header.skip(row)
                continue
            fits = header.check(row, columns)
            is_sealed = row["closed"] and self._with_seals
            proven = is_sealed and chain.proves(id, columns, is_signed=page_number(id) <= signed) and fits
            rows.page(row, columns, events, proven=proven)
            repeats.add(identities_of(columns))
            if id in marks:
                marks[id].check(columns)
            if (shard, page_number(id)) in self._signed:
                self.count.stated[shard, page_number(id)] = (row["counts"], row["fronts"])
            if not row["closed"]:
                if id < last_id:
                    header.wrong(id, "it is open, and there are pages behind it")
                else:
                    break  # what comes behind it was written since
        return header.sequence

    def _skip_missing(
        self, rows: ShardRows, header: _Header, row: Json, events: list[KeptEvent | int]
    ) -> list[KeptEvent | int]:
        """Names the pages that are missing before this one, and leaves those events that are this one's."""
        own = page_number(row["_id"])
        for number in range(header.number + 1, own):
            id = page_id(rows.shard, number)
            header.wrong(id, "it is missing, and there are pages behind it")
            rows.missing(id, [one for one in events if isinstance(one, KeptEvent) and one.data["page"] == number])
        return [one for one in events if not isinstance(one, KeptEvent) or one.data["page"] == own]

    def _events_between(self, shard: int, after: int, upto: int, page: Json, archived: int) -> list[KeptEvent | int]:
        """A page's events up to the cut; where one is in no archive, its number."""
        source = shard_source(shard)
        found = {one.number: one for one in events_in(self._archive, within(source, after, upto), self._findings)}
        waiting = {one.number: one for one in outbox_events(page)}
        events: list[KeptEvent | int] = []
        for number in range(after + 1, upto + 1):
            event = found.get(number)
            if event is None:
                # The page still has it; what it has is not lost, but where later ones came it is missing.
                event = waiting.get(number) if number > archived else None
                if event is None:
                    id = key_of(source, number)
                    explains = (id, source)
                    self._findings.add(Layer.KEPT, f"archive {id}: it is missing", explains=explains, because=explains)
            events.append(number if event is None else event)
        return events

    def _compare_view(self, shard: int, view: ShardView, count: ShardCount, end: int, archived: int) -> None:
        what = f"view shards {shard:04d}"
        if view.cut > end:
            text = f"{what}: it stands at event {view.cut}, and the shard's pages have published {end}"
            self._findings.add(Layer.VIEWED, text, explains=(what,))
        elif view.cut < archived:
            self._look_again(shard, what, archived)
        programmes: dict[str, Json] = view.state.get("programmes", {})
        shown = {
            (programme, day): (cell[0], cell[1])
            for programme, known in programmes.items()
            for day, cell in known["days"].items()
        }
        for name in sorted({*shown, *count.view}):
            ours, theirs = count.view.get(name, (0, 0)), shown.get(name, (0, 0))
            if ours != theirs:
                told = count.told.get(name, (0, 0))
                follows = (ours[0] + told[0], ours[1] + told[1]) == theirs
                text = f"{what}: {name[0]} on {name[1]} (count, fen): recounted {ours}, found {theirs}"
                because = count.told_because if follows else ()
                self._findings.add(Layer.VIEWED, text, explains=(what,), because={what, *because})
        self._compare_sums(what, view, count, programmes)

    def _compare_sums(self, what: str, view: ShardView, count: ShardCount, programmes: Mapping[str, Json]) -> None:
        """What the view has added up itself, against its own days; reversals, duplicates, conflicts, refused rows."""
        pairs: list[tuple[str, Any, Any]] = []
        told = dict[str, Any]()
        for programme, known in programmes.items():
            cells = known["days"].values()
            added = (sum(cell[0] for cell in cells), sum(cell[1] for cell in cells))
            pairs.append((f"{programme} (count, fen)", added, (known["count"], known["fen_to"])))
        for programme in sorted({*programmes, *count.reversed}):
            known = programmes.get(programme, {})
            theirs = (known.get("reversals", 0), known.get("reversed_fen", 0))
            ours, more = count.reversed.get(programme, (0, 0)), count.reversed_told.get(programme, (0, 0))
            pairs.append((f"{programme} reversed (count, fen)", ours, theirs))
            told[f"{programme} reversed (count, fen)"] = (ours[0] + more[0], ours[1] + more[1])
        pairs += [(name, found, view.state.get(name, 0)) for name, found in count.found.items()]
        for name, ours, theirs in pairs:
            if ours != theirs:
                text = f"{what}: {name}: recounted {ours}, found {theirs}"
                because = {
                    what,
                    shard_source(int(what[-4:])),
                    *(count.told_because if told.get(name) == theirs else ()),
                }
                self._findings.add(Layer.VIEWED, text, explains=(what,), because=because)

    def _look_again(self, shard: int, what: str, wanted: int) -> None:
        """A view that stands before what the archive has is on its way, or it does not go on at all."""
        source, views = shard_source(shard), self._databases.reporting.shards

        def applied() -> int:
            row = views.find_one({"_id": f"{shard:04d}"}, {"inbox": 1})
            return int(row["inbox"].get(source, 0)) if row else 0

        stands = self._patience.until(applied, wanted)
        if stands < wanted:
            text = f"{what}: it stands at event {stands}, the archive has {wanted}, and it does not go on"
            self._findings.add(Layer.VIEWED, text, explains=(what,), because=(source,))

    def _compare_funds(self, shard: int, funds: list[FundCut], count: ShardCount, end: int) -> None:
        for fund in funds:
            what = f"document funds {fund.programme}"
            applied, taken_back = count.funds.get(fund.programme, [0, 0])
            told = sum(cell[1] for (programme, _), cell in count.told.items() if programme == fund.programme)
            if fund.number > end:
                text = f"{what}: it applied event {fund.number} of shard {shard}, whose pages have published {end}"
                self._findings.add(Layer.OWNED, text, explains=(what,), because=(what,))
            if fund.applied_fen != applied:
                because = count.told_because if fund.applied_fen == applied + told else ()
                text = f"{what}: fen applied of shard {shard} up to its event {fund.number}"
                text += f": recounted {applied}, found {fund.applied_fen}"
                self._findings.add(Layer.OWNED, text, explains=(what,), because={what, *because})
            if fund.reversed_fen != taken_back:
                more = count.reversed_told.get(fund.programme, (0, 0))[1]
                because = count.told_because if fund.reversed_fen == taken_back + more else ()
                text = f"{what}: fen reversed on shard {shard}: recounted {taken_back}, found {fund.reversed_fen}"
                self._findings.add(Layer.OWNED, text, explains=(what,), because={what, *because})


class _Header:
    """What pages state of themselves, page after page."""

    def __init__(self, shard: int, findings: Findings) -> None:
        self._findings, self._shard, self._fits = findings, shard, True
        self.number, self.sequence = -1, 0
        self._fronts: dict[str, int] | None = {}
        self._counts: dict[str, int] = {}
        self._reversed: dict[str, int] = {}
        self._seen: set[str] = set()

    def wrong(self, id: str, what: str, *, before: bool = False) -> None:
        """A finding on a page. `before`: the page before may be its cause."""
        self._fits = False
        name, earlier = page_name(id), page_name(page_id(self._shard, self.number))
        because = (name, earlier) if before else (name,)
        self._findings.add(Layer.KEPT, f"{name}: {what}", explains=(name,), because=because)

    def skip(self, row: Json) -> None:
        """A page that cannot be read: what it states is taken as it stands."""
        if page_number(row["_id"]) != self.number + 1:
            self._fronts = None
        self.number, self.sequence = page_number(row["_id"]), row["sequence"]
        self._fronts, self._counts, self._reversed = row["fronts"], row["counts"], row["reversed_fen"]

    def check(self, row: Json, columns: Columns) -> bool:
        """Rows against what the page states, and that against the page before: whether all of it fits."""
        id, self._fits = row["_id"], True
        is_next = page_number(id) == self.number + 1
        if row["count"] != len(columns):
            self.wrong(id, f"its count: recounted {len(columns)}, it states {row['count']}")
        if row["sequence"] < self.sequence:
            self.wrong(id, f"it states event {row['sequence']}, and the page before {self.sequence}")
        days = sorted({day_name(day) for day in set(columns.days.tolist())})
        if days != sorted(row["days"]):
            self.wrong(id, f"its days: recounted {days[:3]}…, it states {sorted(row['days'])[:3]}…")
        dense = columns.programmes.dense()
        for place, programme in enumerate(dense.strings):
            own = dense.indices == place
            self._programme(row, programme, int(own.sum()), int(columns.amounts_fen[own].sum()), is_next=is_next)
        self._reversals(row, is_next=is_next)
        self.skip(row)
        return self._fits

    def _programme(self, row: Json, programme: str, count: int, fen: int, *, is_next: bool) -> None:
        id, stated = row["_id"], tuple(row["intervals"].get(programme, (0, 0)))
        if stated[1] - stated[0] != fen:
            self.wrong(id, f"interval of {programme}: its rows are {fen} fen, it states {stated[1] - stated[0]}")
        if row["fronts"].get(programme) != stated[1]:
            self.wrong(id, f"front of {programme}: {stated[1]}, it states {row['fronts'].get(programme)}")
        if not is_next:
            return
        before = (self._fronts or {}).get(programme, 0)
        if stated[0] != before:
            self.wrong(
                id, f"interval of {programme}: it begins at {stated[0]}, the one before ends at {before}", before=True
            )
        if row["counts"].get(programme, 0) - self._counts.get(programme, 0) != count:
            self.wrong(
                id,
                f"counts of {programme}: {count} more, it states {row['counts'].get(programme, 0)} in all",
                before=True,
            )

    def _reversals(self, row: Json, *, is_next: bool) -> None:
        upto = dict(self._reversed)
        for one in row["reversals"]:
            if one["state"] != "taken":
                continue
            if one["key"] in self._seen:
                self.wrong(row["_id"], f"reversal {one['key']} is taken twice")
            self._seen.add(one["key"])
            upto[one["programme"]] = upto.get(one["programme"], 0) + one["amount_fen"]
        if is_next and upto != row["reversed_fen"]:
            self.wrong(row["_id"], f"reversed so far: recounted {upto}, it states {row['reversed_fen']}")


def _on(shard: int) -> Json:
    return {"_id": {"$gte": shard_prefix(shard), "$lt": shard_prefix(shard) + AFTER_LAST}}
