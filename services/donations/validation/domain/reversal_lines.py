"""A reversal as the platform pushes it, one a line: a donation taken back, in full or in part."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from pandapack.contracts.donations import (
    AMOUNT_FEN_MAX,
    NAME_CHARACTERS_MAX,
    StructName,
    microseconds_of,
    scoped,
    shard_of,
)
from pandapack.contracts.nesting import is_nested_too_deeply
from services.donations.validation.domain.failures import (
    AT_US_MAX,
    MERCHANT_TOO_LONG,
    NESTED_TOO_DEEPLY,
    REASON_CHARACTERS_MAX,
)

_Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
"""One way to write a day: reversals of one donation are found by this text."""


class Reversal(msgspec.Struct, frozen=True):
    """`reversal` is the platform's own id, `donation` and `day` name the donation, `at` is when it was taken back.

    `merchant` is the platform's own name on a line, and scoped once it is read (`reversal_of`).
    """

    reversal: StructName
    merchant: StructName
    donation: StructName
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


_decoder = msgspec.json.Decoder(Reversal)


def reversal_of(raw: bytes, platform: str, shard: int | None = None, shards: int = 1) -> Reversal | str:
    """The reversal on a platform's line, its merchant scoped, or the reader's error.

    `shard`: where it must live, of so many `shards`.
    """
    if is_nested_too_deeply(raw):
        return NESTED_TOO_DEEPLY
    try:
        reversal = _decoder.decode(raw)
        date.fromisoformat(reversal.day)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)
    except ValueError:
        return "Expected a day such as 2021-11-11 - at `$.day`"
    if not 0 <= microseconds_of(reversal.at) < AT_US_MAX:
        return "Expected a time of our age - at `$.at`"
    merchant = scoped(platform, reversal.merchant)
    if len(merchant) > NAME_CHARACTERS_MAX:
        return MERCHANT_TOO_LONG
    if shard is not None and shard_of(merchant, shards) != shard:
        return WRONG_SHARD
    return msgspec.structs.replace(reversal, merchant=merchant)


WRONG_SHARD = "another shard's merchant"
