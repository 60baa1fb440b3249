"""Dead letters: rows of `donations.pushed` that are no donations (no reversals), kept untouched until a person looks.

They come from writers other than the push API, which refuses such rows before they reach the topic. A dead letter may
be replayed as it is (after a mend of ours) or edited; a replay is a push like any other, so nothing counts twice.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal, RefusalKind
from services.donations.validation.domain.failures import failure_of

WRONG_SHARD = "not_of_this_shard"
REPLAYS_A_DEAD_LETTER_MAX = 20


class Replay(Part):
    """Who replayed a dead letter when, as which push; `edited` is the line that was sent instead, if it was another."""

    push: str
    by: str
    at: datetime
    edited: str | None = None


class DeadLetter(Part):
    """A row and why it is no donation, or no reversal where it came as one.

    `address` is topic/shard/offset/line; `raw` is base64: it may be any bytes. `platform`: whose it was by its record;
    empty where that named none.
    """

    address: str
    raw: str = ""
    reason: str = ""
    cause: str = ""
    pointer: str = ""
    en: str = ""
    zh: str = ""
    at: datetime | None = None
    is_reversal: bool = False
    platform: str = ""
    replays: tuple[Replay, ...] = ()

    @property
    def line(self) -> bytes:
        """The row's own bytes."""
        return b64decode(self.raw)


def record(
    state: DeadLetter, raw: bytes, reason: str, at: datetime, *, is_reversal: bool = False, platform: str = ""
) -> Decision[DeadLetter]:
    """The ledger rejected the row. It may do so again after a crash: the replays that were made stay."""
    failure = failure_of(0, reason)
    stranger = reason.startswith("another shard")
    recorded = state.model_copy(
        update={
            "raw": b64encode(raw).decode(),
            "reason": reason,
            "cause": WRONG_SHARD if stranger else failure.code,
            "pointer": failure.pointer,
            "en": reason if stranger else failure.en,
            "zh": "商户不属于该账本分片, 或名称、时间不合规" if stranger else failure.zh,
            "at": state.at or at,
            "is_reversal": is_reversal,
            "platform": platform,
        }
    )
    return Decision(recorded)


def note_replay(state: DeadLetter, replay: Replay) -> Decision[DeadLetter] | Refusal:
    """The row went out again as a push."""
    if state.at is None:
        return Refusal("dead_letter_unknown", f"there is no dead letter {state.address}", RefusalKind.NOT_FOUND)
    if len(state.replays) >= REPLAYS_A_DEAD_LETTER_MAX:
        detail = (
            f"{state.address} was replayed {REPLAYS_A_DEAD_LETTER_MAX} times: what is sent again and again never fits"
        )
        return Refusal("replayed_too_often", detail)
    return Decision(state.model_copy(update={"replays": (*state.replays, replay)}))
