"""The load generator loses no push, whatever it is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import Body
from benchmarks.pusher import Pushers, PushRefused

Answers = Callable[[int], int | None]
KEY = "panda_platform_0_0"


class Platform:
    """A server that keeps what is pushed. `answers`: number of the push → its status, None cuts the connection."""

    def __init__(self, answers: Answers) -> None:
        self.accepted: list[bytes] = []
        self.connections: set[int] = set()
        self.refused = 0
        self.asked = 0
        self._answers, self._lock = answers, threading.Lock()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Authorization"] == f"Bearer {KEY}"
                assert self.headers["Content-Type"] == "application/x-ndjson"
                platform.connections.add(self.client_address[1])
                status = platform.answer(body)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.send_header("Retry-After", "0.01")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, body: bytes) -> int | None:
        with self._lock:
            number, self.asked = self.asked, self.asked + 1
            status = self._answers(number)
            if status == 202:
                self.accepted.append(body)
            else:
                self.refused += 1
            return status


@pytest.fixture
def serve() -> Iterator[Callable[[Answers], Platform]]:
    running: list[Platform] = []

    def start(answers: Answers) -> Platform:
        platform = Platform(answers)
        threading.Thread(target=platform.server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(platform)
        return platform

    yield start
    for platform in running:
        platform.server.shutdown()
        platform.server.server_close()


def bodies(count: int) -> list[Body]:
    return [Body(f'{{"n":{number}}}\n'.encode() * (number + 1), number + 1) for number in range(count)]


@pytest.mark.parametrize(
    "answers",
    [
        lambda number: 202,
        lambda number: 429 if number % 3 == 0 else 202,
        lambda number: 503 if number < 8 else 202,
        lambda number: None if number % 4 == 1 else 202,
    ],
    ids=["all accepted", "told to wait", "away at first", "connections cut"],
)
def test_each_body_is_accepted_once_and_whole(serve: Callable[[Answers], Platform], answers: Answers) -> None:
    platform, pushed = serve(answers), bodies(30)
    with Pushers((platform.address,), KEY, pushed, connections=4) as pushers:
        pushers.join()
    assert sorted(platform.accepted) == sorted(body.content for body in pushed)
    assert pushers.donations() == pushers.drawn == sum(body.donations for body in pushed)
    assert pushers.again == platform.refused


def test_connections_are_kept_alive(serve: Callable[[Answers], Platform]) -> None:
    platform = serve(lambda number: 202)
    with Pushers((platform.address,), KEY, bodies(40), connections=3):
        pass
    assert len(platform.connections) <= 3


def test_a_refusal_ends_the_run_with_its_detail(serve: Callable[[Answers], Platform]) -> None:
    platform = serve(lambda number: 422)
    with pytest.raises(PushRefused, match=r"^422: \{\}$"), Pushers((platform.address,), KEY, bodies(5), connections=1):
        pass


def test_each_process_gets_its_connections(serve: Callable[[Answers], Platform]) -> None:
    platforms: list[Platform] = []
    # Each accepts nothing before the other one was asked, so the run ends only if both are.
    for other in (1, 0):
        platforms.append(serve(lambda number, other=other: 202 if platforms[other].asked else 503))  # type: ignore[misc]
    with Pushers(tuple(platform.address for platform in platforms), KEY, bodies(40), connections=2) as pushers:
        pushers.join()
    assert sum(len(platform.accepted) for platform in platforms) == 40


def test_a_paced_run_sends_no_faster_than_it_was_told(serve: Callable[[Answers], Platform]) -> None:
    platform, rate = serve(lambda number: 202), 2_000.0
    with Pushers((platform.address,), KEY, [Body(b"{}\n", 20)] * 10, connections=2, per_s=rate) as pushers:
        pushers.join()
    assert max(moment for moment, _ in pushers.accepted) >= pushers.began_s + 9 * 20 / rate
