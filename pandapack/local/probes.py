"""Whether a server is there: asked by who starts it, by who uses an existing one, and by `panda status`.

The driver of MongoDB is imported where an existing one is asked, and nowhere else: a hello to the embedded one is one
message on the loopback.
"""

from __future__ import annotations

import socket
import struct
import urllib.error
import urllib.request
from typing import Any

import bson

from pandapack.local.errors import LocalError, ServerUnreachable
from pandapack.local.ports import LOOPBACK

READYZ_WAIT_S = 2.0
EXISTING_WAIT_S = 5.0
HELLO_WAIT_S = 2.0
HELLO_BYTES_MAX = 1024 * 1024

_OP_MSG = 2013
_MESSAGE = struct.Struct("<iiiiIB")
"""A message's size, its number, what it answers, its kind, flags, and that one document follows."""


def answers_200(url: str) -> bool:
    """Whether a GET answers 200 in time; anything else, a refused connection too, is "no"."""
    # The loopback is never behind a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=READYZ_WAIT_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def kafka_answers(address: str) -> bool:
    """Whether one of the brokers of "HOST:PORT[,HOST:PORT…]" accepts a connection."""
    try:
        check_existing_kafka(address)
    except LocalError:
        return False
    return True


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
        check_existing_mongo(uri)
    except LocalError:
        return False
    return True


def check_existing_mongo(uri: str) -> None:
    """Raise ServerUnreachable unless a replica set or a sharded cluster answers at the URI."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    mend = "Start it, correct it, or unset it for an embedded one"
    try:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=int(EXISTING_WAIT_S * 1000)) as client:
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
