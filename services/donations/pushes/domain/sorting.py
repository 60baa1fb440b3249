"""Sorting a push: which lines can be accepted, to which shard each goes, and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from pandapack.contracts.columns import StringColumn
from pandapack.contracts.donations import (
    NAME_CHARACTERS_MAX,
    day_name,
    day_number,
    microseconds_of,
    scoped,
    shard_of,
)
from pandapack.contracts.pushed_lines import packed_lines
from services.donations.programmes.domain.programmes import UnknownProgramme
from services.donations.validation.domain.failures import (
    FUTURE_S_MAX,
    Failure,
    failure_of,
    in_the_future,
    merchant_too_long,
)
from services.donations.validation.domain.name_tables import characters_are_plain
from services.donations.validation.domain.reader import DonationLine, LineReader, ParsedLines, donation_of
from services.donations.validation.domain.record_columns import RecordWriter
from services.donations.validation.domain.reversal_lines import Reversal, reversal_of
from services.donations.validation.domain.reversal_refusals import before_the_day
from services.donations.validation.domain.scopes import LinePlatforms
from services.donations.validation.domain.strict_lines import REVERSAL_FIELDS, odd_donations, odd_member
from services.donations.validation.domain.text_lines import Offsets, TextLines

NONE_UNKNOWN: Mapping[str, UnknownProgramme] = {}
REVERSALS_A_RECORD_MAX = 1_000
"""A longer push of reversals becomes several records: each is looked up, and written, in one go."""


@dataclass(slots=True)
class SortedPush:
    """By shard its record's bytes, and the failures. `accepted` counts the lines.

    The bytes are columns (`contracts.pushed_columns`); of a push of reversals the untouched lines, a break between two.

    `reversals`: shard → index of its line → reversal, of a push of such. `programmes`: those that are paid into.
    `packed_lines`: shard → which lines of the push its lines are (`contracts.pushed_lines`). `fen`: of accepted gifts.
    """

    by_shard: dict[int, bytes] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    accepted: int = 0
    reversals: dict[int, dict[int, Reversal]] = field(default_factory=dict)
    programmes: list[str] = field(default_factory=list)
    packed_lines: dict[int, bytes | None] = field(default_factory=dict)
    fen: int = 0


class PushSorter:
    """Sorts pushes of donations for a ledger of so many shards; remembers where merchants live."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self._reader = LineReader(shards)
        self._writer = RecordWriter(self._reader.names)

    def sort(
        self,
        text: TextLines,
        platform: str,
        *,
        now: datetime,
        accept_days: int,
        unknown: Mapping[str, UnknownProgramme] = NONE_UNKNOWN,
        indexes: Sequence[int] | None = None,
    ) -> SortedPush:
        """Validates every line of a platform's push. What only the door judges is judged here.

        That is: age, `accept_days` back and `FUTURE_S_MAX` ahead; members that are not known or stand twice; and
        programmes that are `unknown`. `indexes`: of each line in the push, where that is not its number.
        """
        oldest, newest = now - timedelta(days=accept_days), now + timedelta(seconds=FUTURE_S_MAX)
        parsed = self._reader.read(text, LinePlatforms.one(platform, len(text)))
        times_us = parsed.columns.times_us
        in_time = (times_us >= microseconds_of(oldest)) & (times_us <= microseconds_of(newest))
        failures = {line: failure_of(line, error) for line, error in parsed.refused.items()}
        failures |= _to_nowhere(parsed, unknown) if unknown else {}
        for line in parsed.lines[~in_time].tolist():
            donation = donation_of(text.line(line))
            assert isinstance(donation, DonationLine), "both readers accept the same lines"
            failures[line] = _misfit(line, donation, platform, oldest, newest)
        for line, donation in parsed.not_plain.items():
            failures[line] = _misfit(line, donation, platform, oldest, newest)
        failures |= odd_donations(text, parsed.one_by_one, parsed.refused)
        taken = ~np.isin(parsed.lines, list(failures)) if failures else in_time
        found = sorted(failures.values(), key=lambda failure: failure.index)
        names = _names(parsed.columns.programmes, taken)
        push = SortedPush(failures=found, accepted=len(text) - len(found), programmes=names)
        self._fill_shards(push, parsed, np.flatnonzero(taken), indexes)
        return push

    def _fill_shards(self, push: SortedPush, parsed: ParsedLines, rows: Offsets, indexes: Sequence[int] | None) -> None:
        """Shard → the record of those rows that live there, in order, and which lines they are."""
        shards = parsed.shards[rows]
        in_shards = np.argsort(shards, kind="stable")
        order, shards = rows[in_shards], shards[in_shards]
        begins = np.flatnonzero(np.diff(shards, prepend=-1))
        numbers = shards[begins].tolist()
        ordered = parsed.lines[order]
        in_push = ordered if indexes is None else np.asarray(indexes, np.intp)[ordered]
        push.packed_lines = dict(zip(numbers, packed_lines(in_push, begins), strict=True))
        bounds = np.append(begins, len(order))
        push.fen = int(parsed.columns.amounts_fen[rows].sum())
        push.by_shard = dict(zip(numbers, self._writer.write(parsed.columns, order, bounds), strict=True))


def _names(column: StringColumn, rows: npt.NDArray[np.bool_]) -> list[str]:
    """The different texts that some rows have. `rows`: a bool a row of the column."""
    return [column.strings[index] for index in np.flatnonzero(np.bincount(column.indices[rows])).tolist()]


def _to_nowhere(parsed: ParsedLines, unknown: Mapping[str, UnknownProgramme]) -> dict[int, Failure]:
    """Line → why it is refused, of the lines that pay into an unknown programme."""
    programmes = parsed.columns.programmes
    strange = np.array([name in unknown for name in programmes.strings], bool)
    rows = np.flatnonzero(strange[programmes.indices])
    names = [programmes.strings[index] for index in programmes.indices[rows].tolist()]
    return {line: unknown[name].failure(line) for line, name in zip(parsed.lines[rows].tolist(), names, strict=True)}


def _misfit(index: int, donation: DonationLine, platform: str, oldest: datetime, newest: datetime) -> Failure:
    for name in ("id", "merchant", "programme"):
        if not characters_are_plain(getattr(donation, name)):
            return Failure(
                index,
                f"/{name}",
                "name_not_plain",
                f"{name} may hold letters, digits and . _ : - only, 1 to {NAME_CHARACTERS_MAX} of them",
                f"{name} 只能包含字母、数字和 . _ : -，长度 1 至 {NAME_CHARACTERS_MAX}",
            )
    # Behind the platform's id the merchant may have no room left: then that is why it is here.
    if len(scoped(platform, donation.merchant)) > NAME_CHARACTERS_MAX:
        return merchant_too_long(index)
    if donation.at < oldest:
        return Failure(
            index,
            "/at",
            "too_old",
            f"at is before {oldest.isoformat()}, the oldest accepted now: older gifts need an operator of this "
            "service, who can raise PANDA_ACCEPT_DAYS",
            f"at 早于目前可接受的最早时间 {oldest.isoformat()}；更早的捐赠请联系本服务的运营方，"
            "由其调高 PANDA_ACCEPT_DAYS",
        )
    return in_the_future(index, newest)


def sort_reversals(text: TextLines, platform: str, shards: int, now: datetime) -> SortedPush:
    """Sorts a platform's push of reversals for a ledger of so many shards."""
    push, newest = SortedPush(), now + timedelta(seconds=FUTURE_S_MAX)
    by_shard: dict[int, list[bytes]] = {}
    for index, raw in enumerate(text.lines()):
        reversal = reversal_of(raw, platform)
        odd = odd_member(index, raw, REVERSAL_FIELDS)
        if odd is not None:
            push.failures.append(odd)
        elif isinstance(reversal, str):
            push.failures.append(failure_of(index, reversal))
        elif reversal.at > newest:
            push.failures.append(in_the_future(index, newest))
        elif day_name(day_number(microseconds_of(reversal.at))) < reversal.day:
            push.failures.append(before_the_day(reversal).as_failure(index, "/at"))
        else:
            shard = shard_of(reversal.merchant, shards)
            by_shard.setdefault(shard, []).append(raw)
            push.reversals.setdefault(shard, {})[index] = reversal
    push.by_shard = {shard: b"\n".join(raws) for shard, raws in by_shard.items()}
    push.accepted = len(text) - len(push.failures)
    return push


def in_records(push: SortedPush, indexes: Sequence[int] | None = None) -> Iterator[SortedPush]:
    """The accepted reversals of a push in parts that fit into a record each, in order.

    `indexes`: of each line in the push, where that is not its number.
    """
    lines_by_shard = {
        shard: np.array([line if indexes is None else indexes[line] for line in reversals], np.intp)
        for shard, reversals in push.reversals.items()
    }
    raws_by_shard = {shard: joined.split(b"\n") for shard, joined in push.by_shard.items()}
    longest = max(map(len, raws_by_shard.values()), default=0)
    for begin in range(0, longest, REVERSALS_A_RECORD_MAX):
        parts = {shard: raws[begin : begin + REVERSALS_A_RECORD_MAX] for shard, raws in raws_by_shard.items()}
        by_shard = {shard: b"\n".join(raws) for shard, raws in parts.items() if raws}
        part = SortedPush(by_shard, accepted=sum(len(parts[shard]) for shard in by_shard))
        for shard in by_shard.keys() & lines_by_shard.keys():
            lines = lines_by_shard[shard][begin : begin + REVERSALS_A_RECORD_MAX]
            (part.packed_lines[shard],) = packed_lines(lines, np.zeros(1, np.intp))
        yield part
