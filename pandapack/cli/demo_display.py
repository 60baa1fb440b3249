"""What a person sees of a demonstration while it runs, and what it comes to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from pandapack.cli.facts import facts

ASK_EVERY_S = 0.1
NEAR_THE_END = 0.96
"""From such a share of the gifts on the moment is looked for at which the last one is counted."""
LAWS = ("money_conserved", "items_conserved", "parcels_conserved")
FIGURES = (
    "donations",
    "duplicates",
    "received_fen",
    "reversed_fen",
    "unallocated_fen",
    "reserved_fen",
    "committed_fen",
    "spent_fen",
    "rounds",
    "orders",
    "parcels",
    "pupils_reached",
    "countries",
)
PARCELS = ("packed", "warehouse", "in_transit", "accepted", "rejected", "damaged", "lost", "returned")

Json = dict[str, Any]


@dataclass
class Display:
    """What a person sees, and the two times that are measured."""

    console: Console
    began_s: float
    donations: int
    giving_since_s: float | None = None
    first_s: float | None = None
    all_counted_s: float | None = None
    counted: int = 0
    counted_at_s: float = 0.0

    @property
    def wants_more_readings(self) -> bool:
        """Whether a moment is still to be caught that a line a second is too slow for."""
        is_near_the_end = self.all_counted_s is None and self.counted >= self.donations * NEAR_THE_END
        return self.giving_since_s is not None and (self.first_s is None or is_near_the_end)

    def read(self, totals: Json | None) -> None:
        """Notes when the first and when the last gift is counted."""
        if totals is None or not totals["donations"]:
            return
        now_s = time.monotonic()
        if self.first_s is None:
            self.first_s = now_s - self.began_s
            self.console.print(f"first counted donation after {self.first_s:.1f} s")
        if self.all_counted_s is None and totals["donations"] >= self.donations:
            self.all_counted_s = now_s

    def pulse(self, pulse: Json, totals: Json | None) -> None:
        """One line."""
        now_s = time.monotonic()
        if self.giving_since_s is None and pulse["phase"] != "preparing":
            self.giving_since_s = now_s
        if totals is None:
            self.console.print(f"{pulse['pushed']:,} gifts pushed; reporting does not answer just now")
            return
        rate = (totals["donations"] - self.counted) / max(now_s - self.counted_at_s, ASK_EVERY_S)
        self.counted, self.counted_at_s = totals["donations"], now_s
        parcels = totals["parcels"]
        parts = (
            f"{pulse['day']} ({pulse['phase']}): {self.counted:,} gifts ({max(0.0, rate):,.0f}/s)",
            f"{_yuan(totals['received_fen'])} given, {_yuan(totals['banked_fen'])} of it banked",
            f"{_yuan(totals['spent_fen'])} spent",
            f"{totals['rounds']} rounds",
            f"{parcels['packed']} parcels packed, {parcels['in_transit']} on the way, {parcels['accepted']} accepted",
            f"{totals['pupils_reached']} pupils",
        )
        self.console.print("; ".join(parts), soft_wrap=True)

    def outcome(self, totals: Json, laws: Json, indicators: Sequence[Json]) -> Json:
        """What `--json` prints: of all figures only the last two but the laws differ between runs of one seed."""
        ended_s = time.monotonic()
        since_s = self.giving_since_s or self.began_s
        counting_s = max(ASK_EVERY_S, (self.all_counted_s or ended_s) - since_s)
        return {
            **{name: totals[name] for name in FIGURES},
            "parcels": {state: totals["parcels"][state] for state in PARCELS},
            "elapsed_s": round(ended_s - since_s, 1),
            "donations_per_s": round(totals["donations"] / counting_s),
            **{law: bool(laws.get(law)) for law in LAWS},
            "facts": facts(self.donations, totals, indicators),
        }

    def show_outcome(self, outcome: Json) -> None:
        """The same for a person."""
        for name, value in outcome.items():
            if name == "facts":
                continue
            shown = (
                ", ".join(f"{count} {state}" for state, count in value.items()) if isinstance(value, dict) else value
            )
            self.console.print(f"{name:<18}{shown:,}" if type(shown) is int else f"{name:<18}{shown}")
        self._show(outcome["facts"])

    def show_facts(self, totals: Json, indicators: Sequence[Json]) -> None:
        """What was published beside what was played, at the end of the three years."""
        self._show(facts(self.donations, totals, indicators))

    def _show(self, rows: Sequence[Json]) -> None:
        for row in rows:
            wanted = row["published"] * row["scale"]
            holds = "holds" if row["holds"] else "DOES NOT HOLD"
            self.console.print(f"{row['fact']:<37}{row['played']} of {wanted:g}: {holds}", soft_wrap=True)


def _yuan(fen: int) -> str:
    return f"{fen / 100:,.2f} yuan"
