"""A dead letter: what came down `donations.pushed` and is no donation (no reversal), until a person has looked.

Records without the door's mark, each as it is; and rows that the door let in and a newer rule refuses. A dead letter
may be replayed as it is or edited; a replay goes through the door like any other push, so nothing counts twice. One
that was discarded is kept, and can be taken back as long as it is.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pandapack.contracts.envelope import Part
from pandapack.contracts.pushed_columns import is_columns
from pandapack.contracts.pushed_rows import lines_of
from pandapack.decision import Decision, Refusal, RefusalKind
from services.donations.validation.domain.failures import failure_of

REPLAYS_A_DEAD_LETTER_MAX = 20


class Status(StrEnum):
    """Where a dead letter stands: a person must look, all of it was sent again, or it was given up."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class Replay(Part):
    """Who replayed a dead letter when and why, as which push; `edited` is the text that was sent instead, if it was.

    `accepted`: how many of its rows were what they should be then.
    """

    push: str
    by: str
    at: datetime
    edited: str | None = None
    reason: str = ""
    accepted: int = 1


class Discard(Part):
    """Who gave a dead letter up, when, and why, by which job; `taken_back`: by which job that was taken back."""

    by: str
    at: datetime
    reason: str
    job: str = ""
    taken_back: str = ""


class DeadLetter(Part):
    """A row, or a record, and why it is no donation, or no reversal where it came as one.

    `address` is topic/shard/offset, and the line in it; `raw` is base64: it may be any bytes. `platform`: whose it was;
    empty where nobody vouches for one. `rows`: None of a single row; of a record, or of what is left of one, how many
    it has. `size`: in bytes, of a record of which only the beginning is kept. `release`: of the program that judged it.
    `group`: those with the same cause, `groups.group_of`. `done_by`: the push by which all of it was sent.
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
    release: str = ""
    group: str = ""
    status: Status = Status.OPEN
    done_by: str = ""
    replays: tuple[Replay, ...] = ()
    discard: Discard | None = None

    @property
    def text(self) -> bytes:
        """Its own bytes."""
        return b64decode(self.raw)

    def lines(self, rows_max: int | None = None) -> list[bytes]:
        """Its rows as text: those of columns are written out, `rows_max` of them at most; what is no text stays so."""
        text = self.text
        return (lines_of(text, rows_max) if is_columns(text) else []) or text.split(b"\n")

    def was_sent_as(self, push: str) -> bool:
        """Whether it was replayed as this push."""
        return any(replay.push == push for replay in self.replays)


@dataclass(frozen=True, slots=True)
class Rejection:
    """What the ledger says of something that it rejected; see `DeadLetter`. `raw`: the bytes as they are."""

    raw: bytes
    reason: str
    is_reversal: bool = False
    platform: str = ""
    rows: int | None = None
    size: int | None = None
    release: str = ""


def record(state: DeadLetter, rejection: Rejection, at: datetime, group: str = "") -> Decision[DeadLetter]:
    """The ledger rejected it. It may do so again after a crash: what was done about it stays."""
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
            "release": rejection.release,
            "group": state.group or group,
        }
    )
    return Decision(recorded)


def unknown(address: str) -> Refusal:
    """There is no such dead letter."""
    return Refusal("dead_letter_unknown", f"there is no dead letter {address}", RefusalKind.NOT_FOUND)


def worn(state: DeadLetter) -> Refusal | None:
    """Why it is not replayed once more: it was too often. None: it may be."""
    if len(state.replays) < REPLAYS_A_DEAD_LETTER_MAX:
        return None
    detail = f"{state.address} was replayed {REPLAYS_A_DEAD_LETTER_MAX} times: what is sent again and again never fits"
    return Refusal("replayed_too_often", detail)


def note_replay(state: DeadLetter, replay: Replay, *, is_done: bool = True) -> Decision[DeadLetter] | Refusal:
    """It went out again as a push; `is_done`: all of it. The same push again changes nothing."""
    if state.at is None:
        return unknown(state.address)
    if state.was_sent_as(replay.push):
        return Decision(state)
    refusal = worn(state)
    if refusal is not None:
        return refusal
    noted = state.model_copy(update={"replays": (*state.replays, replay)})
    if is_done and state.status != Status.REPLAYED:
        noted = noted.model_copy(update={"status": Status.REPLAYED, "done_by": replay.push})
    return Decision(noted)


def give_up(state: DeadLetter, discard: Discard) -> Decision[DeadLetter] | Refusal:
    """A person has looked, and it stays what it is. What was replayed or given up before stays so."""
    if state.at is None:
        return unknown(state.address)
    if state.status != Status.OPEN:
        return Decision(state)
    return Decision(state.model_copy(update={"status": Status.DISCARDED, "discard": discard}))


def take_back(state: DeadLetter, job: str) -> Decision[DeadLetter] | Refusal:
    """It is open again, where it had been given up."""
    if state.at is None:
        return unknown(state.address)
    if state.status != Status.DISCARDED or state.discard is None:
        return Decision(state)
    discard = state.discard.model_copy(update={"taken_back": job})
    return Decision(state.model_copy(update={"status": Status.OPEN, "discard": discard}))
