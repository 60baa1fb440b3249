"""Pure: one batch on its way to the service. A shell sends what `request` gives, and does what `next_step` tells.

delivery = Delivery(batch, id, retry, signing_key)
loop: reply = send(delivery.request(wall_s=now)); step = delivery.next_step(reply, …)
      Wait(pause_s): sleep, then again; PushResult: done; PushFailed and Rejected are raised
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import msgspec

from pandapack.backoff import Backoff
from pandapack.client.batches import Batch
from pandapack.client.errors import PushFailed, Rejected
from pandapack.client.results import PushResult, read_result
from pandapack.contracts.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

PATH = "/v1/donations"
ATTEMPTS_MAX = 12
PAUSE_S_FIRST = 0.2
PAUSE_S_MAX = 10.0
RETRY_AFTER_S_MAX = 300.0
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
EXCERPT_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Retry:
    """How patient to be. Pauses grow from the first to the longest; `Retry-After` is honoured up to its own limit."""

    attempts_max: int = ATTEMPTS_MAX
    pause_s_first: float = PAUSE_S_FIRST
    pause_s_max: float = PAUSE_S_MAX
    retry_after_s_max: float = RETRY_AFTER_S_MAX


@dataclass(frozen=True, slots=True)
class Request:
    """What to post to `PATH`."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer came: the batch may have been accepted or not. `detail` is what happened instead."""

    detail: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds. `code`: the problem that was answered; empty where there was none."""

    pause_s: float
    code: str = ""


class _Problem(msgspec.Struct):
    """RFC 9457, as far as a client needs it."""

    code: str = ""
    detail: str = ""


_problems = msgspec.json.Decoder(_Problem)


@dataclass(slots=True)
class Delivery:
    """A batch, its id, and how often it was sent."""

    batch: Batch
    id: str
    retry: Retry
    signing_key: bytes | None = None
    attempts: int = 0
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.body = self.batch.body()

    def request(self, *, wall_s: int) -> Request:
        """The next attempt: the same id and body every time, signed for this second."""
        self.attempts += 1
        headers = {"content-type": "application/x-ndjson", "idempotency-key": self.id}
        if self.signing_key is not None:
            timestamp = str(wall_s)
            headers[ID_HEADER] = self.id
            headers[TIMESTAMP_HEADER] = timestamp
            headers[SIGNATURE_HEADER] = sign(self.signing_key, self.id, timestamp, self.body)
        return Request(headers, self.body)

    def next_step(self, reply: Answer | Silence, *, wall_s: int, jitter: float) -> PushResult | Wait:
        """What to do after this reply. `jitter` in [0.5, 1.5) spreads the pauses. Raises PushFailed, Rejected."""
        if isinstance(reply, Silence):
            return self._again(reply.detail, 0.0, jitter)
        if reply.status in (202, 422):
            result = read_result(self.batch, self.id, reply.body)
            if result is not None:
                return result
        if reply.status in TRY_AGAIN or reply.status == 202:
            wanted_s = retry_after_s(reply.headers.get("retry-after", ""), wall_s=wall_s)
            return self._again(f"{reply.status}: {_excerpt(reply.body)}", wanted_s, jitter, _problem(reply.body).code)
        raise self._rejected(reply)

    def _again(self, last: str, wanted_s: float, jitter: float, code: str = "") -> Wait:
        """`wanted_s`: how long the service asks to wait at least."""
        if self.attempts >= self.retry.attempts_max or wanted_s > self.retry.retry_after_s_max:
            raise PushFailed(self.attempts, last, self.batch.first_line, self.batch.last_line)
        pauses = Backoff(self.retry.pause_s_first, self.retry.pause_s_max)
        return Wait(max(wanted_s, pauses.pause_s(self.attempts, jitter)), code)

    def _rejected(self, answer: Answer) -> Rejected:
        problem = _problem(answer.body)
        code, detail = problem.code or "no_problem_document", problem.detail or _excerpt(answer.body)
        return Rejected(answer.status, code, detail, self.batch.first_line, self.batch.last_line)


def _problem(body: bytes) -> _Problem:
    try:
        return _problems.decode(body)
    except msgspec.DecodeError:
        return _Problem()


def retry_after_s(value: str, *, wall_s: int) -> float:
    """The header's seconds, or the seconds until its date; 0 where it is neither. Source: RFC 9110, 10.2.3."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - wall_s)
    except (ValueError, OverflowError):
        return 0.0


def _excerpt(body: bytes) -> str:
    return body.decode(errors="replace")[:EXCERPT_CHARACTERS_MAX]
