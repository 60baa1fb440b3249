"""Percentages that add up to exactly 100, as IATI wants them of sectors and countries."""

from __future__ import annotations

from collections.abc import Mapping

WHOLE = 10_000
"""Hundredths of a per cent: two places behind the point."""


def shares(weights: Mapping[str, int]) -> dict[str, int]:
    """Name → hundredths of a per cent, together `WHOLE`, by largest remainder; of equal ones the first by name.

    What weighs nothing, or less, or too little for a hundredth, has no share. Nothing weighs anything: no shares.
    """
    known = {name: weight for name, weight in sorted(weights.items()) if weight > 0}
    total = sum(known.values())
    found = {name: WHOLE * weight // total for name, weight in known.items()}
    missing = WHOLE - sum(found.values()) if known else 0
    by_remainder = sorted(known, key=lambda name: -(WHOLE * known[name] % total))
    for name in by_remainder[:missing]:
        found[name] += 1
    return {name: share for name, share in found.items() if share}


def percentage(hundredths: int) -> str:
    """`91.50`; `100` for the whole."""
    return "100" if hundredths == WHOLE else f"{hundredths // 100}.{hundredths % 100:02d}"
