"""A job: dead letters are sent again, given up or taken back, step by step, so that a crash anywhere repeats a step.

A step is planned (which letters) before it is done, and counted behind. What a step does is the same when it is done
again: its push has an id that derives from job and step, letters note that push once, and groups apply each step once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pandapack.contracts.dead_letters import (
    DeadLettersDiscarded,
    DeadLettersReplayed,
    DeadLettersReplayStopped,
    DeadLettersTakenBack,
)
from pandapack.contracts.envelope import Event, Part
from pandapack.decision import Decision, Refusal, RefusalKind
from services.donations.pushes.domain.push import ID_DIGITS, ID_PREFIX

JOB_PREFIX = "dlr_"
LEASE_S = 20.0
"""Whoever works at a job renews this with each step, which takes far less; after a crash another goes on behind it."""
FAILURES_KEPT_MAX = 500
"""As many letters as can be named in one request: each of them is answered."""
GROUPS_NOTED_MAX = 1_000
"""Groups that are told that the job is over; of more a line stays in their inbox, which does no harm."""


class Doing(StrEnum):
    """What is done with the letters."""

    REPLAY = "replay"
    DISCARD = "discard"
    TAKE_BACK = "take_back"


class State(StrEnum):
    """Where a job stands. `stopping`: somebody asked; `closing`: only the groups are still told."""

    RUNNING = "running"
    STOPPING = "stopping"
    CLOSING = "closing"
    DONE = "done"
    STOPPED = "stopped"
    CAPPED = "capped"


WORKING = (State.RUNNING, State.STOPPING, State.CLOSING)


class Selection(Part):
    """Which letters: some by address; or all open ones (of a discard's return: discarded ones) that fit what is set.

    `sender`: a platform; `UNVOUCHED` those of which nobody vouches.
    """

    addresses: tuple[str, ...] = ()
    group: str = ""
    cause: str = ""
    sender: str = ""


class LetterFailure(Part):
    """What of a letter still is refused: how many rows, and of the first its number in the letter and why."""

    dead_letter: str
    rows: int
    row: int
    pointer: str
    code: str
    en: str
    zh: str


class Tally(Part):
    """What was done so far: letters looked at, those of which nothing is left, rows accepted and refused."""

    dead_letters: int = 0
    moved: int = 0
    accepted: int = 0
    refused: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            dead_letters=self.dead_letters + other.dead_letters,
            moved=self.moved + other.moved,
            accepted=self.accepted + other.accepted,
            refused=self.refused + other.refused,
        )


class LetterJob(Part):
    """One job. `wall` times. `digest`: of the command that opened it. `count`: how many letters were meant then.

    `edited`: address → text, until the job is over. `rate`: rows a second, `cap`: rows, at most; 0: no bound. `after`:
    the last address that was planned; `step` counts those that are done; `plan`: the letters of the next one. `holder`:
    who works at it until `held_until`; not before `next_at`. `outcome`: what it will be once the groups are told.
    """

    job: str
    doing: Doing = Doing.REPLAY
    digest: str = ""
    selection: Selection = Selection()
    edited: dict[str, str] = {}
    platform: str = ""
    reason: str = ""
    by: str = ""
    at: datetime | None = None
    rate: int = 0
    cap: int = 0
    count: int = 0
    state: State = State.RUNNING
    outcome: State = State.DONE
    after: str = ""
    step: int = 0
    plan: tuple[str, ...] = ()
    tally: Tally = Tally()
    failures: tuple[LetterFailure, ...] = ()
    groups: tuple[str, ...] = ()
    push: str | None = None
    holder: str = ""
    held_until: datetime | None = None
    next_at: datetime | None = None
    ended_at: datetime | None = None
    stop_reason: str = ""

    @property
    def rows_left(self) -> int | None:
        """How many rows it may send yet; None: no bound."""
        return max(0, self.cap - self.tally.accepted) if self.cap else None


def job_id(doing: Doing, key: str, caller: str) -> str:
    """The id of the job that a command opens: the same when the command is repeated."""
    return JOB_PREFIX + hashlib.sha256(f"{doing}\n{caller}\n{key}".encode()).hexdigest()[:ID_DIGITS]


def push_of(job: str, step: int) -> str:
    """The id of the push of a job's step."""
    return ID_PREFIX + hashlib.sha256(f"replay {job} {step}".encode()).hexdigest()[:ID_DIGITS]


def open_job(state: LetterJob, wanted: LetterJob) -> Decision[LetterJob] | Refusal:
    """Begins it, and tells who asked for it. The same command again finds it begun."""
    if state.at is None:
        return Decision(wanted, (_told(wanted),))
    if state.digest != wanted.digest:
        detail = "this Idempotency-Key began another job; send the same body again, or choose a new key"
        return Refusal("idempotency_key_reused", detail)
    return Decision(state)


def _told(job: LetterJob) -> Event:
    selection = job.selection
    match job.doing:
        case Doing.DISCARD:
            told: type[DeadLettersDiscarded | DeadLettersTakenBack] = DeadLettersDiscarded
        case Doing.TAKE_BACK:
            told = DeadLettersTakenBack
        case Doing.REPLAY:
            return DeadLettersReplayed(
                replay=job.job,
                count=job.count,
                group=selection.group,
                cause=selection.cause,
                sender=selection.sender,
                dead_letters=selection.addresses,
                edited=len(job.edited),
                platform=job.platform,
                reason=job.reason,
            )
    return told(
        replay=job.job,
        count=job.count,
        group=selection.group,
        cause=selection.cause,
        sender=selection.sender,
        dead_letters=selection.addresses,
        reason=job.reason,
    )


def hold(state: LetterJob, holder: str, now: datetime) -> Decision[LetterJob] | Refusal:
    """Takes the job, or holds it longer. Refused where another works at it, or nothing is to be done now."""
    if state.at is None or state.state not in WORKING:
        return Refusal("replay_over", f"{state.job} is over")
    if state.holder != holder and state.held_until is not None and now < state.held_until:
        return Refusal("replay_held", f"{state.holder} works at {state.job}")
    held_until = now + timedelta(seconds=LEASE_S)
    return Decision(state.model_copy(update={"holder": holder, "held_until": held_until}))


def plan(state: LetterJob, step: int, dead_letters: Sequence[str]) -> Decision[LetterJob]:
    """Which letters a step is for; none: nothing is left. What was planned already stays."""
    if state.state != State.RUNNING or state.step != step or state.plan:
        return Decision(state)
    if not dead_letters:
        return Decision(state.model_copy(update={"state": State.CLOSING, "outcome": State.DONE}))
    return Decision(state.model_copy(update={"plan": tuple(dead_letters), "after": max(dead_letters)}))


@dataclass(frozen=True, slots=True)
class StepDone:
    """What a step has done: by group how many letters moved, what is refused, as which push, when."""

    tally: Tally
    groups: Mapping[str, int]
    failures: Sequence[LetterFailure]
    push: str | None
    at: datetime


def finish(state: LetterJob, step: int, done: StepDone) -> Decision[LetterJob]:
    """The planned step is done. Once."""
    if state.step != step:
        return Decision(state)
    tally = state.tally.plus(done.tally)
    rows = done.tally.accepted + done.tally.refused
    finished = state.model_copy(
        update={
            "step": step + 1,
            "plan": (),
            "tally": tally,
            "failures": (*state.failures, *done.failures)[:FAILURES_KEPT_MAX],
            "groups": tuple(dict.fromkeys((*state.groups, *done.groups)))[:GROUPS_NOTED_MAX],
            "push": done.push or state.push,
            "next_at": done.at + timedelta(seconds=rows / state.rate if state.rate else 0),
        }
    )
    if state.state == State.RUNNING and finished.rows_left == 0:
        return cap_reached(finished)
    return Decision(finished)


def cap_reached(state: LetterJob) -> Decision[LetterJob]:
    """The next letter would be more than may be sent."""
    return Decision(state.model_copy(update={"state": State.CLOSING, "outcome": State.CAPPED}))


def stop(state: LetterJob, reason: str) -> Decision[LetterJob] | Refusal:
    """Nothing more is begun. What is done stays done. Stopping what is over, or is stopped, changes nothing."""
    if state.at is None:
        return Refusal("replay_unknown", f"there is no replay {state.job}", RefusalKind.NOT_FOUND)
    if state.state != State.RUNNING:
        return Decision(state)
    told = DeadLettersReplayStopped(replay=state.job, done=state.tally.dead_letters, reason=reason)
    return Decision(state.model_copy(update={"state": State.STOPPING, "stop_reason": reason}), (told,))


def let_go(state: LetterJob) -> Decision[LetterJob]:
    """Somebody asked to stop, and nothing is under way."""
    if state.state != State.STOPPING or state.plan:
        return Decision(state)
    return Decision(state.model_copy(update={"state": State.CLOSING, "outcome": State.STOPPED}))


def close(state: LetterJob, now: datetime) -> Decision[LetterJob]:
    """The groups are told: it is over."""
    closed = {"state": state.outcome, "ended_at": now, "edited": {}, "holder": "", "held_until": None, "next_at": None}
    return Decision(state.model_copy(update=closed))
