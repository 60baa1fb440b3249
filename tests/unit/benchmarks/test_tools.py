"""What Kafka's own tools print is read right."""

from __future__ import annotations

import pytest

from benchmarks.parts.raw_limits import consumed_per_s, produced_per_s

PRODUCED = """\
361 records sent, 72.2 records/sec (0.01 MB/sec), 10.0 ms avg latency, 20.0 ms max latency.
200000 records sent, 139178.8 records/sec (15.93 MB/sec), 120.35 ms avg latency, 301.00 ms max latency, 1 ms 50th.
"""
CONSUMED = """\
start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, \
fetch.MB.sec, fetch.nMsg.sec
2026-11-25 03:03:27:000, 2026-11-25 03:03:28:000, 22.8882, 22.8882, 200000, 200000.0000, 436, 564, 40.5819, 354609.9291
"""


def test_the_producers_last_line_is_the_whole_run() -> None:
    assert produced_per_s(PRODUCED) == 139_179


def test_the_consumers_rate_is_without_the_time_in_which_it_joined() -> None:
    assert consumed_per_s(CONSUMED) == 354_610


def test_a_tool_that_prints_no_rate_is_not_counted_as_zero() -> None:
    with pytest.raises(AssertionError, match="printed no rate"):
        produced_per_s("nothing")
