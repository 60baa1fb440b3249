"""Whether a server is there: asked by who starts it, by who uses an existing one, and by `panda status`.

The driver of MongoDB is imported where an existing one is asked, and nowhere else: a hello to the embedded one is one
message on the loopback.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import bson

from pandapack.local.errors import LocalError, ServerUnreachable
from pandapack.local.ports import LOOPBACK

READYZ_WAIT_S = 2.0
BROKER_WAIT_S = 2.0
BROKER_BYTES_MAX = 1024 * 1024
STATUS_WAIT_S = 2.0
"""`panda status` waits for nobody longer than this."""
EXISTING_WAIT_S = 5.0
HELLO_WAIT_S = 2.0
HELLO_BYTES_MAX = 1024 * 1024
ANSWER_BYTES_MAX = 4 * 1024 * 1024

_METADATA_KEY = 3
# The oldest version that Kafka 4 and its forerunners all speak and that can ask for no topic at all.
_METADATA_VERSION = 4
_OP_MSG = 2013
_MESSAGE = struct.Struct("<iiiiIB")
"""A message's size, its number, what it answers, its kind, flags, and that one document follows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a GET was answered. `status` 0: it was not answered in time. `body`: a JSON object, or nothing.

    `hangs`: somebody took the connection, and then said nothing.
    """

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    hangs: bool = False


def ask(url: str) -> Answer:
    """One GET, whatever it is answered."""
    # The loopback is never behind a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=READYZ_WAIT_S) as answer:
            return Answer(answer.status, _json_of(answer.read(ANSWER_BYTES_MAX)))
    except urllib.error.HTTPError as refused:
        with refused, contextlib.suppress(OSError):
            return Answer(refused.code, _json_of(refused.read(ANSWER_BYTES_MAX)))
        return Answer(refused.code)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, hangs=isinstance(getattr(error, "reason", error), TimeoutError))


def _json_of(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def answers_200(url: str) -> bool:
    """Whether a GET answers 200 in time; anything else, a refused connection too, is "no"."""
    return ask(url).status == 200


def kafka_answers(address: str) -> bool:
    """Whether one of the brokers of "HOST:PORT[,HOST:PORT…]" answers: one that is held accepts connections, too."""
    for broker in address.split(","):
        host, _, port = broker.strip().rpartition(":")
        try:
            if _broker_ports(host.strip("[]"), int(port)):
                return True
        except (OSError, ValueError, struct.error):
            continue
    return False


def is_broker(host: str, port: int) -> bool:
    """Whether a broker answers there and is among the living ones of its metadata: more than an open port."""
    return port in _broker_ports(host, port)


def _broker_ports(host: str, port: int) -> list[int]:
    """Ports of the living brokers, as the one there knows them. Raises OSError where it does not answer."""
    with socket.create_connection((host, port), timeout=BROKER_WAIT_S) as connection:
        connection.sendall(_metadata_request())
        (size,) = struct.unpack(">i", read_exactly(connection, 4))
        if not 0 < size <= BROKER_BYTES_MAX:
            return []
        return list(_ports_in(read_exactly(connection, size)))


def _metadata_request() -> bytes:
    client = b"panda"
    header = struct.pack(">hhih", _METADATA_KEY, _METADATA_VERSION, 1, len(client)) + client
    body = struct.pack(">ib", 0, 0)  # no topics, and none to be made
    return struct.pack(">i", len(header) + len(body)) + header + body


def _ports_in(answer: bytes) -> Iterator[int]:
    """Ports of the brokers in a version 4 metadata answer: correlation, throttle, [id, host, port, rack]."""
    (count,) = struct.unpack_from(">i", answer, 8)
    at = 12
    for _ in range(count):
        (host_size,) = struct.unpack_from(">h", answer, at + 4)
        at += 6 + host_size
        port, rack_size = struct.unpack_from(">ih", answer, at)
        at += 6 + max(rack_size, 0)
        yield port


def check_existing_kafka(address: str) -> None:
    """Raise ServerUnreachable unless one of the brokers of "HOST:PORT[,HOST:PORT…]" accepts a connection."""
    for broker in address.split(","):
        host, _, port = broker.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=EXISTING_WAIT_S):
                return
        except (OSError, ValueError):
            continue
    raise ServerUnreachable(
        f"no Kafka answers at PANDA_KAFKA={address}", "Start it, correct it, or unset it for an embedded one"
    )


def existing_mongo_answers(uri: str) -> bool:
    """Whether a replica set or a sharded cluster answers at the URI."""
    try:
        check_existing_mongo(uri, wait_s=STATUS_WAIT_S)
    except LocalError:
        return False
    return True


def check_existing_mongo(uri: str, *, wait_s: float = EXISTING_WAIT_S) -> None:
    """Raise ServerUnreachable unless a replica set or a sharded cluster answers at the URI."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    mend = "Start it, correct it, or unset it for an embedded one"
    try:
        wait_ms = int(wait_s * 1000)
        waits: dict[str, Any] = {
            "serverSelectionTimeoutMS": wait_ms,
            "connectTimeoutMS": wait_ms,
            "socketTimeoutMS": wait_ms,
        }
        with MongoClient[dict[str, Any]](uri, **waits) as client:
            hello = client.admin.command("hello")
    except PyMongoError as error:
        raise ServerUnreachable(f"no MongoDB answers at PANDA_MONGO: {error}", mend) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise ServerUnreachable(
            "the MongoDB at PANDA_MONGO is neither a replica set nor a sharded cluster",
            "Start its mongod with --replSet and initiate the set: majority writes need it",
        )


def embedded_mongo_answers(port: int) -> bool:
    """Whether a member of a replica set answers on this port of the loopback."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=HELLO_WAIT_S) as connection:
            connection.sendall(_hello_message())
            return "setName" in _read_document(connection)
    except (OSError, bson.InvalidBSON):
        return False


def _hello_message() -> bytes:
    document = bson.encode({"hello": 1, "$db": "admin"})
    return _MESSAGE.pack(_MESSAGE.size + len(document), 1, 0, _OP_MSG, 0, 0) + document


def _read_document(connection: socket.socket) -> dict[str, Any]:
    size = _MESSAGE.unpack(read_exactly(connection, _MESSAGE.size))[0] - _MESSAGE.size
    if not 0 < size <= HELLO_BYTES_MAX:
        raise ConnectionError("that is no answer of a mongod")
    return bson.decode(read_exactly(connection, size))


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes. Raises ConnectionError where the other side closes before."""
    chunks = bytearray()
    while len(chunks) < size:
        chunk = connection.recv(size - len(chunks))
        if not chunk:
            raise ConnectionError("closed before the answer was whole")
        chunks += chunk
    return bytes(chunks)
