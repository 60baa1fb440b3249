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
    """A platform as the hot path wants it: its terms, and its live signing keys, opened."""

    terms: Terms
    signing_keys: tuple[bytes, ...]


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
        found = RegisteredPlatform(state.terms, tuple(self.sealer.open(secret.sealed, id) for secret in state.secrets))
        self._held[id] = (monotonic_s() + PLATFORM_FRESH_S, found)
        return found

    def forget(self, id: str) -> None:
        """This process must look again."""
        self._held.pop(id, None)
