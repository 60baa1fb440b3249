"""The Kafka and the mongod that tests share: started once, on free ports, in a folder of their own."""

from __future__ import annotations

import itertools
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pandapack.local.stack import Layout, Stack

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    """Where the shared servers are: kafka as "HOST:PORT", mongo as a URI, and the stack that runs them."""

    kafka: str
    mongo: str
    stack: Stack


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Kafka and mongod without services, gone with their data at the end."""
    with tempfile.TemporaryDirectory(prefix="panda-tests-") as folder:
        layout = Layout.on_free_ports(Path(folder) / ".panda", with_services=False, keep_data=False)
        with Stack(layout) as stack:
            yield Servers(stack.kafka, stack.mongo, stack)


def new_namespace() -> str:
    """A short string that no other test has, also not of a run beside this one: for PANDA_NAMESPACE."""
    return f"t{next(_numbers)}{secrets.token_hex(3)}"
