"""Signing secrets at rest: sealed for their own platform, with a key that is not in the database."""

from __future__ import annotations

import pytest

from pandapack.runtime.chance import SeededChance
from pandapack.runtime.errors import Misconfigured
from services.donations.platforms.store.secrets import SecretSealer

KEY = bytes(range(32))


def test_a_sealed_secret_opens_for_its_own_platform_and_key_only() -> None:
    sealer = SecretSealer("k" * 32, SeededChance(1))
    sealed = sealer.seal(KEY, "tb")
    assert sealer.open(sealed, "tb") == KEY
    for other, owner in (
        (sealer, "jd"),
        (SecretSealer("l" * 32, SeededChance(1)), "tb"),
        (SecretSealer("", SeededChance(1)), "tb"),
    ):
        with pytest.raises(Misconfigured):
            other.open(sealed, owner)


def test_without_a_key_secrets_are_kept_as_they_are_and_still_open_once_there_is_one() -> None:
    sealed = SecretSealer("", SeededChance(1)).seal(KEY, "tb")
    assert SecretSealer("k" * 32, SeededChance(1)).open(sealed, "tb") == KEY
    with pytest.raises(Misconfigured):
        SecretSealer("short", SeededChance(1))
