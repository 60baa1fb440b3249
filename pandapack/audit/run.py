"""All of an audit, in the order in which nothing can overtake what is read.

What is made of something is read before it: views before journal and pages, published seals and signed roots before
seals, settlements before bitmaps before pages, funds before shards. So what is compared is never newer than what it is
counted from, and nobody has to wait for quiet. Where the journal is still on its way to what a document has published
already, the audit waits for just that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import MongoClient

from pandapack.audit.banked import BankedRows
from pandapack.audit.documents import Documents
from pandapack.audit.facts import Json
from pandapack.audit.findings import Cause, Findings, Layer
from pandapack.audit.journal import Journal
from pandapack.audit.ledger import Ledger
from pandapack.audit.public_log import LogCount, PublicLogAudit
from pandapack.audit.published import PublishedSeals
from pandapack.audit.reading import PATIENCE_S, Databases, Patience, databases
from pandapack.audit.rounds import Rounds
from pandapack.audit.seals import Roots
from pandapack.contracts.public_log.veil import Veil

Shown = Callable[[], Json]
"""Asks for the totals that anybody is shown."""
RISING = ("donations", "received_fen", "banked_fen", "spent_fen", "rounds", "orders", "pupils_reached")
"""Totals that never fall: what is shown lies between two readings of the views around it."""


@dataclass
class Report:
    """What an audit counted, up to where, and what it found."""

    figures: Json
    cuts: Json
    last_root: tuple[str, str] | None = None
    """The newest signed day, and the hash of its root: who keeps it can tell later that nothing was signed anew."""
    log_root: tuple[int, str] | None = None
    """The public log's size, and the root of its entries: whoever has a checkpoint of that size can compare."""
    causes: list[Cause] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be looked at, and why."""

    @property
    def differences(self) -> list[str]:
        """Every cause in a sentence."""
        return [cause.text for cause in self.causes]


def audit(
    client: MongoClient[Json],
    namespace: str,
    *,
    key: str | None,
    kept_roots: Mapping[str, str] | None = None,
    log_secret: str | None = None,
    shown: Shown | None = None,
    patience_s: float = PATIENCE_S,
) -> Report:
    """Recounts everything. Raises pymongo's errors where the databases do not answer.

    key: the public key (hex) that is trusted, if any. kept_roots: day → hash of its root, as noted earlier.
    log_secret: the public log's secret (hex), by which its entries are matched with events; ValueError for none.
    shown: asks for the totals.
    """
    kept, findings, patience = databases(client, namespace), Findings(), Patience(patience_s)
    roots = Roots.read(kept.donations, key, kept_roots or {}, findings)
    published = PublishedSeals.read(kept, findings, patience)
    journal, banked = Journal(kept, findings, patience), BankedRows(kept, findings, patience)
    documents = Documents(kept, findings, patience)
    ledger = Ledger(kept, roots, findings, patience, published=published)
    journal.read_views()
    banked.read()
    funds = documents.read_funds()
    first = _rising(kept)
    shards = ledger.read_views()
    journal.count()
    journal.compare()
    documents.compare_funds()
    documents.look_for_documents(journal.sources)
    Rounds(documents, findings).compare()
    ledger.audit(funds, banked)
    logged = PublicLogAudit(kept, None if log_secret is None else Veil(log_secret), findings).audit()
    roots.check(ledger.count.chained, ledger.count.stated, findings)
    if shown is not None:
        _compare_shown(kept, first, _late(shown, first, patience), findings)
    cuts: dict[str, Any] = {f"shards {shard:04d}": [view.cut, view.cut] for shard, view in sorted(shards.items())}
    return Report(
        figures={
            "donations": ledger.count.donations,
            "received_fen": ledger.count.fen,
            "banked_fen": banked.fen,
            **_money(journal),
            "pages": ledger.count.pages,
            "seals": ledger.count.seals,
            "published_seals": published.count,
            "roots": len(roots.days),
            "events": journal.events,
            "documents": documents.count,
            "entries": logged.entries,
            "logged_events": logged.events,
        },
        cuts=cuts | journal.cuts(),
        causes=findings.causes(),
        last_root=(roots.days[-1].day, roots.days[-1].hash) if roots.days else None,
        notes=_notes(roots, published, ledger.count.last_day, logged, is_matched=log_secret is not None),
        log_root=(logged.entries, logged.root) if logged.entries else None,
    )


def _notes(
    roots: Roots, published: PublishedSeals, last_day: int | None, logged: LogCount, *, is_matched: bool
) -> list[str]:
    notes = []
    if logged.entries and not is_matched:
        notes.append("the public log is held against its root alone: give --log-secret to match entries with events")
    if roots.key is None and roots.days:
        notes.append("signed days are checked with the key that they name: give --key to trust one of your own")
    if last_day is not None and not published.count and not roots.days:
        notes.append("no seal is published yet: what is sealed is held against nothing but itself")
    return notes


def _money(journal: Journal) -> Json:
    """By name, all partitions added up, as far as the views had come."""
    figures: dict[str, int] = {}
    for view, beginning in (("money", "programme "), ("parcels", "")):
        for known in journal.views(view).values():
            for name, value in known.facts.items():
                if name.startswith(beginning) and isinstance(value, int):
                    figures[name.rpartition(" ")[2]] = figures.get(name.rpartition(" ")[2], 0) + value
    wanted = ("credited_fen", "reversed_fen", "funded_fen", "committed_fen", "spent_fen", "released_fen", "rounds")
    parcels = ("packed", "accepted", "rejected", "damaged", "lost", "pupils", "over_reported")
    return {name: figures.get(name, 0) for name in (*wanted, "orders", *parcels)}


def _rising(kept: Databases) -> Json:
    """The totals that never fall, added up from the views."""
    reporting, totals = kept.reporting, dict.fromkeys(RISING, 0)
    for shard in _states(reporting.shards):
        for known in shard["programmes"].values():
            totals["donations"] += known["count"]
            totals["received_fen"] += known["fen_to"]
    for money in _states(reporting.money):
        for figures in money["programmes"].values():
            for name in ("spent_fen", "rounds", "orders"):
                totals[name] += figures[name]
    for parcels in _states(reporting.parcels):
        totals["pupils_reached"] += sum(one["pupils"] for one in parcels["countries"].values())
    totals["banked_fen"] = sum(one["fen"] for one in _states(reporting.banked))
    return totals


def _states(rows: Any) -> Iterable[Json]:
    return (document["state"] for document in rows.find({}, {"state": 1}))


def _late(shown: Shown, first: Json, patience: Patience) -> Json:
    """What is shown once the public log has all that the views had: it comes a moment behind them, or not at all."""
    found: Json = {}

    def known() -> int:
        found.update(shown())
        return sum(found[name] >= first[name] for name in RISING if name in found)

    patience.until(known, sum(name in shown() for name in RISING))
    return found


def _compare_shown(kept: Databases, first: Json, shown: Json, findings: Findings) -> None:
    """What is shown was read between two readings of the views. A view that was altered meanwhile is named already."""
    last = _rising(kept)
    for name in RISING:
        if name in shown and not first[name] <= shown[name] <= last[name]:
            text = f"totals {name}: the views had {first[name]} before and {last[name]} after, shown {shown[name]}"
            findings.add(Layer.SHOWN, text)
