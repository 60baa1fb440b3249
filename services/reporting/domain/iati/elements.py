"""The parts of an activity as XML: their order within it is `activities.py`'s."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol
from xml.etree.ElementTree import Element, SubElement

from services.reporting.domain.iati.accounts import Amount, Answers
from services.reporting.domain.iati.publisher import Publisher
from services.reporting.domain.iati.shares import WHOLE, percentage

CURRENCY = "CNY"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
DAC, EDUCATION, ADMINISTRATION = "1", "11220", "91010"
"""OECD DAC's vocabulary, and of its five-digit purposes primary education (learning materials; goods are carried under
the sector that they are for) and administrative costs."""
PRIVATE_SECTOR = "70"
FUNDING, ACCOUNTABLE, IMPLEMENTING = "1", "2", "4"
INCOMING, COMMITMENT, DISBURSEMENT, EXPENDITURE = "1", "2", "3", "4"
ISO_COUNTRIES = "A4"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write: names of districts come from reports."""


class Both(NamedTuple):
    """The same in both languages."""

    zh: str
    en: str


class Narrator(Protocol):
    """What people read in it."""

    def text(self, key: str, **values: str | Both) -> Both:
        """A text with values put in, each in its language where there are two."""
        ...

    def country(self, code: str) -> Both:
        """Its name, or its code."""
        ...

    def district(self, name: str) -> Both:
        """Its name, or the one that was reported."""
        ...

    def indicator(self, name: str) -> Both:
        """What pupils were asked, or the indicator's own name."""
        ...

    def month(self, month: str) -> Both:
        """`2021-11` as people write it."""
        ...


class Party(NamedTuple):
    """Who gives or gets: the publisher with one of its activities, or others, by name only."""

    names: Both
    type: str
    ref: str = ""
    activity: str = ""


def publishing(publisher: Publisher, activity: str) -> Party:
    """The publisher, with an activity of its own."""
    return Party(names_of(publisher), publisher.type, publisher.ref, activity)


def names_of(publisher: Publisher) -> Both:
    """The publisher's names."""
    return Both(publisher.name_zh, publisher.name_en)


def narrated(parent: Element, tag: str, both: Both, attributes: Mapping[str, str] | None = None) -> Element:
    """An element with its narratives, each with its language."""
    element = SubElement(parent, tag, dict(attributes or {}))
    for language, text in (("en", both.en), ("zh", both.zh)):
        SubElement(element, "narrative", {LANGUAGE: language}).text = _NOT_XML.sub("\ufffd", text)
    return element


def coded(parent: Element, tag: str, code: str, **more: str) -> None:
    """An element that is a code."""
    SubElement(parent, tag, {"code": code, **more})


def dated(parent: Element, tag: str, day: str, **more: str) -> None:
    """An element that is a day."""
    SubElement(parent, tag, {**more, "iso-date": day})


def yuan(fen: int) -> str:
    """`-1234.05`, exactly."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def valued(parent: Element, fen: int, day: str) -> None:
    """Money, with the day that it is of."""
    SubElement(parent, "value", {"currency": CURRENCY, "value-date": day}).text = yuan(fen)


def participants(activity: Element, publisher: Publisher, donors: Both, own: str) -> None:
    """Who gives, who answers for it, who does it."""
    narrated(activity, "participating-org", donors, {"role": FUNDING, "type": PRIVATE_SECTOR})
    for role in (ACCOUNTABLE, IMPLEMENTING):
        attributes = {"ref": publisher.ref, "role": role, "type": publisher.type, "activity-id": own}
        narrated(activity, "participating-org", names_of(publisher), attributes)


def recipients(activity: Element, found: Mapping[str, int]) -> None:
    """Countries with hundredths of a per cent; where there is none yet, developing countries as such."""
    for country, share in found.items():
        coded(activity, "recipient-country", country, percentage=percentage(share))
    if not found:
        coded(activity, "recipient-region", "998", vocabulary="1", percentage=percentage(WHOLE))


def sectors(activity: Element, found: Mapping[str, int]) -> None:
    """Sectors of one vocabulary and level with hundredths of a per cent."""
    for code, share in (found or {EDUCATION: WHOLE}).items():
        coded(activity, "sector", code, vocabulary=DAC, percentage=percentage(share))


def location(activity: Element, name: Both, country: str) -> None:
    """A district in a country: where activities reach pupils, approximately. Never a school, never a point."""
    place = SubElement(activity, "location")
    coded(place, "location-reach", "1")
    narrated(place, "name", name)
    coded(place, "administrative", country, vocabulary=ISO_COUNTRIES, level="0")
    coded(place, "exactness", "2")
    coded(place, "location-class", "1")
    coded(place, "feature-designation", "ADMD")


def kinds(activity: Element) -> None:
    """Private development finance, as grants, for projects."""
    coded(activity, "default-flow-type", "30")
    coded(activity, "default-finance-type", "110")
    coded(activity, "default-aid-type", "C01", vocabulary="1")


def budget(activity: Element, year: int, fen: int, day: str) -> None:
    """What the rounds of a year were planned to cost, when they were funded: original, and committed."""
    element = SubElement(activity, "budget", {"type": "1", "status": "2"})
    dated(element, "period-start", first_day(year))
    dated(element, "period-end", last_day(year))
    valued(element, fen, day)


def transaction(
    activity: Element, type: str, amount: Amount, narrator: Narrator, *, provider: Party, receiver: Party, ref: str = ""
) -> None:
    """One month of one kind of money. Its words are named after the amount: `iati_given`, `iati_given_back`."""
    month, name = amount.name[:7], amount.name[8:]
    element = SubElement(activity, "transaction", {"ref": ref or amount.name, "humanitarian": "0"})
    coded(element, "transaction-type", type)
    dated(element, "transaction-date", amount.day)
    valued(element, amount.fen, amount.day)
    text = narrator.text(f"iati_{name.replace('-', '_')}", month=narrator.month(month))
    narrated(element, "description", text)
    for tag, party in (("provider", provider), ("receiver", receiver)):
        attributes = {"type": party.type}
        attributes |= {"ref": party.ref} if party.ref else {}
        attributes |= {f"{tag}-activity-id": party.activity} if party.activity else {}
        if party.ref:  # its names stand once in the activity: they would be half of the file
            SubElement(element, f"{tag}-org", attributes)
        else:
            narrated(element, f"{tag}-org", party.names, attributes)


def related(activity: Element, ref: str, type: str) -> None:
    """Another activity: its parent (1) or child (2)."""
    SubElement(activity, "related-activity", {"ref": ref, "type": type})


def result(activity: Element, title: Both, indicators: Iterable[tuple[Both, int]], period: tuple[str, str]) -> None:
    """An output, with an indicator a count: more is better, and counts of several activities may be added."""
    element = SubElement(activity, "result", {"type": "1", "aggregation-status": "1"})
    narrated(element, "title", title)
    for name, value in indicators:
        attributes = {"measure": "1", "ascending": "1", "aggregation-status": "1"}
        indicator = SubElement(element, "indicator", attributes)
        narrated(indicator, "title", name)
        told = SubElement(indicator, "period")
        dated(told, "period-start", period[0])
        dated(told, "period-end", period[1])
        SubElement(told, "actual", {"value": str(value)})


def outcome(activity: Element, title: Both, method: Both) -> Element:
    """A result that is no output of ours; shares of several activities cannot be added."""
    element = SubElement(activity, "result", {"type": "2", "aggregation-status": "0"})
    narrated(element, "title", title)
    narrated(element, "description", method)
    return element


def shares_of(
    result: Element, title: Both, found: Iterable[Answers], narrator: Narrator, period: tuple[str, str]
) -> None:
    """An indicator in per cent: in all, and by country as a dimension. A comment has sample and interval."""
    indicator = SubElement(result, "indicator", {"measure": "2", "ascending": "1", "aggregation-status": "0"})
    narrated(indicator, "title", title)
    told = SubElement(indicator, "period")
    dated(told, "period-start", period[0])
    dated(told, "period-end", period[1])
    for one in found:
        actual = SubElement(told, "actual", {"value": per_cent(one.share_per_mille)})
        if one.country is not None:
            SubElement(actual, "dimension", {"name": "country", "value": one.country})
        sample = {"yes": str(one.numerator), "n": str(one.denominator)}
        interval = {"low": per_cent(one.low_per_mille), "high": per_cent(one.high_per_mille)}
        narrated(actual, "comment", narrator.text("iati_answers_sample", **sample, **interval))


def per_cent(per_mille: int) -> str:
    """`83.8`."""
    return f"{per_mille // 10}.{per_mille % 10}"


def first_day(year: int) -> str:
    """The first of January."""
    return f"{year:04d}-01-01"


def last_day(year: int) -> str:
    """The last of December."""
    return f"{year:04d}-12-31"
