"""Who pushes: a registered platform with its terms, or a key that is nobody's; and whether its push is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pandapack.contracts.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from pandapack.runtime.auth import Caller
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.http import IDEMPOTENCY_KEY_CHARACTERS_MAX, Problem
from services.donations.domain.pacing import Pace
from services.donations.domain.platforms import Mode
from services.donations.domain.signatures import Signature, checked
from services.donations.store.platforms import Platforms, Registered

RETRY_AFTER_S_MAX = 60


@dataclass(frozen=True, slots=True)
class Pusher:
    """Who pushes. `owner`: whose the push is; `registered` is None for a key of no registered platform."""

    owner: str
    registered: Registered | None
    pace: Pace

    @property
    def is_testing(self) -> bool:
        """Whether pushes are validated and answered only."""
        return self.registered is not None and self.registered.terms.mode is Mode.TEST

    def charge(self, lines: int) -> None:
        """Lines were pushed: they count against the platform's rate."""
        if self.registered is not None:
            rate = self.registered.terms.lines_a_second
            self.pace.charge(lines, lines_a_second=rate, now_s=monotonic_s())


class Pushers:
    """Knows pushers, and how fast each of them is. Bounded by the number of registered platforms."""

    def __init__(self, platforms: Platforms, clock: Clock) -> None:
        self._platforms, self._clock = platforms, clock
        self._paces: dict[str, Pace] = {}

    async def pusher(self, caller: Caller) -> Pusher:
        """Raises Problem 429 where the platform must wait, 403 where it is not registered any more."""
        if not caller.owner:
            return Pusher(caller.party, None, Pace())
        registered = await self._platforms.registered(caller.owner)
        if registered is None:
            raise Problem(403, "platform_unknown", f"the key is platform {caller.owner}'s, which is not registered")
        pace = self._paces.setdefault(caller.owner, Pace())
        wait_s = pace.wait_s(monotonic_s())
        if wait_s > 0:
            rate, retry_s = registered.terms.lines_a_second, min(RETRY_AFTER_S_MAX, int(wait_s) + 1)
            words = f"platform {caller.owner} may push {rate} lines a second; push again in {retry_s} s"
            raise Problem(429, "rate_exceeded", words, limit=rate).retry_after(retry_s)
        return Pusher(caller.owner, registered, pace)

    def check(self, pusher: Pusher, headers: Mapping[str, str], raw: bytes) -> None:
        """Raises Problem 401 where the push is not signed as the platform's terms want, or wrongly."""
        registered = pusher.registered
        if registered is None:
            return  # no secret is known that could have signed it
        signature = Signature(*(headers.get(name) for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)))
        if not (registered.terms.signature_demanded or signature.is_there):
            return
        wrong = checked(signature, registered.signing_keys, raw, wall_s=self._clock.wall().timestamp())
        if wrong is not None:
            signed = {} if wrong.signed is None else {"signed": wrong.signed}
            problem = Problem(401, wrong.code, wrong.words, **signed)
            problem.headers["WWW-Authenticate"] = "Bearer"
            raise problem


def key_of(headers: Mapping[str, str]) -> str | None:
    """The name that the pusher gave the push: `webhook-id` or `Idempotency-Key`. Raises Problem 400."""
    given = {name: headers[name] for name in ("idempotency-key", ID_HEADER) if name in headers}
    for name, key in given.items():
        if not 0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX:
            words = f"{name} has 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} characters"
            raise Problem(400, "idempotency_key_invalid", words)
    if len(set(given.values())) > 1:
        words = f"{ID_HEADER} and Idempotency-Key both name the push: send the same in both, or one of them"
        raise Problem(400, "idempotency_keys_differ", words)
    return next(iter(given.values()), None)
