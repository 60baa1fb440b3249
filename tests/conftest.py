"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack import Servers, new_namespace, running_servers


@pytest.fixture(scope="session")
def stack() -> Iterator[Servers]:
    """A real Kafka and a real mongod (`.kafka`, `.mongo`), one for the session, started on demand."""
    with running_servers() as servers:
        yield servers


@pytest.fixture
def namespace() -> str:
    """A prefix of this test's own for topics, groups and databases (PANDA_NAMESPACE)."""
    return new_namespace()
