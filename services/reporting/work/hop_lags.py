"""How late each hop is, as the last look at Kafka found its group's partitions."""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.runtime.lag import Lag
from services.reporting.domain.hops import HOPS, Hop, HopLag


def hop_lags(lags: Sequence[Lag], namespace: str) -> list[HopLag]:
    """Every hop, as the last look found its partitions; what no look found is unknown. `namespace`: before names."""
    prefix = f"{namespace}." if namespace else ""
    by_name: dict[tuple[str, str], list[Lag]] = {}
    for lag in lags:
        by_name.setdefault((lag.consumed.group, lag.consumed.topic), []).append(lag)
    return [_lag_of(hop, by_name.get((prefix + hop.group_name, prefix + hop.topic), [])) for hop in HOPS]


def _lag_of(hop: Hop, found: Sequence[Lag]) -> HopLag:
    records, waits_s = [lag.records for lag in found], [lag.waiting_s for lag in found]
    positions = [lag.position for lag in found]
    return HopLag(
        hop,
        None if not found or None in records else sum(filter(None, records)),
        None if not found or None in waits_s else max(filter(None, waits_s), default=0.0),
        None if not found or None in positions else sum(filter(None, positions)),
    )
