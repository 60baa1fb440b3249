"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.browsing import Browser, opened_browser
from tests.stack import Servers, new_namespace, running_servers

settings.register_profile("same_each_time", derandomize=True, database=None, deadline=None)
settings.load_profile("same_each_time")  # `pytest --hypothesis-profile default` looks further
pytest.register_assert_rewrite("tests.suites")  # a suite that fails shows what it compared


@pytest.fixture(scope="session")
def stack() -> Iterator[Servers]:
    """A real Kafka and a real mongod (`.kafka`, `.mongo`), one for the session, started on demand."""
    with running_servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a file; each opens a context of its own. No test beside it is async."""
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def namespace() -> str:
    """A prefix of this test's own for topics, groups and databases (PANDA_NAMESPACE)."""
    return new_namespace()
