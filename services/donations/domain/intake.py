"""Sorting a push: which lines hold a donation, to which ledger line each goes, and what is wrong with the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from pandapack.contracts.donations import NAME_CHARACTERS_MAX, microseconds_of
from services.donations.domain.parsing import gathered
from services.donations.domain.reading import Gift, LineReader, characters_are_plain, gift_of, gifts_of, is_plain
from services.donations.domain.text import Offsets, Text

__all__ = ["Failure", "Gift", "Intake", "Reader", "failure_of", "gifts_of", "is_plain"]

FUTURE_S_MAX = 600
"""How far a platform's clock may run ahead of ours."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one line was refused: its place in the push, a JSON pointer into it, a stable code, words."""

    index: int
    pointer: str
    code: str
    en: str
    zh: str


@dataclass(slots=True)
class Intake:
    """A push, sorted: by ledger line its untouched lines, and the failures. `accepted` counts the lines."""

    lines: dict[int, bytes] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    accepted: int = 0


class Reader:
    """Reads pushes for a ledger of so many lines; remembers where merchants live, and how lines are laid out."""

    def __init__(self, lines: int) -> None:
        self._lines = LineReader(lines)

    def read(self, text: Text, *, now: datetime, accept_days: int) -> Intake:
        """Validates every line. Age is judged here and only here: `accept_days` back, `FUTURE_S_MAX` ahead."""
        oldest, newest = now - timedelta(days=accept_days), now + timedelta(seconds=FUTURE_S_MAX)
        read = self._lines.read(text)
        times_us = read.columns.times_us
        in_time = (times_us >= microseconds_of(oldest)) & (times_us <= microseconds_of(newest))
        failures = [failure_of(line, why) for line, why in read.refused.items()]
        for line in read.lines[~in_time].tolist():
            gift = gift_of(text.line(line))
            assert isinstance(gift, Gift), "both readers take the same lines"
            failures.append(_misfit(line, gift, oldest, newest))
        for line, gift in read.not_plain.items():
            failures.append(_misfit(line, gift, oldest, newest))
        failures.sort(key=lambda failure: failure.index)
        lines = _by_home(text, read.lines[in_time], read.homes[in_time])
        return Intake(lines, failures, len(text) - len(failures))


def _by_home(text: Text, lines: Offsets, homes: npt.NDArray[np.int64]) -> dict[int, bytes]:
    """Ledger line → those of the lines that live there, in order, a line break between two."""
    order = np.argsort(homes, kind="stable")
    joined, ends = gathered(text.bytes, text.starts, text.ends, lines[order])
    whole, begin, by_home = joined.tobytes(), 0, dict[int, bytes]()
    last_rows = np.flatnonzero(np.diff(homes[order], append=-1))
    for home, end in zip(homes[order[last_rows]].tolist(), ends[last_rows].tolist(), strict=True):
        by_home[home], begin = whole[begin : end - 1], end
    return by_home


def _misfit(index: int, gift: Gift, oldest: datetime, newest: datetime) -> Failure:
    for name in ("id", "merchant", "programme"):
        if not characters_are_plain(getattr(gift, name)):
            return Failure(
                index,
                f"/{name}",
                "name_not_plain",
                f"{name} may hold letters, digits and . _ : - only, 1 to {NAME_CHARACTERS_MAX} of them",
                f"{name} 只能包含字母、数字和 . _ : -,长度 1 至 {NAME_CHARACTERS_MAX}",
            )
    if gift.at < oldest:
        return Failure(
            index,
            "/at",
            "too_old",
            f"at is before {oldest.isoformat()}, the oldest accepted now; older gifts come by reconciliation",
            f"at 早于目前可接受的最早时间 {oldest.isoformat()}; 更早的捐赠请通过对账补报",
        )
    return in_the_future(index, newest)


def in_the_future(index: int, newest: datetime) -> Failure:
    """A line's `at` is later than may be now."""
    return Failure(
        index,
        "/at",
        "in_the_future",
        f"at is after {newest.isoformat()}: look at the sending machine's clock and zone",
        f"at 晚于 {newest.isoformat()}: 请检查发送方的时钟和时区",
    )


_FORMS = {
    "amount_fen": ("is a whole number of fen, 1 to 100,000,000", "为 1 至 100,000,000 的整数(分)"),
    "at": (
        "is an RFC 3339 time with a zone, such as 2021-11-11T00:00:01+08:00",
        "为带时区的 RFC 3339 时间, 例如 2021-11-11T00:00:01+08:00",
    ),
    "day": ("is a day such as 2021-11-11", "为日期, 例如 2021-11-11"),
    "reason": ("has at most 300 characters", "最多 300 个字符"),
} | dict.fromkeys(
    ("id", "merchant", "programme", "reversal", "donation"),
    ("is 1 to 64 letters, digits and . _ : -", "为 1 至 64 个字母、数字或 . _ : -"),
)


def failure_of(index: int, error: str) -> Failure:
    """A reader's error as a failure that names the field and how to mend it."""
    if error.startswith("Object missing required field"):
        name = error.split("`")[1]
        return Failure(index, f"/{name}", "missing", f"{name} is missing", f"缺少 {name}")
    place = error.partition(" - at `$.")[2].rstrip("`")
    if place in _FORMS:
        en, zh = _FORMS[place]
        return Failure(index, f"/{place}", f"{place}_invalid", f"{place} {en} ({error})", f"{place} {zh}")
    if error.startswith("Expected `object`"):
        return Failure(index, "", "not_an_object", "a line is one JSON object", "每一行必须是一个 JSON 对象")
    return Failure(index, "", "not_json", f"the line is not JSON: {error}", "该行不是合法的 JSON")
