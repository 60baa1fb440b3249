"""What became of lines: typed, and as JSON that reads back into the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from pandapack.client.batches import Batch


class _Message(msgspec.Struct, frozen=True):
    en: str = ""
    zh: str = ""


class _Failure(msgspec.Struct, frozen=True):
    index: int
    code: str
    pointer: str = ""
    message: _Message = _Message()


class _Answer(msgspec.Struct, frozen=True):
    """What the push API answers, as far as a client needs it."""

    push_id: str
    accepted: int
    failures: list[_Failure]
    failures_more: int = 0


_answers = msgspec.json.Decoder(_Answer)


class RefusedLine(msgspec.Struct, frozen=True):
    """A line that is no donation. `line` counts from 1 in all that was pushed, `index` from 0 in its batch."""

    line: int
    index: int
    pointer: str
    code: str
    en: str
    zh: str

    def as_json(self) -> dict[str, object]:
        """As the push API words a failure, with the line beside it."""
        return {
            "line": self.line,
            "index": self.index,
            "pointer": self.pointer,
            "code": self.code,
            "message": {"en": self.en, "zh": self.zh},
        }


class PushResult(msgspec.Struct, frozen=True):
    """A batch that was accepted. `id` was its `webhook-id`; `push` names it in `GET /v1/pushes/{push}`.

    `[start, end)` are its bytes in the file, `first_line` and `last_line` count from 1. `resumed`: an earlier run
    pushed it, and it was not sent again. `refused_more`: lines that were refused beside those that are named.
    """

    id: str
    push: str
    accepted: int
    refused: tuple[RefusedLine, ...]
    first_line: int
    last_line: int
    start: int
    end: int
    resumed: bool = False
    refused_more: int = 0


@dataclass(slots=True)
class Report:
    """What became of everything. `resumed_lines` were pushed by an earlier run and not sent again.

    `refused` names the first refused lines of each push, `refused_more` counts the others.
    """

    accepted: int = 0
    refused: list[RefusedLine] = field(default_factory=list)
    pushes: list[str] = field(default_factory=list)
    resumed_lines: int = 0
    refused_more: int = 0

    @property
    def rejected(self) -> int:
        """How many lines were refused."""
        return len(self.refused) + self.refused_more

    def add(self, result: PushResult) -> None:
        """One more batch was accepted."""
        self.accepted += result.accepted
        self.refused.extend(result.refused)
        self.refused_more += result.refused_more
        if result.push:
            self.pushes.append(result.push)
        if result.resumed:
            self.resumed_lines = result.last_line


def report_of(results: Iterable[PushResult]) -> Report:
    """All batches together."""
    report = Report()
    for result in results:
        report.add(result)
    return report


def read_result(batch: Batch, id: str, body: bytes) -> PushResult | None:
    """The push API's answer to a batch, or None where the bytes are no such answer (a proxy's page, perhaps)."""
    try:
        answer = _answers.decode(body)
        failures = [(batch.numbers[failure.index], failure) for failure in answer.failures]
    except (msgspec.DecodeError, IndexError):
        return None
    refused = [
        RefusedLine(line, failure.index, failure.pointer, failure.code, failure.message.en, failure.message.zh)
        for line, failure in failures
    ]
    return _result(batch, id, answer.push_id, answer.accepted, refused, answer.failures_more)


def unsent_result(batch: Batch) -> PushResult:
    """A batch of which every line was refused before it was sent."""
    return _result(batch, "", "", 0, [])


def _result(
    batch: Batch, id: str, push: str, accepted: int, refused: list[RefusedLine], refused_more: int = 0
) -> PushResult:
    too_long = [
        RefusedLine(
            line=number,
            index=-1,
            pointer="",
            code="line_too_long",
            en=f"the line has {size} bytes, more than a batch may have: it is no donation",
            zh=f"该行有 {size} 字节，超过一批允许的大小，不是捐赠记录",
        )
        for number, size in batch.too_long
    ]
    all_refused = tuple(sorted([*refused, *too_long], key=lambda one: one.line))
    return PushResult(
        id,
        push,
        accepted,
        all_refused,
        batch.first_line,
        batch.last_line,
        batch.start,
        batch.end,
        refused_more=refused_more,
    )
