"""Whether a server is there: an embedded mongod is asked without its driver."""

from __future__ import annotations

import socket
import threading

import pytest

from pandapack.local.ports import LOOPBACK, free_port
from pandapack.local.probes import embedded_mongo_answers, existing_mongo_answers, kafka_answers
from tests.stack import Servers


def test_the_embedded_servers_answer(stack: Servers) -> None:
    assert embedded_mongo_answers(stack.stack.layout.port("mongo"))
    assert existing_mongo_answers(stack.mongo)
    assert kafka_answers(stack.kafka)
    assert kafka_answers(f"{LOOPBACK}:1,{stack.kafka}"), "one of several is enough"


def test_nobody_is_no_answer() -> None:
    port = free_port()
    assert not embedded_mongo_answers(port)
    assert not kafka_answers(f"{LOOPBACK}:{port}")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, b"\x30\0\0\0" + bytes(60)])
def test_who_answers_something_else_is_no_mongod(answer: bytes) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert not embedded_mongo_answers(listener.getsockname()[1])
        thread.join()
