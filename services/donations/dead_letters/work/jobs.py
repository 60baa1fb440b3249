"""Jobs: dead letters are sent again, given up or taken back, a step at a time; `domain.jobs` says why that is safe."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.store import Command, Decide, EventPosition, Outcome, Store
from services.donations.dead_letters.domain import jobs
from services.donations.dead_letters.domain.dead_letters import (
    DeadLetter,
    Discard,
    Replay,
    Status,
    give_up,
    note_replay,
    take_back,
)
from services.donations.dead_letters.domain.groups import LetterGroup, forget, move
from services.donations.dead_letters.domain.jobs import (
    WORKING,
    Doing,
    LetterFailure,
    LetterJob,
    State,
    StepDone,
    Tally,
)
from services.donations.dead_letters.store import JOBS_WORKING_MAX, working
from services.donations.dead_letters.work.dead_letters import LETTERS_A_READ, Letters, status_for
from services.donations.dead_letters.work.sorting import LetterSorter, SortedLetters
from services.donations.pushes.work.publisher import PushPublisher

JOBS_PAUSE_S = 0.5
"""So often those that are under way are looked at, where none was just begun."""
HELD_PAUSE_S = 0.25
WRITES_AT_ONCE_MAX = 16
BUSY_RETRY_S = 10


class LetterJobs:
    """Opens jobs and works at them; each process of the service does, and a lease says which one at which."""

    def __init__(
        self,
        stored: Store[LetterJob],
        dead_letters: Store[DeadLetter],
        groups: Store[LetterGroup],
        sorter: LetterSorter,
        publisher: PushPublisher,
        *,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._jobs, self._letters, self._groups = stored, dead_letters, groups
        self._reading = Letters(dead_letters, groups)
        self._sorter, self._publisher, self._clock, self._chance = sorter, publisher, clock, chance
        self._holder = chance.token()
        self.on_open: Callable[[], None] = lambda: None

    async def get(self, id: str) -> LetterJob:
        """The job. Raises Refused where there is none."""
        job = await self._jobs.get(id)
        if job is None or job.at is None:
            raise Refused(Refusal("replay_unknown", f"there is no replay {id}", RefusalKind.NOT_FOUND))
        return job

    async def is_known(self, id: str) -> bool:
        """Whether a command has begun it: then it is only told of."""
        return await self._jobs.get(id) is not None

    async def under_way(self) -> list[LetterJob]:
        """The jobs that are not over."""
        return await working(self._jobs)

    async def open(self, wanted: LetterJob, command: Command) -> LetterJob:
        """Begins a job, or finds it begun by the same command. Raises Refused, also where too many are under way."""
        before = await self._jobs.get(wanted.job)
        if before is None and len(await self.under_way()) >= JOBS_WORKING_MAX:
            detail = f"{JOBS_WORKING_MAX} replays are under way: wait for one of them, or stop it"
            raise Refused(Refusal("busy", detail, RefusalKind.TOO_MANY, retry_after_s=BUSY_RETRY_S))
        selection, status = wanted.selection, status_for(wanted.doing)
        if before is None and not selection.addresses:
            count = await self._reading.count(selection, status)
            wanted = wanted.model_copy(update={"count": count})
        outcome = await self._jobs.change(wanted.job, partial(jobs.open_job, wanted=wanted), command)
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        self.on_open()
        return await self.get(wanted.job)

    async def stop(self, id: str, reason: str, command: Command) -> LetterJob:
        """Asks that nothing more is begun. Raises Refused."""
        outcome = await self._jobs.change(id, partial(jobs.stop, reason=reason), command)
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        self.on_open()
        return outcome.state

    async def until_over(self, job: LetterJob) -> LetterJob:
        """Works at a job until it is over, or waits where another does. Raises KafkaUnavailable, StoreUnavailable."""
        holder = self._chance.token()
        while job.state in WORKING:
            held = await self._held(job.job, holder)
            if held is None:
                await asyncio.sleep(HELD_PAUSE_S)
                job = await self.get(job.job)
            else:
                job = await self._advance(held)
        return job

    async def run(self) -> bool:
        """A step of each job that is due. Whether more is waiting. Raises what one of them failed with."""
        failures, is_more = list[Exception](), False
        for job in await self.under_way():
            if job.next_at is not None and job.next_at > self._clock.wall():
                continue
            try:
                held = await self._held(job.job, self._holder)
                is_more |= held is not None and await self._advance(held) != held
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return is_more

    async def _held(self, id: str, holder: str) -> LetterJob | None:
        outcome = await self._own_change(id, partial(jobs.hold, holder=holder, now=self._clock.wall()))
        return None if isinstance(outcome, Refusal) else outcome.state

    async def _own_change(self, id: str, decide: Decide[LetterJob]) -> Outcome[LetterJob] | Refusal:
        """A change that nobody asked for: its key is its own."""
        return await self._jobs.change(id, decide, Command(self._chance.token(), ""))

    async def _changed(self, id: str, decide: Decide[LetterJob]) -> LetterJob:
        outcome = await self._own_change(id, decide)
        assert isinstance(outcome, Outcome), "these decisions refuse nothing"
        return outcome.state

    async def _advance(self, job: LetterJob) -> LetterJob:
        """One action of a job that is held: a step, what the next one will be, or its end."""
        if job.plan:
            done = await self._step(job)
            return await self._changed(job.job, partial(jobs.finish, step=job.step, done=done))
        if job.state is State.CLOSING:
            stream = _stream(job)
            for group in job.groups:
                position = EventPosition(stream, job.step + 1, final=True)
                await self._groups.apply(group, [(position, forget)])
            return await self._changed(job.job, partial(jobs.close, now=self._clock.wall()))
        if job.state is State.STOPPING:
            return await self._changed(job.job, jobs.let_go)
        dead_letters = await self._next_letters(job)
        if dead_letters is None:
            return await self._changed(job.job, jobs.cap_reached)
        return await self._changed(job.job, partial(jobs.plan, step=job.step, dead_letters=dead_letters))

    async def _next_letters(self, job: LetterJob) -> list[str] | None:
        """The addresses of the next step; None: the next letter has more rows than may be sent yet."""
        selection = job.selection
        if selection.addresses:
            left = sorted(one for one in selection.addresses if one > job.after)
            if not job.rate and not job.cap:
                return left
            dead_letters = await self._reading.named(left[:LETTERS_A_READ])
        else:
            dead_letters = await self._reading.next_of(selection, status_for(job.doing), job.after, not_after=job.at)
        fitting, rows, rows_max = list[str](), 0, job.rows_left
        for one in dead_letters:
            rows += one.rows or 1
            if rows_max is not None and rows > rows_max:
                return fitting or None
            if fitting and job.rate and rows > job.rate:
                break
            fitting.append(one.address)
        return fitting

    async def _step(self, job: LetterJob) -> StepDone:
        found = await self._letters.get_all(job.plan)
        dead_letters = [found[address] for address in job.plan if address in found]
        if job.doing is Doing.REPLAY:
            return await self._replay(job, dead_letters)
        if job.doing is Doing.DISCARD:
            discard = Discard(by=job.by, at=self._clock.wall(), reason=job.reason, job=job.job)
            now = await self._change_all(dead_letters, lambda _: partial(give_up, discard=discard))
            moved = [
                one for one in now if one.status is Status.DISCARDED and one.discard and one.discard.job == job.job
            ]
        else:
            now = await self._change_all(dead_letters, lambda _: partial(take_back, job=job.job))
            moved = [one for one in now if one.discard is not None and one.discard.taken_back == job.job]
        groups = Counter(one.group for one in moved)
        sign = 1 if job.doing is Doing.DISCARD else -1
        await self._move(job, {group: partial(move, discarded=sign * count) for group, count in groups.items()})
        return StepDone(Tally(dead_letters=len(job.plan), moved=len(moved)), groups, (), None, self._clock.wall())

    async def _replay(self, job: LetterJob, dead_letters: Sequence[DeadLetter]) -> StepDone:
        push_id = jobs.push_of(job.job, job.step)
        dead_letters = [one for one in dead_letters if one.status is not Status.DISCARDED or one.was_sent_as(push_id)]
        found = self._sorter.sort(dead_letters, job.edited, job.platform)
        for push in found.pushes:
            await self._publisher.publish(push_id, push.platform, push.push, are_reversals=push.are_reversals)
        sent = [one for push in found.pushes for one in push.dead_letters]

        def noting(dead_letter: DeadLetter) -> Decide[DeadLetter]:
            replay = Replay(
                push=push_id,
                by=job.by,
                at=self._clock.wall(),
                edited=job.edited.get(dead_letter.address),
                reason=job.reason,
                accepted=found.accepted_of(dead_letter.address),
            )
            return partial(note_replay, replay=replay, is_done=dead_letter.address not in found.refused)

        now = await self._change_all(sent, noting)
        groups = Counter(one.group for one in now if one.done_by == push_id)
        await self._move(job, {group: partial(move, replayed=count) for group, count in groups.items()})
        tally = Tally(
            dead_letters=len(job.plan), moved=groups.total(), accepted=found.accepted, refused=found.refused_rows
        )
        return StepDone(tally, groups, _failures(found), push_id if found.pushes else None, self._clock.wall())

    async def _change_all(
        self, dead_letters: Iterable[DeadLetter], deciding: Callable[[DeadLetter], Decide[DeadLetter]]
    ) -> list[DeadLetter]:
        """Each letter as it is behind its change; one that refuses stays as it was."""
        slots = asyncio.Semaphore(WRITES_AT_ONCE_MAX)

        async def change(dead_letter: DeadLetter) -> DeadLetter:
            async with slots:
                command = Command(self._chance.token(), "")
                outcome = await self._letters.change(dead_letter.address, deciding(dead_letter), command)
            return dead_letter if isinstance(outcome, Refusal) else outcome.state

        return await asyncio.gather(*(change(one) for one in dead_letters))

    async def _move(self, job: LetterJob, moves: dict[str, Decide[LetterGroup]]) -> None:
        """Each group applies each step of a job once. Letters that were kept before there were groups have none."""
        for group, decide in moves.items():
            if group:
                await self._groups.apply(group, [(EventPosition(_stream(job), job.step + 1), decide)])


def _stream(job: LetterJob) -> str:
    return f"replays/{job.job}"


def _failures(found: SortedLetters) -> list[LetterFailure]:
    return [
        LetterFailure(
            dead_letter=address,
            rows=one.count,
            row=one.first.index,
            pointer=one.first.pointer,
            code=one.first.code,
            en=one.first.en,
            zh=one.first.zh,
        )
        for address, one in found.refused.items()
    ]
