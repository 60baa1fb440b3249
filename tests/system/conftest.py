"""One story that several files of tests look at: a demonstration, and a fault campaign of the same seed beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pandapack.local.layout import Layout
from pandapack.local.stack import Stack
from tests.system.cast import Cast, cast_of
from tests.system.playing import CHAOS, SETTLED, Played, outcome_of, running


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A demonstration and, at the same time, a campaign of the same seed; both have ended well."""
    folder = tmp_path_factory.mktemp("demonstrations")
    ours, theirs = folder / "demonstration", folder / "campaign"
    with running(theirs, CHAOS) as campaign, running(ours, SETTLED) as demonstration:
        return Played(demonstration=outcome_of(demonstration, ours), campaign=outcome_of(campaign, theirs))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack; nothing is given in it."""
    with Stack(Layout.on_free_ports(tmp_path_factory.mktemp("whole") / ".panda", keep_data=False)) as stack:
        yield stack


@pytest.fixture(scope="session")
def cast(whole: Stack) -> Cast:
    """All services with somebody of every role; nothing is given in it."""
    return cast_of(whole)
