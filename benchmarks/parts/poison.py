"""What a poisoned record costs: 3,000 broken lines of a stranger on one shard while donations come.

And again 3,000 rows with the door's own mark, each of them another shard's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks.figures import longest_gap_ms
from benchmarks.load import START, DataSet
from benchmarks.parts.ledger import TOPIC, door_of, pushing_to
from benchmarks.plan import Plan
from benchmarks.pusher import Pushers
from benchmarks.testbed import AFTER_LAST, SHARDS, Collections, Testbed, TotalsReader, log, sampled_until
from pandapack.contracts.door_mark import DoorKeys
from pandapack.contracts.pages import shard_prefix
from pandapack.contracts.pushed import headers_of
from pandapack.local.layout import PLATFORM
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.validation.domain.text_lines import TextLines

POISONED = 0
"""The shard that gets it."""
LINES = 3_000
BROKEN = b'{"id": "1", "merchant": oops'
CALM_S = 3.0
"""Before it: so long the shards' usual gaps are looked at."""
AFTER_S = 5.0
"""After it was passed: so long the others are looked at, too."""
PASSED_WAIT_S = 180.0
LINES_A_PUSH = 500
ASK_EVERY_S = 0.005
SETTLE_EVERY_S = 0.1


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """The longest time without a written page, on the poisoned shard and on any other, in milliseconds.

    Raises TimeoutError where the shard does not come past it.
    """
    seconds_max = CALM_S + 2 * (PASSED_WAIT_S + AFTER_S)
    data = DataSet(int(plan.recovery_per_s * seconds_max), days=1, first=testbed.loaded)
    bodies, totals = data.bodies(LINES_A_PUSH), TotalsReader(testbed)
    before = totals.donations()
    with (
        testbed.database("donations") as donations,
        Pushers(tuple(testbed.donations), testbed.push_key, bodies, per_s=plan.recovery_per_s) as pushers,
        PageWatch(donations) as watch,
    ):
        try:
            watch.until_all_write()
            calm_s = time.perf_counter()
            time.sleep(CALM_S)
            poisoned_s = time.perf_counter()
            for door in (None, door_of(testbed)):
                marked = "marked with the door's key" if door else "of a stranger"
                log(f"one record of {LINES:,} broken rows for shard {POISONED}, {marked}")
                watch.until_passed(asyncio.run(_poison(testbed.stack.kafka, door)))
                time.sleep(AFTER_S)
            end_s = time.perf_counter()
        finally:
            pushers.stop()
            pushers.join()
            testbed.loaded += pushers.drawn
    goal = before + pushers.donations()  # so that the next part begins with nothing on its way
    sampled_until(totals.donations, goal, every_s=SETTLE_EVERY_S, wait_s=PASSED_WAIT_S, what="counted")
    totals.close()
    usual_ms = [longest_gap_ms(watch.written[shard], calm_s, poisoned_s) for shard in range(SHARDS)]
    gaps_ms = [longest_gap_ms(watch.written[shard], poisoned_s, end_s) for shard in range(SHARDS)]
    return {
        "poisoned_shard_gap_ms": gaps_ms[POISONED],
        "other_shards_gap_ms": max(gap for shard, gap in enumerate(gaps_ms) if shard != POISONED),
        "poison": {"lines": LINES, "per_s": plan.recovery_per_s, "usual_gap_ms": max(usual_ms)},
    }


async def _poison(kafka: str, door: DoorKeys | None) -> int:
    """Its offset. `door`: marks it as the push API would; None: a stranger's, with headers that look like a push's."""
    headers, value = headers_of(f"psh_{'0' * 24}", PLATFORM), _strangers() if door else b"\n".join([BROKEN] * LINES)
    async with pushing_to(kafka) as producer:
        sent = await producer.send_and_wait(
            TOPIC,
            value,
            key=str(POISONED).encode(),
            partition=POISONED,
            headers=door.mark(POISONED, headers, value) if door else headers,
        )
        return int(sent.offset)


def _strangers() -> bytes:
    """Columns of donations of which each is another shard's: what the door marks can be broken only by what it says."""
    data = DataSet(LINES * SHARDS * 2, days=1)
    (by_shard,) = data.bodies_by_shard(SHARDS, data.donations)
    lines = by_shard[POISONED + 1].content.split(b"\n")[:LINES]
    now = datetime.fromisoformat(f"{START}Z") + timedelta(days=data.days)
    push = PushSorter(1).sort(TextLines(*lines), PLATFORM, now=now, accept_days=data.days + 1)
    assert push.accepted == LINES, "every line of the data set is a donation"
    (value,) = push.by_shard.values()
    return value


@dataclass
class PageWatch:
    """Looks at each shard's last page again and again, in a thread. `written`: the moments at which it was another."""

    donations: Collections
    written: list[list[float]] = field(default_factory=lambda: [[] for _ in range(SHARDS)])
    next_offsets: list[int] = field(default_factory=lambda: [0] * SHARDS)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="page-watch", daemon=True)

    def __enter__(self) -> PageWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def until_all_write(self) -> None:
        """Returns when every shard has written a page. Raises TimeoutError."""
        self._until(lambda: all(self.written), "every shard writes pages")

    def until_passed(self, offset: int) -> None:
        """Returns when the poisoned shard has written what lies behind this record. Raises TimeoutError."""
        self._until(lambda: self.next_offsets[POISONED] > offset + 1, f"shard {POISONED} is past the record")

    def _until(self, look: Any, what: str) -> None:
        until_s = time.perf_counter() + PASSED_WAIT_S
        while not look():
            if time.perf_counter() > until_s or not self._thread.is_alive():
                raise TimeoutError(f"not within {PASSED_WAIT_S:.0f} s: {what}")
            time.sleep(ASK_EVERY_S)

    def _look(self) -> None:
        known: list[tuple[str, int] | None] = [None] * SHARDS
        while not self._stop.wait(ASK_EVERY_S):
            for shard in range(SHARDS):
                at = shard_prefix(shard)
                where = {"_id": {"$gte": at, "$lt": at + AFTER_LAST}}
                last = self.donations.pages.find_one(where, {"version": 1, "anchor": 1}, sort=[("_id", -1)])
                if last is None or known[shard] == (last["_id"], last["version"]):
                    continue
                known[shard] = (last["_id"], last["version"])
                self.next_offsets[shard] = int(last["anchor"]["offset"]) + 1
                self.written[shard].append(time.perf_counter())
