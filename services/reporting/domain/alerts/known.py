"""What the conditions of alerts look at: all that reporting knows at one moment, and how it moved since before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

RISE_WINDOW_S = 10.0
"""A lag's rise is told over so long: longer than the pause of a batch, and short enough to be told within fifteen."""
SAMPLES_KEPT_MAX = 16
"""Of a hop's lag: a look takes two seconds, so that these cover the window with room for late ones."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServiceKnown:
    """A service as it told of itself last; None: it did not tell. `stopped`, `stalled`: names of partitions."""

    service: str
    answers: bool = True
    store: str | None = "ok"
    kafka: str | None = "ok"
    outbox_age_s: float | None = 0.0
    stopped: tuple[str, ...] | None = ()
    stalled: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class HopKnown:
    """A group on a topic, all partitions together. `position`: their sum. None: not known.

    `risen_s`: by how much its lag rose within `RISE_WINDOW_S`; None until that is known.
    """

    hop: str
    lag_records: int | None = 0
    lag_s: float | None = 0.0
    position: int | None = 0
    risen_s: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known at wall time `at`. None: not known, which is never taken for well.

    `still_s`: for how long input has waited with nothing moving anywhere; 0: it moves, or nothing waits.
    `laws`: the broken ones, with their differences. `log_stopped`: why the public log stopped; empty: it goes on.
    `log_blocked`: its partitions that wait for causes for long. `dead_letters`, `overdue`: what waits for a person.
    """

    at: datetime
    services: tuple[ServiceKnown, ...] = ()
    hops: tuple[HopKnown, ...] = ()
    still_s: float | None = 0.0
    behind_s: float | None = 0.0
    laws: tuple[str, ...] | None = ()
    log_stopped: str | None = ""
    log_blocked: tuple[str, ...] | None = ()
    dead_letters: tuple[str, ...] | None = ()
    overdue: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Movement:
    """What one look remembers for the next: positions, since when they stand, and each hop's lags lately."""

    positions: tuple[tuple[str, int | None], ...] = ()
    still_since: datetime | None = None
    samples: Mapping[str, tuple[tuple[datetime, float], ...]] = field(default_factory=dict)


def moved(before: Movement, hops: Sequence[HopKnown], at: datetime) -> tuple[Movement, tuple[HopKnown, ...]]:
    """What is remembered after a look at `at`, and the hops with their rise."""
    positions = tuple((one.hop, one.position) for one in hops)
    waits = any(one.lag_records for one in hops)
    stands = waits and positions == before.positions
    still_since = (before.still_since or at) if stands else (at if waits else None)
    samples, risen = {}, []
    for one in hops:
        kept = before.samples.get(one.hop, ())
        oldest = _sample_before(kept, at - timedelta(seconds=RISE_WINDOW_S))
        rise = None if one.lag_s is None or oldest is None else one.lag_s - oldest
        risen.append(HopKnown(one.hop, one.lag_records, one.lag_s, one.position, rise))
        samples[one.hop] = kept if one.lag_s is None else (*kept, (at, one.lag_s))[-SAMPLES_KEPT_MAX:]
    return Movement(positions, still_since, samples), tuple(risen)


def still_s_of(movement: Movement, hops: Iterable[HopKnown], at: datetime) -> float | None:
    """For how long nothing has moved though input waits; None where no hop is known."""
    if not any(one.lag_records is not None for one in hops):
        return None
    return 0.0 if movement.still_since is None else (at - movement.still_since).total_seconds()


def hops_of(readinesses: Iterable[Json | None]) -> tuple[HopKnown, ...]:
    """The hops that services tell of in their `lag` rows, partitions summed, the oldest record's age for all of them.

    A process that tells only of its own partitions tells of a part: of the same partition the furthest row counts.
    """
    rows: dict[tuple[str, str, int], Json] = {}
    for readiness in readinesses:
        for row in (readiness or {}).get("lag") or ():
            place = (str(row["group"]), str(row["topic"]), int(row["partition"]))
            if (row.get("position") or -1) >= ((rows.get(place) or {}).get("position") or -1):
                rows[place] = row
    by_hop: dict[str, list[Json]] = {}
    for (group, topic, _), row in sorted(rows.items()):
        by_hop.setdefault(f"{topic} → {group}", []).append(row)
    return tuple(
        HopKnown(hop, _sum(some, "records"), _oldest_s(some), _sum(some, "position")) for hop, some in by_hop.items()
    )


def service_known(service: str, readiness: Json | None) -> ServiceKnown:
    """A service by what it answered at `/readyz`; None: it did not."""
    if readiness is None:
        return ServiceKnown(service, False, None, None, None, None, None)
    return ServiceKnown(
        service,
        store=readiness.get("store"),
        kafka=readiness.get("kafka"),
        outbox_age_s=readiness.get("outbox_age_s"),
        stopped=_partitions(service, readiness.get("stopped")),
        stalled=_partitions(service, readiness.get("stalled")),
    )


def log_known(readiness: Json | None) -> tuple[str | None, tuple[str, ...] | None]:
    """Why the public log stopped, and which of its partitions are blocked, as its owner tells; None: nobody does."""
    told = (readiness or {}).get("public_log")
    if told is None:
        return None, None
    stopped = told.get("stopped")
    blocked = tuple(f"{one['partition']}: {one['event']}" for one in told.get("blocked") or ())
    return (str(stopped["reason"]) if stopped else ""), blocked


def _partitions(service: str, rows: Sequence[Json] | None) -> tuple[str, ...] | None:
    return None if rows is None else tuple(f"{service}: {row['topic']}/{row['partition']}" for row in rows)


def _sum(rows: Sequence[Json], name: str) -> int | None:
    return None if any(row.get(name) is None for row in rows) else sum(int(row[name]) for row in rows)


def _oldest_s(rows: Sequence[Json]) -> float | None:
    return None if any(row.get("waiting_s") is None for row in rows) else max(float(row["waiting_s"]) for row in rows)


def _sample_before(samples: Sequence[tuple[datetime, float]], at: datetime) -> float | None:
    """The newest lag that is at least that old."""
    return next((lag_s for seen_at, lag_s in reversed(samples) if seen_at <= at), None)
