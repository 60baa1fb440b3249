"""What became of lines: typed, and as JSON that reads back into the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from pandapack.client.batches import Batch


class _Words(msgspec.Struct, frozen=True):
    en: str = ""
    zh: str = ""


class _Failure(msgspec.Struct, frozen=True):
    index: int
    code: str
    pointer: str = ""
    message: _Words = _Words()


class _Answer(msgspec.Struct, frozen=True):
    """What the push API answers, as far as a client needs it."""

    push_id: str
    accepted: int
    failures: list[_Failure]


_answers = msgspec.json.Decoder(_Answer)


class RefusedLine(msgspec.Struct, frozen=True):
    """A line that is no donation. `line` counts from 1 in all that was pushed, `index` from 0 in its batch."""

    line: int
    index: int
    pointer: str
    code: str
    en: str
    zh: str

    def shown(self) -> dict[str, object]:
        """As the push API words a failure, with the line beside it."""
        words = {"en": self.en, "zh": self.zh}
        return {
            "line": self.line,
            "index": self.index,
            "pointer": self.pointer,
            "code": self.code,
            "message": words,
        }


class Pushed(msgspec.Struct, frozen=True):
    """A batch that was taken. `id` was its `webhook-id`; `push` names it in `GET /v1/pushes/{push}`.

    `[start, end)` are its bytes in the file, `first_line` and `last_line` count from 1. `resumed`: an earlier run
    pushed it, and it was not sent again.
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


@dataclass(slots=True)
class Report:
    """What became of everything. `resumed_lines` were taken by an earlier run and not sent again."""

    accepted: int = 0
    refused: list[RefusedLine] = field(default_factory=list)
    pushes: list[str] = field(default_factory=list)
    resumed_lines: int = 0

    @property
    def rejected(self) -> int:
        """How many lines were refused."""
        return len(self.refused)

    def add(self, pushed: Pushed) -> None:
        """One more batch was taken."""
        self.accepted += pushed.accepted
        self.refused.extend(pushed.refused)
        if pushed.push:
            self.pushes.append(pushed.push)
        if pushed.resumed:
            self.resumed_lines = pushed.last_line


def report_of(pushes: Iterable[Pushed]) -> Report:
    """All batches together."""
    report = Report()
    for pushed in pushes:
        report.add(pushed)
    return report


def pushed_of(batch: Batch, id: str, body: bytes) -> Pushed | None:
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
    return _taken(batch, id, answer.push_id, answer.accepted, refused)


def nothing_to_send(batch: Batch) -> Pushed:
    """A batch of which every line was refused before it was sent."""
    return _taken(batch, "", "", 0, [])


def _taken(batch: Batch, id: str, push: str, accepted: int, refused: list[RefusedLine]) -> Pushed:
    too_long = [
        RefusedLine(
            line=number,
            index=-1,
            pointer="",
            code="line_too_long",
            en=f"the line has {size} bytes, more than a batch may have: it is no donation",
            zh=f"该行有 {size} 字节, 超过一批允许的大小, 不是捐赠记录",
        )
        for number, size in batch.too_long
    ]
    every = tuple(sorted([*refused, *too_long], key=lambda one: one.line))
    return Pushed(id, push, accepted, every, batch.first_line, batch.last_line, batch.start, batch.end)
