"""Who may push: a registered platform by its terms, or a key that is nobody's; how fast, and signed by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pandapack.contracts.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.rate_limits import RateLimit
from services.donations.platforms.domain.platforms import Mode
from services.donations.platforms.store.platforms import Platforms, RegisteredPlatform
from services.donations.pushes.domain.signatures import Signature, refusal_of

RETRY_AFTER_S_MAX = 60
BURST_S = 5.0
"""So much of a platform's second-by-second allowance may come at once."""


@dataclass(frozen=True, slots=True)
class Pusher:
    """Who pushes. `owner`: whose the push is; `registered` is None for a key of no registered platform."""

    owner: str
    registered: RegisteredPlatform | None
    rate: RateLimit

    @property
    def is_testing(self) -> bool:
        """Whether pushes are validated and answered only."""
        return self.registered is not None and self.registered.terms.mode is Mode.TEST

    def charge(self, lines: int) -> None:
        """Lines were pushed: they count against the platform's rate."""
        if self.registered is not None:
            self.rate.charge(lines, per_s=self.registered.terms.lines_a_second, now_s=monotonic_s())


class Admission:
    """Knows pushers, and how fast each of them is. Bounded by the number of registered platforms."""

    def __init__(self, platforms: Platforms, clock: Clock) -> None:
        self._platforms, self._clock = platforms, clock
        self._rates: dict[str, RateLimit] = {}

    async def admit(self, platform: str, *, otherwise: str) -> Pusher:
        """`platform`: whose the key is, or nothing where it is `otherwise`'s, who is not registered.

        Raises Refused where the platform must wait, or is not registered any more.
        """
        if not platform:
            return Pusher(otherwise, None, RateLimit())
        registered = await self._platforms.registered(platform)
        if registered is None:
            detail = f"the key is platform {platform}'s, which is not registered"
            raise Refused(Refusal("platform_unknown", detail, RefusalKind.FORBIDDEN))
        limit = self._rates.setdefault(platform, RateLimit())
        wait_s = limit.wait_s(monotonic_s(), burst_s=BURST_S)
        if wait_s > 0:
            rate, retry_s = registered.terms.lines_a_second, min(RETRY_AFTER_S_MAX, int(wait_s) + 1)
            detail = f"platform {platform} may push {rate} lines a second; push again in {retry_s} s"
            raise Refused(Refusal("rate_exceeded", detail, RefusalKind.TOO_MANY, retry_s, {"limit": rate}))
        return Pusher(platform, registered, limit)

    def check_signature(self, pusher: Pusher, headers: Mapping[str, str], raw: bytes) -> None:
        """Raises Refused where the push is not signed as the platform's terms want, or wrongly."""
        registered = pusher.registered
        if registered is None:
            return  # no secret is known that could have signed it
        signature = Signature(*(headers.get(name) for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)))
        if not (registered.terms.signature_demanded or signature.is_there):
            return
        refusal = refusal_of(signature, registered.signing_keys, raw, wall_s=self._clock.wall().timestamp())
        if refusal is not None:
            raise Refused(refusal)
