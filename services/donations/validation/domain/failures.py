"""Why a line is refused: a stable code, a JSON pointer into the line, and how to mend it, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

FUTURE_S_MAX = 600
"""How far a platform's clock may run ahead of ours."""
REASON_CHARACTERS_MAX = 300
AT_US_MAX = 253_000_000_000_000_000
"""Times before 1970 or after 9987 are a mistake, whoever wrote them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one line was refused: its index in the push, a JSON pointer into it, a stable code, what is wrong."""

    index: int
    pointer: str
    code: str
    en: str
    zh: str


_FORMS = {
    "amount_fen": ("is a whole number of fen, 1 to 100,000,000", "为 1 至 100,000,000 的整数(分)"),
    "at": (
        "is an RFC 3339 time with a zone, such as 2021-11-11T00:00:01+08:00",
        "为带时区的 RFC 3339 时间, 例如 2021-11-11T00:00:01+08:00",
    ),
    "day": ("is a day such as 2021-11-11", "为日期, 例如 2021-11-11"),
    "reason": (f"has at most {REASON_CHARACTERS_MAX} characters", f"最多 {REASON_CHARACTERS_MAX} 个字符"),
} | dict.fromkeys(
    ("id", "merchant", "programme", "reversal", "donation"),
    ("is 1 to 64 letters, digits and . _ : -", "为 1 至 64 个字母、数字或 . _ : -"),
)


def failure_of(index: int, error: str) -> Failure:
    """A reader's error as a failure that names the field and how to mend it."""
    if error.startswith("Object missing required field"):
        name = error.split("`")[1]
        return Failure(index, f"/{name}", "missing", f"{name} is missing", f"缺少 {name}")
    field = error.partition(" - at `$.")[2].rstrip("`")
    if field in _FORMS:
        en, zh = _FORMS[field]
        return Failure(index, f"/{field}", f"{field}_invalid", f"{field} {en} ({error})", f"{field} {zh}")
    if error.startswith("Expected `object`"):
        return Failure(index, "", "not_an_object", "a line is one JSON object", "每一行必须是一个 JSON 对象")
    return Failure(index, "", "not_json", f"the line is not JSON: {error}", "该行不是合法的 JSON")


def in_the_future(index: int, newest: datetime) -> Failure:
    """A line's `at` is later than may be now."""
    return Failure(
        index,
        "/at",
        "in_the_future",
        f"at is after {newest.isoformat()}: look at the sending machine's clock and zone",
        f"at 晚于 {newest.isoformat()}: 请检查发送方的时钟和时区",
    )
