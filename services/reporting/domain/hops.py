"""The hops of the pipeline: who consumes whose topic, and how late each of them is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MERCHANTS = "merchants"
"""Who stands before the door: their platforms' pushes are the first topic."""


@dataclass(frozen=True, slots=True, order=True)
class Hop:
    """From whom to whom, by which topic. `group`: the consumer's, behind its service's name; "" for its first."""

    publisher: str
    consumer: str
    topic: str
    group: str = ""

    @property
    def group_name(self) -> str:
        """The group, without the namespace: `panda.procurement.shards`."""
        return f"panda.{self.consumer}{'.' if self.group else ''}{self.group}"


HOPS = (
    Hop(MERCHANTS, "donations", "donations.pushed"),
    Hop("donations", "donations", "dead-letters", "dead-letters"),
    Hop("procurement", "donations", "procurement.events", "programmes"),
    Hop("donations", "procurement", "donations.events", "shards"),
    Hop("procurement", "procurement", "procurement.events"),
    Hop("logistics", "procurement", "logistics.events"),
    Hop("procurement", "logistics", "procurement.events"),
    Hop("logistics", "logistics", "logistics.events"),
    Hop("donations", "reporting", "donations.events"),
    Hop("donations", "reporting", "donations.events", "archive"),
    Hop("procurement", "reporting", "procurement.events"),
    Hop("logistics", "reporting", "logistics.events"),
    Hop("reporting", "reporting", "reporting.events"),
)
"""Every subscription of the four services; a test holds it against what they consume."""

Rates = Mapping[Hop, float | None]
"""Records a second that a hop's group gets done."""


@dataclass(frozen=True, slots=True)
class HopLag:
    """How late a hop is. None: not known.

    lag_records: over all partitions; lag_s: the age of the oldest record not done; done: the sum of its positions.
    """

    hop: Hop
    lag_records: int | None = None
    lag_s: float | None = None
    done: int | None = None

    def as_json(self, records_per_s: float | None) -> dict[str, Any]:
        """As `/v1/pipeline` tells it."""
        return {
            "from": self.hop.publisher,
            "to": self.hop.consumer,
            "group": self.hop.group_name,
            "topic": self.hop.topic,
            "lag_records": self.lag_records,
            "lag_s": None if self.lag_s is None else round(self.lag_s, 3),
            "records_per_s": None if records_per_s is None else round(records_per_s, 3),
        }


def worst_first(lags: Sequence[HopLag]) -> list[HopLag]:
    """The latest hop first, then by records; those of which nothing is known before all: they are looked at first."""
    return sorted(lags, key=_badness, reverse=True)


def _badness(lag: HopLag) -> tuple[float, float]:
    unknown = float("inf")
    return (
        unknown if lag.lag_s is None else lag.lag_s,
        unknown if lag.lag_records is None else lag.lag_records,
    )
