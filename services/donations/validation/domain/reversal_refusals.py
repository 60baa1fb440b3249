"""Why a reversal takes nothing: a stable code, and what is wrong and how to mend it, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pandapack.contracts.donations import CHINA, EPOCH, unscoped
from services.donations.validation.domain.failures import Failure
from services.donations.validation.domain.reversal_lines import Reversal

EXCEEDS_WHAT_IS_LEFT = "exceeds_what_is_left"
BEFORE_THE_DONATION = "before_the_donation"
REVERSAL_CONFLICT = "reversal_conflict"


@dataclass(frozen=True, slots=True)
class ReversalRefusal:
    """Why a reversal takes nothing. `code` is for programs, `en` and `zh` are for people."""

    code: str
    en: str
    zh: str

    def as_failure(self, index: int, pointer: str) -> Failure:
        """The same of a line of a push, and where in it."""
        return Failure(index, pointer, self.code, self.en, self.zh)


def exceeds_what_is_left(reversal: Reversal, given_fen: int, reversed_fen: int) -> ReversalRefusal:
    """More is taken back than is left: of `given_fen` the earlier reversals took `reversed_fen`."""
    left_fen = given_fen - reversed_fen
    if not left_fen:
        en = f"donation {reversal.donation} of {given_fen} fen is taken back in full already: nothing is left of it"
        zh = f"捐赠 {reversal.donation} 共 {given_fen} 分，已全部撤回"
        return ReversalRefusal(EXCEEDS_WHAT_IS_LEFT, en, zh)
    en = (
        f"amount_fen is {reversal.amount_fen}, and {reversed_fen} of the {given_fen} fen of donation "
        f"{reversal.donation} are taken back already: send at most {left_fen}"
    )
    zh = (
        f"amount_fen 为 {reversal.amount_fen}，而捐赠 {reversal.donation} 共 {given_fen} 分，"
        f"已撤回 {reversed_fen} 分：最多还可撤回 {left_fen} 分"
    )
    return ReversalRefusal(EXCEEDS_WHAT_IS_LEFT, en, zh)


def before_the_day(reversal: Reversal) -> ReversalRefusal:
    """Its `at` lies on an earlier day than the one that it names itself."""
    en = f"at is before {reversal.day}, the donation's day (Asia/Shanghai): send when it was taken back, or mend day"
    zh = f"at 早于捐赠日期 {reversal.day}（北京时间）：请填写撤回的时间，或更正 day"
    return ReversalRefusal(BEFORE_THE_DONATION, en, zh)


def before_the_donation(reversal: Reversal, given_us: int) -> ReversalRefusal:
    """Its `at` lies before the donation was given, at `given_us`, in microseconds since 1970 UTC."""
    given = (EPOCH + timedelta(microseconds=given_us)).astimezone(CHINA).isoformat()
    en = f"at is before {given}, when donation {reversal.donation} was given: send when it was taken back"
    zh = f"at 早于捐赠 {reversal.donation} 的时间 {given}：请填写撤回的时间"
    return ReversalRefusal(BEFORE_THE_DONATION, en, zh)


def reversal_conflict(first: Reversal, other: Reversal) -> ReversalRefusal:
    """`other` comes under the id of `first`, which took something else back."""
    # Platforms read this, and they have their own names for merchants.
    _, merchant = unscoped(first.merchant)
    en = (
        f"reversal {first.reversal} of merchant {merchant} took back {_taken(first)}; this one names "
        f"{_taken(other)}: it takes nothing, a new reversal needs an id of its own"
    )
    zh = (
        f"商家 {merchant} 的撤销 {first.reversal} 已撤回 {_taken_zh(first)}；本条为 {_taken_zh(other)}："
        "本条无效，新的撤销请使用新的编号"
    )
    return ReversalRefusal(REVERSAL_CONFLICT, en, zh)


def _taken(one: Reversal) -> str:
    return f"{one.amount_fen} fen of donation {one.donation} of {one.day} at {one.at.isoformat()}"


def _taken_zh(one: Reversal) -> str:
    return f"{one.day} 的捐赠 {one.donation} 中的 {one.amount_fen} 分({one.at.isoformat()})"
