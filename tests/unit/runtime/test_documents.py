"""Documents and rows in memory do what MongoDB does."""

from __future__ import annotations

import pytest

from pandapack.runtime.documents import Documents, MemoryDocuments, MemoryRows, Rows
from tests.suites.documents import DocumentsSuite
from tests.suites.rows import RowsSuite


class TestMemoryDocuments(DocumentsSuite):
    @pytest.fixture
    def documents(self) -> Documents:
        return MemoryDocuments("things")


class TestMemoryRows(RowsSuite):
    @pytest.fixture
    def rows(self) -> Rows:
        return MemoryRows("things")
