"""How much each part does: every count and every time is bounded here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts are donations unless said otherwise; `days` is over how many days they are spread.

    `log`: whether anybody owns the public log; without it the same run shows what it costs. `journeyed`: events in
    the journal.
    """

    donations: int = 6_000_000
    warm: int = 50_000
    days: int = 40
    processes: int = 2
    log: bool = True
    ledger: int = 4_000_000
    peer_wait_s: float = 300.0
    latency_s: float = 20.0
    traces: int = 1_000
    journeyed: int = 1_000_000
    rounds: int = 50_000
    round_days: int = 1_100
    reading_s: float = 45.0
    recovery_per_s: float = 20_000.0
    raw_records: int = 1_000_000
    raw_pages: int = 1_000
    big: int = 100_000_000
    big_step: int = 10_000_000


QUICK = Plan(
    donations=200_000,
    warm=20_000,
    ledger=200_000,
    peer_wait_s=60.0,
    latency_s=3.0,
    traces=100,
    journeyed=20_000,
    rounds=500,
    round_days=50,
    reading_s=3.0,
    raw_records=200_000,
    raw_pages=200,
)
