"""Figures by name: counted twice, each time in another way, and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]
Fact = int | str
Facts = dict[str, Fact]
"""What is nothing (0 or an empty text) is as good as not there."""


def add(facts: Facts, name: str, more: int) -> None:
    """A figure grows."""
    facts[name] = int(facts.get(name, 0)) + more


def named(prefix: str, figures: Mapping[str, Any], only: Iterable[str] | None = None) -> Facts:
    """The figures of a group under one name."""
    names = figures if only is None else only
    return {f"{prefix} {name}": value for name in names if isinstance(value := figures.get(name, 0), int | str)}


def differing(recounted: Mapping[str, Fact], shown: Mapping[str, Fact]) -> Iterator[tuple[str, Fact, Fact]]:
    """(name, recounted, shown) of each figure that is not the same on both sides, by name."""
    for name in sorted({*recounted, *shown}):
        ours, theirs = recounted.get(name, 0), shown.get(name, 0)
        if ours != theirs and (ours or theirs):
            yield name, ours, theirs


def sentence(what: str, name: str, recounted: Fact, shown: Fact) -> str:
    """A difference, in words."""
    return f"{what}: {name}: recounted {_word(recounted)}, found {_word(shown)}"


def delta_name(partition: str, recounted: Fact, shown: Fact) -> str:
    """By which name a figure that is so much off explains another of the same partition that is as much off."""
    off = recounted - shown if isinstance(recounted, int) and isinstance(shown, int) else f"{recounted} {shown}"
    return f"off by {off} in {partition}"


def _word(fact: Fact) -> str:
    return str(fact) if fact != "" else "nothing"
