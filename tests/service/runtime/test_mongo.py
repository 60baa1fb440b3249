"""Documents and rows in a real MongoDB, and `Store` on them."""

from __future__ import annotations

import pytest

from pandapack.contracts.outbox import OutboxEvent
from pandapack.runtime.budgets import DOCUMENT_BYTES_CEILING, OUTBOX_BYTES_MAX, document_bytes
from pandapack.runtime.documents import Documents, Rows, Update
from pandapack.runtime.mongo import Mongo
from tests.suites.documents import DocumentsSuite
from tests.suites.rows import RowsSuite
from tests.suites.store import StoreSuite


@pytest.fixture
async def documents(mongo: Mongo) -> Documents:
    found = mongo.documents("things", indexes=["state.status"], waiting=["state.queue.early"])
    await mongo.prepare()
    return found


class TestMongoDocuments(DocumentsSuite):
    pass


class TestStoreInMongo(StoreSuite):
    pass


async def test_the_largest_document_that_a_budget_allows_fits_a_real_mongodb(documents: Documents) -> None:
    """The worst that JSON can be as BSON is a list of digits; with a full outbox beside it."""
    state = {"digits": [7] * (DOCUMENT_BYTES_CEILING // 2)}
    waiting = tuple(OutboxEvent(n, b"x" * (OUTBOX_BYTES_MAX // 3)) for n in (1, 2, 3))
    largest = Update(inbox={}, state=state, sequence=3, outbox=waiting, answers=())
    assert DOCUMENT_BYTES_CEILING <= document_bytes(largest) < DOCUMENT_BYTES_CEILING + 100
    assert await documents.write("a", 0, largest)
    assert await documents.write("a", 1, Update(inbox={}, state=state, sequence=3, outbox=(), answers=()))


class TestMongoRows(RowsSuite):
    @pytest.fixture
    async def rows(self, mongo: Mongo) -> Rows:
        found = mongo.rows("things", indexes=["weight", ("to.city", "weight")])
        await mongo.prepare()
        return found
