"""What periods, places and parts are called in charts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from services.reporting.api.texts import Language, PageTexts


def named(column: str, value: str, texts: PageTexts) -> str:
    """What a value of a text column is called."""
    match column:
        case "period" | "peak_day" | "effective_from":
            return period_name(value, texts)
        case "specification":
            return value
        case "indicator":
            return _known(f"chart_indicator_{value}", value, texts)
        case "country":
            return texts.country(value)
        case _:
            return texts.country(value) if value.isupper() else _known(f"chart_of_{value}", value, texts)


def _known(key: str, value: str, texts: PageTexts) -> str:
    """The text; the value itself where it is of a newer release, or of a programme of its own."""
    try:
        return texts.text(key)
    except KeyError:
        return value


def period_name(period: str, texts: PageTexts) -> str:
    """`2021年11月`, `November 2021`; a day as `11 November 2021`."""
    is_month = len(period) == len("2021-11")
    day = date.fromisoformat(f"{period}-01" if is_month else period)
    if texts.language is Language.ZH:
        return f"{day.year}年{day.month}月" + ("" if is_month else f"{day.day}日")
    return f"{day:%B %Y}" if is_month else f"{day.day} {day:%B %Y}"


def counted(key: str, n: int, texts: PageTexts) -> str:
    """`1 gift`, `2.60 billion gifts`: the number, short, with its noun."""
    return closed_up(texts.text(f"chart_{key}_one" if n == 1 else f"chart_{key}_many", n=texts.short(n)))


def tip(name: str, texts: PageTexts, *figures: tuple[str, str]) -> str:
    """What a mark says to whoever points at it, exactly: `November 2021: Gifts 1,234,567`. Figures: column, value."""
    told = (f"{texts.text(f'chart_column_{column}')} {value}" for column, value in figures)
    return f"{name}{texts.text('colon')}{texts.text('comma').join(told)}"


def flow_tip(row: Mapping[str, Any], value: str, texts: PageTexts) -> str:
    """Of an arm of a river: `Goods → Nepal: ¥1.20`."""
    return f"{named('from', row['from'], texts)} → {named('to', row['to'], texts)}{texts.text('colon')}{value}"


def closed_up(text: str) -> str:
    """No space stands between two Chinese characters, where a number ended with one: `1.28 亿笔`."""
    return re.sub(r"(?<=[万亿元]) (?=[\u4e00-\u9fff])", "", text)


def capital(text: str) -> str:
    """As it stands at the beginning of a line."""
    return text[:1].upper() + text[1:]


def percent(per_mille: int, texts: PageTexts) -> str:
    """Of 100, to a tenth: `82.1%`."""
    return f"{texts.tenths(per_mille)}%"
