"""What an activities file of IATI 2.03 must hold beyond its schema: the rules of IATI's validator, and some of ours.

Each rule is a function from an activity to what is wrong with it. Numbers are those of IATI's standard rule set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element, fromstring

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
APPROVED = ("CN-USCI", "CN-SAIC", "HK-CR", "XI-IATI", "XI-LEI", "XM-DAC", "XM-OCHA", "XE-EXAMPLE")
CODES = {
    "transaction-type": {"1", "2", "3", "4"},
    "activity-status": {"1", "2", "3", "4", "5", "6"},
    "default-flow-type": {"30"},
    "default-finance-type": {"110"},
    "location-class": {"1"},
    "location-reach": {"1", "2"},
    "exactness": {"1", "2"},
}
SIGNS = re.compile(r"[/&|?]")
Rule = Callable[[Element], Iterator[str]]


class Fault(NamedTuple):
    """An activity's identifier, and what is wrong with it."""

    activity: str
    what: str


def parsed(content: bytes) -> Element:
    """The file's root."""
    return fromstring(content)


def faults(root: Element, today: date) -> list[Fault]:
    """All that is wrong in a file, as a validator sees it on this day."""
    found = [Fault("", one) for one in of_the_whole(root)]
    for activity in root.iter("iati-activity"):
        name = activity.findtext("iati-identifier") or ""
        found += [Fault(name, one) for rule in RULES for one in rule(activity)]
        found += [Fault(name, one) for one in future(activity, today)]
    return found


def of_the_whole(root: Element) -> Iterator[str]:
    names = [one.findtext("iati-identifier") or "" for one in root.iter("iati-activity")]
    if not names:
        yield "a file has an activity"
    if len(set(names)) != len(names):
        yield "an activity stands once"
    relations = {
        (one.findtext("iati-identifier"), related.get("ref"), related.get("type"))
        for one in root.iter("iati-activity")
        for related in one.iter("related-activity")
    }
    for name, ref, type in relations:
        if ref not in names:
            yield f"{name} is related to {ref}, which is not there"
        elif (ref, name, {"1": "2", "2": "1"}.get(type or "")) not in relations:
            yield f"{ref} knows nothing of its relation to {name}"
    for party in ("provider", "receiver"):
        for element in root.iter(f"{party}-org"):
            if element.get(f"{party}-activity-id", names[0]) not in names:
                yield f"a {party} activity is not there"
    if len({(one.get("vocabulary"), len(one.get("code", ""))) for one in root.iter("sector")}) > 1:
        yield "sectors are of one vocabulary and level throughout"


def identifiers(activity: Element) -> Iterator[str]:
    own, org = activity.findtext("iati-identifier") or "", activity.find("reporting-org")
    ref = org.get("ref", "") if org is not None else ""
    if own == ref or not own.startswith(f"{ref}-"):
        yield "1.1.3, 1.1.21: an activity's identifier begins with its organisation's, and goes on"
    if not ref.startswith(tuple(f"{one}-" for one in APPROVED)):
        yield "1.14.8: an organisation's identifier begins with an approved list"
    refs = [own, *(one.get("ref", "") for tag in ("reporting-org", "participating-org") for one in activity.iter(tag))]
    refs += [one.get("ref", "") for tag in ("provider-org", "receiver-org") for one in activity.iter(tag)]
    if any(SIGNS.search(one) or one != one.strip() for one in refs):
        yield "1.3.13, 1.3.1: identifiers have no / & | ? and no space around them"


def languages(activity: Element) -> Iterator[str]:
    if activity.get(LANG) is None:
        yield "4.1.1: an activity has a language"
    for parent in activity.iter():
        told = [one for one in parent if one.tag == "narrative"]
        if told and sorted(one.get(LANG, "") for one in told) != ["en", "zh"]:
            yield f"{parent.tag} is told once in both languages"
        if any(not (one.text or "").strip() for one in told):
            yield "4.3.1, 4.4.1: a narrative says something"
    for tag in ("title", "description"):
        if activity.find(f"{tag}/narrative") is None:
            yield f"4.3.1, 4.4.1: there is a {tag}"


def organisations(activity: Element) -> Iterator[str]:
    for tag in ("participating-org", "provider-org", "receiver-org"):
        for one in activity.iter(tag):
            if one.get("ref") is None and one.find("narrative") is None:
                yield f"6.10.1, 6.9.1, 6.9.2: a {tag} has an identifier or a name"
    roles = {one.get("role") for one in activity.iter("participating-org")}
    if not {"1", "2", "4"} <= roles:
        yield "somebody gives, answers for it, and does it"


def days_of(activity: Element) -> dict[str, str]:
    return {one.get("type", ""): one.get("iso-date", "") for one in activity.findall("activity-date")}


def dates(activity: Element) -> Iterator[str]:
    found = days_of(activity)
    if not found.keys() & {"1", "2"}:
        yield "6.11.1: an activity has a start"
    if found.get("1", "") > found.get("3", "9"):
        yield "11.1.2: it is planned to start before it ends"
    if found.get("2", "") > found.get("4", "9"):
        yield "11.1.3: it started before it ended"
    is_over = "4" in found
    status = activity.find("activity-status")
    if status is not None and is_over != (status.get("code") in ("3", "4")):
        yield "what is over has an end, and nothing else has"


def future(activity: Element, today: date) -> Iterator[str]:
    now = today.isoformat()
    days = [*(days_of(activity).get(type, "") for type in ("2", "4")), activity.get("last-updated-datetime", "")[:10]]
    days += [one.get("iso-date", "") for one in activity.iter("transaction-date")]
    days += [one.get("value-date", "") for one in activity.findall("transaction/value")]
    if any(day > now for day in days):
        yield "11.1.1, 11.1.4, 11.1.5, 11.2.1, 11.2.2: nothing happened in the future"
    updated = activity.get("last-updated-datetime", "")[:10]
    if any(one.get("iso-date", "") > updated for one in activity.iter("transaction-date")):
        yield "7.6.1: no transaction is later than what is told of it"


def percentages(activity: Element) -> Iterator[str]:
    for tags in (("sector",), ("recipient-country", "recipient-region")):
        own = [one for one in activity if one.tag in tags]
        if not own:
            yield f"6.2.2, 3.7.1: an activity has {' or '.join(tags)}"
        told = [Decimal(one.get("percentage", "0")) for one in own]
        if sum(told) != 100:
            yield f"2.1.2, 3.1.2: the percentages of {' and '.join(tags)} add up to {sum(told)}"
        if any(not 0 < one <= 100 for one in told):
            yield "12.1.1, 12.3.1: a percentage lies between 0 and 100"
        if any(activity.find(f"transaction/{tag}") is not None for tag in tags):
            yield "6.6.2, 3.6.2: what an activity says, its transactions do not say again"
    if any(
        one.get("vocabulary") != "1" or not re.fullmatch(r"\d{5}", one.get("code", ""))
        for one in activity.iter("sector")
    ):
        yield "sectors are those of five digits of OECD DAC"


def money(activity: Element) -> Iterator[str]:
    for value in activity.iter("value"):
        if value.get("currency", activity.get("default-currency")) != "CNY":
            yield "7.8.1: money has a currency, and it is CNY"
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.get("value-date", "")):
            yield "7.5.2: money has the day that it is of"
        if not re.fullmatch(r"-?\d+\.\d{2}", value.text or "") or Decimal(value.text or "0") == 0:
            yield "money is written in yuan, to the fen, and is not nothing"
    refs = [one.get("ref") for one in activity.iter("transaction")]
    if len(set(refs)) != len(refs) or None in refs:
        yield "a transaction has a reference of its own"


def budgets(activity: Element) -> Iterator[str]:
    periods = sorted((_iso(budget, "period-start"), _iso(budget, "period-end")) for budget in activity.iter("budget"))
    for start, end in periods:
        if not start < end:
            yield "8.6.3: a budget starts before it ends"
        if end > start.replace(year=start.year + 1):
            yield "7.5.3: a budget is of a year at most"
    if any(later[0] <= earlier[1] for earlier, later in pairwise(periods)):
        yield "budgets do not overlap"


def _iso(parent: Element, tag: str) -> date:
    element = parent.find(tag)
    return date.fromisoformat(element.get("iso-date", "") if element is not None else "")


def results(activity: Element) -> Iterator[str]:
    for period in activity.findall("result/indicator/period"):
        if _iso(period, "period-start") > _iso(period, "period-end"):
            yield "8.6.1: an indicator's period starts before it ends"
        for actual in period.findall("actual"):
            try:
                Decimal(actual.get("value", ""))
            except InvalidOperation:
                yield "8.10.1, 8.10.2: what is counted is a number"


def codes(activity: Element) -> Iterator[str]:
    for tag, known in CODES.items():
        if any(one.get("code") not in known for one in activity.iter(tag)):
            yield f"{tag} is of its codelist"
    if len(activity.findall("default-aid-type")) != 1:
        yield "107.1.2: an activity has one aid type"


def places(activity: Element) -> Iterator[str]:
    for place in activity.iter("location"):
        if place.find("point") is not None or place.find("name/narrative") is None:
            yield "a location is a district by name, and no point"
    if activity.get("hierarchy") == "2" and len(activity.findall("recipient-country")) != 1:
        yield "a country's year is of one country"


RULES: Iterable[Rule] = (
    identifiers, languages, organisations, dates, percentages, money, budgets, results, codes, places,
)  # fmt: skip


def today_of(at: str) -> date:
    """The day in UTC of a moment."""
    return datetime.fromisoformat(at).astimezone(UTC).date()


def fen_of(activity: Element, type: str, sign: int = 0) -> int:
    """The sum of an activity's transactions of a type; `sign`: of those above (1) or below (-1) nothing alone."""
    whole = Decimal(0)
    for one in activity.iter("transaction"):
        kind, amount = one.find("transaction-type"), Decimal(one.findtext("value") or "0")
        if kind is not None and kind.get("code") == type and (not sign or (amount > 0) == (sign > 0)):
            whole += amount
    return int(whole * 100)
