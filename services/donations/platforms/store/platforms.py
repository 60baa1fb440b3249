"""Platforms and merchants ⇄ MongoDB, and what the hot path knows of a platform."""

from __future__ import annotations

from dataclasses import dataclass

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.store import Kind, Store
from services.donations.platforms.domain.platforms import Merchant, Platform, Terms
from services.donations.platforms.store.secrets import SecretSealer

PLATFORM_FRESH_S = 5.0
"""Changed terms, and a retired secret, may still hold for so long in another process."""

PLATFORMS: Kind[Platform] = Kind(
    "platforms", Platform, lambda id: Platform(platform=id), lambda id: f"/donations/platforms/{id}"
)
MERCHANTS: Kind[Merchant] = Kind(
    "merchants", Merchant, lambda id: Merchant(merchant=id), lambda id: f"/donations/merchants/{id}"
)


@dataclass(frozen=True, slots=True)
class RegisteredPlatform:
    """A platform as the hot path wants it: its terms, and its signing keys, opened.

    `signing_keys` are those of what counts, `test_signing_keys` those of tests: neither sign the other's.
    """

    terms: Terms
    signing_keys: tuple[bytes, ...]
    test_signing_keys: tuple[bytes, ...] = ()

    def signing_keys_for(self, *, is_testing: bool) -> tuple[bytes, ...]:
        """By which of them a signature may be right."""
        return self.test_signing_keys if is_testing else self.signing_keys


class Platforms:
    """The platforms by id; what pushes need of each is held for `PLATFORM_FRESH_S`. Bounded by how many there are."""

    def __init__(self, documents: Store[Platform], sealer: SecretSealer) -> None:
        self.documents, self.sealer = documents, sealer
        self._held: dict[str, tuple[float, RegisteredPlatform]] = {}

    async def registered(self, id: str) -> RegisteredPlatform | None:
        """Raises StoreUnavailable, Misconfigured."""
        held = self._held.get(id)
        if held is not None and monotonic_s() < held[0]:
            return held[1]
        state = await self.documents.get(id)
        if state is None or state.terms is None:
            return None
        found = RegisteredPlatform(state.terms, self._opened(state, is_test=False), self._opened(state, is_test=True))
        self._held[id] = (monotonic_s() + PLATFORM_FRESH_S, found)
        return found

    def seal(self, secret: bytes, id: str, *, is_test: bool = False) -> str:
        """A secret of a platform, to be kept. It opens as what it was sealed for, and as nothing else."""
        return self.sealer.seal(secret, _owner(id, is_test=is_test))

    def _opened(self, state: Platform, *, is_test: bool) -> tuple[bytes, ...]:
        owner = _owner(state.platform, is_test=is_test)
        return tuple(self.sealer.open(secret.sealed, owner) for secret in state.secrets_for(is_test=is_test))

    def forget(self, id: str) -> None:
        """This process must look again."""
        self._held.pop(id, None)


def _owner(id: str, *, is_test: bool) -> str:
    """Whom a secret is sealed for. No platform's id has a `/`."""
    return f"{id}/test" if is_test else id
