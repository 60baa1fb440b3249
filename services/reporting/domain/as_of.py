"""What a reader means by "as of": so many entries of the public log, a moment, or the end of a day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from pandapack.contracts.donations import CHINA
from pandapack.contracts.tlog.encoding import SIZE_MAX
from pandapack.decision import Refusal, RefusalKind

CHARACTERS_MAX = 40
"""The longest moment has 35."""
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
"""No log is older, and texts of later times are as long as theirs: they compare as the times do."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_LEAST = timedelta(microseconds=1)


def as_of(text: str) -> int | datetime | Refusal:
    """A size, or the moment up to which entries count. A day (Asia/Shanghai) counts to its end."""
    if _SIZE.fullmatch(text):
        size = int(text)
        return size if size <= SIZE_MAX else _refusal(text)
    return moment(text, is_end=True)


def moment(text: str, *, is_end: bool) -> datetime | Refusal:
    """A moment (RFC 3339, with its zone), or a day in Asia/Shanghai: its beginning, or (`is_end`) its last moment."""
    try:
        if _DAY.fullmatch(text):
            begin = datetime.combine(date.fromisoformat(text), time(), CHINA)
            return max(BEFORE_ALL, (begin + timedelta(days=1) - _LEAST if is_end else begin).astimezone(UTC))
        if _MOMENT.fullmatch(text):
            return max(BEFORE_ALL, datetime.fromisoformat(text.upper()).astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    return _refusal(text)


def _refusal(text: str) -> Refusal:
    detail = (
        f"{text!r} is no size of the public log (such as 12345), no moment with a zone (2021-11-11T10:05:03+08:00, in "
        "an address with %2B for +) and no day (2021-11-11)"
    )
    return Refusal("as_of_invalid", detail, RefusalKind.INVALID)
