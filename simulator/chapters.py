"""The story in chapters: months, or several of them where there are few gifts, each with the needs that come in then.

What is needed limits what is spent. All of it is planned from the seed and the number of gifts alone: so many parcels
as the programme's pupils times the scale ask for, opened one need after the other, each of one round, when the gifts
of its chapter can pay for it. So it is known before which round is which, and no machine's speed changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from simulator.chance import draw_int
from simulator.decisions import accepted_parcels, proofs
from simulator.routes import COUNTRIES
from simulator.years import BEGINS, DONATIONS_PUBLISHED, ENDS, Refund, YearsStream, begin_of

PUPILS_PUBLISHED = 1_000_000
DONATIONS_A_CHAPTER = 40_000
"""With fewer, chapters are longer than a month: turning a page takes a second or two, however little is on it."""
FIRST_SPECIFICATION, NOW_SPECIFICATION = "love-parcel-v1", "love-parcel-v2"
NOW_FROM = date(2020, 1, 1)
LAST_NEEDS = date(2021, 12, 1)
"""Parcels travel for up to 110 days: what is needed later arrives after the story's end."""
JOINED = {
    "MM": (date(2019, 2, 1), 18),
    "NP": (date(2019, 2, 1), 16),
    "ET": (date(2019, 5, 1), 13),
    "KH": (date(2019, 8, 1), 11),
    "LA": (date(2019, 10, 1), 9),
    "PK": (date(2020, 1, 1), 9),
    "NA": (date(2020, 5, 1), 6),
    "UG": (date(2020, 8, 1), 6),
    "MN": (date(2020, 11, 1), 5),
    "PH": (date(2021, 2, 1), 4),
    "ZW": (date(2021, 5, 1), 3),
}
"""Country → when it joined, and its share of the parcels among those that have."""
SCHOOLS = 12
SCHOOLS_A_NEED = (1, 3)
PUPILS_A_SCHOOL = (60, 420)
PER_MILLE = 1_000
DISTRICTS = {
    "ET": ("Bahir Dar", "Gondar", "Dessie"),
    "KH": ("Kandal", "Takeo", "Kampong Speu"),
    "LA": ("Luang Prabang", "Xieng Khouang", "Oudomxay"),
    "MM": ("Mandalay", "Magway", "Sagaing"),
    "MN": ("Khovd", "Uvs", "Zavkhan"),
    "NA": ("Khomas", "Hardap", "Oshana"),
    "NP": ("Kaski", "Gorkha", "Tanahun"),
    "PH": ("Cebu", "Bohol", "Leyte"),
    "PK": ("Lahore", "Kasur", "Sheikhupura"),
    "UG": ("Gulu", "Kitgum", "Pader"),
    "ZW": ("Bulawayo", "Gwanda", "Plumtree"),
}
"""Names of districts, as the country's own maps write them in Latin letters; the schools in them are made up."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Need:
    """What one country asks for, as one round will meet it. `number` counts the programme's rounds from 1."""

    number: int
    country: str
    specification: str
    parcels: int

    @property
    def id(self) -> str:
        """Its name. Needs are met in the order of their names."""
        return f"need-{self.number:06d}-{self.country}"


@dataclass(frozen=True, slots=True)
class Chapter:
    """Gifts `first` … `upto - 1` of `begins` up to (not including) `ends`, and the needs that come in meanwhile."""

    number: int
    begins: date
    ends: date
    first: int
    upto: int
    needs: tuple[Need, ...] = ()

    @property
    def limit(self) -> datetime:
        """Its last second: there the clock stands until the next chapter begins."""
        return begin_of(self.ends) - timedelta(seconds=1)


def months() -> list[date]:
    """The first day of each month of the story, and the day after its end."""
    numbers = range(BEGINS.year * 12 + BEGINS.month - 1, ENDS.year * 12 + ENDS.month)
    return [*(date(number // 12, number % 12 + 1, 1) for number in numbers), ENDS]


def chapter_bounds(donations: int) -> list[date]:
    """Where chapters begin, and the end: at each month's first day, or at fewer. One begins with each specification."""
    firsts = months()
    wanted = min(len(firsts) - 1, max(2, donations // DONATIONS_A_CHAPTER))
    early = [day for day in firsts if day < NOW_FROM]
    late = firsts[len(early) : -1]
    for_early = min(len(early), max(1, round(wanted * len(early) / (len(firsts) - 1))))
    parts = ((early, for_early), (late, min(len(late), wanted - for_early)))
    return [*(days[number * len(days) // count] for days, count in parts for number in range(count)), ENDS]


def chapters_of(stream: YearsStream, programme: Json) -> list[Chapter]:
    """The whole story of a seed and a number of gifts. `programme`: its prices."""
    bounds = chapter_bounds(stream.donations)
    refunds = stream.refunds()
    parcels = parcels_of_rounds(stream.seed, stream.donations, programme["policy"]["round_parcels"])
    last_fen = max(1, stream.fen(0, max(1, stream.before(LAST_NEEDS))))
    turns, chapters = Turns(), list[Chapter]()
    number, reserved_fen, given_fen = 0, 0, 0
    for begins, ends in pairwise(bounds):
        first, upto = stream.before(begins), stream.before(ends)
        given_fen += stream.fen(first, upto - first)
        left_fen = given_fen - sum(one.amount_fen for one in refunds if one.at < begin_of(ends))
        is_last = ends > LAST_NEEDS
        due = len(parcels) if is_last else len(parcels) * given_fen // last_fen
        needs = list[Need]()
        while number < due:
            country = turns.next(begins)
            specification = FIRST_SPECIFICATION if begins < NOW_FROM else NOW_SPECIFICATION
            cost_fen = reserved_of(programme, specification, country, parcels[number])
            if reserved_fen + cost_fen > left_fen:
                turns.give_back(country)
                break
            reserved_fen += cost_fen
            needs.append(Need(number + 1, country, specification, parcels[number]))
            number += 1
        chapters.append(Chapter(len(chapters) + 1, begins, ends, first, upto, tuple(needs)))
    return chapters


def parcels_of_rounds(seed: int, donations: int, round_parcels: int) -> list[int]:
    """How many parcels each round has, so that as many pupils are reached as the scale asks for, and no round more."""
    pupils = max(1, round(PUPILS_PUBLISHED * donations / DONATIONS_PUBLISHED))
    rounds = list[int]()
    while pupils > 0:
        round_id = round_of(len(rounds) + 1)
        sizes = range(1, round_parcels + 1)
        size = next((n for n in sizes if accepted_parcels(seed, round_id, n) >= pupils), round_parcels)
        rounds.append(size)
        pupils -= accepted_parcels(seed, round_id, size)
    return rounds


def round_of(number: int) -> str:
    """The name of the programme's `number`-th round."""
    return f"R-{number:06d}"


class Turns:
    """Which country's need comes next: by shares, smoothly; who has just joined comes first."""

    def __init__(self) -> None:
        self._credits: dict[str, float] = {}

    def next(self, day: date) -> str:
        """The next country of those that have joined by this day."""
        joined = {country: share for country, (since, share) in JOINED.items() if since <= day}
        all_shares = sum(joined.values())
        for country, share in joined.items():
            self._credits[country] = self._credits.get(country, all_shares) + share
        chosen = max(joined, key=lambda country: (self._credits[country], country))
        self._credits[chosen] -= all_shares
        return chosen

    def give_back(self, country: str) -> None:
        """Its turn has not come yet: there is no money."""
        self._credits[country] += sum(share for _, share in JOINED.values())


def reserved_of(programme: Json, specification: str, country: str, parcels: int) -> int:
    """The most that a round may cost, in fen: what is put by for it."""
    bill = next(one["lines"] for one in programme["specifications"] if one["id"] == specification)
    offers = {offer["item"]: offer for offer in programme["catalogue"]}
    goods: dict[str, int] = {}
    for line in bill:
        offer = offers[line["item"]]
        packs = -(-line["quantity"] * parcels // offer["pack_size"])
        fen = packs * offer["pack_size"] * offer["unit_price_fen"]
        goods[offer["supplier"]] = goods.get(offer["supplier"], 0) + fen
    rates = [rate for rate in programme["services"] if rate["country"] in (country, None)]
    on_top = PER_MILLE + programme["policy"]["contingency_per_mille"]
    return sum(fen * on_top // PER_MILLE for fen in (*goods.values(), *(r["fen_per_parcel"] * parcels for r in rates)))


def school_names(country: str) -> list[str]:
    """The schools of a country that take part."""
    return [f"{country}-demo-school-{number:02d}" for number in range(1, SCHOOLS + 1)]


def schools_of() -> dict[str, list[str]]:
    """Country → its schools."""
    return {country: school_names(country) for country in COUNTRIES}


def need_of(seed: int, need: Need, programme: str) -> Json:
    """A need, school by school, as the buyer opens it."""
    names = school_names(need.country)
    count = min(need.parcels, draw_int(*SCHOOLS_A_NEED, seed, "schools", need.id))
    first = draw_int(0, SCHOOLS - 1, seed, "first school", need.id)
    schools, left = [], need.parcels
    for index in range(count):
        number = (first + index) % SCHOOLS
        rest = count - index - 1
        parcels = left if not rest else draw_int(1, left - rest, seed, "parcels", need.id, index)
        left -= parcels
        pupils = draw_int(*PUPILS_A_SCHOOL, seed, "pupils", names[number])
        district = DISTRICTS[need.country][number % len(DISTRICTS[need.country])]
        schools.append({"school": names[number], "district": district, "pupils": pupils, "parcels": parcels})
    return {
        "need": need.id,
        "programme": programme,
        "country": need.country,
        "specification": need.specification,
        "schools": schools,
    }


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom parcels reached in a country: schools, and pupils, each once for each parcel."""

    schools: int = 0
    pupils: int = 0


def reached_by(seed: int, chapters: Sequence[Chapter]) -> dict[str, Reached]:
    """Country → whom the story's parcels reach, once all are handed out."""
    pupils, schools = dict[str, int](), dict[str, set[str]]()
    for need in (need for chapter in chapters for need in chapter.needs):
        round_id, first = round_of(need.number), 1
        for school in need_of(seed, need, "")["schools"]:
            share = {"school": school["school"], "first_ordinal": first, "parcels": school["parcels"]}
            first += school["parcels"]
            accepted = sum(len(proof.accepted) for proof in proofs(seed, round_id, need.parcels, share))
            pupils[need.country] = pupils.get(need.country, 0) + accepted
            if accepted:
                schools.setdefault(need.country, set()).add(school["school"])
    return {country: Reached(len(schools.get(country, ())), count) for country, count in pupils.items()}


def refunds_in(refunds: list[Refund], chapter: Chapter) -> list[Refund]:
    """The orders that came back in a chapter."""
    begins = begin_of(chapter.begins)
    return [one for one in refunds if begins <= one.at <= chapter.limit]
