"""Pages, totals and tables while gifts come at half of the top rate, at a young and at a long history.

The readers ask a process of reporting that takes in nothing (`PANDA_CONSUMES=false`); another one does that beside it.

The long history is made (`long_history`) and put where any owner of the public log puts what it appends: into the topic
`public.log`, signed. So reporting takes it over as it takes over a log after its database was lost, and is timed at it.
"""

from __future__ import annotations

import asyncio
import random
import resource
import selectors
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from benchmarks.figures import percentile
from benchmarks.load import SEED, DataSet
from benchmarks.long_history import LongHistory
from benchmarks.parts.ledger import pushing_to
from benchmarks.plan import Plan
from benchmarks.pusher import Connection, Pushers
from benchmarks.testbed import Testbed, TotalsReader, log, sampled_until
from pandapack.contracts.event_keys import LOG_OWNER, EventSigner, log_record_text
from pandapack.contracts.tlog.encoding import HASH_BYTES
from pandapack.contracts.tlog.tree import Edge
from pandapack.decision import Refusal
from pandapack.local.event_keys import event_key_file
from services.reporting.domain.public_log import LogHead, encode_record, follow, record_behind

READERS = "reporting-readers"
ENTRIES_A_RECORD = 4_000
LINES_A_PUSH = 2_000
CONNECTIONS = 24
ASK_EVERY_S = 0.1
SETTLE_EVERY_S = 0.2
QUIET_S = 4.0
"""Longer than the log's owner waits between two appends."""
TAKEN_OVER_WAIT_S = 900.0
VIEWERS = 1_000
VIEWERS_A_NETWORK = 250
"""Each viewer comes from a loopback address of its own, 127.1.0.1 and on: one alone may not take all streams."""
MIB = 1024 * 1024
MS = 1000.0
ANSWERS = (
    "/v1/totals",
    "/v1/totals/programme",
    "/v1/totals/country",
    "/v1/totals/item",
    "/v1/totals/day",
    "/v1/totals/round?after=LH-{round:06d}",
    "/v1/totals?as_of={size}",
    "/v1/conservation",
)
"""What is asked for beside the page; `{round}` and `{size}` are drawn."""


def measure(testbed: Testbed, plan: Plan, top_per_s: float) -> dict[str, Any]:
    """First bytes and answers in milliseconds, before and after the long history is there."""
    with testbed.service("reporting", READERS, env={"PANDA_CONSUMES": "false"}) as [address]:
        young = _asked_while_pushing(testbed, plan, top_per_s / 2, address)
        taken_over_per_s = _take_over(testbed, plan, address)
        with Viewers(address, VIEWERS) as viewers:
            long = _asked_while_pushing(testbed, plan, top_per_s / 2, address)
        readers_mib = _resident_mib(testbed, READERS)
    every_ms = [took_ms for took in long.answers_ms.values() for took_ms in took]
    return {
        "page_ms_p99": _p(long.pages_ms, 99),
        "answer_ms_p99": _p(every_ms, 99),
        "reading": {
            "rounds": plan.rounds,
            "days": plan.round_days,
            "entries": long.size,
            "taken_over_entries_per_s": taken_over_per_s,
            "pushed_per_s": long.pushed_per_s,
            "page_ms_p50": _p(long.pages_ms, 50),
            "page_ms_p50_young": _p(young.pages_ms, 50),
            "page_ms_p99_young": _p(young.pages_ms, 99),
            "answer_ms_p99_by": {path: _p(took, 99) for path, took in long.answers_ms.items()},
            "viewers": viewers.open_at_end,
            "events_a_viewer": round(viewers.events / VIEWERS, 1),
            "reporting_mib": _resident_mib(testbed, "reporting"),
            "readers_mib": readers_mib,
        },
    }


def _p(values: Sequence[float], percent: float) -> float:
    return round(percentile(values, percent), 1)


@dataclass
class Measured:
    """What a reader found. `pages_ms`: first bytes of the public page; `answers_ms`: whole answers, by path."""

    size: int
    pushed_per_s: int = 0
    pages_ms: list[float] = field(default_factory=list)
    answers_ms: dict[str, list[float]] = field(default_factory=dict)


def _asked_while_pushing(testbed: Testbed, plan: Plan, per_s: float, address: str) -> Measured:
    data = DataSet(int(per_s * plan.reading_s), days=1, first=testbed.loaded)
    totals = TotalsReader(testbed)
    before = totals.totals()
    found, drawn = Measured(before["snapshot"]["size"]), random.Random(SEED)
    addresses, bodies = tuple(testbed.donations), data.bodies(LINES_A_PUSH)
    log(f"reading for {plan.reading_s:.0f} s at {found.size:,} entries, {per_s:,.0f} donations a second beside it")
    with Pushers(addresses, testbed.push_key, bodies, connections=CONNECTIONS, per_s=per_s) as pushers:
        until_s = time.perf_counter() + plan.reading_s
        while time.perf_counter() < until_s:
            found.pages_ms.append(_first_byte_ms(address, "/"))
            path = drawn.choice(ANSWERS)
            asked = path.format(round=drawn.randrange(plan.rounds), size=drawn.randrange(found.size + 1))
            found.answers_ms.setdefault(path, []).append(_answer_ms(address, asked))
            time.sleep(ASK_EVERY_S)
        took_s = pushers.join()
    testbed.loaded += data.donations
    found.pushed_per_s = round(data.donations / took_s)
    goal = before["donations"] + data.donations
    sampled_until(totals.donations, goal, every_s=SETTLE_EVERY_S, wait_s=TAKEN_OVER_WAIT_S, what="counted")
    totals.close()
    return found


def _first_byte_ms(address: str, path: str) -> float:
    """Of a new connection, as a browser's first visit is."""
    parts = urlsplit(address)
    began_s = time.perf_counter()
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        first = connection.recv(1)
        took_ms = (time.perf_counter() - began_s) * MS
        rest = bytearray(first)
        while chunk := connection.recv(64 * 1024):
            rest += chunk
    if not rest.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{path} answered {bytes(rest[:200])!r}")
    return took_ms


def _answer_ms(address: str, path: str) -> float:
    """Of a new connection, without a key, as the public reads."""
    connection = Connection(address)
    try:
        began_s = time.perf_counter()
        answer = connection.get(path)
        took_ms = (time.perf_counter() - began_s) * MS
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {answer.body[:500]!r}")
    return took_ms


def _take_over(testbed: Testbed, plan: Plan, address: str) -> int:
    """Puts the long history behind what the log has, and waits until it is in the figures; entries a second."""
    before = _totals(address)
    history = LongHistory(plan.rounds, plan.round_days)
    log(f"making a history of {plan.rounds:,} rounds in {plan.round_days:,} days")
    size = asyncio.run(_publish(testbed, history))
    began_s = time.perf_counter()
    with Pushers(tuple(testbed.donations), testbed.push_key, DataSet(1, days=1, first=testbed.loaded).bodies(1)):
        testbed.loaded += 1  # the log's owner looks at the topic when it has something to append
    both = (address, testbed.stack.addresses["reporting"])
    sampled_until(
        lambda: min(int(_totals(one)["snapshot"]["size"]) for one in both),
        size,
        every_s=1.0,
        wait_s=TAKEN_OVER_WAIT_S,
        what="entries taken over",
    )
    taken_over = size - int(before["snapshot"]["size"])
    return round(taken_over / (time.perf_counter() - began_s))


def _totals(address: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{address}/v1/totals").raise_for_status().json()
    return found


async def _publish(testbed: Testbed, history: LongHistory) -> int:
    """The size of the log with the history in it."""
    signer = EventSigner(LOG_OWNER, event_key_file(testbed.stack.layout.data_dir, LOG_OWNER).read_text())
    head = _head(testbed)
    shift = head.at - history.begin  # business time does not run backwards in the log
    async with pushing_to(testbed.stack.kafka) as producer:
        for at, entries in _some(history.entries()):
            record = record_behind(head, at + shift, {}, entries)
            value = encode_record(record)
            headers = signer.headers_of(log_record_text(value))
            await producer.send_and_wait("public.log", value, partition=0, headers=headers)
            followed = follow(head, head.next_offset, record)
            if isinstance(followed, Refusal):
                raise RuntimeError(f"{followed.code}: {followed.detail}")
            head = followed.head
    return head.size


def _head(testbed: Testbed) -> LogHead:
    """The log's head, when nothing has been appended for a while."""
    with testbed.database(LOG_OWNER) as database:
        row, before = database.log_heads.find_one({"_id": "head"}), None
        while row is None or row != before:
            time.sleep(QUIET_S)
            row, before = database.log_heads.find_one({"_id": "head"}), row
    levels = tuple(
        tuple(bytes(level)[at : at + HASH_BYTES] for at in range(0, len(level), HASH_BYTES)) for level in row["levels"]
    )
    return LogHead(edge=Edge(row["size"], levels), at=datetime.fromisoformat(row["at"]))


def _some(entries: Iterator[tuple[Any, bytes]]) -> Iterator[tuple[Any, list[bytes]]]:
    some: list[bytes] = []
    for at, entry in entries:
        some.append(entry)
        if len(some) == ENTRIES_A_RECORD:
            yield at, some
            some = []
    if some:
        yield at, some


def _resident_mib(testbed: Testbed, process: str) -> int:
    """What a process has in memory."""
    [pid] = [pid for name, pid in testbed.processes() if name == process]
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() // MIB


class Viewers:
    """Pages that are left open: so many streams of `/v1/events`, each read to its end, in one thread."""

    def __init__(self, address: str, count: int) -> None:
        self._parts, self._count = urlsplit(address), count
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="viewers", daemon=True)
        self.events = 0
        self.open_at_end = 0

    def __enter__(self) -> Self:
        for number in range(self._count):
            own = f"127.1.{number // VIEWERS_A_NETWORK}.{1 + number % VIEWERS_A_NETWORK}"
            to = (self._parts.hostname or "", self._parts.port or 80)
            stream = socket.create_connection(to, timeout=60, source_address=(own, 0))
            stream.sendall(f"GET /v1/events HTTP/1.1\r\nHost: {self._parts.netloc}\r\n\r\n".encode())
            stream.setblocking(False)
            self._selector.register(stream, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        streams = [key.fileobj for key in self._selector.get_map().values()]
        self.open_at_end = len(streams)
        for stream in streams:
            assert isinstance(stream, socket.socket)
            stream.close()
        self._selector.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(timeout=0.2):
                stream = key.fileobj
                assert isinstance(stream, socket.socket)
                chunk = stream.recv(64 * 1024)
                self.events += chunk.count(b"event: ")
                if not chunk:
                    self._selector.unregister(stream)
                    stream.close()
