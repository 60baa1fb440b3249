"""Who may come in: a registered platform by its terms; how fast, signed by whom, and whether it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pandapack.contracts.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.rate_limits import RateLimit
from services.donations.door.domain.signatures import PassingSignature, Signature, header_refusal
from services.donations.platforms.store.platforms import Platforms, RegisteredPlatform

RETRY_AFTER_S_MAX = 60
BURST_S = 5.0
"""So much of a platform's second-by-second allowance may come at once."""


def unregistered(platform: str) -> Refusal:
    """A key that can write nothing: it is no platform's (empty), or of one that is not registered."""
    whose = f"platform {platform}'s, which is not registered" if platform else "no registered platform's"
    detail = (
        f"this key is {whose}, and can write nothing: an operator registers a platform by POST /v1/platforms "
        "(`panda platform add ID --name NAME`), which answers its first key"
    )
    return Refusal("platform_unregistered", detail, RefusalKind.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A registered platform at the door. `platform`: its id, whose all is that it sends.

    `is_testing`: it came with a test key, and what it sends touches nothing that counts. The one place that says so.
    """

    platform: str
    registered: RegisteredPlatform
    rate: RateLimit
    is_testing: bool = False

    @property
    def holder(self) -> str:
        """As whom it holds what all share: its tests keep none of its own gifts waiting."""
        return f"{self.platform}/test" if self.is_testing else self.platform

    def charge(self, lines: int) -> None:
        """Lines came: they count against the platform's rate."""
        self.rate.charge(lines, per_s=self.registered.terms.lines_a_second, now_s=monotonic_s())


class Admission:
    """Knows platforms, and how fast each of them is, live and in tests. Bounded by the number of registered ones."""

    def __init__(self, platforms: Platforms, clock: Clock) -> None:
        self._platforms, self._clock = platforms, clock
        self._rates: dict[tuple[str, bool], RateLimit] = {}

    async def admit(self, platform: str, *, is_testing: bool = False) -> Visitor:
        """`platform`: whose the key is, or nothing; `is_testing`: it is a test key: tests have a rate of their own.

        Raises Refused where it is not registered, or must wait.
        """
        registered = await self._platforms.registered(platform) if platform else None
        if registered is None:
            raise Refused(unregistered(platform))
        limit = self._rates.setdefault((platform, is_testing), RateLimit())
        wait_s = limit.wait_s(monotonic_s(), burst_s=BURST_S)
        if wait_s > 0:
            rate, retry_s = registered.terms.lines_a_second, min(RETRY_AFTER_S_MAX, int(wait_s) + 1)
            detail = f"platform {platform} may push {rate} lines a second; push again in {retry_s} s"
            raise Refused(Refusal("rate_exceeded", detail, RefusalKind.TOO_MANY, retry_s, {"limit": rate}))
        return Visitor(platform, registered, limit, is_testing)

    def signature_of(self, visitor: Visitor, headers: Mapping[str, str]) -> PassingSignature | None:
        """The signature to check what comes by; None where it need not be signed, and is not.

        Raises Refused where the headers alone tell that it is not signed as the platform's terms want.
        """
        terms = visitor.registered.terms
        signature = Signature(*(headers.get(name) for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)))
        if not (terms.signature_demanded or signature.is_there):
            return None
        keys = visitor.registered.signing_keys_for(is_testing=visitor.is_testing)
        if not keys:  # before its headers: no signature would do
            raise Refused(_no_secret(visitor.platform))
        refusal = header_refusal(signature, wall_s=self._clock.wall().timestamp())
        if refusal is not None:
            raise Refused(refusal)
        return PassingSignature(signature, keys)


def _no_secret(platform: str) -> Refusal:
    """A test that is signed, or should be, where there is nothing that it could be signed with."""
    detail = (
        f"platform {platform} has no signing secret for tests, and its live ones sign none: an operator makes one by "
        f"POST /v1/platforms/{platform}/secrets?mode=test (`panda platform rotate {platform} --test`)"
    )
    return Refusal("test_secret_missing", detail, RefusalKind.UNAUTHENTICATED)
