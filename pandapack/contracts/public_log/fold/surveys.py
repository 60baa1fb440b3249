"""What pupils said: answers by indicator and country, complaints by kind, and the interval within which a share lies.

The interval is Wilson's at 95 %: the shares p for which the sample's share k/n is at most z = 1.96 standard errors from
p, that is for which (k − np)² ≤ z²np(1 − p). It is found per mille in whole numbers, and rounded outwards: `low` is the
greatest below which none of them lies, `high` the least above which none does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from pandapack.contracts.public_log.fold.books import Books
from pandapack.contracts.public_log.fold.costs import PER_MILLE, per_mille
from pandapack.contracts.public_log.fold.survey_books import AnswerSums, ComplaintSums, SurveyBooks

Json = dict[str, Any]
S = TypeVar("S", bound=msgspec.Struct)
Z_PER_CENT = 196
"""1.96: 95 % of a normal distribution lie within so many standard errors."""
ALL = ""
"""In place of a country or a kind: all of them."""
METHOD = ("frame_schools", "sample_schools", "frame_pupils", "sample_pupils", "interviewed")


def grow(books: SurveyBooks, entry: Json) -> None:
    """The sums with one more survey (`logistics.SurveyReported`)."""
    samples = {one["country"]: one["interviewed"] for one in entry["samples"]}
    asked = [one for one in entry["samples"] if one["interviewed"] is not None]
    _add(books, surveys=1, **{name: entry.get(name, 0) for name in ("frame_schools", "sample_schools")})
    for one in asked:
        _add(books, **{name: one[name] for name in ("frame_pupils", "sample_pupils", "interviewed")})
    whole: dict[str, AnswerSums] = {}
    for one in entry["indicators"]:
        countries = books.answers.setdefault(one["indicator"], {})
        every = whole.setdefault(one["indicator"], AnswerSums())
        if one["numerator"] is not None:
            _add(every, numerator=one["numerator"], denominator=one["denominator"])
        if one["country"] is not None:
            _add_answers(countries.setdefault(one["country"], AnswerSums()), one, samples.get(one["country"]))
    interviewed = sum(one["interviewed"] for one in asked)
    for indicator, every in whole.items():
        told = {"numerator": every.numerator if every.denominator else None, "denominator": every.denominator}
        _add_answers(books.answers[indicator].setdefault(ALL, AnswerSums()), told, interviewed)
    _add_complaints(books, entry)


def _add_answers(sums: AnswerSums, told: Json, interviewed: int | None) -> None:
    if told["numerator"] is None:
        sums.hidden += 1
        return
    _add(sums, numerator=told["numerator"], denominator=told["denominator"], surveys=1)
    _add(sums, interviewed=interviewed or 0, unknown=int(interviewed is None))


def _add_complaints(books: SurveyBooks, entry: Json) -> None:
    rows = entry["complaints"]
    if not rows:
        return
    told = [one["received"] for one in rows if one["received"] is not None]
    whole = {"received": sum(told) if told else None, "resolved": entry.get("complaints_resolved")}
    for kind, one in ((ALL, whole), *((one["kind"], one) for one in rows if one["kind"] is not None)):
        sums = books.complaints.setdefault(kind, ComplaintSums())
        if one["received"] is None:
            sums.hidden += 1
            continue
        _add(sums, received=one["received"], resolved=one["resolved"] or 0, surveys=1)
        sums.untold += one["resolved"] is None


def _add(sums: msgspec.Struct, **more: int) -> None:
    for name, value in more.items():
        setattr(sums, name, getattr(sums, name) + value)


def indicator_rows(books: Books, programme: str | None = None) -> list[Json]:
    """`/v1/totals/indicator`: a row an indicator (`country` null: in all) and country.

    `suppressed`: no survey shows a figure of it, since few said yes or few did not; its figures are null.
    """
    parts: dict[tuple[str, str], list[AnswerSums]] = {}
    for one in _of(books, programme):
        for indicator, countries in one.answers.items():
            for country, sums in countries.items():
                parts.setdefault((indicator, country), []).append(sums)
    return [
        {"indicator": indicator, "country": country or None, **_answers(_sum(AnswerSums, found))}
        for (indicator, country), found in sorted(parts.items())
    ]


def _answers(sums: AnswerSums) -> Json:
    shown, low, high = sums.surveys > 0, None, None
    if shown:
        low, high = wilson_per_mille(sums.numerator, sums.denominator)
    return {
        "numerator": sums.numerator if shown else None,
        "denominator": sums.denominator if shown else None,
        "share_per_mille": per_mille(sums.numerator, sums.denominator) if shown else None,
        "low_per_mille": low,
        "high_per_mille": high,
        "interviewed": sums.interviewed if shown and not sums.unknown else None,
        "surveys": sums.surveys,
        "suppressed": not shown,
    }


def complaint_rows(books: Books, programme: str | None = None) -> list[Json]:
    """`/v1/totals/complaint`: a row a kind (`kind` null: of all). `suppressed`: few came, so that none is shown.

    `complaints_resolved` is null, too, where a survey does not show it: few are resolved, or few are not.
    """
    parts: dict[str, list[ComplaintSums]] = {}
    for one in _of(books, programme):
        for kind, sums in one.complaints.items():
            parts.setdefault(kind, []).append(sums)
    return [{"kind": kind or None, **_complaints(_sum(ComplaintSums, found))} for kind, found in sorted(parts.items())]


def _complaints(sums: ComplaintSums) -> Json:
    shown = sums.surveys > 0
    return {
        "complaints_received": sums.received if shown else None,
        "complaints_resolved": sums.resolved if shown and not sums.untold else None,
        "surveys": sums.surveys,
        "suppressed": not shown,
    }


def method_of(books: Books, programme: str | None = None) -> dict[str, int]:
    """Surveys, and whom they asked: `surveys`, `survey_frame_pupils` and so on, as totals have them."""
    every = list(_of(books, programme))
    sums = {f"survey_{name}": sum(int(getattr(one, name)) for one in every) for name in METHOD}
    return {"surveys": sum(one.surveys for one in every), **sums}


def _of(books: Books, programme: str | None) -> Iterator[SurveyBooks]:
    return (one.surveys for name, one in books.programmes.items() if programme in (None, name))


def _sum(kind: type[S], parts: Iterable[S]) -> S:
    whole = kind()
    for part in parts:
        _add(whole, **msgspec.structs.asdict(part))
    return whole


def wilson_per_mille(numerator: int, denominator: int) -> tuple[int, int]:
    """Wilson's interval of numerator/denominator, `0 ≤ numerator ≤ denominator`, more than nothing."""
    k, n = numerator, denominator

    def is_beyond(share: int) -> bool:
        """Whether the sample lies at least z standard errors from a population with this share."""
        spread = Z_PER_CENT**2 * n * share * (PER_MILLE - share)
        return (100 * (PER_MILLE * k - n * share)) ** 2 >= spread

    # Nobody and everybody have no spread at all: they are ends of the interval, and bound nothing on their other side.
    below = range(min(PER_MILLE * k // n, PER_MILLE - 1) + 1)
    above = range(max(-(-PER_MILLE * k // n), 1), PER_MILLE + 1)
    low = bisect_right(below, False, key=lambda share: not is_beyond(share)) - 1
    return low, above[bisect_left(above, True, key=is_beyond)]
