"""A matter that needs a person, and which comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

Values = Mapping[str, str | int | datetime]
"""What is put into a matter's words: names ending in `_fen` are money, other numbers are counts, times are instants."""


class Kind(StrEnum):
    """What happened; in this order it is urgent: first what makes figures wrong, then what stops all, a part, a row."""

    LAW_BROKEN = "law_broken"
    STORE_STOPPED = "store_stopped"
    KAFKA_STOPPED = "kafka_stopped"
    LOG_STOPPED = "log_stopped"
    SERVICE_SILENT = "service_silent"
    PARTITION_STOPPED = "partition_stopped"
    PARTITION_STALLED = "partition_stalled"
    SHARD_GAP = "shard_gap"
    OUTBOX_FULL = "outbox_full"
    LOG_BLOCKED = "log_blocked"
    DEAD_LETTERS = "dead_letters"
    REVERSAL_CONFLICTS = "reversal_conflicts"
    REVERSALS_PARKED = "reversals_parked"
    INVOICE_HELD = "invoice_held"
    ORDER_UNTAKEN = "order_untaken"
    CUSTOMS_LONG = "customs_long"
    PROOF_OVERDUE = "proof_overdue"
    REPORTS_PARKED = "reports_parked"
    MOVEMENTS_PARKED = "movements_parked"
    HEADCOUNT_IMPOSSIBLE = "headcount_impossible"
    MONEY_IDLE = "money_idle"


URGENCY: Final[Mapping[Kind, int]] = {kind: rank for rank, kind in enumerate(Kind)}
SHOWN_A_KIND_MAX = 10
"""Of one kind so many are told one by one: a person mends one after the other, and the rest is counted."""
RUNBOOKS: Final[Mapping[Kind, str]] = {
    Kind.LAW_BROKEN: "law-broken",
    Kind.STORE_STOPPED: "store-stopped",
    Kind.KAFKA_STOPPED: "kafka-stopped",
    Kind.OUTBOX_FULL: "outbox-full",
    Kind.LOG_STOPPED: "public-log",
    Kind.LOG_BLOCKED: "public-log",
    Kind.SERVICE_SILENT: "service-killed",
    Kind.PARTITION_STOPPED: "poisoned-document",
    Kind.PARTITION_STALLED: "lag-rising",
    Kind.SHARD_GAP: "shard-gap",
    Kind.DEAD_LETTERS: "dead-letters",
    Kind.REVERSALS_PARKED: "parked-report",
    Kind.REPORTS_PARKED: "parked-report",
    Kind.MOVEMENTS_PARKED: "parked-report",
}
"""The page of `docs/operations` that says how it is mended; what is not here is overdue business."""
RUNBOOK_OTHER = "overdue"


@dataclass(frozen=True, slots=True)
class Costs:
    """What it costs while it waits. None: not known."""

    fen: int | None = None
    parcels: int | None = None
    pupils: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A button: a command that is forwarded to its service. `command` names it, `path` is below `/ops/act/`.

    `wants_reason`: whoever presses it says why. `is_tried_first`: a dry run is shown before it is done.
    """

    command: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    wants_reason: bool = False
    is_tried_first: bool = False


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that waits for a person. `id` stays the same while it lasts, in every process.

    `since`: RFC 3339 wall time of what stops, business time of what is overdue; None: not known. `values`: what its
    words are about. `command`: what to type; "" where a person elsewhere acts. `reason`: as the service gave it, in
    English. `runbook`: a page's name, where the kind's own does not say it.
    """

    kind: Kind
    id: str
    service: str
    values: Values = field(default_factory=dict)
    since: datetime | None = None
    costs: Costs = Costs()
    command: str = ""
    act: Act | None = None
    reason: str = ""
    runbook: str = ""

    @property
    def page(self) -> str:
        """The page of the documents that says how it is mended."""
        return f"docs/operations/{self.runbook or RUNBOOKS.get(self.kind, RUNBOOK_OTHER)}.md"


@dataclass(frozen=True, slots=True)
class Needs:
    """All that needs a person. `more`: of which kinds there are so many beside; `unknown`: who could not be asked."""

    matters: Sequence[Matter]
    more: Mapping[Kind, int] = field(default_factory=dict)
    unknown: Sequence[str] = ()


_LAST = datetime.max.replace(tzinfo=UTC)


def ordered(matters: Iterable[Matter]) -> list[Matter]:
    """The most urgent first: by kind, then what has been waiting longest, then what holds the most money."""
    return sorted(matters, key=lambda one: (URGENCY[one.kind], one.since or _LAST, -(one.costs.fen or 0), one.id))


def needs_of(matters: Iterable[Matter], unknown: Iterable[str] = (), more: Mapping[Kind, int] | None = None) -> Needs:
    """What is told: each matter once, `SHOWN_A_KIND_MAX` of a kind. `more`: known beside those that are given."""
    by_id = {one.id: one for one in matters}
    seen, rest = Counter[Kind](), Counter[Kind](more or {})
    shown = list[Matter]()
    for one in ordered(by_id.values()):
        seen[one.kind] += 1
        if seen[one.kind] <= SHOWN_A_KIND_MAX:
            shown.append(one)
        else:
            rest[one.kind] += 1
    return Needs(shown, {kind: count for kind, count in sorted(rest.items()) if count}, tuple(sorted(set(unknown))))
