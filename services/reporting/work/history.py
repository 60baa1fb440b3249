"""What was: what changed between two sizes of the public log, and figures through time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pandapack.decision import Refusal, RefusalKind
from services.reporting.domain.as_of import BEFORE_ALL, moment
from services.reporting.domain.changes import ENTRIES_COMPARED_MAX, changes, entry_changes
from services.reporting.domain.series import refuse_figure, value_of
from services.reporting.domain.snapshots import Level
from services.reporting.store.public_log import PublicLog
from services.reporting.work.snapshots import Snapshot, Snapshots

LAST = datetime(9999, 12, 30, tzinfo=UTC)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeriesWanted:
    """Which figure, of what, how close, and from when to when (as the reader wrote it); `limit` moments at most."""

    figure: str
    by: Level
    begin: str | None
    end: str | None
    programme: str | None
    country: str | None
    limit: int


class History:
    """Earlier snapshots side by side."""

    def __init__(self, snapshots: Snapshots, kept: PublicLog) -> None:
        self._snapshots, self._kept = snapshots, kept

    async def changes(self, first: int, end: int, after: int | None) -> Json | Refusal:
        """Each figure at both sizes, and the entries between, from index `after` on; see `domain.changes`.

        Refused: changes_range_invalid, size_unknown.
        """
        begin = first if after is None else after
        if not first <= begin <= end:
            detail = "`to` is a size that is not below `from`, and `after` an index between them"
            return Refusal("changes_range_invalid", detail, RefusalKind.INVALID)
        sizes = (first, begin, end)
        found: dict[int, Snapshot] = {}
        for size in sorted(set(sizes)):
            snapshot = await self._snapshots.as_of_size(size)
            if isinstance(snapshot, Refusal):
                return snapshot
            found[size] = snapshot
        entries = await self._entries(begin, min(end, begin + ENTRIES_COMPARED_MAX))
        stop = begin + len(entries)
        between = list(entry_changes(found[begin].books, entries))
        return {
            "from": _stamp(found[first]),
            "to": _stamp(found[end]),
            "figures": changes(found[first].books, found[end].books, between),
            "next": stop if stop < end else None,
        }

    async def _entries(self, first: int, end: int) -> Sequence[bytes]:
        return await self._kept.entries(first, end - first) if first < end else ()

    async def series(self, wanted: SeriesWanted) -> Json | Refusal:
        """A row a period in which the log grew: its beginning, the size at its end, and the figure then.

        Refused: figure_unknown, series_of_both, as_of_invalid.
        """
        figure, programme, country = wanted.figure, wanted.programme, wanted.country
        begin = BEFORE_ALL if wanted.begin is None else moment(wanted.begin, is_end=False)
        end = LAST if wanted.end is None else moment(wanted.end, is_end=True)
        for refused in (refuse_figure(figure, programme, country), begin, end):
            if isinstance(refused, Refusal):
                return refused
        assert isinstance(begin, datetime) and isinstance(end, datetime)
        found = await self._snapshots.series(wanted.by, begin, end, wanted.limit + 1)
        rows = [
            {
                "at": one.at,
                "size": one.size,
                "value": value_of(
                    figure,
                    programme,
                    country,
                    totals=one.totals,
                    programmes=one.programmes,
                    countries=one.countries,
                ),
            }
            for one in found[: wanted.limit]
        ]
        more = found[wanted.limit].at if len(found) > wanted.limit else None
        of = {"figure": figure, "by": wanted.by.value, "programme": programme, "country": country}
        return {**of, "items": rows, "next": more, "snapshot": {**_stamp(self._snapshots.current), "ahead": None}}


def _stamp(snapshot: Snapshot) -> Json:
    return {"size": snapshot.size, "at": snapshot.at or None}
