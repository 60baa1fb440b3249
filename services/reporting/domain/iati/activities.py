"""The activities file of IATI 2.03, from the books of a snapshot: the same bytes for the same snapshot, always.

A programme is an activity (hierarchy 1): gifts come in, what was taken back stands against them, and what rounds are
funded with goes on to countries. A country in a year is an activity below it (hierarchy 2): its rounds' money comes in,
orders are commitments, payments to suppliers and carriers expenditure. A fen stands once in each hierarchy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Comment, Element, SubElement, indent, tostring

from pandapack.contracts.procurement import Category
from pandapack.contracts.public_log.fold import surveys
from pandapack.contracts.public_log.fold.books import Books, DayBooks
from pandapack.contracts.public_log.fold.fold import Day
from services.reporting.domain.iati import elements
from services.reporting.domain.iati.accounts import Amount, CountryYear, ProgrammeAccount, account_of
from services.reporting.domain.iati.elements import Both, Narrator, Party, narrated, publishing
from services.reporting.domain.iati.publisher import Publisher
from services.reporting.domain.iati.shares import WHOLE, shares

VERSION = "2.03"
IMPLEMENTATION, CLOSED = "2", "4"
PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END = "1", "2", "3", "4"
PARENT, CHILD = "1", "2"


def accounts_of(books: Books, days: Mapping[Day, DayBooks]) -> list[ProgrammeAccount]:
    """Every programme in which anything has happened. No day lies behind that of the last entry in UTC.

    A day is one in Asia/Shanghai; in its first eight hours it is not yet that day in UTC, which readers go by.
    """
    if not books.at:
        return []
    until = datetime.fromisoformat(books.at).astimezone(UTC).date()
    by_programme: dict[str, dict[str, DayBooks]] = {}
    for (programme, day), one in days.items():
        by_programme.setdefault(programme, {})[day] = one
    every = (
        account_of(name, own, by_programme.get(name, {}), until, surveys.indicator_rows(books, name))
        for name, own in sorted(books.programmes.items())
    )
    return [one for one in every if one is not None]


def activities_file(
    accounts: Iterable[ProgrammeAccount], publisher: Publisher, narrator: Narrator, *, size: int, at: str
) -> bytes:
    """The file. `size`, `at`: of the snapshot; at least one account, or it is none by the schema."""
    root = Element("iati-activities", {"version": VERSION, "generated-datetime": at})
    root.append(Comment(f" Snapshot {size} of the public log, of {at}. "))
    for account in accounts:
        _Programme(root, account, publisher, narrator, size, at).write()
    indent(root, "  ")
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


@dataclass(frozen=True, slots=True)
class _Programme:
    """One programme's activities on their way into the file."""

    root: Element
    account: ProgrammeAccount
    publisher: Publisher
    narrator: Narrator
    size: int
    at: str

    @property
    def day(self) -> str:
        """The day of the last entry, in UTC."""
        return datetime.fromisoformat(self.at).astimezone(UTC).date().isoformat()

    @property
    def ref(self) -> str:
        return f"{self.publisher.ref}-{self.account.programme}"

    def ref_of(self, one: CountryYear) -> str:
        return f"{self.ref}-{one.country}-{one.year:04d}"

    def write(self) -> None:
        self._parent()
        for one in self.account.country_years:
            self._country_year(one)

    def _begun(self, ref: str, hierarchy: str, title: Both, about: Both) -> Element:
        activity = SubElement(self.root, "iati-activity", {"default-currency": elements.CURRENCY})
        activity.attrib |= {"last-updated-datetime": self.at, "hierarchy": hierarchy, "humanitarian": "0"}
        activity.attrib[elements.LANGUAGE] = "en"
        SubElement(activity, "iati-identifier").text = ref
        publisher = self.publisher
        attributes = {"ref": publisher.ref, "type": publisher.type, "secondary-reporter": "0"}
        narrated(activity, "reporting-org", elements.names_of(publisher), attributes)
        narrated(activity, "title", title)
        narrated(activity, "description", about, {"type": "1"})
        if publisher.is_demonstration:
            narrated(activity, "description", self.narrator.text("iati_demonstration"), {"type": "4"})
        elements.participants(activity, publisher, self._donors, ref)
        return activity

    @property
    def _donors(self) -> Both:
        return self.narrator.text("iati_donors")

    def _parent(self) -> None:
        narrator, account = self.narrator, self.account
        told = {"programme": account.programme, "size": str(self.size), "at": self.at}
        title, about = narrator.text("iati_programme", **told), narrator.text("iati_programme_about", **told)
        activity = self._begun(self.ref, "1", title, about)
        elements.coded(activity, "activity-status", IMPLEMENTATION)
        elements.dated(activity, "activity-date", account.first_day, type=ACTUAL_START)
        elements.recipients(activity, shares(account.net_funded))
        elements.sectors(activity, sectors_of(account.spent_on))
        elements.kinds(activity)
        own, donors = publishing(self.publisher, self.ref), Party(self._donors, elements.PRIVATE_SECTOR)
        for amount in account.given:
            elements.transaction(activity, elements.INCOMING, amount, narrator, provider=donors, receiver=own)
        for one in account.country_years:
            self._disbursed(activity, own, one)
        for one in account.country_years:
            elements.related(activity, self.ref_of(one), CHILD)
        self._answers(activity)

    def _answers(self, activity: Element) -> None:
        """What pupils said, of the programme: a survey asks of several years, and of each country in all of them."""
        answers, narrator = self.account.answers, self.narrator
        if not answers:
            return
        begin = self.account.first_day
        outcome = elements.outcome(activity, narrator.text("iati_answers"), narrator.text("iati_answers_how"))
        for name, found in answers.items():
            elements.shares_of(outcome, narrator.indicator(name), found, narrator, (begin, max(begin, self.day)))

    def _disbursed(self, activity: Element, own: Party, one: CountryYear) -> None:
        receiver = publishing(self.publisher, self.ref_of(one))
        for amount in one.funded:
            ref = f"{amount.name}-{one.country}"
            elements.transaction(
                activity, elements.DISBURSEMENT, amount, self.narrator, provider=own, receiver=receiver, ref=ref
            )

    def _country_year(self, one: CountryYear) -> None:
        narrator = self.narrator
        told: dict[str, str | Both] = {
            "programme": self.account.programme,
            "country": narrator.country(one.country),
            "year": f"{one.year:04d}",
        }
        title, about = narrator.text("iati_country", **told), narrator.text("iati_country_about", **told)
        activity = self._begun(self.ref_of(one), "2", title, about)
        is_over = self.day > elements.last_day(one.year)
        elements.coded(activity, "activity-status", CLOSED if is_over else IMPLEMENTATION)
        self._days(activity, one, is_over=is_over)
        elements.recipients(activity, {one.country: WHOLE})
        for district in one.districts:
            elements.location(activity, narrator.district(district), one.country)
        elements.sectors(activity, sectors_of(one.spent_on))
        elements.kinds(activity)
        if one.planned_fen:
            elements.budget(activity, one.year, one.planned_fen, one.first_day)
        self._moved(activity, one)
        elements.related(activity, self.ref, PARENT)
        self._results(activity, one)

    def _days(self, activity: Element, one: CountryYear, *, is_over: bool) -> None:
        ends = elements.last_day(one.year)
        elements.dated(activity, "activity-date", elements.first_day(one.year), type=PLANNED_START)
        elements.dated(activity, "activity-date", one.first_day, type=ACTUAL_START)
        elements.dated(activity, "activity-date", ends, type=PLANNED_END)
        if is_over:
            elements.dated(activity, "activity-date", ends, type=ACTUAL_END)

    def _moved(self, activity: Element, one: CountryYear) -> None:
        parent, own = publishing(self.publisher, self.ref), publishing(self.publisher, self.ref_of(one))
        suppliers = Party(self.narrator.text("iati_suppliers"), elements.PRIVATE_SECTOR)
        moves: tuple[tuple[str, tuple[Amount, ...], Party, Party], ...] = (
            (elements.INCOMING, one.funded, parent, own),
            (elements.COMMITMENT, one.ordered, own, suppliers),
            (elements.EXPENDITURE, one.paid, own, suppliers),
        )
        for type, amounts, provider, receiver in moves:
            for amount in amounts:
                elements.transaction(activity, type, amount, self.narrator, provider=provider, receiver=receiver)

    def _results(self, activity: Element, one: CountryYear) -> None:
        if not (one.accepted or one.pupils):
            return
        begin, text = elements.first_day(one.year), self.narrator.text
        until = max(begin, min(elements.last_day(one.year), self.day))
        indicators = ((text("iati_accepted"), one.accepted), (text("iati_pupils"), one.pupils))
        elements.result(activity, text("iati_result"), indicators, (begin, until))


def sectors_of(spent_on: Mapping[str, int]) -> dict[str, int]:
    """Sector → hundredths of a per cent of what was spent: administration, and all else for pupils' schooling."""
    administration = spent_on.get(Category.ADMINISTRATION, 0)
    rest = sum(spent_on.values()) - administration
    return shares({elements.EDUCATION: rest, elements.ADMINISTRATION: administration})
