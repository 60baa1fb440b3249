"""One demonstration for all who stand beside it: readers of the documents, and strangers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.demonstrated.demonstrations import Demonstration, demonstration_in


@pytest.fixture(scope="package")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """`panda demo`, from the first counted gift on."""
    with demonstration_in(tmp_path_factory.mktemp("demonstrated")) as demonstration:
        yield demonstration
