"""The rows that these tests count writes in, and let processes crash at, are rows like any others otherwise."""

from __future__ import annotations

import pytest

from pandapack.runtime.documents import Rows
from tests.suites.rows import RowsSuite
from tests.unit.donations.pushes.pushing import CountingRows
from tests.unit.donations.settlements.settling import CrashingRows


class TestCountingRows(RowsSuite):
    @pytest.fixture
    def rows(self) -> Rows:
        return CountingRows()


class TestCrashingRows(RowsSuite):
    @pytest.fixture
    def rows(self) -> Rows:
        return CrashingRows("banked")
