"""Connection limits: uvicorn's HTTP protocol, with limits on what a connection may hold before a request is one.

uvicorn waits without end for a request's head, takes a head of any size, and reads on without end when a request was
answered before its body was through. Each of these lets slow or large clients hold a place or memory; here each has a
limit with a name. Reading a body within a request is the endpoint's business.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pandapack.runtime.browser_policy import POLICY
from pandapack.runtime.client_addresses import Proxies, holder_of
from pandapack.runtime.http import PROBLEM_TYPE, json_bytes, problem_body
from pandapack.runtime.shares import Shares

CONNECTIONS_MAX = 16_000
"""Over all who call. Of these nobody holds more than are left for all others: alone 8,000 (`shares.py`)."""
FILES_BESIDE = 1_000
"""Files of ours beside connections: logs, MongoDB, Kafka."""
HEAD_READ_S_MAX = 10.0
HEAD_BYTES_MAX = 16 * 1024
HEADERS_MAX = 100
DRAIN_S_MAX = 5.0
"""After an early answer the rest of a body is read for so long, so that the client comes to see the answer …"""
DRAIN_BYTES_MAX = 8 * 1024 * 1024
"""… and no further than this."""
RETRY_AFTER = "retry-after: 2\r\n"
TOLD = "".join(f"{name}: {value}\r\n" for name, value in POLICY.items())
_IN_A_WHILE = (408, 503)
"""The same request may fit later; one with a head that is too large, or that is none, never does."""

_TITLES = {
    400: (
        "bad_request",
        "Bad Request",
        "this is no HTTP/1.1 request: look at its first line, its headers, and the chunks or the length of its body",
    ),
    408: ("head_too_slow", "Request Timeout", f"the request's head was not here within {HEAD_READ_S_MAX:.0f} s"),
    431: (
        "head_too_large",
        "Request Header Fields Too Large",
        f"a request's head has at most {HEAD_BYTES_MAX} bytes and {HEADERS_MAX} headers",
    ),
    503: (
        "too_many_connections",
        "Service Unavailable",
        f"your address has as many connections as are left for all others, of {CONNECTIONS_MAX}; come again",
    ),
}

log = structlog.get_logger(__name__)


class ConnectionLimits(HttpToolsProtocol):
    """One connection. `shares` are those of all connections; `proxies` bring those of others, and hold no share."""

    shares = Shares(CONNECTIONS_MAX)
    proxies = Proxies()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head, self._head_bytes, self._parsed_bytes, self._drained_bytes = True, 0, 0, 0
        self._deadline: asyncio.TimerHandle | None = None
        self._holder: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._is_admitted():
            self._allow(HEAD_READ_S_MAX, self._head_too_slow)
        else:
            self._refuse(503)

    def _is_admitted(self) -> bool:
        address = self.client[0] if self.client else ""
        if self.proxies.trusts(address):
            return len(self.connections) <= CONNECTIONS_MAX
        holder = holder_of(address)
        if not self.shares.take(holder):
            return False
        self._holder = holder
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._holder is not None:
            self.shares.give_back(self._holder)
            self._holder = None
        self._allow(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(431)
        elif self._deadline is None:
            self._allow(HEAD_READ_S_MAX, self._head_too_slow)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes, self._parsed_bytes = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._parse_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._parse_head(len(name) + len(value))
        if len(self.headers) >= HEADERS_MAX:
            self._refuse(431)
            raise ValueError(f"more than {HEADERS_MAX} headers")  # ends the parser
        super().on_header(name, value)

    def _parse_head(self, size: int) -> None:
        """So much more of a head is read: one that comes whole, at once, is not seen on its way."""
        self._parsed_bytes += size
        if self._parsed_bytes > HEAD_BYTES_MAX:
            self._refuse(431)
            raise ValueError(f"more than {HEAD_BYTES_MAX} bytes")  # ends the parser

    def on_headers_complete(self) -> None:
        self._in_head, self._drained_bytes = False, 0
        self._allow(None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._drained_bytes += len(body)
            if self._drained_bytes > DRAIN_BYTES_MAX and not self.transport.is_closing():
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._allow(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing():
            self._allow(DRAIN_S_MAX, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """The parser's: what came is no HTTP. Where it is a body, its request is answered with that, and no further."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self._refuse(400)
        elif not cycle.more_body:
            cycle.keep_alive = False  # it stands behind a whole request, whose answer closes the connection
        elif cycle.response_started:
            self.transport.close()
        else:
            cycle.disconnected = True  # whoever reads the body is told that no more comes, and answers nobody
            cycle.message_event.set()
            self._answer(400)

    def _head_too_slow(self) -> None:
        self._refuse(408)

    def _allow(self, seconds: float | None, then: Any = None) -> None:
        """One deadline at a time: the request's head, the rest of a body, or the next request."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, then)

    def _refuse(self, status: int) -> None:
        if self.transport.is_closing():
            return
        under_way: RequestResponseCycle | None = self.cycle
        if under_way is not None and not under_way.response_complete:
            self.transport.close()  # the answer to the request before is on its way: nothing may go between
            return
        self._answer(status)

    def _answer(self, status: int) -> None:
        code, phrase, detail = _TITLES[status]
        body = json_bytes(problem_body(status, code, detail))
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {PROBLEM_TYPE}\r\ncontent-length: {len(body)}\r\n"
            f"connection: close\r\n{TOLD}{RETRY_AFTER if status in _IN_A_WHILE else ''}\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def limited_connections(proxies: Proxies) -> type[ConnectionLimits]:
    """The protocol of one server: its connections have shares of their own."""
    return type("LimitedConnections", (ConnectionLimits,), {"shares": Shares(CONNECTIONS_MAX), "proxies": proxies})


def files_enough() -> None:
    """Lets this process open as many files as the machine allows it, and says so where connections will not fit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS_MAX + FILES_BESIDE:
        log.warning("few_open_files", limit=hard, wanted=CONNECTIONS_MAX + FILES_BESIDE, mend="raise `ulimit -n`")
