"""All of an audit, in the order in which nothing can overtake what is read.

What is made of something is read before it: the audit log and views before journal and pages, published seals and
signed roots before seals, settlements before bitmaps before pages, funds before shards, what is shown and kept of
figures before the public log. So what is compared is never newer than what it is counted from, and nobody has to wait
for quiet. Where the journal is still on its way to what a document has published already, the audit waits for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import MongoClient

from pandapack.audit.audit_log import AuditLogAudit
from pandapack.audit.banked import BankedRows
from pandapack.audit.documents import Documents
from pandapack.audit.facts import Json
from pandapack.audit.findings import Cause, Findings
from pandapack.audit.folded import FoldAudit
from pandapack.audit.journal import Journal
from pandapack.audit.ledger import Ledger
from pandapack.audit.public_log import LogCount, PublicLogAudit
from pandapack.audit.published import PublishedSeals
from pandapack.audit.reading import PATIENCE_S, Patience, databases
from pandapack.audit.rounds import Rounds
from pandapack.audit.seals import Roots
from pandapack.audit.shown import Shown, ShownTotals, recorded
from pandapack.contracts.public_log.veil import Veil


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
    chain = AuditLogAudit(kept, findings)
    chain.read()
    roots = Roots.read(kept.donations, key, kept_roots or {}, findings)
    published = PublishedSeals.read(kept, findings, patience)
    journal, banked = Journal(kept, findings, patience), BankedRows(kept, findings, patience)
    documents = Documents(kept, findings, patience)
    ledger = Ledger(kept, roots, findings, patience, published=published)
    journal.read_views()
    banked.read()
    funds = documents.read_funds()
    before = recorded(kept)
    shards = ledger.read_views()
    journal.count()
    journal.compare()
    chain.compare()
    documents.compare_funds()
    documents.look_for_documents(journal.sources)
    Rounds(documents, findings).compare()
    ledger.audit(funds, banked)
    totals = None if shown is None else ShownTotals(kept, shown, before, patience)
    log = PublicLogAudit(kept, None if log_secret is None else Veil(log_secret), findings, chain)
    if totals is not None:
        patience.until(log.size, totals.size)
    folded = FoldAudit(kept, findings, size=None if totals is None else totals.size)
    logged = log.audit(folded)
    roots.check(ledger.count.chained, ledger.count.stated, findings)
    if totals is not None:
        totals.compare(folded.totals, findings)
    cuts: dict[str, Any] = {f"shards {shard:04d}": [view.cut, view.cut] for shard, view in sorted(shards.items())}
    return Report(
        figures={
            "donations": ledger.count.donations,
            "received_fen": ledger.count.fen,
            "banked_fen": banked.fen,
            **folded.figures,
            "pages": ledger.count.pages,
            "seals": ledger.count.seals,
            "published_seals": published.count,
            "roots": len(roots.days),
            "events": journal.events,
            "documents": documents.count,
            "entries": logged.entries,
            "logged_events": logged.events,
            "audit_log_entries": chain.entries,
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
