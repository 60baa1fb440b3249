"""The hops of the pipeline are the subscriptions of the four services; the latest comes first, and unknown is no 0."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pandapack.runtime import service as runtime
from pandapack.runtime.lag import Consumed, Lag
from services.reporting.domain.hops import HOPS, Hop, HopLag, worst_first
from services.reporting.work.hop_lags import hop_lags

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SERVICES = ("donations", "procurement", "logistics", "reporting")


def lag(hop: Hop, partition: int, records: int, waits_s: float | None, prefix: str = "") -> Lag:
    since = None if waits_s is None else AT - timedelta(seconds=waits_s)
    consumed = Consumed(prefix + hop.group_name, prefix + hop.topic, partition)
    return Lag(consumed, AT, 100, 100 - records, since, since)


def test_every_subscription_of_the_services_is_a_hop_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    found: set[tuple[str, str, str]] = set()
    subscribe = runtime.Service.consumes

    def consumes(self: runtime.Service, *topics: str, **options: Any) -> object:
        found.update((self.name, options.get("group", ""), topic) for topic in topics)
        return subscribe(self, *topics, **options)

    monkeypatch.setattr(runtime.Service, "consumes", consumes)
    for service in SERVICES:
        importlib.import_module(f"services.{service}.app").create_app()
    assert {(hop.consumer, hop.group, hop.topic) for hop in HOPS} == found


def test_a_hop_is_as_late_as_its_oldest_record_and_has_the_records_of_all_its_partitions() -> None:
    hop = HOPS[3]
    lags = [lag(hop, 0, 5, 2.5, "x."), lag(hop, 1, 0, None, "x."), lag(hop, 2, 1, 60.0, "x.")]
    found = next(one for one in hop_lags(lags, "x") if one.hop is hop)
    assert (found.lag_records, found.lag_s, found.done) == (6, 60.0, 294)


def test_one_partition_that_is_not_known_makes_the_hop_unknown_and_not_0() -> None:
    hop = HOPS[0]
    unknown = Lag(Consumed(hop.group_name, hop.topic, 1), AT)
    found = next(one for one in hop_lags([lag(hop, 0, 0, None), unknown], "") if one.hop is hop)
    assert (found.lag_records, found.lag_s, found.done) == (None, None, None)
    assert all(one.lag_records is None and one.lag_s is None for one in hop_lags([], ""))


def test_the_latest_hop_comes_first_and_what_is_not_known_before_it() -> None:
    late, later, many, unknown = (
        HopLag(HOPS[0], 10, 1.0),
        HopLag(HOPS[1], 1, 2.0),
        HopLag(HOPS[2], 11, 1.0),
        HopLag(HOPS[3]),
    )
    assert worst_first([late, later, many, unknown]) == [unknown, later, many, late]
