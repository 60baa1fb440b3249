"""Pushing over HTTP at next to no cost: blocking sockets, kept alive, bodies as they are.

A general client costs some hundred microseconds of Python a push, and what it costs is taken from the services on the
same machine. This one writes a request in one system call and reads an answer in one or two.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks.load import Body, BodyQueue

ANSWER_WAIT_S = 60.0
CONNECT_WAIT_S = 5.0
HEADER_BYTES_MAX = 64 * 1024
READ_BYTES = 64 * 1024
AGAIN_PAUSE_S = 0.05
AGAIN_WAIT_S_MAX = 120.0
BUSY_STATUSES = (429, 503)
CONNECTIONS = 8


class PushRefused(Exception):
    """A push was answered with something else than 202, 429 or 503."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with lower-case names, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One kept-alive HTTP/1.1 connection. Every method raises OSError where the other side is gone."""

    def __init__(self, address: str, key: str = "") -> None:
        parts = urlsplit(address)
        assert parts.hostname and parts.port, f"{address} names no port"
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=CONNECT_WAIT_S)
        self._socket.settimeout(ANSWER_WAIT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._common = f"Host: {parts.netloc}\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")

    def close(self) -> None:
        self._socket.close()

    def get(self, path: str) -> Answer:
        """One request without a body."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{self._common}\r\n".encode())
        return self._answer()

    def push(self, content: bytes) -> Answer:
        """One push of NDJSON."""
        header = (
            f"POST /v1/donations HTTP/1.1\r\n{self._common}"
            f"Content-Type: application/x-ndjson\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self._socket.sendall(header.encode() + content)
        return self._answer()

    def _answer(self) -> Answer:
        read = bytearray()
        while (end := read.find(b"\r\n\r\n")) < 0:
            if len(read) > HEADER_BYTES_MAX:
                raise ConnectionError("an answer's header has no end")
            read += self._read()
        first, *lines = read[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers["content-length"])
        while len(read) < end + 4 + size:
            read += self._read()
        return Answer(int(first.split(" ")[1]), headers, bytes(read[end + 4 :]))

    def _read(self) -> bytes:
        chunk = self._socket.recv(READ_BYTES)
        if not chunk:
            raise ConnectionError("the connection was closed before the answer was whole")
        return chunk


@dataclass
class Pushers:
    """Pushes bodies over several connections, in threads; a context manager that waits for them at its end.

    addresses: one or several donations processes, in turn. per_s: donations a second at most, 0 for all that is
    accepted. accepted: (moment, donations) of each push that was answered 202; a moment is of time.perf_counter().
    A push that is told to wait, or whose connection breaks, is pushed again as it is: nothing counts twice.
    """

    addresses: tuple[str, ...]
    key: str
    bodies: Iterable[Body]
    connections: int = CONNECTIONS
    per_s: float = 0.0
    accepted: list[tuple[float, int]] = field(default_factory=list)
    again: int = 0

    def __post_init__(self) -> None:
        self._queue = BodyQueue(iter(self.bodies))
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self.began_s = 0.0

    def __enter__(self) -> Self:
        self.began_s = time.perf_counter()
        for number in range(self.connections):
            address = self.addresses[number % len(self.addresses)]
            thread = threading.Thread(target=self._work, args=(address,), name=f"push-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.stop()
        self.join()

    @property
    def drawn(self) -> int:
        """Donations that were sent, or are about to be."""
        return self._queue.drawn

    def donations(self) -> int:
        """Donations that were accepted."""
        return sum(donations for _, donations in self.accepted)

    def stop(self) -> None:
        """Draw no further body; what is drawn is still pushed."""
        self._stop.set()

    def join(self) -> float:
        """Waits for all; returns the seconds from the first push to the last answer. Raises what a thread raised."""
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return max((moment for moment, _ in self.accepted), default=self.began_s) - self.began_s

    def _work(self, address: str) -> None:
        connection: Connection | None = None
        try:
            for body in self._due():
                connection = self._push(address, connection, body)
        except BaseException as error:
            self._errors.append(error)
            self._stop.set()
        finally:
            if connection is not None:
                connection.close()

    def _due(self) -> Iterator[Body]:
        while not self._stop.is_set() and (body := self._queue.draw()):
            if self.per_s:
                due_s = self.began_s + (self._queue.drawn - body.donations) / self.per_s
                time.sleep(max(0.0, due_s - time.perf_counter()))
            yield body

    def _push(self, address: str, connection: Connection | None, body: Body) -> Connection:
        """The connection on which it was accepted."""
        until_s = time.perf_counter() + AGAIN_WAIT_S_MAX
        while True:
            pause_s = AGAIN_PAUSE_S
            try:
                connection = connection or Connection(address, self.key)
                answer = connection.push(body.content)
                if answer.status == 202:
                    self.accepted.append((time.perf_counter(), body.donations))
                    return connection
                if answer.status not in BUSY_STATUSES:
                    raise PushRefused(f"{answer.status}: {answer.body.decode(errors='replace')}")
                pause_s = float(answer.headers.get("retry-after", AGAIN_PAUSE_S))
            except OSError:
                if connection is not None:
                    connection.close()
                connection = None
            if time.perf_counter() > until_s:
                raise TimeoutError(f"{address} accepted no push within {AGAIN_WAIT_S_MAX:.0f} s")
            self.again += 1
            time.sleep(pause_s)
