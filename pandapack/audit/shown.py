"""What anybody is shown: one size of the public log, and beside it the gifts that the shards have beyond that."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pandapack.audit.facts import Facts, Json, differing, sentence
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.reading import Databases, Patience

Shown = Callable[[], Json]
"""Asks for the totals that anybody is shown."""
RECORDED = ("donations", "received_fen")
"""Totals that the shards' documents add to, and that never fall: two readings of those lie around them."""
FOUND = ("duplicates", "conflicts", "refused")
"""Totals with what the shards have beyond the log, of which it is not told how much that is."""


def recorded(kept: Databases) -> Json:
    """What the shards' documents have of gifts."""
    found = dict.fromkeys(RECORDED, 0)
    for document in kept.reporting.shards.find({}, {"state": 1}):
        for known in document["state"]["programmes"].values():
            found["donations"] += known["count"]
            found["received_fen"] += known["fen_to"]
    return found


class ShownTotals:
    """The totals that are shown, as soon as they have what was `recorded` before them."""

    def __init__(self, kept: Databases, ask: Shown, before: Json, patience: Patience) -> None:
        self._kept, self._before, self.values = kept, before, Json()

        def reached() -> int:
            self.values = ask()
            return sum(self.values[name] >= before[name] for name in RECORDED)

        patience.until(reached, len(RECORDED))

    @property
    def size(self) -> int:
        """How many entries of the log are in them."""
        return int(self.values["snapshot"]["size"])

    def compare(self, recounted: Json | None, findings: Findings) -> None:
        """`recounted`: the figures of the log as of their size; None where it could not be added up so far."""
        last = recorded(self._kept)
        for name in RECORDED:
            first, shown = self._before[name], self.values[name]
            if not first <= shown <= last[name]:
                text = f"totals {name}: the shards had {first} before and {last[name]} after, shown {shown}"
                findings.add(Layer.SHOWN, text, explains=(f"totals {name}",))
        if recounted is None:
            return
        own, found = _flat(recounted), self._of_log()
        for name, ours, theirs in differing(own, {name: found.get(name, 0) for name in own}):
            text = sentence("totals", f"{name} as of {self.size} entries", ours, theirs)
            findings.add(Layer.SHOWN, text, because=(f"totals {name}",))

    def _of_log(self) -> Facts:
        """What is shown, without what runs ahead of the log."""
        shown, ahead = _flat(self.values), self.values["snapshot"]["ahead"] or {}
        for name, more in ahead.items():
            shown[name] = int(shown[name]) - more
        in_flight = ahead.get("received_fen", 0) - ahead.get("reversed_fen", 0)
        shown["in_flight_fen"] = int(shown["in_flight_fen"]) - in_flight
        return shown


def _flat(totals: Mapping[str, object]) -> Facts:
    """The figures by name, but for those of which it is not known how much of them runs ahead."""
    found: Facts = {}
    for name, value in totals.items():
        if name == "parcels" and isinstance(value, Mapping):
            found |= {f"parcels {state}": int(count) for state, count in value.items()}
        elif name not in FOUND and isinstance(value, int):
            found[name] = value
    return found
