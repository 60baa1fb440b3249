"""A whole stack that several files of tests look at, and who has keys of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pandapack.cli.drills.ground import SETTINGS, Ground
from pandapack.cli.drills.kinds import DONATIONS_BEFORE
from pandapack.local.layout import Layout
from pandapack.local.stack import Stack
from tests.system.cast import Cast, cast_of


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack; nothing is given in it."""
    with Stack(Layout.on_free_ports(tmp_path_factory.mktemp("whole") / ".panda", keep_data=False)) as stack:
        yield stack


@pytest.fixture(scope="session")
def cast(whole: Stack) -> Cast:
    """All services with somebody of every role; nothing is given in it."""
    return cast_of(whole)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One stack with gifts in it, for all kinds."""
    folder = tmp_path_factory.mktemp("stops") / ".panda"
    with Stack(Layout.on_free_ports(folder, keep_data=False, service_env=SETTINGS)) as stack:
        ground = Ground(stack)
        ground.publish_programme()
        ground.push(ground.give(DONATIONS_BEFORE))
        ground.settle()
        yield ground
