"""The asynchronous shell: tasks send, the caller's task plans and receives, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType

import httpx

from pandapack.client.batches import Batch, BatchLimits, Given, batches, lines_of
from pandapack.client.connection import ANSWER_WAIT_S, AT_ONCE, PATIENT, USUAL, Connection, jitter, wall_s
from pandapack.client.delivery import PATH, Answer, Delivery, Request, Retry, Silence, Wait
from pandapack.client.results import Pushed, Report, nothing_to_send
from pandapack.client.resume import open_file_push, replayed


class AsyncClient:
    """Pushes donations to one service with one key. Close it, or use `async with`."""

    def __init__(
        self,
        url: str,
        key: str,
        secret: str | None = None,
        *,
        retry: Retry = PATIENT,
        limits: BatchLimits = USUAL,
        at_once: int = AT_ONCE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`secret` is `whsec_…` where pushes are to be signed. Raises ValueError for a wrong secret or limit."""
        self._connection = Connection(url, key, secret, retry, limits, at_once)
        self._http = httpx.AsyncClient(
            base_url=url, headers=self._connection.headers, timeout=ANSWER_WAIT_S, trust_env=False, transport=transport
        )

    async def push(self, donations: Iterable[Given], *, id: str | None = None) -> Report:
        """Pushes all and reports. The batches' ids derive from `id`, or from their bodies. Raises PushError."""
        return await _report_of(self.pushes(donations, id=id))

    async def pushes(self, donations: Iterable[Given], *, id: str | None = None) -> AsyncGenerator[Pushed, None]:
        """The same as a stream of batches that were taken, in order; `donations` may be endless. Raises PushError."""
        limits = self._connection.limits
        async with aclosing(self._deliver_all(batches(lines_of(donations, limits), limits), id, 1)) as all_pushed:
            async for pushed in all_pushed:
                yield pushed

    async def push_file(self, path: Path, *, id: str | None = None, state: Path | None = None) -> Report:
        """Pushes a file, one donation a line, from where it stopped. Raises PushError, OSError: then push it again."""
        return await _report_of(self.file_pushes(path, id=id, state=state))

    async def file_pushes(
        self, path: Path, *, id: str | None = None, state: Path | None = None
    ) -> AsyncGenerator[Pushed, None]:
        """The same as a stream; what an earlier run pushed comes first, `resumed`. `state`: another place for it."""
        url, sender, limits = self._connection.url, self._connection.sender, self._connection.limits
        with await asyncio.to_thread(open_file_push, path, state, url=url, sender=sender, limits=limits, id=id) as file:
            for pushed in replayed(file.known):
                yield pushed
            async with aclosing(self._deliver_all(file.batches(), id, len(file.known) + 1)) as all_pushed:
                async for pushed in all_pushed:
                    file.taken(pushed)
                    yield pushed
            file.through()

    async def _deliver_all(self, planned: Iterable[Batch], id: str | None, number: int) -> AsyncGenerator[Pushed, None]:
        under_way: deque[asyncio.Task[Pushed]] = deque()
        try:
            for place, batch in enumerate(planned, number):
                delivery = self._connection.delivery(batch, id, place)
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

    async def _deliver(self, delivery: Delivery) -> Pushed:
        if not delivery.body:
            return nothing_to_send(delivery.batch)
        while True:
            reply = await self._send(delivery.request(wall_s=wall_s()))
            step = delivery.heard(reply, wall_s=wall_s(), jitter=jitter())
            match step:
                case Pushed():
                    return step
                case Wait():
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


async def _report_of(pushes: AsyncIterable[Pushed]) -> Report:
    report = Report()
    async for pushed in pushes:
        report.add(pushed)
    return report
