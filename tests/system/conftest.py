"""One story that several files of tests look at: a demonstration, and a fault campaign of the same seed beside it."""

from __future__ import annotations

import pytest

from tests.system.playing import CHAOS, SETTLED, Played, outcome_of, running


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A demonstration and, at the same time, a campaign of the same seed; both have ended well."""
    folder = tmp_path_factory.mktemp("demonstrations")
    ours, theirs = folder / "demonstration", folder / "campaign"
    with running(theirs, CHAOS) as campaign, running(ours, SETTLED) as demonstration:
        return Played(demonstration=outcome_of(demonstration, ours), campaign=outcome_of(campaign, theirs))
