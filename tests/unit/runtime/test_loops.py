"""Loops, in an event loop whose clock jumps: where nothing is left to do but to wait, the wait is over at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY
from structlog.testing import LogCapture

from pandapack.runtime import loops
from pandapack.runtime.loops import FAILURE_PAUSE_S_MAX, Loop, every

PAUSE_S = 2.0
RUNS_MAX = 100
WAITED_S_MAX = 3_600.0
RUNS, FAILURES = "panda_loop_runs_total", "panda_loop_failures_total"


class JumpingSelector(selectors.DefaultSelector):
    """Does not wait: it adds up for how long it was asked to."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "nothing will ever happen again"
        assert timeout <= 0.0 or self.waited_s < WAITED_S_MAX, "what is waited for does not come about"
        self.waited_s += max(0.0, timeout)
        return super().select(0)


class JumpingEventLoop(asyncio.SelectorEventLoop):
    """Its time is what was waited."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.waited_s


def run(steps: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=JumpingEventLoop) as runner:
        runner.run(steps)


def now_s() -> float:
    return asyncio.get_running_loop().time()


class Work:
    """What is run: each run has its moment noted, and the outcome that `outcomes` has for it, or else none.

    An outcome is an answer, an exception to raise, or something to do meanwhile.
    """

    def __init__(self, *outcomes: bool | Exception | Callable[[], Any]) -> None:
        self.moments_s: list[float] = []
        self._outcomes = iter(outcomes)
        self._awaited: list[tuple[int, asyncio.Event]] = []

    async def __call__(self) -> bool | None:
        self.moments_s.append(now_s())
        if len(self.moments_s) > RUNS_MAX:
            pytest.fail("it runs again and again")  # no Exception, so that the loop ends
        for count, event in self._awaited:
            if len(self.moments_s) >= count:
                event.set()
        match next(self._outcomes, None):
            case Exception() as error:
                raise error
            case bool() | None as answer:
                return answer
            case meanwhile:
                await meanwhile()
                return None

    async def runs(self, count: int) -> list[float]:
        """The moments of the first so many runs, once they have begun."""
        event = asyncio.Event()
        self._awaited.append((count, event))
        if len(self.moments_s) < count:
            await event.wait()
        return self.moments_s[:count]


@contextmanager
def counted(name: str) -> Iterator[Callable[[], tuple[float, float]]]:
    """How many runs ended well and how many failed, since."""

    def count(metric: str) -> float:
        return REGISTRY.get_sample_value(metric, {"loop": name}) or 0.0

    runs, failures = count(RUNS), count(FAILURES)
    yield lambda: (count(RUNS) - runs, count(FAILURES) - failures)


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What loops log, whatever other tests configured."""
    capture = LogCapture()
    wrapper = structlog.make_filtering_bound_logger(0)
    monkeypatch.setattr(loops, "log", structlog.wrap_logger(None, processors=[capture], wrapper_class=wrapper))
    return capture.entries


async def started(work: Work, name: str = "test") -> Loop:
    loop = every(PAUSE_S, work, name=name)
    await loop.start()
    return loop


def test_the_first_run_begins_at_once_and_the_next_ones_a_pause_after_the_one_before() -> None:
    async def steps() -> None:
        work = Work()
        loop = await started(work)
        assert await work.runs(4) == [0.0, PAUSE_S, 2 * PAUSE_S, 3 * PAUSE_S]
        await loop.stop()

    run(steps())


def test_the_pause_begins_when_the_run_has_ended() -> None:
    async def steps() -> None:
        work = Work(lambda: asyncio.sleep(10.0))
        loop = await started(work)
        assert await work.runs(2) == [0.0, 10.0 + PAUSE_S]
        await loop.stop()

    run(steps())


def test_where_more_is_waiting_the_next_run_comes_at_once_and_others_get_their_turn_between() -> None:
    async def steps() -> None:
        work = Work(True, True, False, True)
        turns: list[int] = []

        async def others() -> None:
            for _ in range(100):
                turns.append(len(work.moments_s))
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        loop = await started(work)
        assert await work.runs(3) == [0.0, 0.0, 0.0]
        other.cancel()
        assert {1, 2} <= set(turns)
        assert await work.runs(5) == [0.0, 0.0, 0.0, PAUSE_S, PAUSE_S]
        await loop.stop()

    run(steps())


def test_a_failure_is_counted_and_logged_and_the_loop_runs_on_after_a_pause_that_grows_up_to_a_bound(
    logs: list[Any],
) -> None:
    async def steps() -> None:
        work = Work(*(ValueError(f"failure {number}") for number in range(1, 6)), False)
        with counted("failing") as counts:
            loop = await started(work, "failing")
            moments_s = await work.runs(7)
            await loop.stop()
        pauses_s = [after - before for before, after in pairwise(moments_s)]
        assert pauses_s == [2.0, 4.0, 8.0, FAILURE_PAUSE_S_MAX, FAILURE_PAUSE_S_MAX, PAUSE_S]
        assert counts() == (2, 5)
        assert [(log["event"], log["loop"], log["failures"], log["error"]) for log in logs] == [
            ("loop_failed", "failing", number, f"ValueError('failure {number}')") for number in range(1, 6)
        ]
        assert {log["log_level"] for log in logs} == {"warning"}

    run(steps())


def test_after_a_run_that_ended_well_the_pause_after_a_failure_is_the_shortest_again() -> None:
    async def steps() -> None:
        work = Work(ValueError(), ValueError(), False, ValueError())
        loop = await started(work)
        assert await work.runs(5) == [0.0, 2.0, 6.0, 8.0, 10.0]
        await loop.stop()

    run(steps())


def test_a_loop_with_a_long_pause_waits_as_long_after_a_failure() -> None:
    async def steps() -> None:
        work, long_s = Work(ValueError(), ValueError()), 4 * FAILURE_PAUSE_S_MAX
        loop = every(long_s, work, name="test")
        await loop.start()
        assert await work.runs(3) == [0.0, long_s, 2 * long_s]
        await loop.stop()

    run(steps())


@pytest.mark.parametrize("outcome", [False, ValueError()], ids=["a run that ended well", "a failure"])
def test_waking_it_ends_a_pause_early_and_only_the_one_under_way(outcome: bool | Exception) -> None:
    async def steps() -> None:
        work = Work(outcome)
        loop = await started(work)
        await work.runs(1)
        await asyncio.sleep(0.5)
        loop.wake()
        assert await work.runs(3) == [0.0, 0.5, 0.5 + PAUSE_S]
        await loop.stop()

    run(steps())


def test_waking_it_in_the_middle_of_a_run_makes_the_next_one_come_at_once() -> None:
    async def steps() -> None:
        work = Work(lambda: asyncio.sleep(1.0))
        loop = await started(work)
        await work.runs(1)
        loop.wake()
        assert await work.runs(3) == [0.0, 1.0, 1.0 + PAUSE_S]
        await loop.stop()

    run(steps())


@pytest.mark.parametrize("outcomes", [(), (ValueError(),)], ids=["a pause", "a pause after a failure"])
def test_stopping_it_ends_a_pause_and_nothing_runs_any_more(outcomes: tuple[Exception, ...]) -> None:
    async def steps() -> None:
        work = Work(*outcomes)
        loop = await started(work)
        await work.runs(1)
        await asyncio.sleep(0.5)
        await loop.stop()
        assert now_s() == 0.5
        await asyncio.sleep(10 * PAUSE_S)
        assert work.moments_s == [0.0]

    run(steps())


def test_stopping_it_in_the_middle_of_a_run_cancels_the_run_and_returns_when_it_has_cleaned_up(logs: list[Any]) -> None:
    async def steps() -> None:
        ended: list[str] = []

        async def endless() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")
                await asyncio.sleep(1.0)
                ended.append("cleaned up")

        with counted("endless") as counts:
            work = Work(endless)
            loop = await started(work, "endless")
            await work.runs(1)
            await loop.stop()
            assert ended == ["cancelled", "cleaned up"]
            assert (counts(), logs) == ((0, 0), []), "a stop is no failure, and no run that ended well"
        await asyncio.sleep(10 * PAUSE_S)
        assert work.moments_s == [0.0]

    run(steps())


def test_it_can_be_stopped_before_it_was_started_and_twice_and_started_anew() -> None:
    async def steps() -> None:
        work = Work()
        loop = every(PAUSE_S, work, name="test")
        await loop.stop()
        await loop.start()
        await work.runs(1)
        await loop.stop()
        await loop.stop()
        await loop.start()
        assert await work.runs(3) == [0.0, 0.0, PAUSE_S]
        await loop.stop()

    run(steps())


def test_it_runs_once_at_a_time() -> None:
    async def steps() -> None:
        loop = await started(Work())
        with pytest.raises(AssertionError, match="runs already"):
            await loop.start()
        await loop.stop()

    run(steps())
