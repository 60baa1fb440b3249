"""Rate limits by the generic cell rate algorithm, as ATM networks use it: one number a client, whatever it asks for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class RateLimit:
    """What one client has used up: it is even with its rate at `even_at_s`, on a clock that never goes back."""

    even_at_s: float = 0.0

    def wait_s(self, now_s: float, *, burst_s: float) -> float:
        """Seconds until the client may ask again; 0 where it may now. `burst_s` of its rate may come at once."""
        return max(0.0, self.even_at_s - now_s - burst_s)

    def charge(self, units: int, *, per_s: float, now_s: float) -> None:
        """Units were asked for. A request is never cut: one larger than what is left makes the next one wait."""
        self.even_at_s = max(self.even_at_s, now_s) + units / per_s


class RateLimits:
    """A `RateLimit` a client, for the `clients_max` that asked last; who is forgotten begins anew."""

    def __init__(self, *, clients_max: int) -> None:
        self._clients_max = clients_max
        self._by_client: OrderedDict[str, RateLimit] = OrderedDict()

    def of(self, client: str) -> RateLimit:
        """The client's limit."""
        limit = self._by_client.pop(client, None) or RateLimit()
        self._by_client[client] = limit
        if len(self._by_client) > self._clients_max:
            self._by_client.popitem(last=False)
        return limit
