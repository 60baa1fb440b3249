"""Where drills are held: a stack of its own with gifts in it, and the commands that a runbook names."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from pandapack.cli.status import is_well, seen_of
from pandapack.local.errors import LocalError
from pandapack.local.probes import ask
from pandapack.local.running import read_note
from pandapack.local.stack import Stack

PROGRAMME = "love-parcel"
PROGRAMME_FILE = Path(__file__).parents[3] / "programmes" / f"{PROGRAMME}.json"
DAY = "2021-11-11"
SETTINGS = {"PANDA_ACCEPT_DAYS": "36500", "PANDA_LOG_QUIET_S": "1"}
"""Gifts of a drill are of one day long ago, and nobody's: the public log holds none of them back."""
LAWS = ("money_conserved", "items_conserved", "parcels_conserved")
ANSWER_WAIT_S = 60.0
"""Longer than a service waits for Kafka before it gives a record up: whoever pushes hears the answer."""
LOOK_WAIT_S = 5.0
"""Who only looks asks again soon."""
WAIT_S_MAX = 120.0
"""What does not come about within that, on a machine that has much else to do, does not come about."""
ASK_EVERY_S = 0.2
COMMAND_WAIT_S = 120.0

Json = dict[str, Any]


class DrillFailed(LocalError):
    """What a drill waits for did not come about."""


@dataclass
class Ground:
    """A running stack and what was given there. `commands`: what was called, as a person would have written it.

    `fen` were given; of them `reversed_fen` were taken back, and `spent_fen` by rounds that are over.
    """

    stack: Stack
    donations: int = 0
    fen: int = 0
    reversed_fen: int = 0
    spent_fen: int = 0
    commands: list[str] = field(default_factory=list)
    _calls: Iterator[int] = field(default_factory=itertools.count)
    _browser: httpx.Client | None = None

    def publish_programme(self) -> None:
        """So that gifts can be for it."""
        body = json.loads(PROGRAMME_FILE.read_text())
        self.ask("procurement", "buyer", "PUT", f"/v1/programmes/{PROGRAMME}", body=body)

        def is_known() -> bool:
            shown = self.ask("donations", "platform", "GET", "/v1/programmes")
            return any(one["programme"] == PROGRAMME for one in shown["items"])

        self.until(is_known, "donations lists the programme")

    def give(self, count: int) -> list[Json]:
        """The next gifts of the story, which nobody has given yet."""
        first = self.donations
        rows = [donation(number) for number in range(first, first + count)]
        self.donations += count
        self.fen += sum(row["amount_fen"] for row in rows)
        return rows

    def push(self, rows: Sequence[Json]) -> None:
        """Pushes gifts, again and again until they are taken: nothing counts twice."""
        text = "\n".join(json.dumps(row) for row in rows).encode()

        def is_taken() -> bool:
            try:
                answer = self._send("donations", "platform", "POST", "/v1/donations", content=text)
            except httpx.TransportError:
                return False
            return answer.is_success

        self.until(is_taken, "the gifts are taken")

    def settle(self) -> None:
        """Waits until every gift so far is in the totals, and at the fund; no more and no less."""

        def is_settled() -> bool:
            shown = self.totals()
            return shown.get("donations") == self.donations and shown.get("in_flight_fen") == 0

        self.until(is_settled, f"{self.donations} gifts are shown")

    def totals(self) -> Json:
        """What reporting shows; empty while it does not answer."""
        return self.look("reporting", None, "/v1/totals") or {}

    def differences(self) -> list[str]:
        """What of the totals and the laws is not as it should be, a sentence each."""
        shown, laws = self.totals(), self.look("reporting", None, "/v1/conservation") or {}
        left_fen = self.fen - self.reversed_fen - self.spent_fen
        expected = {"donations": self.donations, "received_fen": self.fen, "unallocated_fen": left_fen}
        wrong = [
            f"{name}: {shown.get(name)}, and {value} were given"
            for name, value in expected.items()
            if shown.get(name) != value
        ]
        return wrong + [f"{law} is not true" for law in LAWS if laws.get(law) is not True]

    def well(self) -> bool:
        """Whether `panda status` would end with 0."""
        return is_well(self.status())

    def status(self) -> Json:
        """What `panda status` sees of this stack."""
        return seen_of(read_note(self.stack.layout.data_dir.resolve()) or {"addresses": {}, "children": {}})

    def readiness(self, service: str) -> Json:
        """What a service says of itself, ready or not; empty while it does not answer."""
        return ask(f"{self.stack.addresses[service]}/readyz").body

    def metrics(self, service: str) -> str:
        """What a service measures, as Prometheus reads it; empty while it does not answer."""
        try:
            return httpx.get(f"{self.stack.addresses[service]}/metrics", trust_env=False, timeout=LOOK_WAIT_S).text
        except httpx.TransportError:
            return ""

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        shown = self.look("reporting", "operator", "/v1/alerts") or {"items": []}
        return {one["name"] for one in shown["items"] if one["state"] == "firing"}

    def operations_page(self) -> str:
        """`/ops` as an operator sees it who is logged in, in English; empty while it is not answered."""
        if self._browser is None:
            address = self.stack.addresses["reporting"]
            self._browser = httpx.Client(base_url=address, trust_env=False, timeout=LOOK_WAIT_S)
        try:
            answer = self._browser.get("/ops", params={"lang": "en"})
            if answer.is_redirect:
                self._browser.post("/login", data={"key": self.stack.keys["operator"]})
                answer = self._browser.get("/ops", params={"lang": "en"})
        except httpx.TransportError:
            return ""
        return answer.text if answer.is_success else ""

    def panda(self, *arguments: str, allowed: Sequence[int] = (0,)) -> Json:
        """A command of a runbook, run in the folder of the stack with `--json`. Raises DrillFailed where it fails."""
        called = " ".join(("panda", *(_quoted(one) for one in arguments)))
        if self.commands[-1:] != [called]:  # looked again until it was so
            self.commands.append(called)
        folder = self.stack.layout.data_dir.resolve().parent
        env = {name: value for name, value in os.environ.items() if not name.startswith("PANDA_")}
        env["PYTHONPATH"] = os.pathsep.join(sys.path)
        done = subprocess.run(
            [sys.executable, "-m", "pandapack.cli.main", *arguments, "--json"],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=COMMAND_WAIT_S,
            check=False,
        )
        if done.returncode not in allowed:
            raise DrillFailed(f"{called} ended with {done.returncode}: {done.stderr.strip()}", "")
        found: Json = json.loads(done.stdout or "{}")  # one that has nothing to do any more, says so on stderr
        return found

    def write(self, topic: str, partition: int, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> int:
        """Writes a record past all services, as whoever is at fault would; its offset."""
        from pandapack.runtime.sender import Sender

        async def send() -> int:
            sender = Sender(self.stack.kafka)
            await sender.start()
            try:
                return await sender.send(topic, key=key, value=value, partition=partition, headers=headers)
            finally:
                await sender.stop()

        return asyncio.run(send())

    def ask(self, service: str, role: str | None, method: str, path: str, *, body: Json | None = None) -> Json:
        """What a service answers to a role, or to whoever has this key. Raises DrillFailed where it refuses."""
        answer = self._send(service, role, method, path, json=body)
        if not answer.is_success:
            raise DrillFailed(f"{method} {path} was answered {answer.status_code}: {answer.text}", "")
        found: Json = answer.json()
        return found

    def look(self, service: str, role: str | None, path: str) -> Json | None:
        """What a service answers to a GET; None where it does not, or has no such thing."""
        try:
            answer = self._send(service, role, "GET", path, wait_s=LOOK_WAIT_S)
            found: Json | None = answer.json() if answer.is_success else None
        except (httpx.TransportError, ValueError):
            return None
        return found

    def until(
        self, look: Callable[[], object], what: str, *, wait_s: float = WAIT_S_MAX, every_s: float = ASK_EVERY_S
    ) -> float:
        """Waits until it is so; after how many seconds it was. Raises DrillFailed."""
        began_s = time.monotonic()
        while not look():
            if time.monotonic() - began_s > wait_s:
                raise DrillFailed(f"not within {wait_s:.0f} s: {what}", "The logs are gone with the stack: try again")
            time.sleep(every_s)
        return time.monotonic() - began_s

    def _send(
        self, service: str, role: str | None, method: str, path: str, *, wait_s: float = ANSWER_WAIT_S, **more: Any
    ) -> httpx.Response:
        headers: dict[str, str] = {"Authorization": f"Bearer {self.stack.keys.get(role, role)}"} if role else {}
        if method != "GET":
            headers["Idempotency-Key"] = f"drill-{next(self._calls)}"
        if "content" in more:
            headers["Content-Type"] = "application/x-ndjson"
        url = f"{self.stack.addresses[service]}{path}"
        return httpx.request(method, url, headers=headers, timeout=wait_s, trust_env=False, **more)


def donation(number: int) -> Json:
    """A gift as it is pushed; another a number."""
    return {
        "id": str(10**18 + number),
        "merchant": f"M{number % 40:05d}",
        "programme": PROGRAMME,
        "amount_fen": 1 + number % 9,
        "at": f"{DAY}T10:00:00+08:00",
    }


def reasons_in(status: Mapping[str, Any]) -> list[str]:
    """All reasons that `panda status` gives."""
    return [why for some in status["reasons"].values() for why in some]


def _quoted(argument: str) -> str:
    return f'"{argument}"' if " " in argument else argument
