"""What flows: figures a second, and how long a gift takes from the door to the public figures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

BUSINESS_LAG_WINDOW_S = 300
"""Five minutes: of one push a second three hundred, enough for a hundredth part, and soon forgotten."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A second, over the last few. None: not known.

    donations_per_s, fen_per_s: accepted at the door, and in the public figures; recorded_per_s: gifts on the ledger's
    pages; refused_per_s: lines that the door refused.
    """

    donations_per_s: float | None = None
    fen_per_s: float | None = None
    recorded_per_s: float | None = None
    funded_fen_per_s: float | None = None
    spent_fen_per_s: float | None = None
    refused_per_s: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """As `/v1/pipeline` tells it."""
        return {name: None if value is None else round(value, 3) for name, value in asdict(self).items()}


UNKNOWN = Flow()


@dataclass(frozen=True, slots=True)
class BusinessLag:
    """From a push's time at the door to the moment its gifts are in the public figures; None without samples."""

    p50_s: float | None = None
    p99_s: float | None = None
    samples: int = 0

    def as_json(self) -> dict[str, Any]:
        """As `/v1/pipeline` tells it."""
        if not self.samples:
            return {"p50_s": None, "p99_s": None, "samples": 0, "window_s": BUSINESS_LAG_WINDOW_S}
        assert self.p50_s is not None and self.p99_s is not None, "there are samples"
        shown = {"p50_s": round(self.p50_s, 3), "p99_s": round(self.p99_s, 3)}
        return {**shown, "samples": self.samples, "window_s": BUSINESS_LAG_WINDOW_S}


UNMEASURED = BusinessLag()


def business_lag(waits_s: Sequence[float]) -> BusinessLag:
    """Of the waits of single pushes, in any order: the smallest that so many of a hundred do not exceed."""
    if not waits_s:
        return UNMEASURED
    ordered = sorted(waits_s)
    return BusinessLag(_at_most(ordered, 50), _at_most(ordered, 99), len(ordered))


def _at_most(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
