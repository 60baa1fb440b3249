"""`Store` on documents in memory."""

from __future__ import annotations

import pytest

from pandapack.runtime.documents import Documents, MemoryDocuments
from tests.suites.store import StoreSuite


class TestStoreInMemory(StoreSuite):
    @pytest.fixture
    def documents(self) -> Documents:
        return MemoryDocuments("boxes")
