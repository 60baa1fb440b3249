"""A monitor: looks at a log again and again, remembers what it saw, and names what an honest log never shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pandapack.transparency.copies import LogCopy, Progress
from pandapack.transparency.reading import Reading
from pandapack.transparency.shown import FiguresBehind, compare
from pandapack.transparency.sources import AddressSource, Source
from pandapack.transparency.trust import (
    Trust,
    is_ahead,
    judge_time,
    judge_witnesses,
    signed_at,
    signed_checkpoint,
)

FIGURES_TRIES_MAX = 10
"""So often figures are asked for that have not come as far as the log yet; they follow it within a second, mostly."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found to be right. `figures`: how many were compared; None: the source shows none of this size.

    `set_aside`: events that the log tells were passed over, and `broken_laws` what they may have broken.
    """

    origin: str
    size: int
    root: bytes
    signed_at: datetime
    fresh_entries: int
    cosigned_by: tuple[str, ...]
    witnesses: int
    figures: int | None
    set_aside: int = 0
    broken_laws: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """For a machine."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "signed_at": self.signed_at.isoformat(),
            "fresh_entries": self.fresh_entries,
            "cosigned_by": list(self.cosigned_by),
            "witnesses": self.witnesses,
            "figures": self.figures,
            "set_aside": self.set_aside,
            "broken_laws": list(self.broken_laws),
        }

    def __str__(self) -> str:
        figures = "no figures are shown as of it" if self.figures is None else f"{self.figures} figures follow from it"
        cosigned = f", cosigned by {len(self.cosigned_by)} of {self.witnesses} witnesses" if self.witnesses else ""
        laws = "the laws hold"
        if self.set_aside:
            broken = ", ".join(self.broken_laws) or "none"
            laws = f"{self.set_aside} events were set aside by an operator, laws broken by that: {broken}"
        return (
            f"{self.origin}: {self.size} entries ({self.fresh_entries} new), signed {self.signed_at.isoformat()}"
            f"{cosigned}; one log with all that was seen, every entry well-formed, {laws}; {figures}"
        )


class Monitor:
    """One log's. `copy`: all that it has seen, in its folder. `now`: wall time."""

    def __init__(
        self,
        source: Source,
        copy: LogCopy,
        trust: Trust,
        now: Callable[[], datetime],
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        """`pause`: waits a little for figures that are behind the log."""
        self._source, self._copy, self._trust, self._now, self._pause = source, copy, trust, now, pause
        self._reading = Reading()

    def look(self, progress: Progress = lambda _, __: None) -> Look:
        """Checks what is served now. Its cost is that of what is new; the first look reads the whole copy.

        Raises Wrong for the first thing that is wrong, Unanswered where there is no answer to judge.
        """
        signed = signed_checkpoint(self._source, self._trust.keys)
        now = self._now()
        judge_time(self._source, signed.checkpoint, now)
        cosigned = judge_witnesses(self._source, signed, self._trust.policy, now)
        before = self._copy.size
        if is_ahead(self._copy, signed):
            self._copy.keep_key(signed.signers[0].text)
            self._copy.extend(self._source, signed, progress)
        self._copy.look_again(self._source, turn=int(now.timestamp()))
        for entry in self._copy.entries(self._reading.size, self._copy.size):
            self._reading.read(entry)
        self._reading.judge_laws()
        figures = self._compared()
        return Look(
            signed.checkpoint.origin,
            self._copy.size,
            self._copy.edge.root,
            signed_at(signed.checkpoint),
            self._copy.size - before,
            tuple(name for name, _ in cosigned.by),
            cosigned.known,
            figures,
            self._reading.set_aside,
            self._reading.broken_laws,
        )

    def _compared(self) -> int | None:
        """How many figures follow; None where none are shown, or not as of this size for a while."""
        for _ in range(FIGURES_TRIES_MAX if isinstance(self._source, AddressSource) else 0):
            assert isinstance(self._source, AddressSource)
            try:
                return compare(self._source, self._reading)
            except FiguresBehind:
                self._pause()
        return None
