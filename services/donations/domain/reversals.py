"""Reversals: gifts that the platform takes back, in full or in part, because orders were refunded.

A reversal travels down its donation's line and is kept by the page that takes its record. The donation stays where it
is: no column, interval or count changes (decision record 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from pandapack.contracts.columns import Columns, number_of_id
from pandapack.contracts.donations import (
    AMOUNT_FEN_MAX,
    NAME_PATTERN,
    DonationsReversed,
    Reversed,
    day_name,
    day_number,
    line_of,
    microseconds_of,
)
from services.donations.domain.intake import FUTURE_S_MAX, Intake, failure_of, in_the_future
from services.donations.domain.ledger import Finding, PageHead
from services.donations.domain.rows import AT_US_MAX
from services.donations.domain.text import Text

KIND_HEADER = "kind"
REVERSAL_KIND = b"reversal"
"""A record of `donations.pushed` with this header holds reversals, one a line, and no donations."""
REASON_CHARACTERS_MAX = 300
REVERSALS_A_RECORD_MAX = 1_000
"""A longer push becomes several records: each is looked up, and written, in one go."""

TAKEN, PARKED, REFUSED = "taken", "parked", "refused"
"""Taken: the fund hears of it. Parked: its donation is not known, a person must look; sent again, it is tried again.
Refused: it exceeds what is left of the donation."""

_Name = Annotated[str, Meta(pattern=NAME_PATTERN[:-1] + r"\Z")]
_Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
"""One way to write a day: reversals of one donation are found by this text."""


class Reversal(msgspec.Struct, frozen=True):
    """What the platform says: `reversal` is its own id, `donation` and `day` name the gift, `at` is when it was."""

    reversal: _Name
    merchant: _Name
    donation: _Name
    day: _Day
    amount_fen: Annotated[int, Meta(gt=0, le=AMOUNT_FEN_MAX)]
    at: Annotated[datetime, Meta(tz=True)]
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)] | None = None

    @property
    def key(self) -> str:
        """What makes a reversal one: merchant and id."""
        return f"{self.merchant}/{self.reversal}"

    @property
    def of(self) -> str:
        """The donation that it names."""
        return f"{self.merchant}/{self.donation}/{self.day}"


@dataclass(frozen=True, slots=True)
class Told:
    """A reversal as it came: by which push, in which row of its record."""

    push: str
    place: int
    reversal: Reversal


@dataclass(frozen=True, slots=True)
class Kept:
    """A reversal on a page. `programme` is its donation's, empty where that is not known.

    `page` is the page's id, where the reversal was read from one.
    """

    told: Reversal
    state: str
    programme: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """The donation that a reversal names."""

    programme: str
    fen: int


_decoder = msgspec.json.Decoder(Reversal)


def reversal_of(raw: bytes, line: int | None = None, lines: int = 1) -> Reversal | str:
    """The reversal on a line, or the words in which it is refused. `line`: of the ledger, where one is expected."""
    try:
        told = _decoder.decode(raw)
        date.fromisoformat(told.day)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)
    except ValueError:
        return "Expected a day such as 2021-11-11 - at `$.day`"
    if not 0 <= microseconds_of(told.at) < AT_US_MAX:
        return "Expected a time of our age - at `$.at`"
    if line is not None and line_of(told.merchant, lines) != line:
        return "another line's merchant"
    return told


def sorted_reversals(text: Text, lines: int, now: datetime) -> Intake:
    """A push of reversals: to which of the ledger's `lines` each goes, and what is wrong with the rest."""
    intake, newest = Intake(), now + timedelta(seconds=FUTURE_S_MAX)
    by_home: dict[int, list[bytes]] = {}
    for index, raw in enumerate(text.lines()):
        told = reversal_of(raw)
        if isinstance(told, str):
            intake.failures.append(failure_of(index, told))
        elif told.at > newest:
            intake.failures.append(in_the_future(index, newest))
        else:
            by_home.setdefault(line_of(told.merchant, lines), []).append(raw)
    intake.lines = {line: b"\n".join(raws) for line, raws in by_home.items()}
    intake.accepted = len(text) - len(intake.failures)
    return intake


def in_records(intake: Intake) -> Iterator[Intake]:
    """The accepted lines of a push in parts that fit into a record each, in order."""
    by_home = {line: joined.split(b"\n") for line, joined in intake.lines.items()}
    longest = max(map(len, by_home.values()), default=0)
    for begin in range(0, longest, REVERSALS_A_RECORD_MAX):
        parts = {line: raws[begin : begin + REVERSALS_A_RECORD_MAX] for line, raws in by_home.items()}
        some = {line: b"\n".join(raws) for line, raws in parts.items() if raws}
        yield Intake(lines=some, accepted=sum(len(parts[line]) for line in some))


def given_on(columns: Columns, sought: Iterable[Reversal]) -> dict[str, Given]:
    """Which of the donations that reversals name lie on a page, by `Reversal.of`."""
    wanted = {one.of: one.donation for one in sought}
    ids = set(wanted.values())
    numbers = [number for number in map(number_of_id, ids) if number is not None]
    rows = {row for row, text in columns.ids.texts.items() if text in ids}
    rows.update(np.flatnonzero(np.isin(columns.ids.numbers, np.array(numbers, np.uint64))).tolist())
    found = {}
    for one in map(columns.row, sorted(rows)):
        of = f"{one.merchant}/{one.id}/{day_name(day_number(one.at_us))}"
        if of in wanted:
            found[of] = Given(one.programme, one.amount_fen)
    return found


def settle(told: Iterable[Told], given: Mapping[str, Given], known: Iterable[Kept]) -> tuple[list[Kept], list[Finding]]:
    """Sorts reversals, in the order of the log. `given`: donations by `Reversal.of`; `known`: what pages have."""
    by_key = {kept.told.key: kept for kept in known if kept.state == TAKEN}
    gone: dict[str, int] = {}
    for kept in by_key.values():
        gone[kept.told.of] = gone.get(kept.told.of, 0) + kept.told.amount_fen
    new, findings = list[Kept](), list[Finding]()
    for came in told:
        one, before = came.reversal, by_key.get(came.reversal.key)
        if before is not None:
            kind = "duplicate" if _without_words(before.told) == _without_words(one) else "conflict"
            findings.append(Finding(came.push, came.place, kind, one.merchant, one.reversal))
            continue
        kept = _decided(one, given.get(one.of), gone.get(one.of, 0))
        new.append(kept)
        if kept.state == TAKEN:
            by_key[one.key] = kept
            gone[one.of] = gone.get(one.of, 0) + one.amount_fen
    return new, findings


def standing(kept: Iterable[Kept]) -> dict[str, Kept]:
    """What became of each reversal, by its key, of all that pages keep of it in order: taken once, or the last word."""
    by_key: dict[str, Kept] = {}
    for one in kept:
        before = by_key.get(one.told.key)
        if before is None or before.state != TAKEN:
            by_key[one.told.key] = one
    return by_key


def _without_words(told: Reversal) -> Reversal:
    """What makes a repeat a duplicate rather than a conflict: a reason may be worded anew."""
    return msgspec.structs.replace(told, reason=None)


def _decided(told: Reversal, given: Given | None, gone_fen: int) -> Kept:
    if given is None:
        return Kept(told, PARKED)
    if gone_fen + told.amount_fen > given.fen:
        return Kept(told, REFUSED, given.programme)
    return Kept(told, TAKEN, given.programme)


def with_reversals(head: PageHead, kept: Sequence[Kept]) -> tuple[PageHead, DonationsReversed | None]:
    """The page's head with what is newly reversed, and what is said of it: nothing where nothing was taken."""
    parts: dict[str, dict[str, tuple[int, int]]] = {}
    for one in kept:
        if one.state == TAKEN:
            days = parts.setdefault(one.programme, {})
            day = day_name(day_number(microseconds_of(one.told.at)))
            count, fen = days.get(day, (0, 0))
            days[day] = (count + 1, fen + one.told.amount_fen)
    if not parts:
        return head, None
    reversals, upto = list[Reversed](), dict(head.reversed_fen)
    for programme, days in sorted(parts.items()):
        begin, new_fen = upto.get(programme, 0), sum(fen for _, fen in days.values())
        upto[programme] = begin + new_fen
        count = sum(count for count, _ in days.values())
        reversals.append(Reversed(programme=programme, count=count, fen_from=begin, fen_to=begin + new_fen, days=days))
    event = DonationsReversed(line=head.line, page=head.number, reversals=tuple(reversals))
    return replace(head, reversed_fen=upto, said=head.said + 1), event
