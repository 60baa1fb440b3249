"""What the public sees of a survey: sums, and no cell that would point at few pupils, nor one that could be computed.

A cell is a country's answer to an indicator: those who said yes, and those who did not. Where either are few, the
country stands with others under `country: null`, joined by the smallest that could be shown while they are few
together. So each figure that is shown, and each difference of such figures, is of `CELL_MIN` pupils or more on both
sides. Whom it is shown without a figure of its own is named, with null. Where all countries are few together, nothing
is shown of the indicator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pandapack.contracts.logistics import SurveyReported
from pandapack.contracts.public_log.suppression import CELL_MIN, is_small

Json = dict[str, Any]
Counts = tuple[int, ...]


class Cells(NamedTuple):
    """`shown` by name; `hidden` are the names that stand together, with `rest`, None where that is small, too."""

    shown: Mapping[str, Counts]
    hidden: tuple[str, ...]
    rest: Counts | None


def cells_of(counts: Mapping[str, Counts], is_few: Callable[[Counts], bool]) -> Cells:
    """Which cells are shown, and which stand together."""
    shown = {name: one for name, one in counts.items() if not is_few(one)}
    hidden = {name: one for name, one in counts.items() if name not in shown}
    while hidden and shown and is_few(_sum(hidden)):
        smallest = min(shown, key=lambda name: (min(shown[name]), name))
        hidden[smallest] = shown.pop(smallest)
    rest = _sum(hidden) if hidden else None
    return Cells(shown, tuple(sorted(hidden)), None if rest is None or is_few(rest) else rest)


def samples(event: SurveyReported) -> list[Json]:
    """Pupils in frame and sample, and those interviewed, by country."""
    counts = {one.country: (one.frame_pupils, one.sample_pupils, one.interviewed) for one in event.countries}
    return _rows(_of_sample(counts), "country", ("frame_pupils", "sample_pupils", "interviewed"))


def schools(name: str) -> Callable[[SurveyReported], int | None]:
    """`frame_schools` or `sample_schools`, over all countries; None where there are few in the sample."""

    def value(event: SurveyReported) -> int | None:
        few = is_small(sum(one.sample_schools for one in event.countries))
        return None if few else sum(int(getattr(one, name)) for one in event.countries)

    return value


def indicators(event: SurveyReported) -> list[Json]:
    """Those who said yes, and all who answered, by indicator and country."""
    by_indicator: dict[str, dict[str, Counts]] = {}
    for country in event.countries:
        for one in country.indicators:
            counts = by_indicator.setdefault(one.indicator.value, {})
            counts[country.country] = (one.numerator, one.denominator - one.numerator)
    found: list[Json] = []
    for indicator, counts in sorted(by_indicator.items()):
        for row in _rows(cells_of(counts, lambda one: is_small(*one)), "country", ("numerator", "others")):
            others = row.pop("others")
            denominator = None if others is None else row["numerator"] + others
            found.append({"indicator": indicator, **row, "denominator": denominator})
    return found


def complaints(event: SurveyReported) -> list[Json]:
    """Complaints by kind, over all countries.

    How many of them are resolved is told by kind where that is nobody, or enough, of every kind, resolved and not.
    """
    totals = _complaints(event)
    cells = cells_of({kind: one for kind, one in totals.items() if one[0]}, lambda one: is_small(one[0]))
    told = [*cells.shown.values(), *([cells.rest] if cells.rest else [])]
    rows = _rows(cells, "kind", ("received", "resolved"))
    return rows if all(map(_is_split, told)) else [{**row, "resolved": None} for row in rows]


def complaints_resolved(event: SurveyReported) -> int | None:
    """Over all kinds; None where few are resolved, or few are not."""
    totals = _complaints(event).values()
    whole = sum(one[0] for one in totals), sum(one[1] for one in totals)
    return whole[1] if _is_split(whole) and not is_small(whole[0]) else None


def _of_sample(counts: Mapping[str, Counts]) -> Cells:
    return cells_of(counts, lambda one: is_small(*one))


def _complaints(event: SurveyReported) -> dict[str, Counts]:
    totals: dict[str, Counts] = {}
    for country in event.countries:
        for one in country.complaints:
            received, resolved = totals.get(one.kind.value, (0, 0))
            totals[one.kind.value] = (received + one.received, resolved + one.resolved)
    return totals


def _is_split(one: Counts) -> bool:
    """Whether resolved and open ones can be told apart: each is nobody, or enough."""
    received, resolved = one
    return all(count == 0 or count >= CELL_MIN for count in (resolved, received - resolved))


def _rows(cells: Cells, named: str, names: tuple[str, ...]) -> list[Json]:
    """A row a name, sorted; those that are hidden without figures, and last what they have together."""
    nothing: Json = dict.fromkeys(names)
    every = dict.fromkeys(cells.hidden, nothing)
    every |= {name: dict(zip(names, one, strict=True)) for name, one in cells.shown.items()}
    rows: list[Json] = [{named: name, **every[name]} for name in sorted(every)]
    if cells.rest is not None:
        rows.append({named: None, **dict(zip(names, cells.rest, strict=True))})
    return rows


def _sum(cells: Mapping[str, Counts]) -> Counts:
    return tuple(sum(column) for column in zip(*cells.values(), strict=True))
