"""The simulated world's rows are rows like any others where no answer gets lost."""

from __future__ import annotations

import random

import pytest

from pandapack.runtime.documents import Rows
from tests.simulation.owners import FaultyRows, World
from tests.suites.rows import RowsSuite


class TestFaultyRows(RowsSuite):
    @pytest.fixture
    def rows(self) -> Rows:
        return FaultyRows(World(random.Random(1), chaos=False))
