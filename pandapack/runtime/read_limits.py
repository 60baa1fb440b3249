"""How fast one client may ask, without a key, for what costs: by address, so that nobody else waits for it."""

from __future__ import annotations

import math

from fastapi import Request

from pandapack.runtime.auth import optional_caller
from pandapack.runtime.client_addresses import holder
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.http import Problem
from pandapack.runtime.rate_limits import RateLimits

CLIENTS_KNOWN_MAX = 10_000
"""Clients whose use is remembered: a few MB. Whoever is forgotten begins anew."""


class ReadLimits:
    """A dependency: `burst` readings at once, and `per_s` a second on and on. Whoever has a key is not limited here.

    `what` is read, in the plural.
    """

    def __init__(self, what: str, *, burst: int, per_s: float) -> None:
        self._what, self._burst, self._per_s = what, burst, per_s
        self._limits = RateLimits(clients_max=CLIENTS_KNOWN_MAX)

    async def __call__(self, request: Request) -> None:
        """Raises Problem 429."""
        if "authorization" not in request.headers or await optional_caller(request) is None:
            self.admit(request)

    def admit(self, request: Request) -> None:
        """One reading by who asks. Raises Problem 429."""
        self.charge(holder(request.scope), monotonic_s())

    def charge(self, client: str, now_s: float) -> None:
        """One reading by the client. Raises Problem 429."""
        limit = self._limits.of(client)
        wait_s = limit.wait_s(now_s, burst_s=(self._burst - 1) / self._per_s)
        if wait_s > 0:
            detail = (
                f"from one address at most {self._burst} {self._what} at once and {self._per_s:g} a second after that: "
                "wait, or ask with a key"
            )
            raise self._refusal(detail).retry_after(max(1, math.ceil(wait_s)))
        limit.charge(1, per_s=self._per_s, now_s=now_s)

    def _refusal(self, detail: str) -> Problem:
        return Problem(429, "too_many_readings", detail)
