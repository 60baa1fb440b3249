"""Sorting a push: which lines can be accepted, to which shard each goes, and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from pandapack.contracts.donations import NAME_CHARACTERS_MAX, day_name, day_number, microseconds_of, shard_of
from services.donations.validation.domain.failures import FUTURE_S_MAX, Failure, failure_of, in_the_future
from services.donations.validation.domain.parsing import gathered
from services.donations.validation.domain.reader import (
    DonationLine,
    LineReader,
    characters_are_plain,
    donation_of,
)
from services.donations.validation.domain.reversal_lines import Reversal, reversal_of
from services.donations.validation.domain.reversal_refusals import before_the_day
from services.donations.validation.domain.text_lines import Offsets, TextLines

REVERSALS_A_RECORD_MAX = 1_000
"""A longer push of reversals becomes several records: each is looked up, and written, in one go."""


@dataclass(slots=True)
class SortedPush:
    """By shard its untouched lines, a line break between two, and the failures. `accepted` counts the lines.

    `reversals`: shard → index in the push → reversal, of a push of such.
    """

    by_shard: dict[int, bytes] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    accepted: int = 0
    reversals: dict[int, dict[int, Reversal]] = field(default_factory=dict)


class PushSorter:
    """Sorts pushes of donations for a ledger of so many shards; remembers where merchants live."""

    def __init__(self, shards: int) -> None:
        self._reader = LineReader(shards)

    def sort(self, text: TextLines, *, now: datetime, accept_days: int) -> SortedPush:
        """Validates every line. Age is judged here and only here: `accept_days` back, `FUTURE_S_MAX` ahead."""
        oldest, newest = now - timedelta(days=accept_days), now + timedelta(seconds=FUTURE_S_MAX)
        parsed = self._reader.read(text)
        times_us = parsed.columns.times_us
        in_time = (times_us >= microseconds_of(oldest)) & (times_us <= microseconds_of(newest))
        failures = [failure_of(line, error) for line, error in parsed.refused.items()]
        for line in parsed.lines[~in_time].tolist():
            donation = donation_of(text.line(line))
            assert isinstance(donation, DonationLine), "both readers accept the same lines"
            failures.append(_misfit(line, donation, oldest, newest))
        for line, donation in parsed.not_plain.items():
            failures.append(_misfit(line, donation, oldest, newest))
        failures.sort(key=lambda failure: failure.index)
        by_shard = _by_shard(text, parsed.lines[in_time], parsed.shards[in_time])
        return SortedPush(by_shard, failures, len(text) - len(failures))


def _by_shard(text: TextLines, lines: Offsets, shards: npt.NDArray[np.int64]) -> dict[int, bytes]:
    """Shard → those of the lines that live there, in order. `lines` and `shards` have a number a row."""
    order = np.argsort(shards, kind="stable")
    joined, ends = gathered(text.bytes, text.starts, text.ends, lines[order])
    whole, begin, by_shard = joined.tobytes(), 0, dict[int, bytes]()
    last_rows = np.flatnonzero(np.diff(shards[order], append=-1))
    for shard, end in zip(shards[order[last_rows]].tolist(), ends[last_rows].tolist(), strict=True):
        by_shard[shard], begin = whole[begin : end - 1], end
    return by_shard


def _misfit(index: int, donation: DonationLine, oldest: datetime, newest: datetime) -> Failure:
    for name in ("id", "merchant", "programme"):
        if not characters_are_plain(getattr(donation, name)):
            return Failure(
                index,
                f"/{name}",
                "name_not_plain",
                f"{name} may hold letters, digits and . _ : - only, 1 to {NAME_CHARACTERS_MAX} of them",
                f"{name} 只能包含字母、数字和 . _ : -,长度 1 至 {NAME_CHARACTERS_MAX}",
            )
    if donation.at < oldest:
        return Failure(
            index,
            "/at",
            "too_old",
            f"at is before {oldest.isoformat()}, the oldest accepted now; older gifts come by reconciliation",
            f"at 早于目前可接受的最早时间 {oldest.isoformat()}; 更早的捐赠请通过对账补报",
        )
    return in_the_future(index, newest)


def sort_reversals(text: TextLines, shards: int, now: datetime) -> SortedPush:
    """Sorts a push of reversals for a ledger of so many shards."""
    push, newest = SortedPush(), now + timedelta(seconds=FUTURE_S_MAX)
    by_shard: dict[int, list[bytes]] = {}
    for index, raw in enumerate(text.lines()):
        reversal = reversal_of(raw)
        if isinstance(reversal, str):
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


def in_records(push: SortedPush) -> Iterator[SortedPush]:
    """The accepted reversals of a push in parts that fit into a record each, in order."""
    raws_by_shard = {shard: joined.split(b"\n") for shard, joined in push.by_shard.items()}
    longest = max(map(len, raws_by_shard.values()), default=0)
    for begin in range(0, longest, REVERSALS_A_RECORD_MAX):
        parts = {shard: raws[begin : begin + REVERSALS_A_RECORD_MAX] for shard, raws in raws_by_shard.items()}
        by_shard = {shard: b"\n".join(raws) for shard, raws in parts.items() if raws}
        yield SortedPush(by_shard, accepted=sum(len(parts[shard]) for shard in by_shard))
