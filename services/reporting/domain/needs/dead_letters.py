"""Dead letters as matters: a group by cause is one, however many rows there are in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.reporting.domain.needs.matters import Act, Kind, Matter
from services.reporting.domain.needs.stops import moment

Json = Mapping[str, Any]
STATUS_OPEN = "open"
UNVOUCHED = "unvouched"
"""The sender where nobody vouches whose a record is."""


def groups_of_letters(groups: Iterable[Json]) -> list[Matter]:
    """Rows of `/v1/dead-letters/groups` that nobody has settled, and that no replay is about."""
    return [_of_group(one) for one in groups if one["status"] == STATUS_OPEN]


def _of_group(one: Json) -> Matter:
    group = str(one["group"])
    return Matter(
        Kind.DEAD_LETTERS,
        f"letters/{group}",
        "donations",
        {"cause": str(one["cause"]), "rows": int(one["open"]), "sender": str(one["sender"])},
        since=moment(one["first_at"]),
        command=f"panda dlq preview --group {group}",
        act=Act("preview", "donations/v1/dead-letters/previews", {"group": group}),
        reason=str(one["message"]["en"]),
    )


def letters_by_cause(dead_letters: Iterable[Json]) -> list[Matter]:
    """Dead letters one by one, where they are in no groups."""
    by_cause = defaultdict[str, list[Json]](list)
    for one in dead_letters:
        if not one["replays"]:
            by_cause[str(one["cause"])].append(one)
    return [_of_cause(cause, rows) for cause, rows in by_cause.items()]


def _of_cause(cause: str, rows: Sequence[Json]) -> Matter:
    return Matter(
        Kind.DEAD_LETTERS,
        f"letters/{cause}",
        "donations",
        {"cause": cause, "rows": len(rows), "sender": str(rows[0]["platform"] or UNVOUCHED)},
        since=min((at for at in (moment(one["at"]) for one in rows) if at is not None), default=None),
        command="panda dlq list",
    )
