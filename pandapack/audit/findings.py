"""What an audit finds: causes first, and under each what only follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

FOLLOWS_KEPT_MAX = 1_000
"""Texts kept under one cause; beyond that they are counted."""


class Layer(IntEnum):
    """How near to the beginning a difference lies: what lies further on may follow from what lies nearer."""

    KEPT = 0
    """Pages, seals, signed roots, journal, archive: what all else is counted from."""
    OWNED = 1
    """Documents of procurement and logistics, settlements."""
    VIEWED = 2
    """Reporting's views."""
    SHOWN = 3
    """What anybody is shown."""


@dataclass
class Cause:
    """A difference that nothing else explains, and what follows from it (`follows`, `follows_count` in all)."""

    text: str
    follows: list[str] = field(default_factory=list)
    follows_count: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    layer: Layer
    text: str
    explains: frozenset[str]
    because: frozenset[str]


class Findings:
    """Takes differences in any order, and folds those that follow from others under their cause."""

    def __init__(self) -> None:
        self._found: list[_Found] = []

    def add(self, layer: Layer, text: str, *, explains: Iterable[str] = (), because: Iterable[str] = ()) -> None:
        """A difference. `explains`: names by which others may follow from it; `because`: names that explain it."""
        self._found.append(_Found(layer, text, frozenset(explains), frozenset(because)))

    def __bool__(self) -> bool:
        return bool(self._found)

    def causes(self) -> list[Cause]:
        """Every cause, those nearest to the beginning first, each with what follows from it."""
        causes: list[Cause] = []
        by_name: dict[str, Cause] = {}
        for found in sorted(self._found, key=lambda one: one.layer):  # stable: within a layer as they were found
            cause = next((by_name[name] for name in sorted(found.because) if name in by_name), None)
            if cause is None:
                cause = Cause(found.text)
                causes.append(cause)
            else:
                cause.follows_count += 1
                if len(cause.follows) < FOLLOWS_KEPT_MAX:
                    cause.follows.append(found.text)
            for name in found.explains:
                by_name.setdefault(name, cause)
        return causes
