"""Dead letters: what came down `donations.pushed` and is no donation (no reversal), kept until a person has looked.

Records without the door's mark, each as it is; and rows that the door let in and a newer rule refuses. A dead letter
may be replayed as it is or edited; a replay goes through the door like any other push, so nothing counts twice.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

from pandapack.contracts.envelope import Part
from pandapack.contracts.pushed_columns import is_columns
from pandapack.contracts.pushed_rows import lines_of
from pandapack.decision import Decision, Refusal, RefusalKind
from services.donations.validation.domain.failures import failure_of

REPLAYS_A_DEAD_LETTER_MAX = 20


class Replay(Part):
    """Who replayed a dead letter when, as which push; `edited` is the line that was sent instead, if it was another."""

    push: str
    by: str
    at: datetime
    edited: str | None = None


class DeadLetter(Part):
    """A row, or a record, and why it is no donation, or no reversal where it came as one.

    `address` is topic/shard/offset, and the line in it; `raw` is base64: it may be any bytes. `platform`: whose it was;
    empty where nobody vouches for one. `rows`: None of a single row; of a record, or of what is left of one, how many
    it has. `size`: in bytes, of a record of which only the beginning is kept.
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
    rows: int | None = None
    size: int | None = None
    replays: tuple[Replay, ...] = ()

    @property
    def text(self) -> bytes:
        """Its own bytes."""
        return b64decode(self.raw)

    def lines(self, rows_max: int | None = None) -> list[bytes]:
        """Its rows as text: those of columns are written out, `rows_max` of them at most; what is no text stays so."""
        text = self.text
        return (lines_of(text, rows_max) if is_columns(text) else []) or text.split(b"\n")


@dataclass(frozen=True, slots=True)
class Rejection:
    """What the ledger says of something that it rejected; see `DeadLetter`. `raw`: the bytes as they are."""

    raw: bytes
    reason: str
    is_reversal: bool = False
    platform: str = ""
    rows: int | None = None
    size: int | None = None


def record(state: DeadLetter, rejection: Rejection, at: datetime) -> Decision[DeadLetter]:
    """The ledger rejected it. It may do so again after a crash: the replays that were made stay."""
    failure = failure_of(0, rejection.reason)
    recorded = state.model_copy(
        update={
            "raw": b64encode(rejection.raw).decode(),
            "reason": rejection.reason,
            "cause": failure.code,
            "pointer": failure.pointer,
            "en": failure.en,
            "zh": failure.zh,
            "at": state.at or at,
            "is_reversal": rejection.is_reversal,
            "platform": rejection.platform,
            "rows": rejection.rows,
            "size": rejection.size,
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
