"""What the parts run on: a stack of their own on free ports, and what is read of it."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from benchmarks.figures import Samples
from benchmarks.programme import publish_programme
from benchmarks.pusher import Answer, Connection
from pandapack.contracts.pages import shard_prefix
from pandapack.local.layout import Layout
from pandapack.local.ports import LOOPBACK, free_port, setting_of
from pandapack.local.probes import answers_200
from pandapack.local.stack import SERVICE_START_WAIT_S, SERVICE_STOP_WAIT_S, Stack
from pandapack.local.supervisor import ChildSpec, Supervisor

SHARDS = 8
ACCEPT_DAYS = "36500"
AFTER_LAST = "\x7f"
PROGRESS_EVERY_S = 5.0

Collections = Database[dict[str, Any]]


def log(text: str) -> None:
    """Progress goes to stderr: stdout is for the result."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Testbed:
    """A running stack. `donations` are the addresses of all donations processes, the stack's own first."""

    stack: Stack
    folder: Path
    donations: list[str] = field(default_factory=list)
    supervisors: list[Supervisor] = field(default_factory=list)
    loaded: int = 0
    """Donations pushed so far by any part, so that the next set's ids begin after them."""

    @property
    def push_key(self) -> str:
        return self.stack.keys["platform"]

    @property
    def staff_key(self) -> str:
        """With it traces are not rationed."""
        return self.stack.keys["auditor"]

    @contextmanager
    def database(self, service: str) -> Iterator[Collections]:
        """A service's database, to look at."""
        client: MongoClient[dict[str, Any]] = MongoClient(self.stack.mongo)
        try:
            yield client[f"panda_{service}"]
        finally:
            client.close()

    @contextmanager
    def service(self, service: str, *names: str, env: Mapping[str, str] | None = None) -> Iterator[list[str]]:
        """More processes of a service, started side by side, as long as the context lasts; gives their addresses."""
        ports = {name: free_port() for name in names}
        specs = [self._spec(service, name, port, env or {}) for name, port in ports.items()]
        with Supervisor(log) as supervisor:
            supervisor.start(*specs)
            self.supervisors.append(supervisor)
            try:
                yield [f"http://{LOOPBACK}:{port}" for port in ports.values()]
            finally:
                self.supervisors.remove(supervisor)

    def _spec(self, service: str, name: str, port: int, env: Mapping[str, str]) -> ChildSpec:
        return ChildSpec(
            name=name,
            argv=self.stack.layout.command(service),
            env=self.stack.services_env(service) | {setting_of(service): str(port), **env},
            log_file=self.folder / ".panda" / "logs" / f"{name}.log",
            ready=partial(answers_200, f"http://{LOOPBACK}:{port}/readyz"),
            start_wait_s=SERVICE_START_WAIT_S,
            stop_wait_s=SERVICE_STOP_WAIT_S,
        )

    def processes(self) -> list[tuple[str, int]]:
        """Name and process of everything that runs now."""
        statuses = [one for supervisor in self.supervisors for one in supervisor.statuses()]
        return [(one.name, one.pid) for one in statuses if one.pid is not None]


QUIET_S = "1"
"""Its gifts are nobody's, so the public log need not hold a lone one until others have come."""


@contextmanager
def running_testbed(
    *, services: bool, processes: int = 1, folder: Path | None = None, with_log: bool = True
) -> Iterator[Testbed]:
    """Starts a stack and leaves nothing behind. `processes`: donations processes that share the shards."""
    with ExitStack() as opened:
        own = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="panda-bench-", dir=folder)))
        layout = Layout.on_free_ports(
            own / ".panda",
            keep_data=False,
            with_services=services,
            service_env={
                "PANDA_ACCEPT_DAYS": ACCEPT_DAYS,
                "PANDA_SHARDS": str(SHARDS),
                "PANDA_LOG_QUIET_S": QUIET_S,
                "PANDA_LOG_OWNER": str(with_log).lower(),
            },
        )
        stack = opened.enter_context(Stack(layout, report=log))
        found = Testbed(stack, own, supervisors=[stack.supervisor])
        if services:
            found.donations.append(stack.addresses["donations"])
            for number in range(2, processes + 1):
                found.donations += opened.enter_context(found.service("donations", f"donations-{number}"))
            publish_programme(stack)
        yield found


class TotalsReader:
    """Reads what reporting's totals show, over one connection."""

    def __init__(self, testbed: Testbed) -> None:
        self._address = testbed.stack.addresses["reporting"]
        self._connection: Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def totals(self) -> dict[str, Any]:
        """`/v1/totals`. Raises RuntimeError where it is not answered 200, OSError where nobody answers."""
        answer = self._answer()
        if answer.status != 200:
            raise RuntimeError(f"/v1/totals answered {answer.status}: {answer.body[:500]!r}")
        found: dict[str, Any] = answer.json()
        return found

    def _answer(self) -> Answer:
        if self._connection is not None:
            try:
                return self._connection.get("/v1/totals")
            except OSError:
                self._connection.close()  # nobody had asked for some seconds, so the server has closed it
        self._connection = Connection(self._address)
        return self._connection.get("/v1/totals")

    def donations(self) -> int:
        """All donations counted so far."""
        return int(self.totals()["donations"])


class PageCounter:
    """Counts the donations on pages so far; closed pages are read once."""

    def __init__(self, donations: Collections, shards: int = SHARDS) -> None:
        self._pages = donations.pages
        self._closed = [0] * shards
        self._at = [shard_prefix(shard) for shard in range(shards)]

    def count(self) -> int:
        """Committed donations of all shards."""
        whole = 0
        for shard, at in enumerate(self._at):
            where = {"_id": {"$gte": at, "$lt": shard_prefix(shard) + AFTER_LAST}}
            open_count = 0
            for row in self._pages.find(where, {"count": 1}).sort("_id", 1):
                self._closed[shard] += open_count
                self._at[shard], open_count = row["_id"], row["count"]
            whole += self._closed[shard] + open_count
        return whole


def sampled_until(count: Callable[[], int], goal: int, *, every_s: float, wait_s: float, what: str) -> Samples:
    """Asks until `goal` is reached; logs how far it is now and then. Raises TimeoutError after `wait_s`."""
    samples: list[tuple[float, int]] = []
    until_s, logged_s = time.perf_counter() + wait_s, time.perf_counter()
    while not samples or samples[-1][1] < goal:
        counted = count()
        now_s = time.perf_counter()
        samples.append((now_s, counted))
        if now_s > until_s:
            raise TimeoutError(f"{what}: {counted:,} of {goal:,} within {wait_s:.0f} s")
        if now_s - logged_s > PROGRESS_EVERY_S:
            logged_s = now_s
            log(f"  {what}: {counted:,} of {goal:,}")
        time.sleep(every_s)
    return samples
