"""Reading a push: which lines hold a donation, to which line of the ledger each goes, and what is wrong with the rest.

This is the hot path, so lines are read by msgspec; `contracts.donations.Donation` stays the contract, and a test proves
that both accept and refuse the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from pandapack.contracts.donations import AMOUNT_FEN_MAX, NAME_BYTES, NAME_CHARACTERS_MAX, line_of

FUTURE_S_MAX = 600
"""How far a platform's clock may run ahead of ours."""
LINE_CACHE_MERCHANTS_MAX = 200_000
NO_HOME = -1

_Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class Gift(msgspec.Struct, frozen=True, gc=False):
    """A donation as read from a line; the same contract as `contracts.donations.Donation`."""

    id: _Name
    merchant: _Name
    programme: _Name
    amount_fen: Annotated[int, Meta(gt=0, le=AMOUNT_FEN_MAX)]
    at: Annotated[datetime, Meta(tz=True)]


_decoder = msgspec.json.Decoder(Gift)
LINES_AT_ONCE = 32
"""Lines are read so many at a time, and one by one only where one of them is no donation."""


def gifts_of(raws: Sequence[bytes]) -> list[Gift | str]:
    """The donation on each line, or the words in which the reader refuses it."""
    gifts: list[Gift | str] = []
    for start in range(0, len(raws), LINES_AT_ONCE):
        some = raws[start : start + LINES_AT_ONCE]
        gifts += _together(b"\n".join(some), len(some)) or map(_gift_of, some)
    return gifts


def _together(lines: bytes, count: int) -> list[Gift]:
    """All of some lines, or nothing where they must be read one by one.

    The reader takes values one after the other, wherever lines end. Where every line begins with `{` and ends with `}`
    no value can reach over a line's end, so as many values as lines means one on each.
    """
    if not (lines[:1] == b"{" and lines[-1:] == b"}" and lines.count(b"}\n{") == count - 1):
        return []
    try:
        read: list[Gift] = _decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return read if len(read) == count else []


def _gift_of(raw: bytes) -> Gift | str:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)


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
    """A push, sorted: raw lines by ledger line, and the failures. `accepted` counts the raw lines."""

    lines: dict[int, list[bytes]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    accepted: int = 0


def characters_are_plain(words: Sequence[str]) -> bool:
    """Whether all words hold nothing but the characters of `contracts.donations.NAME_PATTERN`."""
    try:
        return not "".join(words).encode().translate(None, NAME_BYTES)
    except UnicodeEncodeError:  # a lone surrogate
        return False


def is_plain(gift: Gift) -> bool:
    """Whether a gift's three names are plain."""
    return characters_are_plain((gift.id, gift.merchant, gift.programme))


class Reader:
    """Reads pushes for a ledger of so many lines; remembers where merchants live."""

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._homes: dict[str, int] = {}

    def read(self, raws: Sequence[bytes], *, now: datetime, accept_days: int) -> Intake:
        """Validates every raw line. Age is judged here and only here: `accept_days` back, `FUTURE_S_MAX` ahead."""
        oldest, newest = now - timedelta(days=accept_days), now + timedelta(seconds=FUTURE_S_MAX)
        intake, ids, programmes = self._read(raws, oldest, newest, careful=False)
        if not (characters_are_plain(ids) and characters_are_plain(list(programmes))):
            intake, _, _ = self._read(raws, oldest, newest, careful=True)
        intake.accepted = len(raws) - len(intake.failures)
        return intake

    def _read(
        self, raws: Sequence[bytes], oldest: datetime, newest: datetime, *, careful: bool
    ) -> tuple[Intake, list[str], set[str]]:
        # Names are looked at all together, and one by one only where one of them is not plain.
        intake, ids, programmes = Intake(), list[str](), set[str]()
        buckets, failures, homes = intake.lines, intake.failures, self._homes
        for index, (raw, gift) in enumerate(zip(raws, gifts_of(raws), strict=True)):
            if not isinstance(gift, Gift):
                failures.append(failure_of(index, gift))
                continue
            home = homes.get(gift.merchant)
            if home is None:
                home = self._home_of(gift.merchant)
            if home == NO_HOME or not oldest <= gift.at <= newest or (careful and not is_plain(gift)):
                failures.append(_misfit(index, gift, oldest, newest))
                continue
            ids.append(gift.id)
            programmes.add(gift.programme)
            if home in buckets:
                buckets[home].append(raw)
            else:
                buckets[home] = [raw]
        return intake, ids, programmes

    def _home_of(self, merchant: str) -> int:
        home = line_of(merchant, self._lines) if characters_are_plain((merchant,)) else NO_HOME
        if len(self._homes) >= LINE_CACHE_MERCHANTS_MAX:
            self._homes.clear()
        self._homes[merchant] = home
        return home


def _misfit(index: int, gift: Gift, oldest: datetime, newest: datetime) -> Failure:
    for name in ("id", "merchant", "programme"):
        if not characters_are_plain((getattr(gift, name),)):
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
} | dict.fromkeys(
    ("id", "merchant", "programme"), ("is 1 to 64 letters, digits and . _ : -", "为 1 至 64 个字母、数字或 . _ : -")
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
