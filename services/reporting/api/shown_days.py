"""What the page shows of the days as of which it can be: a slider's stops, the day that it is of, festivals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from services.reporting.domain.charts.rows import FESTIVALS
from services.reporting.work.known_days import Span, china_day
from services.reporting.work.readings import Reading

Json = dict[str, Any]


def shown_days(spans: Sequence[Span], reading: Reading) -> Json | None:
    """`spans`, as `page.js` reads them; `place`: of the day that is shown among all, from 0. None: there is no day."""
    if not spans:
        return None
    newest, at = spans[-1].last, reading.snapshot.at
    is_now = reading.lead is not None
    shown = newest if is_now else china_day(at) if at else spans[0].first
    return {
        "first": spans[0].first.isoformat(),
        "last": newest.isoformat(),
        "shown": min(max(shown, spans[0].first), newest).isoformat(),
        "spans": ",".join(f"{one.first}/{one.last}" for one in spans),
        "place": _place(spans, shown),
        "end": sum(one.days for one in spans) - 1,
        "festivals": _festivals(spans),
    }


def _place(spans: Sequence[Span], day: date) -> int:
    return max(0, sum(max(0, (min(day, one.last) - one.first).days + 1) for one in spans) - 1)


def _festivals(spans: Sequence[Span]) -> list[Json]:
    """A year each that has any, with its `days`."""
    years = []
    for year in range(spans[0].first.year, spans[-1].last.year + 1):
        days = [date(year, month, day) for month, day in FESTIVALS]
        known = [day for day in days if any(one.first <= day <= one.last for one in spans)]
        if known:
            years.append({"year": year, "days": [_festival(spans, day) for day in known]})
    return years


def _festival(spans: Sequence[Span], day: date) -> Json:
    """`name` as people say it: `11.11`."""
    return {"day": day.isoformat(), "name": f"{day.month}.{day.day}", "place": _place(spans, day)}


def links(lang: str, as_of: str, sort: str) -> Callable[..., str]:
    """`to(as_of=…)`: the page's own address with something else in it; "" leaves it out."""
    kept = {"lang": lang, "as_of": as_of, "sort": sort}

    def to(**changes: str) -> str:
        query = urlencode({name: value for name, value in (kept | changes).items() if value})
        return f"/?{query}" if query else "/"

    return to
