"""A database of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pandapack.runtime.mongo import Mongo
from tests.stack import Servers


@pytest.fixture
async def mongo(stack: Servers, namespace: str) -> AsyncIterator[Mongo]:
    """Gone with what is in it. Whoever names collections prepares it."""
    mongo = Mongo(stack.mongo, f"{namespace}_runtime")
    yield mongo
    await mongo.drop()
    mongo.close()
