"""How long a gift takes: one push a second is followed, from Kafka's time of its record to the totals that have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pandapack.contracts.causation import Causation, Cause
from pandapack.contracts.donations import DonationsRecorded
from pandapack.contracts.envelope import Envelope, envelop
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from services.reporting.domain.flow import BUSINESS_LAG_WINDOW_S, UNMEASURED, business_lag
from services.reporting.work import business_lag as measuring
from services.reporting.work.business_lag import BusinessLags, waits_within

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
PUSHED = "x.donations.pushed"


def recorded(*causes: Cause) -> Envelope:
    event = DonationsRecorded(shard=3, page=1, count=0, intervals=(), days=())
    return envelop(event, source="/donations/shards/3", number=1, at=AT, causation=Causation(causes=causes))


class Kafka:
    """Says that each record came two seconds before, and remembers for which it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    async def appended_at(self, topic: str, partition: int, offset: int) -> datetime | None:
        self.asked.append((topic, partition, offset))
        return AT - timedelta(seconds=2)


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def lags(kafka: Kafka) -> BusinessLags:
    return BusinessLags(kafka.appended_at, PUSHED, FixedClock(AT), SeededChance(1))


async def test_one_of_the_records_that_an_event_names_is_looked_up_and_how_long_it_took_is_kept(
    lags: BusinessLags, kafka: Kafka
) -> None:
    lags.shown([recorded(Cause("donations.pushed/3", 120, 139))])
    await lags.measure()
    ((topic, partition, offset),) = kafka.asked
    assert (topic, partition) == (PUSHED, 3) and 120 <= offset <= 139
    assert lags.samples() == [[AT.timestamp(), 2.0]]


async def test_no_more_than_one_a_second_is_looked_up_however_many_events_come(
    lags: BusinessLags, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [100.0]
    monkeypatch.setattr(measuring, "monotonic_s", lambda: moment[0])
    for tenth in range(25):
        moment[0] = 100.0 + tenth / 10
        lags.shown([recorded(Cause("donations.pushed/3", tenth, tenth))])
        await lags.measure()
    assert [offset for _, _, offset in kafka.asked] == [0, 10, 20]


async def test_what_names_no_pushed_record_is_not_measured(lags: BusinessLags, kafka: Kafka) -> None:
    lags.shown([recorded(), recorded(Cause("/procurement/funds/love-parcel", 1, 1))])
    await lags.measure()
    assert (kafka.asked, lags.samples()) == ([], [])


def test_half_and_all_but_a_hundredth_of_the_pushes_took_no_longer_and_nothing_is_said_of_none() -> None:
    found = business_lag([number / 100 for number in range(100, 0, -1)])
    assert (found.p50_s, found.p99_s, found.samples) == (0.5, 0.99, 100)
    assert business_lag([7.0]).as_json() == {"p50_s": 7.0, "p99_s": 7.0, "samples": 1, "window_s": 300}
    assert business_lag([]) is UNMEASURED
    assert UNMEASURED.as_json() == {"p50_s": None, "p99_s": None, "samples": 0, "window_s": 300}


def test_samples_of_all_processes_count_as_long_as_the_window_is() -> None:
    now = AT.timestamp()
    samples = [[now - BUSINESS_LAG_WINDOW_S - 1, 9.0], [now - BUSINESS_LAG_WINDOW_S, 1.0], [now, 2.0]]
    assert waits_within(samples, AT) == [1.0, 2.0]
