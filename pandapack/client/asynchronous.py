"""The asynchronous shell: tasks send, the caller's task plans and receives, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType

import httpx

from pandapack.client.batches import Batch, BatchLimits, DonationInput, batch_of_ndjson, batches, lines_of
from pandapack.client.connection import (
    ANSWER_WAIT_S,
    AT_ONCE,
    LIMITS_DEFAULT,
    RETRY_DEFAULT,
    Connection,
    ignore_wait,
    jitter,
    wall_s,
)
from pandapack.client.delivery import PATH, Answer, Delivery, Request, Retry, Silence, Wait
from pandapack.client.results import PushResult, Report, unsent_result
from pandapack.client.resume import open_file_push, resumed_results

Results = AsyncGenerator[PushResult, None]


class AsyncClient:
    """Pushes donations to one service with one key. Close it, or use `async with`."""

    def __init__(
        self,
        url: str,
        key: str,
        secret: str | None = None,
        *,
        retry: Retry = RETRY_DEFAULT,
        limits: BatchLimits = LIMITS_DEFAULT,
        at_once: int = AT_ONCE,
        on_wait: Callable[[Wait], None] = ignore_wait,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`secret` is `whsec_…` where pushes are to be signed; `on_wait` is told before each pause.

        Raises ValueError for a wrong secret or limit.
        """
        self._on_wait = on_wait
        self._connection = Connection(url, key, secret, retry, limits, at_once)
        self._http = httpx.AsyncClient(
            base_url=url, headers=self._connection.headers, timeout=ANSWER_WAIT_S, trust_env=False, transport=transport
        )

    async def push(self, donations: Iterable[DonationInput], *, id: str | None = None) -> Report:
        """Pushes all and reports. The batches' ids derive from `id`, or from their bodies. Raises PushError."""
        return await _report_of(self.pushes(donations, id=id))

    async def pushes(self, donations: Iterable[DonationInput], *, id: str | None = None) -> Results:
        """The same as a stream of accepted batches, in order; `donations` may be endless. Raises PushError."""
        limits = self._connection.limits
        async with aclosing(self._deliver_all(batches(lines_of(donations, limits), limits), id, 1)) as results:
            async for result in results:
                yield result

    async def push_ndjson(self, body: bytes, *, id: str | None = None) -> PushResult:
        """Pushes lines that are laid out already, none of them blank, as one batch. Raises PushError."""
        return await self._deliver(self._connection.delivery(batch_of_ndjson(body), id, 1))

    async def push_file(self, path: Path, *, id: str | None = None, state: Path | None = None) -> Report:
        """Pushes a file, one donation a line, from where it stopped. Raises PushError, OSError: then push it again."""
        return await _report_of(self.file_pushes(path, id=id, state=state))

    async def file_pushes(self, path: Path, *, id: str | None = None, state: Path | None = None) -> Results:
        """The same as a stream; what an earlier run pushed comes first, `resumed`. `state`: another path for it."""
        url, sender, limits = self._connection.url, self._connection.sender, self._connection.limits
        with await asyncio.to_thread(open_file_push, path, state, url=url, sender=sender, limits=limits, id=id) as file:
            for result in resumed_results(file.known):
                yield result
            async with aclosing(self._deliver_all(file.batches(), id, len(file.known) + 1)) as results:
                async for result in results:
                    file.record(result)
                    yield result
            file.finish()

    async def _deliver_all(self, planned: Iterable[Batch], id: str | None, number: int) -> Results:
        under_way: deque[asyncio.Task[PushResult]] = deque()
        try:
            for ordinal, batch in enumerate(planned, number):
                delivery = self._connection.delivery(batch, id, ordinal)
                under_way.append(asyncio.create_task(self._deliver(delivery)))
                if len(under_way) >= self._connection.at_once:
                    yield await under_way[0]
                    under_way.popleft()
                await asyncio.sleep(0)  # planning is work: the tasks under way come first
            while under_way:
                yield await under_way[0]
                under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _deliver(self, delivery: Delivery) -> PushResult:
        if not delivery.body:
            return unsent_result(delivery.batch)
        while True:
            reply = await self._send(delivery.request(wall_s=wall_s()))
            step = delivery.next_step(reply, wall_s=wall_s(), jitter=jitter())
            match step:
                case PushResult():
                    return step
                case Wait():
                    self._on_wait(step)
                    await asyncio.sleep(step.pause_s)

    async def _send(self, request: Request) -> Answer | Silence:
        try:
            answer = await self._http.post(PATH, content=request.body, headers=dict(request.headers))
        except httpx.TransportError as error:
            return Silence(str(error) or type(error).__name__)
        return Answer(answer.status_code, answer.headers, answer.content)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


async def _report_of(results: AsyncIterable[PushResult]) -> Report:
    report = Report()
    async for result in results:
        report.add(result)
    return report
