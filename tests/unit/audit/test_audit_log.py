"""`panda audit` counts the audit log again: what was removed, changed or put in shows, also where it is made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pandapack.audit.audit_log import AuditLogAudit
from pandapack.audit.findings import Findings
from pandapack.audit.reading import Databases
from pandapack.contracts.audit_log import BEFORE_ALL, AuditLogChained, entry_in, hash_of
from pandapack.contracts.causation import NOBODY
from tests.unit.reporting.test_audit_log import ANNA, BEN, AuditWorld

Json = dict[str, Any]
SHOPS = tuple(f"/procurement/parties/p{n}" for n in range(6))


class Cursor(list[Json]):
    """Rows as pymongo hands them out."""

    def sort(self, by: Any, _: int = 1) -> Iterator[Json]:  # type: ignore[override]
        names = [name for name, _ in by] if isinstance(by, list) else [by]
        return iter(sorted(self, key=lambda row: tuple(row[name] for name in names)))


class Collection:
    """A collection of MongoDB as far as the audit asks it: by equality and an upper bound."""

    def __init__(self, rows: list[Json]) -> None:
        self.rows = rows

    def find_one(self, where: Json) -> Json | None:
        return next(iter(self.find(where)), None)

    def find(self, where: Json, **_: Any) -> Cursor:
        return Cursor(row for row in self.rows if all(_fits(row[name], wanted) for name, wanted in where.items()))


def _fits(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return bool(value == wanted)
    return bool(value < wanted["$lt"] if "$lt" in wanted else value <= wanted["$lte"])


class Rows:
    """What reporting has of six acts of two people, and of an event that is nobody's."""

    def __init__(self) -> None:
        self.heads, self.entries, self.journal, self.archive, self.roots = asyncio.run(_made())

    def audited(self) -> list[str]:
        kept = {"audit_heads": self.heads, "audit_log": self.entries, "journal": self.journal, "archive": self.archive}
        reporting = SimpleNamespace(**{name: Collection(rows) for name, rows in kept.items()})
        findings = Findings()
        audit = AuditLogAudit(cast(Databases, SimpleNamespace(reporting=reporting)), findings)
        audit.read()
        audit.compare()
        for root in self.roots:
            audit.compare_root({"type": AuditLogChained.TYPE, "entries": root.entries, "root": root.root})
        return [cause.text for cause in findings.causes()]

    def made_anew(self) -> None:
        """Numbers and hashes are what an honest chain of these entries has; so is the head."""
        prev = BEFORE_ALL
        for n, row in enumerate(sorted(self.entries, key=lambda row: int(row["_id"])), 1):
            row |= {"_id": n, "prev": prev}
            prev = row["hash"] = hash_of(prev, entry_in(row))
        self.heads[0] |= {"n": len(self.entries), "hash": prev, "links": []}


async def _made() -> tuple[list[Json], list[Json], list[Json], list[Json], list[AuditLogChained]]:
    kept = AuditWorld()
    process = kept.process("a")
    for n, source in enumerate(SHOPS):
        await kept.happens(source, (ANNA, BEN)[n % 2], partition=n % 2, why=f"because {n}")
        await kept.happens("/procurement/orders/O-1", NOBODY)
        if n % 2:
            await process.append()
    await kept.happens("/donations/operations/x")
    await process.append()
    journals = [await kept.journals[name]._rows.find({}, limit=100) for name in ("journal", "archive")]
    return await kept.heads.find({}), await kept.rows(), *journals, await kept.published()  # type: ignore[return-value]


def test_an_honest_audit_log_agrees_also_where_the_newest_entries_stand_in_the_head_alone() -> None:
    rows = Rows()
    assert rows.audited() == [] and len(rows.entries) == 7 and len(rows.roots) == 1
    rows.entries.pop()
    assert rows.audited() == []


def _removed(rows: Rows) -> None:
    rows.entries.pop(1)


def _changed(rows: Rows) -> None:
    rows.entries[1]["actor"]["name"] = "carl"


def _moved(rows: Rows) -> None:
    first, second = rows.entries[0], rows.entries[1]
    first["_id"], second["_id"] = 2, 1


def _put_in(rows: Rows) -> None:
    rows.entries[-1] = {**rows.entries[-1], "_id": 8}
    rows.entries.insert(6, {**rows.entries[0], "_id": 7, "document": "/procurement/parties/px#000000000001"})


@pytest.mark.parametrize("is_made_anew", [False, True])
@pytest.mark.parametrize("tamper", [_removed, _changed, _moved, _put_in])
def test_an_entry_that_is_removed_changed_moved_or_put_in_shows_also_where_all_behind_it_is_made_anew(
    tamper: Callable[[Rows], None], *, is_made_anew: bool
) -> None:
    rows = Rows()
    tamper(rows)
    if is_made_anew:
        rows.made_anew()
    assert rows.audited() != []


def test_what_is_removed_from_the_journal_too_still_shows_by_the_public_log() -> None:
    rows = Rows()
    gone = rows.entries.pop(0)["document"]
    rows.journal = [row for row in rows.journal if row["_id"] != gone]
    rows.made_anew()
    (cause,) = rows.audited()
    assert "the public log has" in cause and str(rows.roots[0].entries) in cause


def test_an_audit_log_that_is_gone_shows_by_the_public_log() -> None:
    rows = Rows()
    rows.heads, rows.entries = [], []
    assert ["no entry at all" in cause for cause in rows.audited()] == [True]
