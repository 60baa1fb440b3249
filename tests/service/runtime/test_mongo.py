"""Documents and rows in a real MongoDB, and `Store` on them."""

from __future__ import annotations

import pytest

from pandapack.runtime.documents import Documents, Rows
from pandapack.runtime.mongo import Mongo
from tests.suites.documents import DocumentsSuite
from tests.suites.rows import RowsSuite
from tests.suites.store import StoreSuite


@pytest.fixture
async def documents(mongo: Mongo) -> Documents:
    found = mongo.documents("things", indexes=["state.status"])
    await mongo.prepare()
    return found


class TestMongoDocuments(DocumentsSuite):
    pass


class TestStoreInMongo(StoreSuite):
    pass


class TestMongoRows(RowsSuite):
    @pytest.fixture
    async def rows(self, mongo: Mongo) -> Rows:
        found = mongo.rows("things", indexes=["weight", ("to.city", "weight")])
        await mongo.prepare()
        return found
