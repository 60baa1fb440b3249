"""Each kind of stop is brought about on one stack, seen, and mended by what its runbook says; then the laws hold."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from pymongo import MongoClient
from pymongo.collection import Collection

from pandapack.cli.drills.ground import PROGRAMME, Ground, reasons_in
from pandapack.cli.drills.kinds import PLATFORM, refuse_records, take_records
from pandapack.cli.failures import EXIT_UNREACHABLE
from pandapack.contracts.donations import scoped, shard_of
from pandapack.contracts.door_mark import DoorKeys
from pandapack.contracts.envelope import Envelope, encode
from pandapack.contracts.event_keys import EventSigner
from pandapack.local.event_keys import event_key_file
from pandapack.local.keys import ensure_door_keys
from pandapack.local.layout import SERVICES
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.trust import partition_of
from tests.pushed import columns_of
from tests.system.parked_report import counted, report_too_early, report_what_is_due, shows_parked

Json = dict[str, Any]
NOVELTY = "/procurement/novelties/n1"
SOME = 20


@dataclass(frozen=True)
class Stop:
    """A kind of stop: what brings it about, whether a person who looks sees it, and what the runbook says."""

    bring: Callable[[Ground], Any]
    is_seen: Callable[[Ground, Any], object]
    mend: Callable[[Ground, Any], None]


# --- refusal ----------------------------------------------------------------------------------------------


def refuse(ground: Ground) -> tuple[list[Json], str]:
    """A platform pushes a file with a line that is no gift: all but this line is taken."""
    rows = ground.give(SOME)
    pushed = push_file(ground, [{**rows[0], "amount_fen": 0}, *rows[1:]], allowed=1)
    assert pushed["refused"][0]["code"] == "amount_fen_invalid"
    (last,) = ground.panda("pushes", "list", "--last", "1")["items"]
    return rows, last["push_id"]


def push_file(ground: Ground, rows: list[Json], *, allowed: int = 0) -> Json:
    file = ground.stack.layout.data_dir.resolve().parent / "donations.ndjson"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return ground.panda("push", str(file), allowed=(allowed,))


def shows_refusal(ground: Ground, found: tuple[list[Json], str]) -> bool:
    (failure,) = ground.panda("pushes", "show", found[1], "--staff")["failures"]
    return bool(failure["index"] == 0 and failure["code"] == "amount_fen_invalid")


def push_again(ground: Ground, found: tuple[list[Json], str]) -> None:
    """The whole file, with the line mended: nothing counts twice."""
    push_file(ground, found[0])


# --- an event of an unknown type ----------------------------------------------------------------------------


def say_something_new(ground: Ground) -> None:
    """A newer procurement says what this reporting does not know."""
    event = Envelope(
        id="000000000001",
        source=NOVELTY,
        type="procurement.NoveltySaid",
        time="2021-11-11T10:00:00+00:00",
        sequence="000000000001",
        data=msgspec.Raw(b'{"said":"something new"}'),
    )
    value, folder = encode(event), ground.stack.layout.data_dir.resolve()
    headers = EventSigner("procurement", event_key_file(folder, "procurement").read_text()).headers_of(value)
    ground.write("procurement.events", partition_of(NOVELTY, EVENT_PARTITIONS), NOVELTY.encode(), value, headers)


def is_journaled_and_logged(ground: Ground, _found: object) -> bool:
    kept = ground.look("reporting", "operator", f"/v1/journal?source={NOVELTY}")
    log = ground.stack.layout.data_dir.resolve() / "logs" / "reporting.log"
    return kept is not None and "event_type_unknown" in log.read_text()


# --- a shard at a gap -----------------------------------------------------------------------------------------


def lose_records(ground: Ground) -> tuple[list[Json], int]:
    """While nobody reads a shard, three pushes come to it and the log loses the first two."""
    shards = ground.panda("shard", "list")["items"]
    rows, shard = ground.give(3), next(one["shard"] for one in shards if one["next_offset"])
    names = (f"G{number}" for number in range(10_000))
    merchant = next(name for name in names if shard_of(scoped(PLATFORM, name), len(shards)) == shard)
    for row in rows:
        row["merchant"] = merchant
    door = DoorKeys.read(ensure_door_keys(ground.stack.layout.data_dir.resolve()).read_text())
    ground.stack.supervisor.signal("donations", signal.SIGSTOP)
    try:
        for row in rows:
            value = columns_of(json.dumps(row).encode(), platform=PLATFORM)
            headers = door.mark(shard, [("push", b"psh_x"), ("platform", PLATFORM.encode())], value)
            last = ground.write("donations.pushed", shard, b"0", value, headers)
        asyncio.run(_delete_before(ground, TopicPartition("donations.pushed", shard), last))
    finally:
        ground.stack.supervisor.signal("donations", signal.SIGKILL)
    return rows, shard


async def _delete_before(ground: Ground, partition: TopicPartition, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.stack.kafka)
    await admin.start()
    await admin.delete_records({partition: RecordsToDelete(offset)})
    await admin.close()


def shows_gap(ground: Ground, _found: object) -> bool:
    return any(one["kind"] == "shard-gap" for some in ground.status()["why"].values() for one in some)


def resume_and_push_again(ground: Ground, found: tuple[list[Json], int]) -> None:
    rows, shard = found
    (gap,) = [one["gap"] for one in ground.panda("shard", "list", allowed=(1,))["items"] if one["gap"]]
    wanted, begins = str(gap["wanted"]), str(gap["begins"])
    resume = ("shard", "resume", str(shard), "--wanted", wanted, "--begins", begins, "--reason", "pushed again")
    ground.panda(*resume)
    ground.push(rows)


# --- a wedged producer ----------------------------------------------------------------------------------------


def wedge(ground: Ground) -> int:
    """Kafka refuses what the ledger tells. Renewals of its producer before it."""
    before = int(ground.readiness("donations")["producer_renewals"])
    refuse_records(ground)
    return before


def is_renewed(ground: Ground, before: int) -> bool:
    return int(ground.readiness("donations").get("producer_renewals", 0)) > before


# --- a poisoned document ---------------------------------------------------------------------------------------


@contextmanager
def funds(ground: Ground) -> Iterator[Collection[Json]]:
    with MongoClient[Json](ground.stack.mongo) as client:
        yield client["panda_procurement"]["funds"]


def damage_document(ground: Ground) -> Json:
    """Somebody writes into the fund's document by hand. It is kept as it was: the backup."""
    with funds(ground) as documents:
        kept = documents.find_one({"_id": PROGRAMME})
        assert kept is not None
        documents.update_one({"_id": PROGRAMME}, {"$set": {"state.shards": "damaged"}})
    ground.push(ground.give(SOME))
    return kept


def shows_stop(ground: Ground, _found: object) -> bool:
    return any("stopped at donations.events/" in why for why in reasons_in(ground.status()))


def put_back_and_retry(ground: Ground, kept: Json) -> None:
    with funds(ground) as documents:
        documents.replace_one({"_id": PROGRAMME}, kept)
    for stop in ground.panda("partition", "list", allowed=(0, 1))["items"]:
        where = f"{stop['topic']}/{stop['partition']}"
        ground.panda("partition", "retry", where, "--service", stop["service"], allowed=(0, 1))


# --- a parked reversal --------------------------------------------------------------------------------------------


def take_back_too_early(ground: Ground) -> tuple[Json, Json]:
    """A platform takes back a gift that it has not pushed yet."""
    (row,) = ground.give(1)
    reversal = {
        "reversal": f"early-{row['id']}",
        "merchant": row["merchant"],
        "donation": row["id"],
        "day": row["at"][:10],
        "amount_fen": row["amount_fen"],
        "at": "2021-11-13T09:00:00+08:00",
    }
    ground.reversed_fen += row["amount_fen"]
    ground.ask("donations", "platform", "POST", "/v1/reversals", body=reversal)
    return row, reversal


def is_parked(ground: Ground, _rows: object) -> bool:
    shown = ground.look("donations", "operator", "/v1/reversals?state=parked")
    return bool(shown and shown["items"])


def is_counted(ground: Ground, _rows: object) -> bool:
    return is_parked(ground, None) and counted(ground, "donations", "panda_parked_reversals") == 1


def give_and_take_back_again(ground: Ground, found: tuple[Json, Json]) -> None:
    """Its donation comes, and then the same reversal once more."""
    row, reversal = found
    ground.push([row])
    ground.settle()

    def is_taken() -> bool:
        ground.ask("donations", "platform", "POST", "/v1/reversals", body=reversal)
        return not is_parked(ground, None)

    ground.until(is_taken, "the reversal is taken")
    ground.until(
        lambda: counted(ground, "donations", "panda_parked_reversals") == 0, "none waits, as the metrics have it"
    )


def nothing(_ground: Ground, _found: object) -> None:
    """It mends itself, or stands in nobody's way."""


STOPS = {
    "refusal": Stop(refuse, shows_refusal, push_again),
    "unknown-type": Stop(say_something_new, is_journaled_and_logged, nothing),
    "shard-gap": Stop(lose_records, shows_gap, resume_and_push_again),
    "producer-wedged": Stop(wedge, is_renewed, lambda ground, _before: take_records(ground)),
    "poisoned-document": Stop(damage_document, shows_stop, put_back_and_retry),
    "parked-reversal": Stop(take_back_too_early, is_counted, give_and_take_back_again),
    "parked-report": Stop(report_too_early, shows_parked, report_what_is_due),
}
"""By the name of the runbook; a parked reversal has a parked report's. `test_drills.py` has the kinds of drill."""


@pytest.mark.parametrize("kind", STOPS)
def test_a_stop_is_seen_and_mended_by_its_runbook_and_the_laws_hold_after_it(ground: Ground, kind: str) -> None:
    stop = STOPS[kind]
    found = stop.bring(ground)
    try:
        ground.until(lambda: stop.is_seen(ground, found), f"{kind} is seen")
    finally:
        stop.mend(ground, found)  # or the next kinds would be tried on a stack that stands still
    ground.settle()
    ground.until(ground.well, f"all is well after {kind}")
    ground.until(lambda: not ground.differences(), f"the books agree after {kind}: {ground.differences()}")


def test_one_address_and_one_key_are_enough_from_any_folder(ground: Ground, tmp_path: Path) -> None:
    address, key = ground.stack.addresses["reporting"], ground.stack.keys["operator"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PANDA_URL": address}

    def panda(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pandapack.cli.main", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=env | more, capture_output=True, text=True, timeout=60, check=False
        )

    ground.until(ground.well, "all is well")
    shown = json.loads(panda("status", "--json").stdout)
    assert (shown["what"], set(shown["ready"]), all(shown["ready"].values())) == ("installation", set(SERVICES), True)
    refused = panda("shard", "list")
    assert (refused.returncode, "no key for the role operator" in refused.stderr) == (1, True)
    listed = panda("shard", "list", "--json", PANDA_KEY=key)
    assert listed.returncode == 0 and json.loads(listed.stdout)["items"]
    ops = json.loads(panda("ops", "--json", PANDA_KEY=key).stdout)
    assert {one["service"] for one in ops["pipeline"]["services"]} == set(SERVICES)
    assert panda("shard", "list", "--url", "http://127.0.0.1:1", PANDA_KEY=key).returncode == EXIT_UNREACHABLE
