"""The kinds of drill: how a stop is brought about, where it is to be seen, and the runbook's way to mend it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pandapack.cli.drills.ground import PROGRAMME, DrillFailed, Ground, reasons_in
from pandapack.cli.drills.surfaces import Signs

DONATIONS_BEFORE = 200
DONATIONS_MEANWHILE = 100
PLATFORM = "local"
REASON = "a drill"
TOPIC = "procurement.events"
FUND = f"/procurement/funds/{PROGRAMME}"
CREDITED = "procurement.FundCredited"
RECORDS_LOOKED_AT_MAX = 1_000
LEDGER_TOPIC = "donations.events"
TOO_LITTLE_BYTES = 100
"""For any event."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drill:
    """A kind of stop, rehearsed.

    `runbook`: of this kind, in docs/operations. `bring`: brings it about; what it answers is handed on. `is_seen`:
    whether a person who looks in the terminal would see it; `signs`: how it shows on the other surfaces. `mend`: does
    what the runbook says. `again`: what goes on meanwhile, until it has been seen everywhere.
    """

    runbook: str
    bring: Callable[[Ground], Any]
    is_seen: Callable[[Ground, Any], bool]
    signs: Signs
    mend: Callable[[Ground, Any], None]
    again: Callable[[Ground], None] = lambda _ground: None


# --- poison: a partition that stands before an event it cannot apply --------------------------------------


def _poison(ground: Ground) -> str:
    """Procurement says something of its own fund for the second time, and otherwise; where the record is to be."""
    from pandapack.contracts.event_keys import EventSigner
    from pandapack.local.event_keys import event_key_file
    from pandapack.runtime.settings import EVENT_PARTITIONS
    from pandapack.runtime.trust import partition_of

    partition = partition_of(FUND, EVENT_PARTITIONS)
    value = _credited(ground, partition)
    told: Json = json.loads(value)
    told["data"]["credited_fen"] += 1
    before, after = (f'"credited_fen":{told["data"]["credited_fen"] - change}'.encode() for change in (1, 0))
    otherwise = value.replace(before, after)
    key_file = event_key_file(ground.stack.layout.data_dir.resolve(), "procurement")
    headers = EventSigner("procurement", key_file.read_text()).headers_of(otherwise)
    ground.write(TOPIC, partition, FUND.encode(), otherwise, headers)
    ground.push(ground.give(DONATIONS_MEANWHILE))
    return f"{TOPIC}/{partition}"


def _credited(ground: Ground, partition: int) -> bytes:
    """The first record by which the fund was credited, as it travelled."""
    path = f"/v1/partitions/{TOPIC}/{partition}"
    shown = ground.ask("reporting", "operator", "GET", path)
    for offset in range(shown["begins"], min(shown["ends"], shown["begins"] + RECORDS_LOOKED_AT_MAX)):
        record = ground.ask("reporting", "operator", "GET", f"{path}?offset={offset}")["record"]
        if record and record["event"] and record["event"]["type"] == CREDITED and record["event"]["source"] == FUND:
            return base64.b64decode(record["raw"])
    raise DrillFailed(f"{path} has no {CREDITED}", "")


def _is_stopped(ground: Ground, where: str) -> bool:
    return any(f"stopped at {where}" in why for why in reasons_in(ground.status()))


def _set_aside(ground: Ground, where: str) -> None:
    exact: list[Json] = []

    def is_exact() -> bool:
        stops: list[Json] = ground.panda("partition", "list", allowed=(0, 1))["items"]
        exact[:] = [one for one in stops if one["is_exact"] and f"{one['topic']}/{one['partition']}" == where]
        return bool(exact)

    ground.until(is_exact, "the very record is known")
    (stop,) = exact
    offset, service = str(stop["offset"]), stop["service"]
    ground.panda("partition", "show", where, "--service", service)
    told = ground.panda("partition", "set-aside", where, offset, "--service", service, "--reason", REASON)
    breaks = ("--breaks", told["breaks"]) if told["breaks"] else ()
    ground.panda("partition", "set-aside", where, offset, "--service", service, "--reason", REASON, *breaks, "--yes")


# --- garbage: a record of the ledger's topic that no door let in ------------------------------------------


def _garbage(ground: Ground) -> str:
    """A gift comes past the door, without its mark; its address among the dead letters."""
    (row,) = ground.give(1)
    offset = ground.write("donations.pushed", 0, b"0", json.dumps(row).encode(), ())
    ground.push(ground.give(DONATIONS_MEANWHILE))
    return f"donations.pushed/0/{offset}"


def _waits(ground: Ground, address: str) -> bool:
    """Among the dead letters, and nobody has done with it yet."""
    found = ground.look("donations", "operator", f"/v1/dead-letters/{address}")
    return found is not None and found["status"] == "open"


def _replay(ground: Ground, address: str) -> None:
    ground.panda("dlq", "show", address)
    ground.panda("dlq", "preview", address, "--platform", PLATFORM)
    ground.panda("dlq", "replay", address, "--platform", PLATFORM, "--reason", "a drill")


# --- stall: a service that is held; kill: one that ends again and again --------------------------------------------


def _signalled(ground: Ground, name: str, number: signal.Signals) -> int:
    """The process that got the signal. Raises DrillFailed where none runs."""
    process = ground.stack.supervisor.signal(name, number)
    if process is None:
        raise DrillFailed(f"{name} does not run here", "")
    return process


def _hold(ground: Ground) -> int:
    held = _signalled(ground, "procurement", signal.SIGSTOP)
    ground.push(ground.give(DONATIONS_MEANWHILE))
    return held


def _is_silent(ground: Ground, _process: int) -> bool:
    return any("does not answer" in why for why in ground.status()["reasons"].get("procurement", ()))


def _kill_held(ground: Ground, process: int) -> None:
    """A held process hears nothing but SIGKILL; what it was doing is done by the next one."""
    seen = ground.panda("status", allowed=(0, 1))
    assert seen["children"]["procurement"] == process, "status names the process that is held"
    ground.commands.append(f"kill -9 {process}")
    os.kill(process, signal.SIGKILL)


def _kill(ground: Ground) -> int:
    killed = _signalled(ground, "procurement", signal.SIGKILL)
    ground.push(ground.give(DONATIONS_MEANWHILE))
    return killed


def _kill_again(ground: Ground) -> None:
    """It ends as soon as it begins, as one does that lacks memory."""
    ground.stack.supervisor.signal("procurement", signal.SIGKILL)


def _wait_for_it(ground: Ground, _process: int) -> None:
    """Whoever started it starts it again."""


# --- kafka: a broker that is held ----------------------------------------------------------------------------


def _hold_kafka(ground: Ground) -> int:
    return _signalled(ground, "kafka", signal.SIGSTOP)


def _kafka_is_silent(ground: Ground, _process: int) -> bool:
    return "does not answer" in " ".join(ground.status()["reasons"].get("kafka", ()))


def _kill_kafka(ground: Ground, process: int) -> None:
    """One that hangs has to be ended; it is started again, and what was pushed is in its files."""
    ground.panda("status", "--why", allowed=(0, 1))
    ground.commands.append(f"kill -9 {process}")
    os.kill(process, signal.SIGKILL)
    ground.push(ground.give(DONATIONS_MEANWHILE))


# --- outbox: Kafka takes no record of the ledger's -----------------------------------------------------------


def refuse_records(ground: Ground) -> None:
    """An error after which a producer's sequence has a gap, however often the record is sent again."""
    from pandapack.runtime.topics import limit_records

    asyncio.run(limit_records(ground.stack.kafka, LEDGER_TOPIC, bytes_max=TOO_LITTLE_BYTES))
    ground.push(ground.give(DONATIONS_MEANWHILE))


def take_records(ground: Ground) -> None:
    """What Kafka lacked it has again; the outbox empties by itself."""
    from pandapack.runtime.topics import limit_records

    asyncio.run(limit_records(ground.stack.kafka, LEDGER_TOPIC))


def _outbox_waits(ground: Ground, _found: object) -> bool:
    return "is not in Kafka yet" in " ".join(ground.status()["reasons"].get("donations", ()))


def _read_and_take_records(ground: Ground, _found: object) -> None:
    ground.panda("status", "--why", allowed=(0, 1))
    ground.panda("ops", allowed=(0, 1))
    take_records(ground)


_SILENT = Signs("silent/procurement", "service-silent")
DRILLS = {
    "poison": Drill("poisoned-document", _poison, _is_stopped, Signs("partition/", "partition-stopped"), _set_aside),
    "stall": Drill("service-frozen", _hold, _is_silent, _SILENT, _kill_held),
    "kill": Drill("service-killed", _kill, _is_silent, _SILENT, _wait_for_it, again=_kill_again),
    "garbage": Drill("garbage", _garbage, _waits, Signs("letters/", "dead-letters"), _replay),
    "kafka": Drill("kafka-stopped", _hold_kafka, _kafka_is_silent, Signs("kafka/", "kafka-unreachable"), _kill_kafka),
    "outbox": Drill(
        "outbox-full", refuse_records, _outbox_waits, Signs("outbox/", "outbox-age"), _read_and_take_records
    ),
}
"""By name, as `panda drill` takes it."""
