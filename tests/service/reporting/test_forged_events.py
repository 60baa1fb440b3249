"""Whoever may write to a topic moves no figure and stops nothing: what is not believed is set aside, and says so."""

from __future__ import annotations

import random

from aiokafka import AIOKafkaProducer

from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.trust import partition_of
from tests.service.reporting.conftest import Reporting, in_a_loop_of_its_own
from tests.simulation.attacker import Attacker, LogRecord
from tests.trusted import signed
from tests.unit.reporting.history import TOTALS, enveloped, programme
from tests.waiting import eventually

SEED = 5


def test_forged_replayed_reordered_and_garbled_events_change_no_figure_and_every_genuine_one_is_applied(
    reporting: Reporting,
) -> None:
    log: list[LogRecord] = []
    for event in enveloped(programme()):
        key, value, headers = signed(reporting.service.folder, event)
        home = partition_of(event.source, EVENT_PARTITIONS)
        log.append(LogRecord(f"{event.source.split('/')[1]}.events", home, value, key, headers))
    attacker = Attacker(random.Random(SEED))

    async def write() -> None:
        async with AIOKafkaProducer(bootstrap_servers=reporting.servers.kafka, acks="all") as producer:
            for one in attacker.among(log):
                topic = f"{reporting.namespace}.{one.topic}"
                await producer.send_and_wait(
                    topic, one.value, key=one.key, partition=one.partition, headers=list(one.headers)
                )

    in_a_loop_of_its_own(write)
    reporting.await_totals(TOTALS)
    # The ledger's topic is consumed twice, by the views and by the archive.
    assert attacker.forged > 40
    eventually(
        lambda: reporting.get("/readyz").json()["distrusted_records"] >= attacker.forged, "each forgery is counted"
    )
    assert reporting.get("/readyz").json()["stopped"] == []
    reporting.await_totals(TOTALS)
    with reporting.service.client("operator") as operator:
        kept = [
            row["cause"]
            for topic in ("donations.events", "procurement.events", "logistics.events")
            for partition in range(EVENT_PARTITIONS)
            for row in operator.get(f"/v1/partitions/{topic}/{partition}").json()["set_aside"]
        ]
    assert len(kept) == attacker.forged
    assert {"unsigned", "key_unknown", "signature_wrong", "partition_is_not_the_sources"} <= set(kept)
    assert 'panda_records_distrusted_total{cause="unsigned"' in reporting.get("/metrics").text
    assert "records_distrusted" in reporting.service.log.read_text()
