"""The pages' texts in both languages, and how they write numbers, money and times. `static/page.js` writes alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pandapack.contracts.donations import CHINA

TEXTS = Path(__file__).parents[1] / "templates" / "texts.json"
UNKNOWN = {"zh": "未知", "en": "unknown"}


class Language(StrEnum):
    """The languages of the pages."""

    ZH = "zh"
    EN = "en"


_SCALES: Mapping[Language, tuple[tuple[int, str], ...]] = {
    Language.ZH: ((10**8, "亿"), (10**4, "万")),
    Language.EN: ((10**9, "billion"), (10**6, "million")),
}
_DAY = {Language.ZH: "{0.year}年{0.month}月{0.day}日", Language.EN: "{0.day} {0:%B} {0.year}"}
_MONTH = {Language.ZH: "{0.year}年{0.month}月", Language.EN: "{0:%B} {0.year}"}

_INSTANT = {
    Language.ZH: "{0.year}年{0.month}月{0.day}日 {0:%H:%M:%S}",
    Language.EN: "{0.day} {0:%B} {0.year}, {0:%H:%M:%S}",
}


def language_of(asked: str | None, accepted: str) -> Language:
    """`?lang=` first, then the best of Accept-Language; else English."""
    if asked in tuple(Language):
        return Language(asked)
    ranked = sorted(_ranges(accepted), key=lambda one: -one[1])
    return next(
        (Language(tag[:2]) for tag, quality in ranked if tag[:2] in tuple(Language) and quality > 0), Language.EN
    )


def _ranges(accepted: str) -> list[tuple[str, float]]:
    found = []
    for part in accepted.split(","):
        tag, _, quality = part.strip().lower().partition(";q=")
        try:
            found.append((tag, float(quality or 1)))
        except ValueError:
            continue  # what is no language range is passed over
    return found


def _catalogue() -> dict[str, dict[str, Any]]:
    catalogue: dict[str, dict[str, Any]] = json.loads(TEXTS.read_text())
    return catalogue


class PageTexts:
    """One language: `text("given")`, and numbers as its readers write them."""

    _catalogue = _catalogue()

    def __init__(self, language: Language) -> None:
        self.language = language

    @property
    def html(self) -> str:
        """The language as HTML names it."""
        return "zh-CN" if self.language is Language.ZH else "en"

    @property
    def other(self) -> Language:
        """The language to which a reader can change."""
        return Language.EN if self.language is Language.ZH else Language.ZH

    def has(self, key: str) -> bool:
        """Whether there is a text for a key."""
        return key in self._catalogue["texts"]

    def text(self, key: str, **values: object) -> str:
        """The text for a key, with values put in."""
        text: str = self._catalogue["texts"][key][self.language]
        return text.format(**values)

    def pattern(self, key: str) -> str:
        """The text for a key as it stands, with the names of what is put in."""
        return str(self._catalogue["texts"][key][self.language])

    def country(self, code: str) -> str:
        """A country's name, or its ISO 3166-1 code where this catalogue has no name."""
        return self._named("countries", code)

    def district(self, name: str) -> str:
        """A district's name in this language, or the one that it was reported with."""
        return self._named("districts", name)

    def place(self, code: str) -> str:
        """The name of a port or town, or its UN/LOCODE where this catalogue has no name."""
        return self._named("places", code)

    def reason(self, word: str) -> str:
        """Why, where it is one of the words of `contracts.logistics`; a remark is in the language of who made it."""
        return self._named("reasons", word if word in self._catalogue["reasons"] else "other")

    def kind_name(self, kind: str) -> str:
        """What items are for, or the word that was published where this catalogue has none."""
        return self._known(f"story_kind_{kind}", kind)

    def unit_name(self, unit: str) -> str:
        """A base unit's name, or the word that was published where this catalogue has none."""
        return self._known(f"story_unit_{unit}", unit)

    def _known(self, key: str, word: str) -> str:
        return self.text(key) if key in self._catalogue["texts"] else word

    def _named(self, kind: str, key: str) -> str:
        names = self._catalogue[kind].get(key)
        return str(names[self.language]) if names else key

    def count(self, value: int | None) -> str:
        """Grouped by thousands: `2,600,412,009`."""
        return UNKNOWN[self.language] if value is None else f"{value:,}"

    def short(self, value: float) -> str:
        """`1.28 亿`, `128 million`; exact and grouped where it is small."""
        for size, name in _SCALES[self.language]:
            if abs(value) >= size:
                return f"{value / size:,.2f} {name}"
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"

    def money(self, fen: int) -> str:
        """Exact: `1,280,000.05 元`, `¥1,280,000.05`."""
        rest = abs(fen)
        return self._yuan(fen < 0, f"{rest // 100:,}.{rest % 100:02d} ")

    def money_short(self, fen: int) -> str:
        """`1.28 亿元`, `¥128.00 million`."""
        rest = abs(fen)
        return self._yuan(fen < 0, self.short(rest / 100) if rest >= 10**8 else f"{rest / 100:,.2f} ")

    def _yuan(self, is_negative: bool, amount: str) -> str:
        """`amount` ends with a space where a unit stands apart from it."""
        sign = "-" if is_negative else ""
        return f"{sign}{amount}元" if self.language is Language.ZH else f"{sign}¥{amount.rstrip()}"

    def mean(self, fen: int, count: int) -> str:
        """Fen each on average, a half up: `4.9`. `count` is at least one."""
        tenths = (20 * fen + count) // (2 * count)
        return f"{tenths // 10:,}.{tenths % 10}"

    def tenths(self, per_mille: int) -> str:
        """Of 100, to a tenth: `45.2`."""
        return f"{per_mille // 10}.{per_mille % 10}"

    def moment(self, at: str | None) -> str:
        """Day and time of day in China: `2021-11-11 12:03:07`."""
        return _local(at).strftime("%Y-%m-%d %H:%M:%S") if at else UNKNOWN[self.language]

    def instant(self, at: str | None) -> str:
        """Day, in words, and time of day in China: `2021年11月11日 10:05:03`, `11 November 2021, 10:05:03`."""
        return _INSTANT[self.language].format(_local(at)) if at else UNKNOWN[self.language]

    def day(self, at: str | None) -> str:
        """The day in China: `2021年11月1日`, `1 November 2021`."""
        return _DAY[self.language].format(_local(at)) if at else UNKNOWN[self.language]

    def month(self, name: str) -> str:
        """`2019-02` in words: `2019年2月`, `February 2019`."""
        return _MONTH[self.language].format(date.fromisoformat(f"{name}-01"))

    def seconds(self, value: float | None) -> str:
        """`0.4 s`; unknown is not zero."""
        if value is None:
            return UNKNOWN[self.language]
        return f"{value:.1f} {'秒' if self.language is Language.ZH else 's'}"


def _local(at: str) -> datetime:
    """A day alone is one in China."""
    moment = datetime.fromisoformat(at)
    return moment.astimezone(CHINA) if moment.tzinfo else moment.replace(tzinfo=CHINA)


def formats(texts: PageTexts) -> dict[str, Callable[..., str]]:
    """What templates may call."""
    names = ("text", "country", "district", "place", "reason", "kind_name", "unit_name")
    numbers = (
        "count",
        "short",
        "money",
        "money_short",
        "mean",
        "tenths",
        "moment",
        "instant",
        "day",
        "month",
        "seconds",
    )
    return {name: getattr(texts, name) for name in (*names, *numbers)}
