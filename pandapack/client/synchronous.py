"""The synchronous shell: threads send, the caller's thread plans and receives, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
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
from pandapack.client.errors import PushFailed
from pandapack.client.results import PushResult, Report, report_of, unsent_result
from pandapack.client.resume import open_file_push, resumed_results


class Client:
    """Pushes donations to one service with one key. Not to be shared between threads; close it, or use `with`."""

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`secret` is `whsec_…` where pushes are to be signed; `on_wait` is told before each pause, by any thread.

        Raises ValueError for a wrong secret or limit.
        """
        self._on_wait = on_wait
        self._connection = Connection(url, key, secret, retry, limits, at_once)
        self._http = httpx.Client(
            base_url=url, headers=self._connection.headers, timeout=ANSWER_WAIT_S, trust_env=False, transport=transport
        )

    def push(self, donations: Iterable[DonationInput], *, id: str | None = None) -> Report:
        """Pushes all and reports. The batches' ids derive from `id`, or from their bodies. Raises PushError."""
        return report_of(self.pushes(donations, id=id))

    def pushes(self, donations: Iterable[DonationInput], *, id: str | None = None) -> Iterator[PushResult]:
        """The same as a stream of accepted batches, in order; `donations` may be endless. Raises PushError."""
        limits = self._connection.limits
        return self._deliver_all(batches(lines_of(donations, limits), limits), id, 1)

    def push_ndjson(self, body: bytes, *, id: str | None = None) -> PushResult:
        """Pushes lines that are laid out already, none of them blank, as one batch. Raises PushError."""
        return self._deliver(self._connection.delivery(batch_of_ndjson(body), id, 1), Event())

    def push_file(self, path: Path, *, id: str | None = None, state: Path | None = None) -> Report:
        """Pushes a file, one donation a line, from where it stopped. Raises PushError, OSError: then push it again."""
        return report_of(self.file_pushes(path, id=id, state=state))

    def file_pushes(self, path: Path, *, id: str | None = None, state: Path | None = None) -> Iterator[PushResult]:
        """The same as a stream; what an earlier run pushed comes first, `resumed`. `state`: another path for it."""
        url, sender, limits = self._connection.url, self._connection.sender, self._connection.limits
        with open_file_push(path, state, url=url, sender=sender, limits=limits, id=id) as file:
            yield from resumed_results(file.known)
            for result in self._deliver_all(file.batches(), id, len(file.known) + 1):
                file.record(result)
                yield result
            file.finish()

    def _deliver_all(self, planned: Iterable[Batch], id: str | None, number: int) -> Iterator[PushResult]:
        under_way: deque[Future[PushResult]] = deque()
        stopping = Event()
        pool = ThreadPoolExecutor(self._connection.at_once, thread_name_prefix="panda-push")
        try:
            for ordinal, batch in enumerate(planned, number):
                delivery = self._connection.delivery(batch, id, ordinal)
                under_way.append(pool.submit(self._deliver, delivery, stopping))
                if len(under_way) >= self._connection.at_once:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            stopping.set()  # who waits for another attempt gives up
            pool.shutdown(wait=True, cancel_futures=True)

    def _deliver(self, delivery: Delivery, stopping: Event) -> PushResult:
        if not delivery.body:
            return unsent_result(delivery.batch)
        while True:
            reply = self._send(delivery.request(wall_s=wall_s()))
            step = delivery.next_step(reply, wall_s=wall_s(), jitter=jitter())
            match step:
                case PushResult():
                    return step
                case Wait():
                    self._on_wait(step)
                    if stopping.wait(step.pause_s):
                        batch = delivery.batch
                        raise PushFailed(delivery.attempts, "stopped", batch.first_line, batch.last_line)

    def _send(self, request: Request) -> Answer | Silence:
        try:
            answer = self._http.post(PATH, content=request.body, headers=dict(request.headers))
        except httpx.TransportError as error:
            return Silence(str(error) or type(error).__name__)
        return Answer(answer.status_code, answer.headers, answer.content)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
